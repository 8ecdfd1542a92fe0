#!/usr/bin/env python3
"""KServe's clients, as they come from their package index, against a node: InferenceRESTClient (HTTP/1.1 and HTTP/2), InferenceGRPCClient,
and through its own stubs the methods that the latter has no function for. Prints "passed: NAME", "failed: NAME: why" or "skipped: NAME"."""
import asyncio
import pathlib

import peer

peer.again_with("kserve", "clients")

import grpc  # noqa: E402
import numpy as np  # noqa: E402
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig  # noqa: E402
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb  # noqa: E402
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub  # noqa: E402
from kserve.protocol.infer_type import RequestedOutput  # noqa: E402

from every_type import TYPES, same  # noqa: E402
from node import Node, check, equal  # noqa: E402

TYPED = {t: kind for t, kind in TYPES.items() if t != "FP16"}  # for which gRPC has typed contents


def tensor(name, datatype, values, binary=True):
    made = InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def check_outputs(answer, wanted):
    got = {o.name: o.as_numpy() for o in answer.outputs}
    equal(set(got), set(wanted), "outputs")
    for name, values in wanted.items():
        if values.dtype == np.object_:  # KServe gives bytes or text, as they came
            got[name] = np.array([v if isinstance(v, bytes) else v.encode() for v in got[name]], np.object_)
        check(got[name].dtype == values.dtype and np.array_equal(got[name], values), f"{name}: {got[name]!r}, wanted {values!r}")


def over_rest(node, **more):
    return InferenceRESTClient(RESTConfig(protocol="v2", verify=node.ready["cert"], retries=1, **more))


def over_grpc(node):
    return InferenceGRPCClient(f"localhost:{node.port}", use_ssl=True, root_certificates=node.ready["cert"])


async def rest_health(node, **more):
    base = f"https://localhost:{node.port}"
    async with over_rest(node, **more) as client:
        check(await client.is_server_live(base) and await client.is_server_ready(base), "live and ready")
        check(await client.is_model_ready(base, node.cids["double"]), "a model")


async def rest_types(node, binary, **more):
    """Every type in one request; FP16 in binary always, as the protocol has it."""
    inputs = [tensor(t, t, values, binary or t == "FP16") for t, (_, values) in TYPES.items()]
    outputs = [RequestedOutput(f"{t} again", {"binary_data": binary or t == "FP16"}) for t in TYPES]
    cid = node.cids["same"]
    async with over_rest(node, **more) as client:
        answer = await client.infer(f"https://localhost:{node.port}", InferRequest(cid, inputs, "7", request_outputs=outputs), model_name=cid)
        equal((answer.id, answer.model_name), ("7", cid), "what is repeated")
        check_outputs(answer, {f"{t} again": values for t, (_, values) in TYPES.items()})


async def rest_large(node, numbers, binary):
    """Not larger: KServe makes a Python list of what it gets."""
    x = np.arange(numbers, dtype=np.float32)
    async with over_rest(node) as client:
        request = InferRequest(node.cids["double"], [tensor("x", "FP32", x, binary)], parameters={"binary_data_output": binary})
        check_outputs(await client.infer(f"https://localhost:{node.port}", request, model_name=node.cids["double"]), {"y": 2 * x})


async def rest_refusal(node):
    async with over_rest(node) as client:
        try:
            await client.infer(f"https://localhost:{node.port}", InferRequest("nobody", [tensor("x", "FP32", np.zeros(1, np.float32))]), model_name="nobody")
        except Exception as e:  # noqa: BLE001: httpx is not ours to name
            equal(e.response.status_code, 404, "status")
            check("unknown model" in str(e), f"the node's own words do not reach the user: {e}")
            return
    raise AssertionError("not refused")


async def grpc_health(node):
    async with over_grpc(node) as client:
        check(await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready(node.cids["double"]), "live and ready")
        try:
            await client.is_model_ready("nobody")
        except grpc.RpcError as e:
            equal(e.code(), grpc.StatusCode.NOT_FOUND, "a model that is not there")
            return
    raise AssertionError("a model that is not there is ready")


async def grpc_types(node, raw):
    carried = {t: values for t, (_, values) in (TYPES if raw else TYPED).items()}
    async with over_grpc(node) as client:
        request = InferRequest(node.cids["same" if raw else "typed"], [tensor(t, t, values, raw) for t, values in carried.items()], "7",
                               request_outputs=[RequestedOutput(f"{t} again") for t in carried])
        answer = await client.infer(request)
        equal(answer.id, "7", "what is repeated")
        check_outputs(answer, {f"{t} again": values for t, values in carried.items()})


async def grpc_large(node):
    x = np.arange(25_000_000, dtype=np.float32)
    async with over_grpc(node) as client:
        check_outputs(await client.infer(InferRequest(node.cids["double"], [tensor("x", "FP32", x)])), {"y": 2 * x})


async def grpc_stubs(node):
    credentials = grpc.ssl_channel_credentials(pathlib.Path(node.ready["cert"]).read_bytes())
    async with grpc.aio.secure_channel(f"localhost:{node.port}", credentials) as channel:
        stub = GRPCInferenceServiceStub(channel)
        equal((await stub.ServerMetadata(pb.ServerMetadataRequest())).name, "veronnx", "server")
        about = await stub.ModelMetadata(pb.ModelMetadataRequest(name=node.cids["double"]))
        equal([(i.name, i.datatype, list(i.shape)) for i in about.inputs], [("x", "FP32", [-1])], "inputs")
        for method, kind in ((stub.RepositoryModelLoad, pb.RepositoryModelLoadRequest), (stub.RepositoryModelUnload, pb.RepositoryModelUnloadRequest)):
            try:
                await method(kind(model_name=node.cids["double"]))
            except grpc.RpcError as e:
                equal(e.code(), grpc.StatusCode.PERMISSION_DENIED, "loading is for administrators")
                continue
            raise AssertionError("a model was loaded or unloaded")


STEPS = {
    "REST, health": rest_health,
    "REST, every type in binary": lambda node: rest_types(node, True),
    "REST, every type in JSON": lambda node: rest_types(node, False),
    "REST over HTTP/2, health": lambda node: rest_health(node, http2=True),
    "REST over HTTP/2, every type": lambda node: rest_types(node, True, http2=True),
    "REST, 20 MB in binary": lambda node: rest_large(node, 5_000_000, True),
    "REST, a million numbers in JSON": lambda node: rest_large(node, 1_000_000, False),
    "REST, a refusal": rest_refusal,
    "gRPC, health": grpc_health,
    "gRPC, every type, raw": lambda node: grpc_types(node, True),
    "gRPC, every type, typed": lambda node: grpc_types(node, False),
    "gRPC, 100 MB": grpc_large,
    "gRPC, metadata and repository": grpc_stubs,
}

with Node("--body-max", "128M") as running:
    running.put("same", same(TYPES))
    running.put("typed", same(TYPED))
    for name, work in STEPS.items():
        try:
            asyncio.run(work(running))
            print(f"passed: {name}")
        except Exception as e:  # noqa: BLE001: whatever a client raises is a failure
            print(f"failed: {name}: {type(e).__name__}: {e}")
