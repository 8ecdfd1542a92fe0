#!/usr/bin/env python3
"""ModelStreamInfer: messages are answered one after the other, each with its receipt; a bad one does not end the stream."""
import struct

from grpc_client import CANCEL, INVALID_ARGUMENT, OK, Grpc, Result, all_of, field, frame, infer, one, outputs, tensor
from node import Node, check, equal


def numbers(*values):
    return struct.pack(f"<{len(values)}f", *values)


def asked(model, n):
    return frame(infer(model, tensor("x", "FP32", [2]), raw=[numbers(n, -n)], request_id=str(n)))


with Node() as node, Grpc(node) as grpc:
    cid = node.cids["double"]
    node.infer("double")

    stream = grpc.start("ModelStreamInfer")
    grpc.send(stream, asked(cid, 1), end=False)
    while len(grpc.answers[stream].body) < 5:
        check(grpc.receive(), "the first answer comes before the stream has ended")
    second, third = asked(cid, 2), asked("nobody", 3)
    grpc.send(stream, second[:7], end=False)
    grpc.send(stream, second[7:] + third + asked(cid, 4))
    result = Result(grpc.wait(stream))
    equal((result.status, len(result.messages)), (OK, 4), "a stream of four")
    for n, message in enumerate(result.messages, 1):
        if n == 3:
            check(one(message, 1) != b"" and one(message, 2) == b"", "the third says what is wrong")
            continue
        answer = one(message, 2)
        equal((one(answer, 3), outputs(answer)["y"]), (str(n).encode(), ("FP32", [2], numbers(2 * n, -2 * n))), f"answer {n}")
        equal([one(p, 1) for p in all_of(answer, 4)], [b"veronnx_receipt"], f"receipt {n}")
    receipts = {one(one(p, 2), 3) for m in result.messages for p in all_of(one(m, 2), 4)}
    equal(len(receipts), 3, "receipts of their own")

    # The trace is the stream's, and nothing in its messages.
    trace = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    result = grpc.call("ModelStreamInfer", b"", trace, body=asked(cid, 1) + asked("nobody", 2))
    equal([one(p, 1) for p in all_of(one(result.messages[0], 2), 4)], [b"veronnx_receipt"], "parameters of a traced answer")
    equal(result.messages[1], grpc.call("ModelStreamInfer", b"", body=asked("nobody", 2)).message, "a traced error")

    equal((Result(grpc.wait(grpc.start("ModelStreamInfer", end=True))).status), OK, "a stream of nothing")
    for body, what in (asked(cid, 1)[:-1], "half a message"), (frame(b"", 2), "a flag that is none"):
        equal(grpc.call("ModelStreamInfer", body=body).status, INVALID_ARGUMENT, what)
    for sent in (b"", asked(cid, 1), asked(cid, 1) * 5 + asked(cid, 2)[:9]):
        stream = grpc.start("ModelStreamInfer")
        grpc.send(stream, sent, end=False)
        grpc.h2.reset_stream(stream, CANCEL)
        grpc.flush()
    equal(grpc.call("ServerLive").message, field(1, True), "the connection goes on when streams are taken back")
    broken = Grpc(node)
    broken.send(broken.start("ModelStreamInfer"), asked(cid, 1) * 3, end=False)
    broken.socket.close()
    equal(node.infer("double")[0], 200, "nobody else notices a client that leaves")
