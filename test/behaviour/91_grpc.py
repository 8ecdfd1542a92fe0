#!/usr/bin/env python3
"""The Open Inference Protocol over gRPC: health, metadata, inference; the receipt says what that of /infer says."""
import gzip
import struct
import zlib

import oip
from grpc_client import (DEADLINE_EXCEEDED, INVALID_ARGUMENT, NOT_FOUND, OK, PERMISSION_DENIED, UNIMPLEMENTED, Grpc, Result, all_of, field, frame, infer,
                         one, outputs, packed, tensor, varint)
from node import DOUBLE, Node, check, equal, ox

X = struct.pack("<3f", 0.1, -2.5, 3)
Y = struct.pack("<3f", *DOUBLE[0]["result"])

with Node() as node, Grpc(node) as grpc:
    cid, words = node.cids["double"], node.cids["ids-and-words"]

    def good(method, message=b"", *more):
        result = grpc.call(method, message, *more)
        equal((result.status, len(result.messages)), (OK, 1), f"{method}: {result.text}")
        return result.message

    equal(good("ServerLive"), field(1, True), "live")
    equal(good("ServerReady"), field(1, True), "ready")
    equal(one(good("ServerMetadata"), 1), b"veronnx", "server")
    equal(good("/grpc.health.v1.Health/Check"), field(1, 1), "health")
    equal(good("/grpc.health.v1.Health/Check", field(1, "inference.GRPCInferenceService")), field(1, 1), "health of the service")
    equal(grpc.call("/grpc.health.v1.Health/Check", field(1, "other")).status, NOT_FOUND, "health of another service")
    equal(good("ModelReady", field(1, cid)), field(1, True), "a model that is loaded by the question")
    meta = good("ModelMetadata", field(1, cid) + field(2, "1"))
    equal((one(meta, 1), all_of(meta, 2), one(meta, 3)), (cid.encode(), [b"1"], b"onnxruntime_onnx"), "metadata")
    equal([(one(t, 1), one(t, 2), packed(one(t, 3))) for n in (4, 5) for t in all_of(meta, n)],
          [(b"x", b"FP32", [2**64 - 1]), (b"y", b"FP32", [2**64 - 1])], "tensors of the metadata")
    equal(grpc.call("ModelMetadata", field(1, cid) + field(2, "2")).status, NOT_FOUND, "metadata of version 2")
    config = one(good("ModelConfig", field(1, cid)), 1)
    equal((one(config, 1), one(config, 17), [one(t, 2, 0) for t in all_of(config, 5)]), (cid.encode(), b"onnxruntime", [11]), "configuration")

    asked = infer(cid, tensor("x", "FP32", [3]), raw=[X], request_id="an id")
    result = grpc.call("ModelInfer", asked)
    equal((result.status, outputs(result.message)), (OK, {"y": ("FP32", [3], Y)}), "inference")
    equal([one(result.message, n) for n in (1, 2, 3)], [cid.encode(), b"1", b"an id"], "what is echoed")
    other = node.infer("double")
    equal(oip.digests(result.head), oip.digests(other[1]), "digests of one computation, asked for in two ways")
    equal(outputs(good("ModelInfer", infer(cid, tensor("x", "FP32", [3], field(6, X)))))["y"][2], Y, "typed contents, packed")
    loose = b"".join(field(6, v) for v in (0.1, -2.5, 3.0))
    equal(outputs(good("ModelInfer", infer(cid, tensor("x", "FP32", [3], loose))))["y"][2], Y, "typed contents, one by one")
    equal(outputs(good("ModelInfer", infer(cid, tensor("x", "FP32", [0]), raw=[b""]))), {"y": ("FP32", [0], b"")}, "an empty tensor")
    for name, pack in ("gzip", gzip.compress), ("deflate", zlib.compress):
        result = grpc.call("ModelInfer", b"", ("grpc-encoding", name), body=frame(pack(asked), 1))
        equal((result.status, outputs(result.message)["y"][2]), (OK, Y), f"{name}: {result.text}")
    tensors = tensor("ids", "INT64", [2], field(3, b"\x02\x03")), tensor("words", "BYTES", [2], field(8, "three") + field(8, "zw\u00f6lf"))
    got = outputs(good("ModelInfer", infer(words, *tensors)))
    equal((got["squares"][2], oip.unpack("BYTES", got["same_words"][2])), (struct.pack("<2q", 4, 9), [b"three", "zw\u00f6lf".encode()]), "integers, text")
    got = outputs(good("ModelInfer", infer(words, *tensors, outputs=["same_words", "squares"])))
    equal(list(got), ["same_words", "squares"], "outputs in the order in which they are asked for")
    top = field(1, "y") + field(2, field(1, "classification") + field(2, field(2, 1)))
    equal(outputs(good("ModelInfer", infer(cid, tensor("x", "FP32", [3]), raw=[X], outputs=[top])))["y"][:2], ("BYTES", [1]), "classes")
    equal(good("ModelInfer", asked, ("veronnx-nonce", "ab" * 20))[:1], b"\n", "a nonce")
    equal(good("ModelInfer", asked + field(4, field(1, "own") + field(2, field(3, "text"))))[:1], b"\n", "parameters")

    # Narrow integers come as wider ones: each end of a type is taken, and what is behind it refused.
    for size in 1, 2, 4:
        for signed, onnx_type in zip((True, False), {1: (3, 2), 2: (5, 4), 4: (6, 12)}[size]):
            name, least, most = ("" if signed else "U") + f"INT{8 * size}", -(1 << 8 * size - 1) if signed else 0, (1 << 8 * size - signed) - 1
            same = node.put(name, ox.model(ox.graph("same", [ox.node("Identity", ["x"], ["y"])], [ox.value("x", onnx_type, ["n"])],
                                                    [ox.value("y", onnx_type, ["n"])])))
            def typed(*elements):
                return infer(same, tensor("x", name, [len(elements)], field(2 if signed else 4, b"".join(varint(e) for e in elements))))
            equal(outputs(good("ModelInfer", typed(least, most)))["y"], (name, [2], oip.pack(name, [least, most])), name)
            for element in (least - 1, most + 1) if size < 4 else ():  # the wider ones have 32 bits
                result = grpc.call("ModelInfer", typed(element & 0xFFFFFFFF if not signed else element))
                equal((result.status, result.code), (INVALID_ARGUMENT, "VALUE_RANGE"), f"{name}: {element}")

    stats = one(good("ModelStatistics", field(1, cid)), 1)
    equal((one(stats, 1), one(stats, 4) == one(stats, 5) > 0), (cid.encode(), True), "statistics")
    equal(good("RepositoryIndex"), b"", "the index of a node that names no models")
    for verb in "Load", "Unload":
        result = grpc.call(f"RepositoryModel{verb}", field(2, cid))
        equal((result.status, result.code), (PERMISSION_DENIED, "ADMIN_ONLY"), verb)

    def refused(status, code, message, what, method="ModelInfer", *more, body=None):
        result = grpc.call(method, message, *more, body=body)
        equal((result.status, result.code, result.messages), (status, code, []), f"{what}: {result.text}")

    x = tensor("x", "FP32", [3])
    bad = INVALID_ARGUMENT
    refused(UNIMPLEMENTED, "METHOD_NOT_ALLOWED", b"", "no such method", "SystemSharedMemoryStatus")
    refused(UNIMPLEMENTED, "METHOD_NOT_ALLOWED", b"", "no such service", "/other.Service/Do")
    refused(NOT_FOUND, "MODEL_NOT_PINNED", infer("nobody", x, raw=[X]), "an unknown model")
    refused(NOT_FOUND, "NOT_FOUND", asked + field(2, "7"), "an unknown version")
    refused(bad, "TRUNCATED", b"\xff\xff", "no protobuf")
    refused(bad, "MALFORMED", b"\x0b\x0c", "a group")
    refused(bad, "MALFORMED", field(5, b"\x0a\x7f"), "a tensor that is cut off")
    refused(bad, "TRUNCATED", b"", "no message", body=b"")
    refused(bad, "TRUNCATED", b"", "half a message", body=frame(asked)[:-1])
    refused(bad, "MALFORMED", b"", "two messages", body=frame(asked) * 2)
    refused(bad, "MALFORMED", b"", "a flag that is none", body=frame(asked, 2))
    refused(UNIMPLEMENTED, "MEDIA_TYPE", b"", "compressed without a name", body=frame(gzip.compress(asked), 1))
    refused(bad, "BAD_ENCODING", b"", "not compressed", "ModelInfer", ("grpc-encoding", "gzip"), body=frame(asked, 1))
    refused(bad, "FIELD_VALUE", asked, "a timeout that is none", "ModelInfer", ("grpc-timeout", "1x"))
    refused(bad, "INPUT_MISSING", infer(cid), "no inputs")
    refused(bad, "INPUT_UNKNOWN", infer(cid, tensor("z", "FP32", [3]), raw=[X]), "an unknown input")
    refused(bad, "INPUT_DUPLICATE", infer(cid, x, x, raw=[X, X]), "an input twice")
    refused(bad, "FIELD_VALUE", infer(cid, x, raw=[X, X]), "a tensor too many")
    refused(bad, "FIELD_VALUE", infer(cid, tensor("x", "FP32", [3], field(6, X)), raw=[X]), "both forms")
    refused(bad, "FIELD_VALUE", infer(cid, tensor("x", "FP32", [3], field(5, b"\1\2\3"))), "contents of another type")
    refused(bad, "FIELD_VALUE", infer(cid, tensor("x", "FP8", [3]), raw=[X]), "a type that is none")
    refused(bad, "DTYPE_MISMATCH", infer(cid, tensor("x", "INT32", [3]), raw=[X]), "another type")
    refused(bad, "DTYPE_UNSUPPORTED", infer(cid, tensor("x", "FP16", [3], field(6, X))), "FP16 as contents")
    refused(bad, "SHAPE_MISMATCH", infer(cid, x, raw=[X[:-1]]), "too few bytes")
    refused(bad, "SHAPE_MISMATCH", infer(cid, x, raw=[X + b"\0"]), "too many bytes")
    refused(bad, "SHAPE_MISMATCH", infer(cid, tensor("x", "FP32", [-3]), raw=[X]), "a negative dimension")
    refused(bad, "SHAPE_MISMATCH", infer(cid, tensor("x", "FP32", [3] + [1] * 40), raw=[X]), "too many dimensions")
    refused(bad, "SHAPE_MISMATCH", infer(cid, tensor("x", "FP32", [2**62]), raw=[X]), "too large a shape")
    refused(bad, "OUTPUT_UNKNOWN", infer(cid, x, raw=[X], outputs=["z"]), "an unknown output")
    refused(bad, "FIELD_DUPLICATE", infer(cid, x, raw=[X], outputs=["y", "y"]), "an output twice")
    refused(bad, "FIELD_VALUE", infer(cid, tensor("x", "FP32", [3], parameters=field(4, field(1, "shared_memory_region") + field(2, field(3, "r"))))), "memory")
    late = grpc.start("ModelInfer", ("grpc-timeout", "300m"))  # the message does not come
    result = Result(grpc.wait(late))
    equal((result.status, result.code), (DEADLINE_EXCEEDED, "TIMEOUT"), "a deadline")
    check(grpc.get("/healthz").status == 200, "the same connection serves the rest")
    status, _, content = node.ask("POST", "/inference.GRPCInferenceService/ServerLive", b"", {"Content-Type": "application/grpc"})
    equal(status, 404, f"gRPC over HTTP/1.1: {content}")
