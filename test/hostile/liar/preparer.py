#!/usr/bin/env python3
"""A preparer that its model has taken over, or that fails: the model is served from its file as before, and so is its next process."""
import re

import liars
from node import SLOW, Node, check, equal, wait_for

# What it does, and why there is no prepared form in the end; None: there is one, until a process is to load from it.
LIES = {"fail": "MODEL_UNSUPPORTED", "die": "MODEL_DIED", "unsealed": "MODEL_DIED", "hang": "TIMEOUT", "garbage": None}


def ask(node, cid, x):
    request = {"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "x", "values": [x], "shape": [1]}]}}
    status, headers, body = node.post(request)
    equal((status, body.get("output", [{}])[0].get("result")), (200, [2 * x]), f"y = 2x: {body}")
    check("veronnx-receipt" in headers, "with a receipt")


def rows(node):
    return {row["model"]: row for row in node.admin("GET", "/models")[1]["models"]}


def kill_all_infers(node, cid):
    node.kill_infers()
    wait_for("the model's process is gone", lambda: rows(node)[cid]["state"] == "kept")


def refused(node, seen):
    return re.findall(r"MODEL_NOT_PREPARED infer=\d+ reason=(\w+)", node.log()[seen:])


with liars.install("infer", "preparer") as folder, \
        Node("--prepared", "always", "--load-time", "1s" if SLOW == 1 else "8s", models=None, faults=True, folder=folder) as node:
    for lie, reason in LIES.items():
        seen = len(node.log())
        cid = node.put(lie, liars.double_model(f"lie-{lie}"))
        ask(node, cid, 1.5)
        if reason:
            equal(wait_for(f"{lie}: no form", lambda: refused(node, seen), 10), [reason], lie)
        else:
            wait_for(f"{lie}: a form", lambda: "prepared_bytes" in rows(node)[cid], 10)
        ask(node, cid, 2.5)
        kill_all_infers(node, cid)
        ask(node, cid, 3.5)
        check("prepared_bytes" not in rows(node)[cid], f"{lie}: its next process has none")
        wait_for(f"{lie}: refused", lambda: refused(node, seen))
        equal(node.log()[seen:].count("MODEL_FAILED"), 0, f"{lie}: nobody was told of a failure")
        equal(node.admin("POST", "/models/unload", {"model": cid})[0], 200, "unload")
    wait_for("nothing is left of them", lambda: node.admin("GET", "/state")[1]["model_memory_used"] == 0)
    honest = node.put("honest", liars.double_model("honest"))
    ask(node, honest, 4.5)
    wait_for("an honest one", lambda: "prepared_bytes" in rows(node)[honest], 10)
    kill_all_infers(node, honest)
    ask(node, honest, 5.5)
    ways = re.findall(r"MODEL_READY .* prepared=(\d)", node.log())
    equal(ways[-2:], ["0", "1"], "how it was loaded")
