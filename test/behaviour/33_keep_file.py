#!/usr/bin/env python3
"""A model whose process died is loaded again without a fetcher: from the file that the first process sealed. So is one that was evicted,
as long as there is memory; what the administrator unloads leaves nothing."""
import os
import re
import shutil
import signal

from node import DOUBLE, Node, check, equal, freeze, wait_for


def row(node):
    rows = node.admin("GET", "/models")[1]["models"]
    return rows[0] if rows else {}


with Node() as node:
    cid = node.cids["double"]
    first = node.infer("double")[2]
    equal(first["output"], DOUBLE, "the first answer")
    size = row(node)["file_bytes"]
    equal(row(node)["kept_bytes"], size, "the file is kept beside the model")
    shutil.rmtree(node.dir / "store")
    freeze(*node.processes("fetch"))
    for _ in range(3):
        os.kill(node.processes("infer")[0], signal.SIGKILL)
        wait_for("the process is gone", lambda: row(node).get("state") == "kept")
        status, headers, answer = node.infer("double")
        equal((status, answer), (200, first), "an answer from the kept file")
        check(headers["veronnx-receipt"], "with a receipt")
        equal(row(node)["state"], "ready", "state")
    kept = re.findall(r"MODEL_LOADING infer=\d+ request=\d+ kept_bytes=(\d+)", node.log())
    equal(kept, ["0", str(size), str(size), str(size)], "what each load began with")
    used = node.admin("GET", "/state")[1]["model_memory_used"]
    equal(used, row(node)["reserved_bytes"] + size, "model and file are counted")

    equal(node.admin("POST", "/models/unload", {"model": cid})[0], 200, "unload")
    equal((row(node), node.admin("GET", "/state")[1]["model_memory_used"]), ({}, 0), "nothing is left")
    os.kill(node.processes("fetch")[0], signal.SIGCONT)
    equal(node.infer("double")[2]["code"], "MODEL_NOT_FOUND", "the blocks are gone")
