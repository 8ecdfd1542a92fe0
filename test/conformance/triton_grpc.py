#!/usr/bin/env python3
"""Triton's Python client over gRPC, as it comes from PyPI: sync and asyncio, against a node with the demonstration models."""
import asyncio
import os
import pathlib
import queue
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/behaviour"))

if len(sys.argv) == 1:  # again, with the interpreter that has it
    done = subprocess.run([ROOT / "tools/peers.sh", "tritonclient"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    python = done.stdout.strip()
    os.execv(python, [python, __file__, "here"])

import numpy as np  # noqa: E402
import tritonclient.grpc as triton  # noqa: E402
import tritonclient.grpc.aio as triton_aio  # noqa: E402
from tritonclient.utils import InferenceServerException  # noqa: E402

from every_type import same, with_bf16  # noqa: E402
from node import Node, check, equal, wait_for  # noqa: E402

MIB = 1 << 20


def tensor(name, datatype, array):
    t = triton.InferInput(name, list(array.shape), datatype)
    t.set_data_from_numpy(array)
    return t


def refused(what, call, status):
    try:
        call()
    except InferenceServerException as e:
        equal(e.status(), f"StatusCode.{status}", what)
        return
    raise AssertionError(f"{what}: not refused")


def sync(node, options):
    double, words = node.cids["double"], node.cids["ids-and-words"]
    with triton.InferenceServerClient(f"localhost:{node.port}", **options) as client:
        check(client.is_server_live() and client.is_server_ready(), "live and ready")
        equal(client.get_server_metadata().name, "veronnx", "server")
        check(client.is_model_ready(double), "model ready")
        equal(client.get_model_metadata(double).inputs[0].name, "x", "metadata")
        equal(client.get_model_config(double).config.input[0].data_type, 11, "configuration")
        x = np.array([0.1, -2.5, 3], np.float32)
        for compression in (None, "gzip", "deflate"):
            got = client.infer(double, [tensor("x", "FP32", x)], request_id="7", compression_algorithm=compression)
            check(np.array_equal(got.as_numpy("y"), 2 * x) and got.get_response().id == "7", f"inference, {compression}")
        strings = np.array([b"three", "zw\u00f6lf".encode()], np.object_)
        got = client.infer(words, [tensor("ids", "INT64", np.array([2, 3])), tensor("words", "BYTES", strings)],
                           outputs=[triton.InferRequestedOutput("same_words"), triton.InferRequestedOutput("squares")])
        check(np.array_equal(got.as_numpy("squares"), [4, 9]) and np.array_equal(got.as_numpy("same_words"), strings), "integers and text")
        got = client.infer(double, [tensor("x", "FP32", x)], outputs=[triton.InferRequestedOutput("y", class_count=2)])
        equal([c.split(b":")[1] for c in got.as_numpy("y")], [b"2", b"0"], "classes")
        big = np.arange(25 * MIB, dtype=np.float32)  # 100 MiB
        check(np.array_equal(client.infer(double, [tensor("x", "FP32", big)]).as_numpy("y"), 2 * big), "100 MiB each way")
        equal(client.get_inference_statistics(double).model_stats[0].name, double, "statistics")
        equal(len(client.get_model_repository_index().models), 0, "index")
        refused("load", lambda: client.load_model(double), "PERMISSION_DENIED")
        refused("unload", lambda: client.unload_model(double), "PERMISSION_DENIED")
        refused("an unknown model", lambda: client.infer("nobody", [tensor("x", "FP32", x)]), "NOT_FOUND")
        refused("no input", lambda: client.infer(double, []), "INVALID_ARGUMENT")


def every_type(node, options):
    types = with_bf16()
    cid = node.put("same", same(types))
    with triton.InferenceServerClient(f"localhost:{node.port}", **options) as client:
        got = client.infer(cid, [tensor(t, t, values) for t, (_, values) in types.items()])
        for t, (_, values) in types.items():
            check(np.array_equal(got.as_numpy(f"{t} again"), values), f"{t}: {got.as_numpy(f'{t} again')}")


def taken_back(node, options):
    """A call that the client cancels, and one that takes too long for it; neither harms the next."""
    got, big = [], tensor("x", "FP32", np.zeros(25 * MIB, np.float32))
    with triton.InferenceServerClient(f"localhost:{node.port}", **options) as client:
        client.async_infer(node.cids["double"], [big], lambda result, error: got.append(error)).cancel()
        wait_for("the end of a cancelled call", lambda: got, 20)
        equal(got[0].status(), "StatusCode.CANCELLED", "cancelled")
        refused("a deadline", lambda: client.infer(node.cids["double"], [big], client_timeout=0.01), "DEADLINE_EXCEEDED")
        client.start_stream(lambda result, error: None)
        client.async_stream_infer(node.cids["double"], [big])
        client.stop_stream(cancel_requests=True)
        check(client.infer(node.cids["double"], [tensor("x", "FP32", np.ones(1, np.float32))]).as_numpy("y")[0] == 2, "the next")


def turn(node, options):
    """The two parameters that the client has for it."""
    double, x = node.cids["double"], [tensor("x", "FP32", np.ones(1, np.float32))]
    with triton.InferenceServerClient(f"localhost:{node.port}", **options) as client:
        for priority in 0, 1, 2:
            check(client.infer(double, x, priority=priority, timeout=60 * 10 ** 6).as_numpy("y")[0] == 2, f"priority {priority}")
        refused("a priority that is none", lambda: client.infer(double, x, priority=3), "INVALID_ARGUMENT")
        refused("no time at all", lambda: client.infer(double, x, timeout=1), "UNAVAILABLE")
        refused("a negative timeout", lambda: client.infer(double, x, timeout=-1), "INVALID_ARGUMENT")


def stream(node, options):
    """Several messages, a bad one among them, which does not end the stream."""
    got = queue.Queue()
    with triton.InferenceServerClient(f"localhost:{node.port}", **options) as client:
        client.start_stream(lambda result, error: got.put((result, error)))
        for n in range(5):
            client.async_stream_infer("nobody" if n == 3 else node.cids["double"], [tensor("x", "FP32", np.full(4, n, np.float32))], request_id=str(n))
        for n in range(5):
            result, error = got.get(timeout=30)
            check((error is not None) == (n == 3), f"message {n}: {error}")
            if error is None:
                response = result.get_response()
                check(response.id == str(n) and np.array_equal(result.as_numpy("y"), np.full(4, 2 * n)), f"message {n}")
                check(response.parameters["veronnx_receipt"].string_param, f"receipt of message {n}")
        client.stop_stream()


async def concurrent(node, options):
    async with triton_aio.InferenceServerClient(f"localhost:{node.port}", **options) as client:
        inputs = [np.full(1000, n, np.float32) for n in range(300)]
        answers = await asyncio.gather(*(client.infer(node.cids["double"], [tensor("x", "FP32", x)]) for x in inputs[:60]))
        check(all(np.array_equal(a.as_numpy("y"), 2 * x) for a, x in zip(answers, inputs)), "sixty at a time")


with Node("--body-max", "128M", "--priorities", "2") as node:
    options = {"ssl": True, "root_certificates": node.ready["cert"]}
    sync(node, options)
    every_type(node, options)
    turn(node, options)
    stream(node, options)
    taken_back(node, options)
    asyncio.run(concurrent(node, options))
