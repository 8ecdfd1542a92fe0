#!/usr/bin/env python3
"""The Open Inference Protocol over REST: health, metadata, inference in JSON; the receipt says what that of /infer says."""
import json

import oip
from node import DOUBLE, Node, check, equal

X = ("x", "FP32", [3], [0.1, -2.5, 3])

with Node() as node:
    cid = node.cids["double"]

    def get(path, method="GET"):
        status, headers, content = node.ask(method, path)
        return status, json.loads(content) if content else None

    equal(get("/v2/health/live"), (200, {"live": True}), "live")
    equal(get("/v2/health/ready"), (200, {"ready": True}), "ready")
    for path in "/v2", "/v2/":
        status, server = get(path)
        equal((status, server["name"], set(server)), (200, "veronnx", {"name", "version", "extensions"}), path)
        check("binary_tensor_data" in server["extensions"], "the binary extension is not announced")
    equal(get(oip.path(cid, "/ready")), (200, {"name": cid, "ready": True}), "a model that is loaded by the question")
    wanted = {"name": cid, "versions": ["1"], "platform": "onnxruntime_onnx",
              "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}], "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}]}
    equal(get(oip.path(cid)), (200, wanted), "metadata")
    equal(get(oip.path(cid, "/versions/1")), (200, wanted), "metadata of version 1")
    equal(get(oip.path(cid, "/versions/2"))[0], 404, "metadata of version 2")
    status, config = get(oip.path(cid, "/config"))
    equal((status, config["max_batch_size"], config["input"]), (200, 0, [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1]}]), "config")
    equal(get("/v2/models"), (200, {"models": []}), "models that the policy names")
    equal(node.ask("HEAD", "/v2/health/live")[0], 200, "HEAD")

    status, headers, outputs, document = oip.infer(node, cid, [X], id="a \"quoted\" id")
    equal((status, outputs), (200, {"y": ("FP32", [3], [0.20000000298023224, -5.0, 6.0])}), "inference")
    equal((document["model_name"], document["model_version"], document["id"]), (cid, "1", "a \"quoted\" id"), "what is echoed")
    other = node.infer("double")
    equal(other[2]["output"], DOUBLE, "/infer")
    equal(oip.digests(headers), oip.digests(other[1]), "digests of one computation, asked for in two ways")

    equal(oip.infer(node, cid, [("x", "FP32", [2], ["NaN", "-Infinity"])])[2]["y"][2], ["NaN", "-Infinity"], "no numbers")
    equal(oip.infer(node, cid, [("x", "FP32", [4], [[1, 2], [3, 4]])])[2]["y"][2], [2.0, 4.0, 6.0, 8.0], "nested data")
    equal(oip.infer(node, cid, [("x", "FP32", [0], [])])[2]["y"], ("FP32", [0], []), "an empty tensor")
    equal(oip.infer(node, cid, [X], outputs=[{"name": "y"}])[0], 200, "an output that is asked for")
    equal(oip.infer(node, cid, [X], parameters={"priority": 1, "timeout": 60_000_000, "own": "text", "flag": True, "f": 0.5})[0], 200, "parameters")
    nonce = "ab" * 20
    equal(oip.infer(node, cid, [X], headers={"Veronnx-Nonce": nonce})[0], 200, "a nonce")

    words = [("ids", "INT64", [2], [2, 3037000499]), ("words", "BYTES", [2], ["three", "zw\u00f6lf"])]
    status, _, outputs, _ = oip.infer(node, node.cids["ids-and-words"], words)
    equal((status, outputs["squares"], outputs["same_words"]),
          (200, ("INT64", [2], [4, 3037000499 ** 2]), ("BYTES", [2], ["three", "zw\u00f6lf"])), "integers and text")
    some = [{"name": "same_words"}, {"name": "squares"}]
    equal(list(oip.infer(node, node.cids["ids-and-words"], words, outputs=some)[2]), ["same_words", "squares"], "some outputs, in their order")

    flower = [("flower", "FP32", [1, 4], [5.1, 3.5, 1.4, 0.2])]
    equal(oip.infer(node, node.cids["classifier-map"], flower)[0], 400, "a map is asked for")
    equal(oip.infer(node, node.cids["classifier-map"], flower, outputs=[{"name": "label"}])[2]["label"], ("BYTES", [1], ["setosa"]), "no map")

    status, stats = get(oip.path(cid, "/stats"))
    [row] = stats["model_stats"]
    check(status == 200 and row["inference_count"] == 8 == row["inference_stats"]["success"]["count"], f"statistics: {stats}")
    check(all(row["inference_stats"][k]["ns"] > 0 for k in ("success", "queue", "compute_input", "compute_infer", "compute_output")), f"{stats}")
    status, _, content = node.ask("POST", "/v2/repository/index", b"")
    equal((status, json.loads(content)), (200, []), "the index of a node that names no models")
    for verb in "load", "unload":
        status, _, content = node.ask("POST", f"/v2/repository/models/{cid}/{verb}", b"")
        equal((status, json.loads(content)["code"]), (403, "ADMIN_ONLY"), verb)
