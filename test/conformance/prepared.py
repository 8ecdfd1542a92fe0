#!/usr/bin/env python3
"""The models of the benchmark from their files and from their prepared forms: every output has the same bits, and the receipts say which of
both it was. (ONNX's own cases: test/unit/infer/test_corpus.c.)"""
import math
import random
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "behaviour"))
import oip  # noqa: E402
from node import Node, check, equal, veronnx, wait_for  # noqa: E402

MODELS = {"mlp-tiny": ("x", [1, 4]), "mlp-784": ("x", [1, 784]), "resnet50": ("image", [1, 3, 224, 224])}
INPUTS = 4  # of each model


def inputs(model):
    name, shape = MODELS[model]
    generator = random.Random(model)
    for _ in range(INPUTS):
        yield oip.request([(name, "FP32", shape, [generator.uniform(-1, 1) for _ in range(math.prod(shape))])], True,
                          parameters={"binary_data_output": True})


def answers(node, model, prepared):
    """The bytes of all outputs."""
    found = []
    for body, fields in inputs(model):
        status, headers, content = node.ask("POST", oip.path(node.cids[model], "/infer"), body, fields)
        equal(status, 200, f"{model}: {content[:200]}")
        head = int(headers["inference-header-content-length"])
        found.append(content[head:])
        receipt = ["--receipt", headers["veronnx-receipt"], "--key", node.ready["receipt_key"]]
        done = veronnx("verify", "receipt", *receipt, "--allow-simulated")
        equal(re.findall(r";prepared=(\d);", done.stdout), [str(prepared)], f"{model}: what the receipt says of it: {done.stderr}")
    return found


with Node("--prepared", "always", models="bench") as node:
    before = {model: answers(node, model, 0) for model in MODELS}
    for model in MODELS:
        check(len(set(before[model])) == INPUTS, f"{model}: another input has another output")
    wait_for("all forms", lambda: all("prepared_bytes" in row for row in node.admin("GET", "/models")[1]["models"]), 40)
    node.kill_infers()
    wait_for("nothing is served", lambda: {row["state"] for row in node.admin("GET", "/models")[1]["models"]} == {"kept"})
    for model in MODELS:
        equal(answers(node, model, 1) == before[model], True, f"{model}: the same bits")
