#!/usr/bin/env python3
"""Triton's client for HTTP (sync and aio), as it comes from its package index, against a node.
Prints "passed: NAME", "failed: NAME: why" or "skipped: NAME: why" for each step. Exit status 0: it could do so."""
import asyncio
import pathlib
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "behaviour"))
import node as nodes  # noqa: E402

try:
    import numpy as np
    import tritonclient.http as triton
    import tritonclient.http.aio as triton_aio
    from tritonclient.utils import InferenceServerException
except ImportError as e:
    print(f"skipped: tritonclient: {e.name} is not installed")
    sys.exit(0)

from every_type import same as same_types, with_bf16  # noqa: E402

X = np.array([0.1, -2.5, 3], np.float32)


def step(name, work):
    try:
        work()
        print(f"passed: {name}")
    except Exception as e:  # noqa: BLE001: whatever a client raises is a failure
        print(f"failed: {name}: {type(e).__name__}: {e}")


def tensor(kind, values, binary=True):
    x = kind("x", list(values.shape), "FP32")
    x.set_data_from_numpy(values, binary_data=binary)
    return x


def same(result):
    np.testing.assert_array_equal(result.as_numpy("y"), 2 * X)


def triton_steps(node, cid):
    url = f"127.0.0.1:{node.port}"
    client = triton.InferenceServerClient(url, ssl=True, ssl_options={"ca_certs": node.ready["cert"]})
    admin = triton.InferenceServerClient(f"127.0.0.1:{node.admin_port}")
    x = [tensor(triton.InferInput, X)]
    infer = lambda **more: same(client.infer(cid, x, **more))  # noqa: E731
    step("health", lambda: nodes.check(client.is_server_live() and client.is_server_ready() and client.is_model_ready(cid), "not ready"))
    step("metadata", lambda: nodes.equal(client.get_model_metadata(cid)["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1]}], "inputs"))
    step("server", lambda: nodes.equal(client.get_server_metadata()["name"], "veronnx", "name"))
    step("config", lambda: nodes.equal(client.get_model_config(cid)["max_batch_size"], 0, "max_batch_size"))
    step("infer", infer)
    step("infer, JSON in", lambda: same(client.infer(cid, [tensor(triton.InferInput, X, False)])))
    step("infer, JSON out", lambda: infer(outputs=[triton.InferRequestedOutput("y", binary_data=False)]))
    step("infer, gzip", lambda: infer(request_compression_algorithm="gzip", response_compression_algorithm="gzip"))
    step("infer, deflate", lambda: infer(request_compression_algorithm="deflate", response_compression_algorithm="deflate"))
    step("infer, parameters", lambda: infer(request_id="7", priority=1, timeout=60 * 10 ** 6, parameters={"own": "text"}))
    step("classes", lambda: nodes.equal(list(client.infer(cid, x, outputs=[triton.InferRequestedOutput("y", class_count=1)]).as_numpy("y")),
                                        [b"6.000000:2"], "classes"))
    step("async_infer", lambda: same(client.async_infer(cid, x).get_result()))
    large = np.arange(25_000_000, dtype=np.float32)
    step("100 MB", lambda: np.testing.assert_array_equal(client.infer(cid, [tensor(triton.InferInput, large)]).as_numpy("y"), 2 * large))
    step("statistics", lambda: nodes.check(client.get_inference_statistics(cid)["model_stats"][0]["inference_count"] > 5, "none"))
    step("index", lambda: nodes.equal([m["name"] for m in client.get_model_repository_index()], ["two"], "names"))
    step("unload and load", lambda: (admin.unload_model(cid), admin.load_model(cid)))

    def refused(wanted, *asked, **more):
        try:
            client.infer(cid, *asked, **more)
        except InferenceServerException as e:
            nodes.equal(e.status(), wanted, "status")
            return
        raise AssertionError("it was taken")
    step("a refusal", lambda: refused("400", [triton.InferInput("z", [1], "FP32").set_data_from_numpy(X[:1])]))
    step("a priority that is none", lambda: refused("400", x, priority=3))
    step("no time at all", lambda: refused("503", x, timeout=1))


def types_step(node, cid, binary):
    """In JSON all but the small floats, which come in binary always."""
    types = with_bf16()
    client = triton.InferenceServerClient(f"localhost:{node.port}", ssl=True, ssl_options={"ca_certs": node.ready["cert"]})
    inputs, outputs = [], []
    for t, (_, values) in types.items():
        small = t in ("FP16", "BF16")
        inputs.append(triton.InferInput(t, list(values.shape), t).set_data_from_numpy(values, binary_data=binary or small))
        outputs.append(triton.InferRequestedOutput(f"{t} again", binary_data=binary or small))
    got = client.infer(cid, inputs, outputs=outputs)
    for t, (_, values) in types.items():
        again = got.as_numpy(f"{t} again")
        again = np.array([v.encode() if isinstance(v, str) else v for v in again], again.dtype)
        nodes.check(np.array_equal(again, values), f"{t}: {again}")


async def aio_step(node, cid):
    context = ssl.create_default_context(cafile=node.ready["cert"])
    async with triton_aio.InferenceServerClient(f"127.0.0.1:{node.port}", ssl=True, ssl_context=context) as client:
        for result in await asyncio.gather(*(client.infer(cid, [tensor(triton.InferInput, X)]) for _ in range(8))):
            same(result)


with nodes.Node("--body-max", "128M") as first:
    CID = first.cids["double"]
with nodes.Node("--body-max", "128M", "--priorities", "2", "--alias", f"two {CID}") as running:
    triton_steps(running, CID)
    every = running.put("same", same_types(with_bf16()))
    step("every type in binary", lambda: types_step(running, every, True))
    step("every type in JSON", lambda: types_step(running, every, False))
    step("aio", lambda: asyncio.run(aio_step(running, CID)))
