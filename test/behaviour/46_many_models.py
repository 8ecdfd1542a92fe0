#!/usr/bin/env python3
"""A node with more models and failures than fit into one socket's messages lists all of them, also to several who ask at once."""
import concurrent.futures
import hashlib

from node import SLOW, Node, check, equal, ox, veronnx

MODELS = 200 if SLOW == 1 else 30
FAILURES = 80 if SLOW == 1 else 20
REMEMBERED = 64
DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def model(number):
    nodes = [ox.node("Mul", ["x", "factor"], ["y"])]
    factor = ox.tensor("factor", [1], ox.FLOAT, ox.floats(number))
    return ox.model(ox.graph("m", nodes, [ox.value("x", ox.FLOAT, [1])], [ox.value("y", ox.FLOAT, [1])], [factor]))


def missing(number):
    n, cid = int.from_bytes(b"\x12\x20" + hashlib.sha256(b"%d" % number).digest(), "big"), ""
    while n:
        n, digit = divmod(n, 58)
        cid = DIGITS[digit] + cid
    return cid


with Node("--model-memory", "64G", "--workers", "1", models=None) as node:  # more than there is: each takes a few MiB of what it reserves
    files = [node.dir / f"m{n}.onnx" for n in range(MODELS)]
    for n, file in enumerate(files):
        file.write_bytes(model(n))
    cids = [line.split()[0] for line in veronnx("add", "--store", node.dir / "store", *files).stdout.splitlines()]
    lost = [missing(n) for n in range(FAILURES)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for status, _ in pool.map(lambda cid: node.admin("POST", "/models/load", {"model": cid}), cids):
            equal(status, 200, "load")
        for status, _ in pool.map(lambda cid: node.admin("POST", "/models/load", {"model": cid}), lost):
            equal(status, 404, "load of nothing")
        for status, answer in pool.map(lambda _: node.admin("GET", "/models"), range(50)):
            rows = answer["models"]
            equal(sorted(r["model"] for r in rows if r["state"] == "ready"), sorted(cids), "models that are ready")
            failed = [r["model"] for r in rows if r["state"] == "failed"]
            equal((len(failed), set(failed) <= set(lost)), (min(REMEMBERED, FAILURES), True), "failures")
    equal(node.admin("GET", "/state")[1]["restarts"], 0, "restarts")
    check("PROCESS_KILLED" not in node.log(), "nobody was killed for it")
