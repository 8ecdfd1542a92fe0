#!/usr/bin/env python3
"""The administration listener loads, lists, unloads and drains."""
from node import Node, equal

with Node() as node:
    cid = node.cids["double"]
    equal(node.admin("POST", "/models/load", {"model": cid}), (200, {"ok": True}), "load")
    status, answer = node.admin("GET", "/models")
    equal([(m["model"], m["state"]) for m in answer["models"]], [(cid, "ready")], "models")
    equal(node.admin("POST", "/models/unload", {"model": cid}), (200, {"ok": True}), "unload")
    equal(node.admin("GET", "/models")[1]["models"], [], "no model")
    equal(node.admin("POST", "/models/unload", {"model": cid})[0], 404, "unload what is not loaded")
    equal(node.admin("POST", "/models/load", {"model": "nonsense"})[1]["code"], "MODEL_NOT_PINNED", "a name of nothing")
    equal(node.admin("POST", "/models/load", {"model": "Qm,"})[1]["code"], "MODEL_ID_INVALID", "no name at all")
    equal(node.admin("POST", "/infer", {})[0], 404, "no inference here")
    node.infer("double")
    equal(node.admin("POST", "/drain")[0], 200, "drain")
    equal(node.wait(), 0, "exit status")
