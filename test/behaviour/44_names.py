#!/usr/bin/env python3
"""Names, Walrus blob ids among them, stand for the CID that the configuration pins them to; one that is pinned to none is refused with
the reason, and a CID with a mistake is something else."""
from node import DOUBLE, Node, check, equal

WALRUS = "hJD2Ja3akZFt1A2LT-D_1oxOCz_OtuGYw4V9eE1m39M"
HUB = "someone/doubling-model.v1"


def ask(node, model):
    numbers = [{"name": "x", "values": ["0.1", "-2.5", "3"], "shape": [3]}]
    status, headers, answer = node.post({"ipfs_hash": model, "num_inputs": numbers})
    return (status, answer.get("code")) if status != 200 else (200, answer["output"])


with Node() as node:
    cid = node.cids["double"]
    for name in (WALRUS, HUB, "hJD2Ja3akZFt1A2LT-D_1oxOCz_OtuGYw4V9eE1m39N"):
        equal(ask(node, name), (404, "MODEL_NOT_PINNED"), name)
    answer = node.post({"ipfs_hash": WALRUS, "num_inputs": []})[2]
    check("alias" in answer["error"] and WALRUS not in answer["error"], f"the reason: {answer}")
    for wrong in (cid[:-1], cid[:-1] + "0", cid + "x", "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5", cid + "//x", "a name"):
        status, code = ask(node, wrong)
        check(status == 400 and code in ("MODEL_ID_INVALID", "CID_UNSUPPORTED", "CID_MALFORMED"), f"{wrong}: {status} {code}")
    equal(node.stop(), 0, "exit status")

    node.options = ["--alias", f"{WALRUS} {cid}", "--alias", f"{HUB} {cid}", "--models", "list"]
    node.start()
    for name in (WALRUS, HUB, cid):
        equal(ask(node, name), (200, DOUBLE), name)
    equal(ask(node, node.cids["mnist-mlp"]), (403, "MODEL_NOT_ALLOWED"), "not in the list")
    equal(node.admin("GET", "/state")[1]["loads"], 1, "they are one model")
    equal(node.admin("POST", "/models/unload", {"model": HUB}), (200, {"ok": True}), "the administrator's names are the same")
