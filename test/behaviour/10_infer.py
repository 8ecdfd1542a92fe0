#!/usr/bin/env python3
"""Every demonstration model answers, exactly."""
import hashlib

from node import DOUBLE, Node, equal

with Node() as node:
    status, headers, body = node.infer("double")
    equal((status, body["output"]), (200, DOUBLE), "y = 2x")
    equal(body["model_hash"], hashlib.sha256((node.dir / "models/double.onnx").read_bytes()).hexdigest(), "model_hash")
    equal(list(body), ["output", "model_hash"], "key order")
    status, _, body = node.infer("ids-and-words")
    outputs = {o["name"]: o["result"] for o in body["output"]}
    equal(outputs["words_of_ids"], ["two", "many", "five"], "strings by number")
    equal(outputs["squares"], [4, 3037000499**2, 25], "int64 beyond 2^53")
    status, _, body = node.infer("classifier-map")
    equal((status, body["output"][0]["result"]), (200, ["setosa", "virginica"]), "labels")
    equal(sorted(body["output"][1]["result"][0]), ["setosa", "versicolor", "virginica"], "the map's keys")
    status, _, body = node.infer("mnist-mlp")
    digits = body["output"][0]["result"][0]
    equal(digits.index(max(digits)), 7, "the digit in the picture")
