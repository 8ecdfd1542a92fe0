"""A client of gRPC on python3-h2, with a protobuf of its own: an oracle that shares nothing with protobuf-c."""
import struct
import sys

from node import ROOT, patiently

sys.path.insert(0, str(ROOT / "test/unit/front"))
from h2_client import CANCEL, Client  # noqa: E402, F401

SERVICE = "/inference.GRPCInferenceService/"
OK, CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, PERMISSION_DENIED, \
    UNIMPLEMENTED = 0, 1, 3, 4, 5, 7, 12


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """int: varint; bytes, str and list of fields: length first; float: 32 bits."""
    if isinstance(value, (bool, int)):
        return varint(number << 3) + varint(int(value))
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    """[(number, int or bytes)]"""
    at, out = 0, []

    def number():
        nonlocal at
        n, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n
    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            out.append((tag >> 3, number()))
        elif tag & 7 == 2:
            size = number()
            assert at + size <= len(data)
            out.append((tag >> 3, data[at:at + size]))
            at += size
        else:
            raise AssertionError(f"wire type {tag & 7}")
    return out


def all_of(message, number):
    return [value for n, value in fields(message) if n == number]


def one(message, number, otherwise=b""):
    return (all_of(message, number) or [otherwise])[-1]


def packed(data):
    return [value for _, value in fields(b"".join(b"\x08" + part for part in split_varints(data)))]


def split_varints(data):
    part = b""
    for byte in data:
        part += bytes([byte])
        if byte < 128:
            yield part
            part = b""


def shape(*dims):
    return field(3, b"".join(varint(d) for d in dims))


def tensor(name, datatype, dims, contents=b"", parameters=b""):
    return field(5, field(1, name) + field(2, datatype) + (shape(*dims) if dims else b"") + parameters + (field(5, contents) if contents else b""))


def infer(model, *tensors, raw=(), outputs=(), request_id=""):
    return (field(1, model) + (field(3, request_id) if request_id else b"") + b"".join(tensors) +
            b"".join(field(6, field(1, o) if isinstance(o, str) else o) for o in outputs) + b"".join(field(7, r) for r in raw))


def outputs(message):
    """{name: (datatype, shape, raw)}"""
    raw = all_of(message, 6)
    described = [(one(t, 1).decode(), one(t, 2).decode(), packed(one(t, 3))) for t in all_of(message, 5)]
    assert len(raw) == len(described)
    return {name: (datatype, dims, bytes(data)) for (name, datatype, dims), data in zip(described, raw)}


def frame(message, flag=0):
    return struct.pack(">BI", flag, len(message)) + message


def unframe(body):
    messages = []
    while body:
        flag, size = struct.unpack_from(">BI", body)
        assert flag == 0 and len(body) >= 5 + size
        messages.append(bytes(body[5:5 + size]))
        body = body[5 + size:]
    return messages


class Result:
    def __init__(self, answer):
        assert answer.status == 200, answer.status
        self.head = answer.fields
        end = answer.trailers if answer.trailers is not None else answer.fields
        self.status = int(end["grpc-status"])
        self.text = end.get("grpc-message", "")
        self.code = end.get("veronnx-code")
        self.messages = unframe(answer.body)
        self.message = self.messages[0] if self.messages else None


class Grpc(Client):
    def __init__(self, node):
        patiently(lambda: super(Grpc, self).__init__(node))

    def start(self, method, *more, end=False):
        path = method if method.startswith("/") else SERVICE + method
        return self.begin(path, "POST", ("content-type", "application/grpc"), ("te", "trailers"), *more, end=end)

    def call(self, method, message=b"", *more, body=None):
        stream = self.start(method, *more)
        self.send(stream, frame(message) if body is None else body)
        return Result(self.wait(stream))
