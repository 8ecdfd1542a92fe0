#!/usr/bin/env python3
"""Every data type of the protocol travels in binary, and in JSON where the protocol has it; compression, raw requests, classes."""
import gzip
import json
import struct
import zlib

import oip
from node import Node, check, equal, ox

NAN = float("nan")
TYPES = {
    "BOOL": (9, [True, False, True, True]), "UINT8": (2, [0, 255, 7, 1]), "UINT16": (4, [0, 65535, 7, 1]),
    "UINT32": (12, [0, 2 ** 32 - 1, 7, 1]), "UINT64": (13, [0, 2 ** 64 - 1, 2 ** 53 + 1, 1]), "INT8": (3, [-128, 127, 0, 1]),
    "INT16": (5, [-32768, 32767, 0, 1]), "INT32": (6, [-2 ** 31, 2 ** 31 - 1, 0, 1]), "INT64": (7, [-2 ** 63, 2 ** 63 - 1, 2 ** 53 + 1, 1]),
    "FP16": (10, [1.5, -65504.0, 6e-8, 0.0]), "FP32": (1, [1.5, -3.4028234663852886e38, 1e-45, -0.0]),
    "FP64": (11, [0.1, -1.7976931348623157e308, 5e-324, -0.0]), "BF16": (16, [1.5, -2.0, 0.0, 3.0]), "BYTES": (8, ["", "a", "zw\u00f6lf", "x" * 300]),
}


def identity(onnx_type):
    return ox.model(ox.graph("same", [ox.node("Identity", ["x"], ["y"])], [ox.value("x", onnx_type, ["n", "m"])],
                             [ox.value("y", onnx_type, ["n", "m"])]))


def exactly(datatype, values):
    """The bits, because -0.0 equals 0.0."""
    return oip.pack(datatype, values)


with Node() as node:
    for datatype, (onnx_type, values) in TYPES.items():
        cid = node.put(f"same-{datatype}", identity(onnx_type))
        x = [("x", datatype, [2, 2], values)]
        small = datatype in ("FP16", "BF16")
        seen = set()
        for binary_in, binary_out in [(True, True), (True, False), (False, True), (False, False)]:
            status, headers, outputs, document = oip.infer(node, cid, x, binary_in, parameters={"binary_data_output": binary_out})
            what = f"{datatype}, in {binary_in}, out {binary_out}"
            if small and not binary_in:
                equal((status, document["code"]), (400, "DTYPE_UNSUPPORTED"), what)
                continue
            equal((status, outputs["y"][:2]), (200, (datatype, [2, 2])), f"{what}: {document}")
            equal(exactly(datatype, outputs["y"][2]), exactly(datatype, values), what)
            equal(headers["content-type"], "application/octet-stream" if binary_out else "application/json", what)
            equal("inference-header-content-length" in headers, binary_out, what)
            seen.add(oip.digests(headers))
        equal(len(seen), 1, f"digests of {datatype}")
        empty = oip.infer(node, cid, [("x", datatype, [0, 2], [])], True, parameters={"binary_data_output": True})
        equal((empty[0], empty[2]["y"], "inference-header-content-length" in empty[1]), (200, (datatype, [0, 2], None or []), False), f"no {datatype}")

    def same(datatype):
        return node.cids[f"same-{datatype}"]

    # Bytes that are no text can travel in binary only; text may have NUL in it.
    odd = [b"\xff\xfe", b"a\0b", b"", b"\0"]
    status, _, outputs, _ = oip.infer(node, same("BYTES"), [("x", "BYTES", [4, 1], odd)], True, parameters={"binary_data_output": True})
    equal((status, outputs["y"][2]), (200, odd), "bytes")
    equal(oip.infer(node, same("BYTES"), [("x", "BYTES", [4, 1], odd)], True)[3].get("code"), "OUTPUT_UNSUPPORTED", "no text in JSON")
    equal(oip.infer(node, same("BYTES"), [("x", "BYTES", [1, 1], ["a\0b"])])[2]["y"][2], ["a\0b"], "NUL in JSON")

    # One output overrules the request.
    wanted = [{"name": "y", "parameters": {"binary_data": False}}]
    got = oip.infer(node, same("FP32"), [("x", "FP32", [1, 2], [1, 2])], outputs=wanted, parameters={"binary_data_output": True})
    check("inference-header-content-length" not in got[1] and got[2]["y"][2] == [1.0, 2.0], "binary_data of one output")

    # Large, compressed both ways: the header's length is that of the plain JSON.
    numbers = [float(i % 7) for i in range(100_000)]
    for coding, pack, unpack in (("gzip", gzip.compress, gzip.decompress), ("deflate", zlib.compress, zlib.decompress)):
        body, fields = oip.request([("x", "FP32", [1, len(numbers)], numbers)], True, parameters={"binary_data_output": True})
        fields |= {"Content-Encoding": coding, "Accept-Encoding": coding}
        status, headers, content = node.ask("POST", oip.path(same("FP32"), "/infer"), pack(body), fields)
        equal((status, headers["content-encoding"]), (200, coding), coding)
        check(len(content) < 50_000, f"{len(content)} bytes")
        equal(oip.answer(headers, unpack(content))[0]["y"], ("FP32", [1, len(numbers)], numbers), coding)
    for field, wanted in (("gzip;q=0.2, deflate;q=0.8", "deflate"), ("gzip;q=0", None), ("identity, gzip", None), ("br, *", None), ("GZIP", "gzip")):
        body, _ = oip.request([("x", "FP32", [1, 1000], numbers[:1000])])
        _, headers, _ = node.ask("POST", oip.path(same("FP32"), "/infer"), body, {"Accept-Encoding": field})
        equal(headers.get("content-encoding"), wanted, f"Accept-Encoding: {field}")

    # A raw request is one tensor without JSON; all outputs are binary.
    def raw(model, data):
        status, headers, content = node.ask("POST", oip.path(model, "/infer"), data, {"Inference-Header-Content-Length": "0"})
        return oip.answer(headers, content)[0]["y"] if status == 200 else (status, json.loads(content)["code"])
    equal(raw(same("FP32"), struct.pack("<3f", 1, 2, 3)), ("FP32", [1, 3], [1.0, 2.0, 3.0]), "a raw request")
    equal(raw(same("FP32"), b"12345"), (400, "SHAPE_MISMATCH"), "a raw request of no whole elements")
    equal(raw(same("BYTES"), b"one \0 text"), ("BYTES", [1, 1], [b"one \0 text"]), "a raw request of text")
    equal(raw(node.cids["ids-and-words"], b""), (400, "FIELD_VALUE"), "a raw request for two inputs")

    # Classes: the largest elements of each row, as text.
    def classes(k, values, shape, datatype="FP32", **more):
        return oip.infer(node, same(datatype), [("x", datatype, shape, values)], True,
                         outputs=[{"name": "y", "parameters": {"classification": k, **more}}])[2]["y"]
    equal(classes(2, [1, 9, 3, 4, 4, -1], [2, 3]), ("BYTES", [2, 2], ["9.000000:1", "3.000000:2", "4.000000:0", "4.000000:1"]), "classes")
    equal(classes(9, [NAN, 0.5], [1, 2]), ("BYTES", [1, 2], ["0.500000:1", "nan:0"]), "more classes than elements")
    equal(classes(1, [-7, 250 - 256], [1, 2], "INT8", binary_data=True), ("BYTES", [1, 1], [b"-6.000000:1"]), "classes of integers, binary")
