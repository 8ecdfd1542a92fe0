#!/usr/bin/env python3
"""Processes that run models are the first that the kernel ends when the machine has no memory left, and each has its limits: its own
memory is what was reserved, and what it can share is bounded too."""
import pathlib
import re

from node import SLOW, Node, check, equal

MIB = 1 << 20


def score(pid):
    return int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text())


def limit(pid, name):
    text = pathlib.Path(f"/proc/{pid}/limits").read_text()
    return re.search(rf"^Max {name} +(\S+) +(\S+)", text, re.M).groups()


with Node("--model-memory", "1G", "--transfer-memory", "64M", "--output-max", "16M", "--workers", "2") as node:
    usual = score("self")
    node.infer("double")
    infers = node.processes("infer")
    equal([score(p) for p in infers], [min(usual + 500, 1000)] * 2, "infer processes")
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
