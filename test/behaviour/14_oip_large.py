#!/usr/bin/env python3
"""Large binary tensors are received where infer reads them: half of a body shows as shared memory of front, not as its own."""
import json
import pathlib
import re
import struct

import oip
from node import SLOW, Node, check, equal, ox, wait_for

N = 8_000_000  # elements of a byte


def own_and_shared(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return tuple(int(re.search(rf"Rss{kind}:\s+(\d+) kB", text).group(1)) << 10 for kind in ("Anon", "Shmem"))


def body_of(**lengths):
    """Three tensors: flags and bytes in binary, a number in JSON between them."""
    flags, numbers = bytes(i % 2 for i in range(lengths.get("flags", N))), bytes(i % 251 for i in range(lengths.get("numbers", N)))
    text = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [
        {"name": "numbers", "datatype": "UINT8", "shape": [N], "parameters": {"binary_data_size": len(numbers)}},
        {"name": "one", "datatype": "INT64", "shape": [1], "data": [-5]},
        {"name": "flags", "datatype": "BOOL", "shape": [N], "parameters": {"binary_data_size": len(flags)}}]}).encode()
    return text, numbers, flags


with Node("--workers", "2") as node:
    nodes = [ox.node("Not", ["flags"], ["flags_out"]), ox.node("Identity", ["one"], ["one_out"]), ox.node("Identity", ["numbers"], ["numbers_out"])]
    types = {"flags": ox.BOOL, "one": ox.INT64, "numbers": ox.UINT8}
    cid = node.put("three", ox.model(ox.graph("three", nodes, [ox.value(n, t, ["n"]) for n, t in types.items()],
                                              [ox.value(f"{n}_out", t, ["n"]) for n, t in types.items()])))
    path = oip.path(cid, "/infer")
    text, numbers, flags = body_of()
    fields = {"Inference-Header-Content-Length": str(len(text))}

    def run(what, body=text + numbers + flags, connection=None):
        status, headers, content = node.ask("POST", path, body, fields, connection)
        if status != 200:
            return status, json.loads(content)["code"]
        size = int(headers["inference-header-content-length"])
        want = bytes(1 - f for f in flags) + struct.pack("<q", -5) + numbers
        check(content[size:] == want, f"{what}: another answer")
        return oip.digests(headers)

    cold = run("a model that is not loaded yet")
    warm = run("a model that is ready")
    equal(warm, cold, "digests")
    front = node.front()
    with_conn = node.connect()
    own, shared = own_and_shared(front)
    with_conn.putrequest("POST", path)
    for name, value in {**fields, "Content-Length": str(len(text) + 2 * N)}.items():
        with_conn.putheader(name, value)
    with_conn.endheaders(text + numbers)
    wait_for("half of the body is shared memory", lambda: own_and_shared(front)[1] > shared + N * 9 // 10)
    check(SLOW > 1 or own_and_shared(front)[0] < own + N // 4,  # a sanitizer has memory of its own about what is shared
          f"front's own memory grew from {own} to {own_and_shared(front)[0]}")
    with_conn.send(flags)
    answer = with_conn.getresponse()
    equal((answer.status, len(answer.read()) > 2 * N), (200, True), "the whole body")
    with_conn.close()

    equal(run("a flag of 2", text + numbers + flags[:-1] + b"\2"), (400, "FIELD_VALUE"), "a flag of 2")
    equal(run("one byte more", text + numbers + flags + b"\0"), (400, "FIELD_VALUE"), "one byte more")
    equal(run("one byte less", text + numbers + flags[:-1]), (400, "FIELD_VALUE"), "one byte less")
    equal(run("no JSON", b"{" + b" " * (len(text) - 1) + numbers + flags), (400, "BAD_JSON"), "no JSON")
    leaving = node.connect()
    leaving.putrequest("POST", path)
    leaving.putheader("Inference-Header-Content-Length", str(len(text)))
    leaving.putheader("Content-Length", str(len(text) + 2 * N))
    leaving.endheaders(text + numbers)
    leaving.close()
    wait_for("what a client left behind is freed", lambda: own_and_shared(front)[1] < shared + N // 4)
    keep = node.connect()
    for _ in range(5):
        equal(run("again", connection=keep), warm, "digests")
    keep.close()
