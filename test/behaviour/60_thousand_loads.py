#!/usr/bin/env python3
"""After 1,000 loads and unloads: no infer process left but the idle one, the same descriptors, and the permanent processes within
2 MiB of what they had after load 50."""
import os
import pathlib
import time

from node import SLOW, Node, check, equal, wait_for

LOADS = 1000 if SLOW == 1 else 100
MIB = 1 << 20


def anonymous(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) * 1024


def memory_files(pids):
    """Every memory file once, whoever has it open or mapped."""
    seen = {}
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                st = os.stat(f"/proc/{pid}/fd/{fd}")
                if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("/memfd:"):
                    seen[st.st_ino] = st.st_blocks * 512
            except OSError:
                pass
    return sum(seen.values())


def state(node):
    permanent = [node.process.pid, *node.processes("keeper"), *node.processes("front"), *node.processes("fetch")]
    wait_for("only the idle infer process is left", lambda: len(node.processes("infer")) == 1)
    return {
        "descriptors": [len(os.listdir(f"/proc/{p}/fd")) for p in permanent],
        "memory": sum(map(anonymous, permanent)) + memory_files(permanent),
    }


with Node() as node:
    cid = node.cids["double"]
    begun = None
    for number in range(1, LOADS + 1):
        equal(node.infer("double")[0], 200, f"load {number}")
        equal(node.admin("POST", "/models/unload", {"model": cid})[0], 200, f"unload {number}")
        if number == 50:
            time.sleep(0.5)  # connections of the administration close behind their answers
            begun = state(node)
    wait_for("the descriptors are as after load 50", lambda: state(node)["descriptors"] == begun["descriptors"])
    ended = state(node)
    if SLOW == 1:  # the address sanitizer keeps what is freed
        check(ended["memory"] - begun["memory"] < 2 * MIB, f"memory: {begun['memory']} then {ended['memory']}")
    print(f"{LOADS} loads: memory {begun['memory'] / MIB:.2f} MiB after 50, {ended['memory'] / MIB:.2f} MiB at the end")
