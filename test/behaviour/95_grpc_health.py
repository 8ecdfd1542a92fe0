#!/usr/bin/env python3
"""gRPC: answers are compressed for who compresses requests and says that it takes that; Watch tells each change of the node's health;
deadlines and cancelled calls end what they asked for, and nothing else."""
import gzip
import os
import re
import signal
import struct
import zlib

from grpc_client import (CANCEL, DEADLINE_EXCEEDED, INVALID_ARGUMENT, NOT_FOUND, OK, UNIMPLEMENTED, Grpc, Result, field, fields, frame,
                         infer, outputs, tensor)
from node import SLOW, Node, check, equal, freeze, wait_for

WATCH, CHECK = "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/Check"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3
UNAVAILABLE = 14
PACK = {"gzip": gzip.compress, "deflate": zlib.compress}
UNPACK = {"gzip": gzip.decompress, "deflate": zlib.decompress}


def counter(node, name, labels=""):
    text = node.admin("GET", "/metrics")[1].decode()
    return int(re.search(rf"^{re.escape(name + labels)} (\d+)$", text, re.M)[1])


with Node() as node:
    cid, grpc = node.cids["double"], Grpc(node)
    size = 4096
    asked = infer(cid, tensor("x", "FP32", [size]), raw=[struct.pack("<f", 1.5) * size])

    def answer(message, *fields_of_head, packed=None):
        stream = grpc.start("ModelInfer", *fields_of_head)
        grpc.send(stream, frame(PACK[packed](message), 1) if packed else frame(message))
        got = grpc.wait(stream)
        flag, length = struct.unpack_from(">BI", got.body)
        equal((len(got.body), got.trailers["grpc-status"]), (5 + length, "0"), "one message")
        return got.fields.get("grpc-encoding"), flag, bytes(got.body[5:])

    encoding, flag, plain = answer(asked)
    equal((encoding, flag), (None, 0), "nothing is said")
    equal(outputs(plain)["y"][2], struct.pack("<f", 3) * size, "the answer")
    for name in "gzip", "deflate":
        accepts = ("grpc-accept-encoding", "identity, deflate ,gzip")
        encoding, flag, body = answer(asked, ("grpc-encoding", name), accepts, packed=name)
        equal((encoding, flag, UNPACK[name](body)), (name, 1, plain), name)
        check(len(body) < len(plain) / 10, f"{name}: {len(body)} of {len(plain)} bytes")
        for other in [], [("grpc-accept-encoding", f"br,x{name}")]:
            equal(answer(asked, ("grpc-encoding", name), *other, packed=name)[:2], (None, 0), f"{name}: who does not take it: {other}")
        equal(answer(asked, accepts)[:2], (None, 0), f"{name}: who does not compress")
        short = infer(cid, tensor("x", "FP32", [3]), raw=[b"\0" * 12])
        equal(answer(short, ("grpc-encoding", name), accepts, packed=name)[:2], (None, 0), "a short answer")
        noise = infer(cid, tensor("x", "FP32", [size]), raw=[os.urandom(4 * size)])
        equal(answer(noise, ("grpc-encoding", name), accepts, packed=name)[:2], (None, 0), "what does not get shorter")
        wrong = frame(PACK[name](infer(cid)), 1)
        equal(grpc.call("ModelInfer", b"", ("grpc-encoding", name), accepts, body=wrong).code, "INPUT_MISSING", "a refusal")
    result = grpc.call("ModelInfer", b"", ("grpc-encoding", "br"), body=frame(b"x", 1))
    equal((result.status, result.head.get("grpc-accept-encoding")), (UNIMPLEMENTED, "identity,deflate,gzip"), "an encoding that is not known")

    # ── parameters and trace ──
    def parameter(name):
        return asked + field(4, field(1, name) + field(2, field(1, 1)))
    for name in "own", "sequence_id", "triton", "triton_enable_empty_final_response":
        equal(grpc.call("ModelInfer", parameter(name)).status, OK, f"parameter {name}")
    result = grpc.call("ModelInfer", parameter("triton_other"))
    equal((result.status, result.code), (INVALID_ARGUMENT, "FIELD_VALUE"), "a reserved name")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    context = ("traceparent", trace), ("veronnx-request-id", "00000000000000ab")
    for method, message in ("ModelInfer", asked), ("ModelStreamInfer", asked), ("ServerLive", b""), ("ModelInfer", b"\xff"), ("Nothing", b""):
        head = grpc.call(method, message, *context).head
        equal(head.get("traceparent"), "00-0af7651916cd43dd8448eb211c80319c-00000000000000ab-01", f"traceparent of {method}")

    # ── deadlines and cancellation, while the model's process does not answer ──
    equal(grpc.call("ModelInfer", asked).status, OK, "before")
    for wrong in "", "5", "m", "1x", "-1m", "1.5S", "123456789m", "1 m":
        equal(grpc.call("ModelInfer", asked, ("grpc-timeout", wrong)).status, INVALID_ARGUMENT, f"timeout {wrong!r}")
    for fine in "1H", "99999999H", "5M", "30S", "30000m", "30000000u":
        equal(grpc.call("ModelInfer", asked, ("grpc-timeout", fine)).status, OK, f"timeout {fine}")
    pids = node.processes("infer")
    freeze(*pids)
    result = grpc.call("ModelInfer", asked, ("grpc-timeout", "400m"))
    equal((result.status, result.code), (DEADLINE_EXCEEDED, "TIMEOUT"), "a deadline while it runs")
    cancelled = counter(node, "veronnx_inference_failures_total", '{reason="CANCELED"}')
    stream = grpc.start("ModelInfer")
    grpc.send(stream, frame(asked))
    wait_for("it runs", lambda: grpc.call("ServerLive").status == OK)
    grpc.h2.reset_stream(stream, CANCEL)
    grpc.flush()
    wait_for("it is cancelled", lambda: counter(node, "veronnx_inference_failures_total", '{reason="CANCELED"}') == cancelled + 1)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    equal(grpc.call("ModelInfer", asked).status, OK, "afterwards")
    equal(counter(node, "veronnx_model_kills_total"), 0, "nobody was killed for it")

    # ── health ──
    equal(fields(grpc.call(CHECK, field(1, "inference.GRPCInferenceService")).message), [(1, SERVING)], "Check")
    equal(grpc.call(CHECK, field(1, "other")).status, NOT_FOUND, "Check of another service")

    def watch(client, service=b""):
        stream = client.start(WATCH)
        client.send(stream, frame(field(1, service) if service else b""))
        return stream

    def told(client, stream, count):
        """The first messages of a watch, which goes on."""
        while len(client.answers[stream].body) < 7 * count:
            check(client.receive(), "the connection")
        body = bytes(client.answers[stream].body)
        equal([body[at:at + 6] for at in range(0, len(body), 7)], [b"\0\0\0\0\2\x08"] * count, "frames")
        return list(body[6::7])

    first, other, unknown = watch(grpc), watch(grpc, b"inference.GRPCInferenceService"), watch(grpc, b"other")
    equal([told(grpc, stream, 1) for stream in (first, other, unknown)], [[SERVING], [SERVING], [SERVICE_UNKNOWN]], "Watch")
    equal(grpc.answers[first].fields["content-type"], "application/grpc", "the head")
    equal(grpc.call(WATCH, b"", body=frame(b"\xff")).status, INVALID_ARGUMENT, "no protobuf")
    equal(grpc.call(WATCH, b"", body=b"").status, INVALID_ARGUMENT, "no message")

    short = grpc.start(WATCH, ("grpc-timeout", "300m"))
    grpc.send(short, frame(b""))
    equal(told(grpc, short, 1), [SERVING], "a watch with a deadline")
    while not grpc.answers[short].ended and grpc.answers[short].reset is None:
        check(grpc.receive(), "the connection")
    equal(grpc.answers[short].reset, CANCEL, "ends with it")

    # As many as there are places: the next is refused, and a place is free when one leaves.
    crowd = Grpc(node)
    streams = [watch(crowd) for _ in range(61)]
    equal([told(crowd, stream, 1) for stream in streams], [[SERVING]] * 61, "61 more")
    equal(Result(grpc.wait(watch(grpc))).status, UNAVAILABLE, "one too many")
    crowd.h2.reset_stream(streams[0], CANCEL)
    crowd.flush()
    equal(crowd.call("ServerLive").status, OK, "the connection serves the rest")
    again = watch(grpc)
    equal(told(grpc, again, 1), [SERVING], "a place was free")
    crowd.socket.close()
    wait_for("their places are free", lambda: counter(node, "veronnx_connections") == 1)
    equal([told(grpc, watch(grpc), 1) for _ in range(5)], [[SERVING]] * 5, "places of a connection that is gone")

    # The node's end is told to all and holds nobody up.
    equal(node.admin("POST", "/drain")[0], 200, "drain")
    for stream in first, again:
        result = Result(grpc.wait(stream))
        equal(([fields(m) for m in result.messages], result.status), ([[(1, SERVING)], [(1, NOT_SERVING)]], UNAVAILABLE), "drained")
    equal([fields(m) for m in Result(grpc.wait(unknown)).messages], [[(1, SERVICE_UNKNOWN)]], "another service")
    equal(node.wait(), 0, "exit status")

# A node that loads models first is not ready, and says so when it is.
with Node() as node:
    cid = node.cids["double"]
    equal(node.stop(), 0, "exit status")
    node.options = ["--preload", cid, "--idle-time", "400ms"]
    node.start()
    grpc = Grpc(node)
    stream = watch(grpc)
    while list(grpc.answers[stream].body[6::7])[-1:] != [SERVING]:
        check(grpc.receive(), "the connection")
    states = list(grpc.answers[stream].body[6::7])
    check(states in ([SERVING], [NOT_SERVING, SERVING]), f"states: {states}")
    grpc.socket.settimeout(1.5 * SLOW)
    try:
        grpc.socket.recv(1)
        raise AssertionError("a watch is not idle, and hears nothing while nothing changes")
    except TimeoutError:
        pass
