#!/usr/bin/env python3
"""What is wrong with a request of the Open Inference Protocol is said with a status and a code; the node goes on. Among the
cases are those that once hurt other servers: lengths out of range, floods, bombs, deep JSON, dimensions that overflow."""
import gzip
import json
import socket
import ssl
import struct

import oip
from node import Node, check, equal, ox, patiently

LEN = "Inference-Header-Content-Length"
X = {"name": "x", "datatype": "FP32", "shape": [2], "data": [1, 2]}
BIG = 2 ** 62


def x(**changes):
    tensor = {**X, **changes}
    return {"inputs": [{k: v for k, v in tensor.items() if v is not ...}]}


def binary(size, **changes):
    return x(data=..., parameters={"binary_data_size": size}, **changes)


def deep(levels):
    return b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":' + b"[" * levels + b"1" + b"]" * levels + b"}]}"


BODIES = [  # status, code, body
    (400, "BAD_JSON", b""), (400, "BAD_JSON", b"{"), (400, "BAD_JSON", b'{"inputs":[]}\0'), (400, "FIELD_TYPE", b"[]"), (400, "FIELD_TYPE", b"1"),
    (400, "BAD_JSON", b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[NaN]}]}'),
    (400, "BAD_JSON", b'{"id":"\xff","inputs":[]}'),
    (400, "JSON_TOO_DEEP", deep(100)), (400, "JSON_TOO_DEEP", deep(100_000)), (200, None, deep(60).replace(b"[1]", b"[1]")),
    (400, "FIELD_MISSING", {}), (400, "FIELD_TYPE", {"inputs": {}}), (400, "INPUT_MISSING", {"inputs": []}), (400, "FIELD_TYPE", {"inputs": [5]}),
    (400, "FIELD_MISSING", x(name=...)), (400, "FIELD_MISSING", x(shape=...)), (400, "FIELD_MISSING", x(datatype=...)),
    (400, "FIELD_MISSING", x(data=...)), (400, "FIELD_TYPE", x(name=5)), (400, "FIELD_TYPE", x(shape="2")), (400, "FIELD_TYPE", x(data="1,2")),
    (400, "FIELD_TYPE", x(datatype=1)), (400, "FIELD_VALUE", x(datatype="FP31")), (400, "FIELD_VALUE", x(datatype="fp32")),
    (400, "FIELD_DUPLICATE", b'{"inputs":[],"inputs":[]}'), (400, "INPUT_UNKNOWN", x(name="z")), (400, "INPUT_UNKNOWN", x(name="x\0")),
    (400, "INPUT_DUPLICATE", {"inputs": [X, X]}), (400, "DTYPE_MISMATCH", x(datatype="FP64")), (400, "DTYPE_MISMATCH", x(datatype="BYTES", data=["a", "b"])),
    (400, "FIELD_VALUE", x(shape=[-2])), (400, "FIELD_VALUE", x(shape=[-1])), (400, "FIELD_VALUE", x(shape=[2.0])), (400, "FIELD_TYPE", x(shape=["2"])),
    (400, "FIELD_VALUE", x(shape=[2 ** 64 + 2])), (400, "FIELD_VALUE", x(shape=[2 ** 63])), (400, "FIELD_TYPE", x(shape=[[2]])), (400, "FIELD_TYPE", x(shape=[None])),
    (400, "FIELD_VALUE", x(shape=[1] * 33)), (400, "SHAPE_MISMATCH", x(shape=[2 ** 61])), (400, "SHAPE_MISMATCH", x(shape=[1, 2])),
    (400, "SHAPE_MISMATCH", x(shape=[])), (400, "SHAPE_MISMATCH", x(shape=[3])), (400, "SHAPE_MISMATCH", x(shape=[1])),
    (400, "SHAPE_MISMATCH", x(data=[])), (400, "SHAPE_MISMATCH", x(shape=[2], data=[[1, 2], [3]])),
    (400, "FIELD_TYPE", x(data=[1, "2"])), (400, "FIELD_TYPE", x(data=[1, None])), (400, "FIELD_TYPE", x(data=[1, True])), (400, "FIELD_TYPE", x(data=[1, {"a": 2}])),
    (400, "VALUE_RANGE", x(data=[1, 1e39])), (400, "VALUE_RANGE", b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1e999]}]}'),
    (400, "FIELD_TYPE", x(parameters=[])), (400, "FIELD_TYPE", x(parameters={"a": [1]})), (400, "FIELD_TYPE", x(parameters={"a": None})),
    (400, "FIELD_VALUE", x(parameters={"triton_x": 1})), (400, "FIELD_VALUE", x(parameters={"binary_data_size": 8})),
    (400, "FIELD_VALUE", x(data=..., parameters={"shared_memory_region": "r", "shared_memory_byte_size": 8})),
    (400, "FIELD_TYPE", {**x(), "parameters": {"binary_data_output": "yes"}}), (400, "FIELD_TYPE", {**x(), "id": 7}), (400, "FIELD_VALUE", {**x(), "id": "i" * 1025}),
    (400, "FIELD_TYPE", {**x(), "outputs": {}}), (400, "FIELD_MISSING", {**x(), "outputs": [{}]}), (400, "OUTPUT_UNKNOWN", {**x(), "outputs": [{"name": "z"}]}),
    (400, "FIELD_DUPLICATE", {**x(), "outputs": [{"name": "y"}, {"name": "y"}]}), (400, "FIELD_VALUE", {**x(), "outputs": [{"name": "y"}] * 1025}),
    (400, "FIELD_VALUE", {**x(), "inputs": [X] * 1025}),
    (400, "FIELD_VALUE", {**x(), "outputs": [{"name": "y", "parameters": {"classification": -1}}]}),
    (400, "FIELD_TYPE", {**x(), "outputs": [{"name": "y", "parameters": {"classification": "2"}}]}),
    (400, "FIELD_TYPE", {**x(), "outputs": [{"name": "y", "parameters": {"binary_data": 1}}]}),
]
BINARY = [  # status, code, JSON, what follows, header (None: the right one)
    (200, None, binary(8), b"\0" * 8, None),
    (400, "FIELD_VALUE", binary(8), b"\0" * 7, None), (400, "FIELD_VALUE", binary(8), b"\0" * 9, None), (400, "FIELD_VALUE", x(), b"\0", None),
    (400, "SHAPE_MISMATCH", binary(4), b"\0" * 4, None), (400, "FIELD_VALUE", binary(-8), b"\0" * 8, None), (400, "FIELD_VALUE", binary(8.0), b"\0" * 8, None),
    (400, "FIELD_TYPE", binary("8"), b"\0" * 8, None), (400, "FIELD_VALUE", binary(BIG), b"\0" * 8, None), (400, "FIELD_VALUE", binary(2 ** 64), b"\0" * 8, None),
    (400, "FIELD_VALUE", binary(8), b"\0" * 8, "-1"), (400, "FIELD_VALUE", binary(8), b"\0" * 8, "999999"), (400, "FIELD_VALUE", binary(8), b"\0" * 8, "4294967297"),
    (400, "FIELD_VALUE", binary(8), b"\0" * 8, "99999999999999999999999"), (400, "FIELD_VALUE", binary(8), b"\0" * 8, "12x"), (400, "FIELD_VALUE", binary(8), b"\0" * 8, ""),
    (400, "FIELD_VALUE", binary(8), b"\0" * 8, "1.0"), (400, "BAD_JSON", binary(8), b"\0" * 8, "5"), (400, "SHAPE_MISMATCH", binary(8, shape=[BIG, BIG]), b"\0" * 8, None),
    (400, "SHAPE_MISMATCH", binary(0), b"", None), (200, None, binary(0, shape=[0]), b"", None),
]
TEXTS = [  # bytes of two elements of BYTES that are not so
    struct.pack("<I", 2 ** 32 - 1) + b"a", struct.pack("<I", 5) + b"a", b"\1\0\0", b"", struct.pack("<I", 0), struct.pack("<III", 0, 0, 0),
    struct.pack("<I", 2 ** 31) + b"ab" + struct.pack("<I", 0),
]


def flood(node, path, chunks):
    """Chunks of one byte; returns what the node answers with."""
    context = ssl.create_default_context(cafile=node.ready["cert"])
    with patiently(lambda: context.wrap_socket(socket.create_connection(("127.0.0.1", node.port), 20), server_hostname="127.0.0.1")) as s:
        try:
            s.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + b"1\r\n \r\n" * chunks + b"0\r\n\r\n")
        except OSError:
            pass  # it has hung up
        return int(s.recv(64).split()[1])


with Node("--body-max", "1M") as node:
    cid = node.cids["double"]

    def post(body, headers=None, path=None):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, got, content = node.ask("POST", path or oip.path(cid, "/infer"), text, headers)
        document = json.loads(content[:int(got.get(LEN.lower(), len(content)))])
        if status != 200:
            check(isinstance(document["error"], str) and set(document) == {"error", "code"}, f"error form: {document}")
        return status, document.get("code")

    for status, code, body in BODIES:
        equal(post(body), (status, code), f"{str(body)[:120]}")
    for status, code, document, tail, field in BINARY:
        text = json.dumps(document).encode()
        equal(post(text + tail, {LEN: str(len(text)) if field is None else field}), (status, code), f"{document} + {len(tail)} bytes, {field}")
    words = node.cids["ids-and-words"]
    for data in TEXTS:
        text = json.dumps({"inputs": [{"name": "ids", "datatype": "INT64", "shape": [0], "data": []},
                                      {"name": "words", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(data)}}]}).encode()
        equal(post(text + data, {LEN: str(len(text))}, oip.path(words, "/infer")), (400, "FIELD_VALUE"), f"text {data}")
    flag = node.put("flag", ox.model(ox.graph("flag", [ox.node("Not", ["x"], ["y"])], [ox.value("x", ox.BOOL, ["n"])], [ox.value("y", ox.BOOL, ["n"])])))
    text = json.dumps(binary(2, datatype="BOOL")).encode()
    equal(post(text + b"\1\2", {LEN: str(len(text))}, oip.path(flag, "/infer")), (400, "FIELD_VALUE"), "a boolean of 2")
    int8 = node.put("int8", ox.model(ox.graph("int8", [ox.node("Identity", ["x"], ["y"])], [ox.value("x", ox.INT8, ["n"])], [ox.value("y", ox.INT8, ["n"])])))
    for value, code in ((128, "VALUE_RANGE"), (-129, "VALUE_RANGE"), (2 ** 70, "VALUE_RANGE"), (1.0, "FIELD_TYPE"), ("1", "FIELD_TYPE"), (True, "FIELD_TYPE")):
        equal(post(x(datatype="INT8", data=[0, value]), None, oip.path(int8, "/infer")), (400, code), f"INT8 {value}")

    # Compression: damaged, unknown, and much more than the limit out of very little.
    bomb = gzip.compress(b" " * 50_000_000)
    equal(post(bomb, {"Content-Encoding": "gzip"}), (413, "BODY_TOO_LARGE"), "a bomb")
    equal(post(b"no gzip", {"Content-Encoding": "gzip"}), (400, "BAD_ENCODING"), "damaged")
    equal(post(gzip.compress(b"{}")[:-4], {"Content-Encoding": "gzip"}), (400, "BAD_ENCODING"), "cut")
    equal(post(b"{}", {"Content-Encoding": "br"}), (415, "MEDIA_TYPE"), "an unknown coding")
    equal(post(b" " * 1_100_000), (413, "BODY_TOO_LARGE"), "a large body")
    equal(flood(node, oip.path(cid, "/infer"), 300_000), 400, "a flood of chunks")

    # Paths.
    for path, status, code in (
            ("/v2/models/nothing/infer", 404, "MODEL_NOT_PINNED"), ("/v2/models/%00/infer", 400, "BAD_REQUEST"), ("/v2/models/a%2/infer", 400, "BAD_REQUEST"),
            (f"/v2/models/{cid}/versions/2/infer", 404, "NOT_FOUND"), (f"/v2/models/{cid}/versions/x/infer", 404, "NOT_FOUND"),
            (f"/v2/models/{'a' * 600}/infer", 400, "MODEL_ID_INVALID"), ("/v2/models//infer", 404, "NOT_FOUND"), ("/v2/none", 404, "NOT_FOUND"),
            ("/v2/health/live", 405, "METHOD_NOT_ALLOWED"), (f"/v2/models/{cid}", 405, "METHOD_NOT_ALLOWED"), ("/v2/models/%2e%2e/infer", 404, "MODEL_NOT_PINNED")):
        equal(post(x(), None, path), (status, code), path)
    for body, code in ((b"{", "BAD_JSON"), (b'{"ready":1}', "FIELD_TYPE"), (b"[]", "FIELD_TYPE"), (b'{"ready":true,"ready":true}', "FIELD_DUPLICATE")):
        equal(post(body, None, "/v2/repository/index"), (400, code), f"index {body}")
    status, headers, _ = node.ask("GET", oip.path(cid, "/infer"))
    equal((status, headers["allow"]), (405, "POST"), "GET of infer")
    equal(post(x()), (200, None), "in the end")
