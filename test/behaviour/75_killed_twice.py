#!/usr/bin/env python3
"""Inputs that were running twice when the model's process died are refused for that model, in whatever form they come, and no others."""
import os
import signal
import threading

from hostile import cases
from node import SLOW, Node, check, equal, wait_for
import oip

RUN_S = 2 * SLOW


def ask(node, model, x):
    numbers = [{"name": "x", "values": [x], "shape": [1]}]
    status, _, answer = node.post({"ipfs_hash": node.cids[model], "model_inputs": {"numbers": numbers}})
    return status, answer.get("code")


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))


def dies_of(node, x):
    """The process is killed once it has run for a while."""
    answers = []
    client = threading.Thread(target=lambda: answers.append(ask(node, "endless-loop", x)))
    client.start()
    victim = wait_for("it runs", lambda: next((p for p in node.processes("infer") if cpu(p) > 20), None))
    os.kill(victim, signal.SIGKILL)
    client.join()
    equal(answers, [(503, "MODEL_DIED")], f"x = {x}")


with Node("--run-time", f"{RUN_S}s", models=None) as node:
    cases(node.dir / "hostile")
    node.add(node.dir / "hostile/endless-loop.onnx", node.dir / "hostile/honest.onnx")
    for _ in range(2):
        dies_of(node, 7)
    equal(ask(node, "endless-loop", 7), (403, "MODEL_KILLED_TWICE"), "the third time")
    body, head = oip.request([("x", "FP32", [1], [7.0])], True)
    status, _, _ = node.ask("POST", oip.path(node.cids["endless-loop"], "/infer"), body, head)
    equal(status, 403, "in another form")
    equal(ask(node, "honest", 7), (200, None), "another model")
    equal(ask(node, "endless-loop", 8), (504, "RUN_TIMEOUT"), "other inputs")
    check("MODEL_KILLED_TWICE" in node.log(), "the log says so")
