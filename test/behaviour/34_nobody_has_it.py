#!/usr/bin/env python3
"""Models that no source has: each gets its answer at once, and none uses up a process. A failure is remembered for 5 s, then 10 s, until
the model is there or the administrator forgets it."""
import hashlib
import time

from node import DOUBLE, SLOW, Node, check, children, equal, ox, wait_for

DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def cid_of(text):
    """CIDv0 of a block that nobody has."""
    number, cid = int.from_bytes(b"\x12\x20" + hashlib.sha256(text.encode()).digest(), "big"), ""
    while number:
        number, digit = divmod(number, 58)
        cid = DIGITS[digit] + cid
    return cid


def ask(node, cid):
    begun = time.monotonic()
    answer = node.post({"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "x", "values": [1], "shape": [1]}]}})[2]
    return answer.get("code", "OK"), time.monotonic() - begun


with Node() as node:
    node.infer("double")
    before = set(children(node.process.pid))
    for n in range(40):
        equal(ask(node, cid_of(f"nothing {n}"))[0], "MODEL_NOT_FOUND", f"request {n}")
    started = set(children(node.process.pid)) - before
    check(len(started) <= 1, f"processes were started for nothing: {len(started)}")
    equal(node.infer("double")[2]["output"], DOUBLE, "the other model")

    model = ox.model(ox.graph("m", [ox.node("Neg", ["x"], ["y"])], [ox.value("x", ox.FLOAT, [1])], [ox.value("y", ox.FLOAT, [1])]))
    cid = node.put("late", model)
    for block in (node.dir / "store").rglob("*"):
        if block.is_file() and block.read_bytes().find(b"Neg") >= 0:
            path, content = block, block.read_bytes()
    path.unlink()
    equal(ask(node, cid)[0], "MODEL_NOT_FOUND", "not there yet")
    path.write_bytes(content)
    equal(ask(node, cid)[0], "MODEL_NOT_FOUND", "the failure stands")
    row = next(r for r in node.admin("GET", f"/models?model={cid}")[1]["models"])
    equal((row["state"], row["code"]), ("failed", "MODEL_NOT_FOUND"), "the state of the model")
    check(0 < row["retry_ms"] <= 5000, f"when it may be tried again: {row}")
    wait_for("it may be tried again", lambda: ask(node, cid)[0] == "OK", 6 / SLOW)

    equal(ask(node, cid_of("nothing 0"))[0], "MODEL_NOT_FOUND", "again")
    rows = node.admin("GET", f"/models?model={cid_of('nothing 0')}")[1]["models"]
    check(5000 < rows[0]["retry_ms"] <= 10000, f"twice as long the second time: {rows}")
    equal(node.admin("POST", "/models/unload", {"model": cid_of("nothing 0")})[0], 200, "forgotten")
    equal(node.admin("GET", f"/models?model={cid_of('nothing 0')}")[1]["models"], [], "no row")
