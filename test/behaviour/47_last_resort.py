#!/usr/bin/env python3
"""Processes that run models are the first that the kernel ends when the machine has no memory left, and each has its limits: its own
memory is what was reserved, and what it can share is bounded too."""
import json
import pathlib
import re

from node import SLOW, Node, check, equal, ox, wait_for

MIB = 1 << 20


def score(pid):
    return int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text())


def limit(pid, name):
    text = pathlib.Path(f"/proc/{pid}/limits").read_text()
    return re.search(rf"^Max {name} +(\S+) +(\S+)", text, re.M).groups()


with Node("--model-memory", "1G", "--transfer-memory", "64M", "--output-max", "16M", "--workers", "2") as node:
    usual = score("self")
    node.infer("double")
    wait_for("infer processes", lambda: [score(p) for p in node.processes("infer")] == [min(usual + 500, 1000)] * 2)
    infers = node.processes("infer")
    others = [node.process.pid, *(p for name in ("keeper", "front", "fetch") for p in node.processes(name))]
    equal({score(p) for p in others}, {usual}, "all others")
    if SLOW == 1:  # a sanitized process has no limits of its memory
        row = node.admin("GET", "/models")[1]["models"][0]
        soft, hard = map(int, limit(infers[0], "data size"))
        equal(soft, row["reserved_bytes"], "its own memory")
        check(soft < hard < 1024 * MIB, f"and what it may become: {hard}")
        soft, hard = map(int, limit(infers[0], "address space"))
        # the file, twice the transfer memory, an output for each worker, 32 areas of 4 MiB; the program itself has less than 128 MiB
        shared = row["file_bytes"] + 2 * 64 * MIB + 2 * 17 * MIB + 32 * 4 * MIB
        check(0 < soft - row["reserved_bytes"] - shared < 128 * MIB, f"all that it can map: {soft}")
        equal(limit(infers[0], "file size"), (str(17 * MIB), str(17 * MIB)), "a memory file")

        # a model above output-max: once its file is there, no other may be as large
        table = ox.tensor("table", [6 * MIB], ox.FLOAT, bytes(24 * MIB))
        cid = node.put("table", ox.model(ox.graph("m", [ox.node("Gather", ["table", "i"], ["y"])], [ox.value("i", ox.INT64, [1])],
                                                  [ox.value("y", ox.FLOAT, [1])], [table])))
        before = set(node.processes("infer"))
        status = node.post(json.dumps({"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "i", "values": [5], "shape": [1]}]}}))[0]
        equal(status, 200, "a large model")
        sizes = {limit(p, "file size") for p in before}
        equal(sizes, {(str(17 * MIB), str(17 * MIB))}, "memory files of both models")
