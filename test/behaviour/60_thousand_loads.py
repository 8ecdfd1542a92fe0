#!/usr/bin/env python3
"""After 1,000 loads and unloads: no infer process left but the idle one, the same descriptors, and the permanent processes within
2 MiB of what they had after load 50."""
import time

from measure import MIB, descriptors, memory, started
from node import SLOW, Node, check, equal, wait_for

LOADS = 1000 if SLOW == 1 else 100


def state(node):
    permanent = [node.process.pid, *node.processes("keeper"), *node.processes("front"), *node.processes("fetch")]
    wait_for("only the idle infer process is left", lambda: len(node.processes("infer")) == 1)
    return {
        "descriptors": [descriptors(p) for p in permanent],
        "memory": memory(permanent),
    }


with Node() as node:
    cid = node.cids["double"]
    begun = None
    for number in range(1, LOADS + 1):
        equal(node.infer("double")[0], 200, f"load {number}")
        equal(node.admin("POST", "/models/unload", {"model": cid})[0], 200, f"unload {number}")
        if number == 50:
            wait_for("one process idles", lambda: len(node.processes("infer")) == 1 and started(node))
            time.sleep(0.5)  # connections of the administration close behind their answers
            begun = state(node)
    wait_for("the descriptors are as after load 50", lambda: state(node)["descriptors"] == begun["descriptors"])
    ended = state(node)
    if SLOW == 1:  # the address sanitizer keeps what is freed
        check(ended["memory"] - begun["memory"] < 2 * MIB, f"memory: {begun['memory']} then {ended['memory']}")
    print(f"{LOADS} loads: memory {begun['memory'] / MIB:.2f} MiB after 50, {ended['memory'] / MIB:.2f} MiB at the end")
