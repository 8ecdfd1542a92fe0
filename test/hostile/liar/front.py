#!/usr/bin/env python3
"""A front that lies never gets a receipt that does not match what ran, and the node goes on."""
import base64
import pathlib
import shutil
import socket

import liars

FOLDER = liars.install("front")
from node import SLOW, Node, check, children, equal, wait_for  # noqa: E402

# What it tries, and whether that ends the front: "answers", "killed" (by the supervisor), "exits" (by itself).
LIES = {
    "honest": "answers",
    "rewrite-input": "answers", "rewrite-once": "answers",
    "write-output": "answers", "output-as-input": "answers", "bad-areas": "answers",
    "swap-nonces": "answers", "short-nonce": "killed",
    "replay-job": "answers", "twin-jobs": "answers", "replay-ticket": "killed",
    "mix-models": "answers",
    "jobs-backwards": "answers", "number-falls": "killed", "number-of-the-next-front": "killed",
    "number-of-the-last-front": "killed",
    "job-without-ticket": "answers", "tickets-without-jobs": "answers", "tickets-left-behind": "exits",
    "slot-twice": "answers",
    "forge-report": "killed", "forge-receipt": "killed", "many-descriptors": "killed", "sign-a-root": "killed",
    "odd-model": "killed", "out-of-state": "killed",
    "slander": "answers",
    "chaos": "answers",
}


def command(node, text):
    """The lines of the answer; a front that ends says no more."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=60 * SLOW) as s:
        s.sendall(text.encode() + b"\n")
        answer = b""
        try:
            while part := s.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
    return answer.decode().splitlines()


def receipt_key(node):
    pem = pathlib.Path(node.ready["receipt_key"]).read_text().splitlines()
    return base64.b64decode("".join(pem[1:-1]))[-65:].hex()


def permanent(node):
    """Descriptors of supervisor and keeper."""
    pids = [node.process.pid, *node.processes("keeper")]
    return [len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())) for pid in pids]


def infers(node):
    return len(node.processes("infer"))


with Node("--workers", "2", models=None) as node:
    (node.dir / "double.onnx").write_bytes(liars.double_model("double"))
    (node.dir / "rows.onnx").write_bytes(liars.double_model("rows", rows=1024))
    node.add(node.dir / "double.onnx", node.dir / "rows.onnx")
    models = f"{node.cids['double']} {node.cids['rows']}"
    key = receipt_key(node)
    equal(command(node, f"{key} honest {models}")[-1:], ["ok"], "the truth")
    wait_for("one idle infer", lambda: infers(node) == 3)
    before = permanent(node)
    for lie, end in LIES.items():
        front = node.front()
        answer = command(node, f"{key} {lie} {models}")
        print(lie, *answer, sep="\n    ")
        check(not any(line.startswith("FAIL") for line in answer), f"{lie}: {answer}")
        if end == "answers":
            equal(answer[-1], "ok", lie)
            equal(node.front(), front, f"{lie}: the front")
        else:
            equal(answer[-1:], ["waiting to be killed" if end == "killed" else "ending"], lie)
            wait_for(f"{lie}: another front", lambda: node.front() != front)
        equal(wait_for("the truth", lambda: command(node, f"{key} honest {models}"))[-1:], ["ok"], f"the truth after {lie}")
        wait_for(f"{lie}: one idle infer", lambda: infers(node) == 3)
        wait_for(f"{lie}: descriptors {before}", lambda: permanent(node) == before)
    check("role=keeper" not in node.log().replace("PROCESS_STARTED role=keeper", ""), "the keeper was never in trouble")
shutil.rmtree(FOLDER)
