#!/usr/bin/env python3
"""A front that lies never gets a receipt that does not match what ran, and the node goes on."""
import base64
import contextlib
import pathlib
import socket

import liars

from measure import started
from node import SLOW, Node, check, equal, wait_for

# What it tries, and what comes of it: "ok" (it goes on), "killed" (by the supervisor), "ends" (by itself). One node each, because ten
# fronts that end in a minute end a node.
LIES = [
    {"honest": "ok", "rewrite-input": "ok", "rewrite-once": "ok", "write-output": "ok", "output-as-input": "ok",
     "bad-areas": "ok", "chaos": "ok", "slot-twice": "ok", "twin-jobs": "ok"},
    {"swap-nonces": "ok", "short-nonce": "killed", "replay-job": "ok", "replay-ticket": "killed", "mix-models": "ok",
     "jobs-backwards": "ok", "number-falls": "killed", "number-of-the-next-front": "killed",
     "number-of-the-last-front": "killed"},
    {"job-without-ticket": "ok", "tickets-without-jobs": "ok", "tickets-left-behind": "ends", "slander": "ok",
     "unload": "killed"},
    {"forge-report": "killed", "forge-receipt": "killed", "many-descriptors": "killed", "sign-a-root": "killed",
     "odd-model": "killed", "out-of-state": "killed", "odd-activity": "killed"},
    {"sign-a-certificate": "killed", "sign-a-request": "killed", "sign-tls-1.2": "killed", "sign-as-client": "killed",
     "ask-for-a-request": "killed", "install": "killed"},
    {"settle-another-nonce": "ok", "ask-for-a-heartbeat": "killed", "forge-settlement": "killed", "odd-settlement": "killed"},
]

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


def front_of(node):
    """None between two of them."""
    with contextlib.suppress(StopIteration, OSError):
        return node.front()


def truth(node, key):
    return command(node, f"{key} honest {node.cids['rows']} {node.cids['double']}")[-1:] == ["ok"]


def tell(node, key, lie, end):
    front = front_of(node)
    answer = command(node, f"{key} {lie} {node.cids['double']} {node.cids['rows']}")
    print(lie, *answer, sep="\n    ", flush=True)
    check(not any(line.startswith("FAIL") for line in answer), f"{lie}: {answer}")
    if end == "ok":
        equal(answer[-1:], ["ok"], lie)
        equal(front_of(node), front, f"{lie}: the front")
    else:
        wait_for(f"{lie}: another front", lambda: front_of(node) not in (None, front), 15)
    check(truth(node, key), f"the truth after {lie}")


def tell_all(folder, lies):
    with Node("--workers", "2", "--drain-time", "1ms", models=None, faults=True, folder=folder) as node:
        (node.dir / "double.onnx").write_bytes(liars.double_model("double"))
        (node.dir / "rows.onnx").write_bytes(liars.double_model("rows", rows=1024))
        node.add(node.dir / "double.onnx", node.dir / "rows.onnx")
        key, keeper = receipt_key(node), node.processes("keeper")
        check(truth(node, key), "the truth")
        wait_for("one idle infer", lambda: infers(node) == 3 and started(node))
        before = permanent(node)
        for lie, end in lies.items():
            tell(node, key, lie, end)
            wait_for(f"{lie}: one idle infer", lambda: infers(node) == 3)
            wait_for(f"{lie}: descriptors {before}", lambda: permanent(node) == before)
        equal(node.processes("keeper"), keeper, "the keeper")


with liars.install("front") as folder:
    for group in LIES:
        tell_all(folder, group)
