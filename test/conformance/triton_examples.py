#!/usr/bin/env python3
"""What the example programs of Triton's Python client ask of a server (simple_{http,grpc}_{,async_,aio_}infer_client, _string_infer_client,
_health_metadata, _keepalive_client, _custom_args_client), in words of our own, with models that do the same. Beside the point here: a server of
the name "triton", and loading with another configuration. Prints "passed: NAME" "failed: NAME: why" or "skipped: tritonclient"."""
import asyncio
import ssl

import peer

peer.again_with("tritonclient", "tritonclient")

import numpy as np  # noqa: E402
import tritonclient.grpc as over_grpc  # noqa: E402
import tritonclient.grpc.aio as over_grpc_aio  # noqa: E402
import tritonclient.http as over_http  # noqa: E402
import tritonclient.http.aio as over_http_aio  # noqa: E402
from tritonclient.utils import InferenceServerException  # noqa: E402

from node import Node, check, equal, ox, wait_for  # noqa: E402

FIRST, SECOND = np.arange(16, dtype=np.int32).reshape(1, 16), np.ones((1, 16), np.int32)


def graph(name, nodes, kind, inputs, outputs):
    return ox.model(ox.graph(name, nodes, [ox.value(i, kind, ["batch", 16]) for i in inputs], [ox.value(o, kind, ["batch", 16]) for o in outputs]))


def sums(before="", after=""):
    return [ox.node(kind, [f"INPUT0{before}", f"INPUT1{before}"], [f"OUTPUT{n}{after}"]) for n, kind in enumerate(("Add", "Sub"))]


def cast(source, target, kind):
    return ox.node("Cast", [source], [target], ox.attribute("to", "i", kind))


INPUTS, OUTPUTS = ("INPUT0", "INPUT1"), ("OUTPUT0", "OUTPUT1")
MODELS = {
    "simple": graph("simple", sums(), ox.INT32, INPUTS, OUTPUTS),
    "simple_string": graph("simple_string", [cast(i, f"{i}_number", ox.INT32) for i in INPUTS] + sums("_number", "_number") +
                           [cast(f"{o}_number", o, ox.STRING) for o in OUTPUTS], ox.STRING, INPUTS, OUTPUTS),
    "simple_identity": graph("simple_identity", [ox.node("Identity", ["INPUT0"], ["OUTPUT0"])], ox.STRING, INPUTS[:1], OUTPUTS[:1]),
}


def tensor(module, name, datatype, values, **more):
    made = module.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, **more)
    return made


def pair(module, datatype="INT32", first=FIRST, second=SECOND, binary=(None, None)):
    return [tensor(module, name, datatype, values, **({} if b is None else {"binary_data": b}))
            for name, values, b in zip(INPUTS, (first, second), binary)]


def check_sums(result, only=(0, 1)):
    for n, wanted in enumerate((FIRST + SECOND, FIRST - SECOND)):
        got = result.as_numpy(OUTPUTS[n])
        check(np.array_equal(got, wanted) if n in only else got is None, f"OUTPUT{n}: {got}")


def as_text(numbers):
    return np.array([str(n).encode() for n in numbers.flat], np.object_).reshape(numbers.shape)


def check_unknown(work):
    try:
        work()
    except InferenceServerException as e:
        check(e.message().startswith("Request for unknown model"), f"another text: {e}")
        return
    raise AssertionError("a model that is not there answered")


def http_infer(client):
    outputs = [over_http.InferRequestedOutput("OUTPUT0", binary_data=True), over_http.InferRequestedOutput("OUTPUT1", binary_data=False)]
    for compression in None, "gzip", "deflate":
        how = {"request_compression_algorithm": compression, "response_compression_algorithm": compression}
        check_sums(client.infer("simple", pair(over_http, binary=(False, True)), outputs=outputs, query_params={"test_1": 1},
                                headers={"test": "1"}, **how))
        check_sums(client.infer("simple", pair(over_http), outputs=outputs[:1], **how), (0,))
        check_sums(client.infer("simple", pair(over_http), **how))
    for request in [client.async_infer("simple", pair(over_http)) for _ in range(8)]:
        check_sums(request.get_result())
    check_unknown(lambda: client.infer("wrong_model_name", pair(over_http)))


def grpc_infer(client):
    outputs = [over_grpc.InferRequestedOutput(name) for name in OUTPUTS]
    for compression in None, "gzip", "deflate":
        check_sums(client.infer("simple", pair(over_grpc), outputs=outputs, headers={"test": "1"}, compression_algorithm=compression))
        check_sums(client.infer("simple", pair(over_grpc), outputs=outputs[:1], compression_algorithm=compression), (0,))
    statistics = client.get_inference_statistics("simple").model_stats
    equal((len(statistics), statistics[0].name), (1, "simple"), "statistics")
    got = []
    for _ in range(8):
        client.async_infer("simple", pair(over_grpc), lambda result, error: got.append((result, error)), client_timeout=30)
    wait_for("answers", lambda: len(got) == 8, 30)
    for result, error in got:
        equal(error, None, "async_infer")
        check_sums(result)
    check_unknown(lambda: client.infer("wrong_model_name", pair(over_grpc)))


def strings(module, client):
    text = pair(module, "BYTES", as_text(FIRST), as_text(SECOND))
    result = client.infer("simple_string", text)
    for n, wanted in enumerate((FIRST + SECOND, FIRST - SECOND)):
        check(np.array_equal(result.as_numpy(OUTPUTS[n]).astype(np.int32), wanted), f"OUTPUT{n}")
    for word in b"he\0llo", b"", "zw\u00f6lf".encode():
        words = np.array([word] * 16, np.object_).reshape(1, 16)
        got = client.infer("simple_identity", [tensor(module, "INPUT0", "BYTES", words)]).as_numpy("OUTPUT0")
        check(np.array_equal(got, words), f"{word!r} became {got}")


def about(client, metadata_name, **more):
    check(client.is_server_live(**more) and client.is_server_ready(**more) and client.is_model_ready("simple", **more), "live and ready")
    equal(metadata_name(client.get_server_metadata(**more)), "veronnx", "server")
    equal(metadata_name(client.get_model_metadata("simple", **more)), "simple", "model")
    check_unknown(lambda: client.get_model_metadata("wrong_model_name", **more))


async def http_aio(node):
    context = ssl.create_default_context(cafile=node.ready["cert"])
    async with over_http_aio.InferenceServerClient(f"localhost:{node.port}", ssl=True, ssl_context=context) as client:
        for result in await asyncio.gather(*(client.infer("simple", pair(over_http)) for _ in range(8))):
            check_sums(result)


async def grpc_aio(node, **options):
    async with over_grpc_aio.InferenceServerClient(f"localhost:{node.port}", **options) as client:
        for result in await asyncio.gather(*(client.infer("simple", pair(over_grpc)) for _ in range(8))):
            check_sums(result)


def steps(node):
    trust = {"ssl": True, "root_certificates": node.ready["cert"]}
    http = over_http.InferenceServerClient(f"localhost:{node.port}", ssl=True, ssl_options={"ca_certs": node.ready["cert"]}, concurrency=4)
    grpc = over_grpc.InferenceServerClient(f"localhost:{node.port}", **trust)
    keepalive = over_grpc.KeepAliveOptions(keepalive_time_ms=1000, keepalive_timeout_ms=20000, keepalive_permit_without_calls=True)
    yield "HTTP, infer", lambda: http_infer(http)
    yield "HTTP, strings", lambda: strings(over_http, http)
    yield "HTTP, health and metadata", lambda: about(http, lambda m: m["name"], query_params={"test_1": 1, "test_2": 2})
    yield "HTTP, aio", lambda: asyncio.run(http_aio(node))
    yield "gRPC, infer", lambda: grpc_infer(grpc)
    yield "gRPC, strings", lambda: strings(over_grpc, grpc)
    yield "gRPC, health and metadata", lambda: about(grpc, lambda m: m.name, headers={"test": "1"})
    yield "gRPC, keepalive", lambda: grpc_infer(over_grpc.InferenceServerClient(f"localhost:{node.port}", keepalive_options=keepalive, **trust))
    yield "gRPC, channel arguments", lambda: grpc_infer(over_grpc.InferenceServerClient(
        f"localhost:{node.port}", channel_args=[("grpc.max_send_message_length", -1), ("grpc.primary_user_agent", "own")], **trust))
    yield "gRPC, aio", lambda: asyncio.run(grpc_aio(node, **trust))


class Named(Node):
    """A node whose models have the names of the examples."""

    def start(self):
        for name, model in MODELS.items():
            self.options += ["--alias", f"{name} {self.put(name, model)}"]
        super().start()


with Named(models=None) as running:
    for name, work in steps(running):
        try:
            work()
            print(f"passed: {name}")
        except Exception as e:  # noqa: BLE001: whatever a client raises is a failure
            print(f"failed: {name}: {type(e).__name__}: {e}")
