#!/usr/bin/env python3
"""The same tensors give the same input digest however they travel: as JSON, in fixed point, or from files as .npy and TensorProto. What it
must be is computed here, from docs/receipts.md ("Tensor digest")."""
import ast
import base64
import decimal
import hashlib
import json
import struct

from node import Node, check, equal, ox, veronnx

FLOAT16, UINT16, INT16, UINT32, UINT64 = 10, 4, 5, 12, 13
NPY = {ox.FLOAT: "<f4", ox.UINT8: "|u1", ox.INT8: "|i1", UINT16: "<u2", INT16: "<i2", ox.INT32: "<i4", ox.INT64: "<i8", ox.BOOL: "|b1",
       FLOAT16: "<f2", ox.DOUBLE: "<f8", UINT32: "<u4", UINT64: "<u8"}
FORMAT = {ox.FLOAT: "f", ox.UINT8: "B", ox.INT8: "b", UINT16: "H", INT16: "h", ox.INT32: "i", ox.INT64: "q", ox.BOOL: "?", FLOAT16: "e",
          ox.DOUBLE: "d", UINT32: "I", UINT64: "Q"}
FLOATS = [0.1, -2.5, 3.0, 1e-3, 65504.0, -0.0]
# One model of each: its inputs, (name, type, shape, elements), in the order in which it declares them.
MODELS = {
    **{f"floats-{dtype}": [("x", dtype, [2, 3], FLOATS)] for dtype in (FLOAT16, ox.FLOAT, ox.DOUBLE)},
    **{f"ints-{dtype}": [("n", dtype, [4], [0, 1, 100, 2**bits - 1])]
       for dtype, bits in ((ox.UINT8, 8), (ox.INT8, 7), (UINT16, 16), (INT16, 15), (ox.INT32, 31), (UINT32, 32),
                         (ox.INT64, 63), (UINT64, 64))},
    "negative": [("n", ox.INT64, [2, 1], [-2**63, -1])],
    "bools": [("b", ox.BOOL, [3], [1, 0, 1])],
    "strings": [("größe", ox.STRING, [2, 2], ["", "a", "naïve ☃", 'quoted "']), ("s", ox.STRING, [1], ["x"])],
    "several": [("x", ox.FLOAT, [], [0.25]), ("n", ox.INT32, [1, 2], [7, -7]), ("words", ox.STRING, [1], ["zwölf"]),
                ("none", ox.DOUBLE, [0, 2], [])],
}


def elements(dtype, values):
    if dtype == ox.STRING:
        return b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in values)
    return struct.pack(f"<{len(values)}{FORMAT[dtype]}", *values)


def side(inputs):
    """Both digests."""
    described = struct.pack("<H", len(inputs))
    for name, dtype, shape, _ in inputs:
        described += struct.pack("<H", len(name.encode())) + name.encode()
        described += bytes([dtype, len(shape)]) + struct.pack(f"<{len(shape)}Q", *shape)
    digest = hashlib.sha256(described)
    first = digest.digest()
    payloads = [elements(dtype, values) for _, dtype, _, values in inputs]
    return first, hashlib.sha256(first + b"".join(struct.pack("<Q", len(p)) + p for p in payloads)).digest()


def identity(name, inputs):
    graph = ox.graph(name, [ox.node("Identity", [i[0]], ["out of " + i[0]]) for i in inputs], [ox.value(*i[:3]) for i in inputs],
                     [ox.value("out of " + i[0], *i[1:3]) for i in inputs], [])
    return ox.model(graph)


# ── ways to travel ──
def point(value):
    """V and D with V ÷ 10^D as exactly as Python prints it."""
    sign, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    return {"value": ("-" if sign else "") + "".join(map(str, digits)) + "0" * max(exponent, 0), "decimals": str(max(-exponent, 0))}


def request(inputs, number):
    """The lists of a request, each number as `number` writes it; backwards, because the order does not matter."""
    lists = {"numbers": [], "strings": []}
    for name, dtype, shape, values in reversed(inputs):
        is_text = dtype == ox.STRING
        tensor = {"name": name, "values": values if is_text else [number(v) for v in values], "shape": shape}
        lists["strings" if is_text else "numbers"].append(tensor)
    return lists


def nested(shape, values):
    if not shape:
        return values[0]
    step = len(values) // max(shape[0], 1)
    return [nested(shape[1:], values[i * step:(i + 1) * step]) for i in range(shape[0])]


def npy(dtype, shape, values):
    head = repr({"descr": NPY[dtype], "fortran_order": False, "shape": tuple(shape)})
    check(ast.literal_eval(head)["shape"] == tuple(shape), head)
    head += " " * (-(len(head) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + elements(dtype, values)


def tensor_proto(dtype, shape, values):
    return ox.tensor("", shape, dtype, None if dtype == ox.STRING else elements(dtype, values), values if dtype == ox.STRING else ())


def posts(inputs):
    """Title and body without its model."""
    fixed = request(inputs, point)
    yield "fixed point in a string", {"model_inputs": json.dumps(fixed)}
    yield "fixed point in an object", {"model_inputs": fixed}
    yield "JSON numbers", {"model_inputs": request(inputs, lambda v: v)}
    text = request(inputs, repr)
    yield "numbers as text", {"num_inputs": text["numbers"], "string_inputs": text["strings"]}


def arguments(folder, inputs):
    """Title and what the command line gets."""
    values = {name: json.dumps(nested(shape, data), ensure_ascii=False) for name, _, shape, data in inputs}
    if not any(0 in shape for _, _, shape, _ in inputs):
        yield "JSON on the command line", [f"{name}={text}" for name, text in values.items()]
    for suffix, write in (("npy", npy), ("pb", tensor_proto)):
        given = []
        for number, (name, dtype, shape, data) in enumerate(inputs):
            if suffix == "npy" and dtype == ox.STRING:
                given.append(f"{name}={values[name]}")
            else:
                file = folder / f"{number}.{suffix}"
                file.write_bytes(write(dtype, shape, data))
                given.append(f"{name}=@{file}")
        yield "." + suffix, given


def input_side(receipt):
    """Key 15 of the statement: two byte strings of 32 bytes."""
    at = receipt.index(b"\x0f\x82\x58\x20") + 4
    equal(receipt[at + 32:at + 34], b"\x58\x20", "the second digest")
    return receipt[at:at + 32], receipt[at + 34:at + 66]


with Node(models=None) as node:
    trust = ["--allow-simulated", "--root", node.dir / "state/sim-root.pem", "--policy", node.dir / "state/policy.conf"]
    ways = 0
    for model, inputs in MODELS.items():
        cid, wanted = node.put(model, identity(model, inputs)), side(inputs)
        for way, body in posts(inputs):
            status, headers, answer = node.post({"ipfs_hash": cid, **body})
            equal(status, 200, f"{model}, {way}: {answer}")
            raw = headers["veronnx-receipt"]
            equal(input_side(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))), wanted, f"{model}, {way}")
            ways += 1
        for way, given in arguments(node.dir, inputs):
            bundle, options = node.dir / "bundle", [word for argument in given for word in ("--input", argument)]
            done = veronnx("infer", "--node", node.ready["url"], "--model", cid, *options, "--verify", "--save-bundle", bundle, *trust)
            equal((done.returncode, done.stderr.count("\n"), "image was NOT compared" in done.stderr), (0, 1, True), f"{model}, {way}: {done.stderr}")
            equal(input_side(bundle.read_bytes()), wanted, f"{model}, {way}")
            done = veronnx("verify", "receipt", bundle, *options, *trust)
            equal((done.returncode, done.stderr), (0, ""), f"{model}, {way}: the same files verify its receipt")
            ways += 1
    print(f"{len(MODELS)} models, {ways} requests, one digest each")
