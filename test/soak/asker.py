"""One client of the models of models.py that asks in every way there is and believes nothing: each answer is compared with what the
model computes, and its receipt must prove it."""
import contextlib
import hashlib
import http.client
import json
import pathlib
import random
import ssl
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "behaviour"), str(HERE.parents[1] / "clients/python")]
import grpc_client  # noqa: E402
import oip  # noqa: E402
from node import patiently  # noqa: E402
import veronnx_verify as proof  # noqa: E402
from veronnx_verify import Refused  # noqa: E402

FORMS = ("infer", "infer-h2", "oip", "oip-binary", "grpc")
BUSY = (429, 503, 504)
GRPC_BUSY = (grpc_client.DEADLINE_EXCEEDED, 8, 14)  # RESOURCE_EXHAUSTED, UNAVAILABLE


def attested(node, timeout):
    """The keyset of a document that answers our nonce over this connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    root = ssl.PEM_cert_to_DER_cert((node.dir / "state/sim-root.pem").read_text())
    asker = proof.Node(node.ready["url"], any_policy=True, root=root, allow_simulated=True, any_image=True)
    connection = http.client.HTTPSConnection("127.0.0.1", node.port, timeout=timeout, context=context)
    try:
        connection.connect()
        return proof.read_keyset(asker.attest(connection)[1])
    finally:
        connection.close()


def digest(name_values):
    """Of a side: docs/receipts.md, "Tensor digest"."""
    described = struct.pack("<H", len(name_values))
    for name, dtype, data in name_values:
        described += struct.pack("<H", len(name)) + name.encode() + bytes([dtype, 1]) + struct.pack("<Q", 1)
    sides = hashlib.sha256(described).digest()
    return hashlib.sha256(sides + b"".join(struct.pack("<Q", len(data)) + data for _, _, data in name_values)).digest()


class Asker:
    """With a connection for each way to ask. `models` is a list of (CID, number, elements of its table), which may grow."""

    def __init__(self, node, models, seed, busy=BUSY, timeout=60):
        self.node, self.models, self.chance, self.busy, self.timeout = node, models, random.Random(seed), busy, timeout
        self.rest, self.h2, self.point = None, None, None

    def connect(self):
        self.rest = self.rest or self.node.connect(timeout=self.timeout)
        self.h2 = self.h2 or patiently(lambda: grpc_client.Grpc(self.node))
        self.point = self.point or patiently(lambda: attested(self.node, self.timeout))[3]

    def drop(self):
        for connection in filter(None, (self.rest, self.h2 and self.h2.socket)):
            with contextlib.suppress(OSError):
                connection.close()
        self.rest = self.h2 = None

    def send(self, form, cid, x, i):
        """(status, code, [y, z], receipt)"""
        return getattr(self, "send_" + form.replace("-", "_"))(cid, x, i)

    def send_infer(self, cid, x, i):
        status, head, content = self.node.ask("POST", "/infer", infer_body(cid, x, i), None, self.rest)
        return status, *infer_answer(status, content), head.get("veronnx-receipt")

    def send_infer_h2(self, cid, x, i):
        got = self.h2.post("/infer", infer_body(cid, x, i))
        if got.status is None or not got.ended:
            raise ConnectionError("HTTP/2: no answer")
        return got.status, *infer_answer(got.status, bytes(got.body)), got.fields.get("veronnx-receipt")

    def send_oip(self, cid, x, i, binary=False):
        more = {"parameters": {"binary_data_output": True}} if binary else {}
        body, fields = oip.request([("x", "FP32", [1], [x]), ("i", "INT64", [1], [i])], binary, **more)
        status, head, content = self.node.ask("POST", oip.path(cid, "/infer"), body, fields, self.rest)
        if status != 200:
            return status, json.loads(content).get("code"), None, None
        got, _ = oip.answer(head, content)
        return status, None, [got[name][2][0] for name in "yz"], head.get("veronnx-receipt")

    def send_oip_binary(self, cid, x, i):
        return self.send_oip(cid, x, i, binary=True)

    def send_grpc(self, cid, x, i):
        tensors = grpc_client.tensor("x", "FP32", [1]), grpc_client.tensor("i", "INT64", [1])
        result = self.h2.call("ModelInfer", grpc_client.infer(cid, *tensors, raw=[struct.pack("<f", x), struct.pack("<q", i)]))
        if result.status != grpc_client.OK:
            return (503 if result.status in GRPC_BUSY else 500), result.code, None, None
        got = grpc_client.outputs(result.message)
        return 200, None, [struct.unpack("<f", got[name][2])[0] for name in "yz"], result.head.get("veronnx-receipt")

    def ask(self, form, which):
        """(what came, whether it is as it should be)"""
        cid, number, elements = self.models[which]
        i, x = self.chance.randrange(elements), float(self.chance.randrange(1000))
        status, code, values, receipt = self.send(form, cid, x, i)
        if status != 200:
            return f"{status} {code}", status in self.busy and bool(code)
        y, z = (number + 1) * x, float(1000 * number + i)
        if values != [y, z]:
            return f"wrong answer {values} for {[y, z]}", False
        statement, *_ = proof.verify_receipt(proof.unpack_receipt(receipt), self.point, allow_simulated=True)
        sides = [digest([("x", 1, struct.pack("<f", x)), ("i", 7, struct.pack("<q", i))]),
                 digest([("y", 1, struct.pack("<f", y)), ("z", 1, struct.pack("<f", z))])]
        proved = statement[8] == proof.binary_cid(cid) and [statement[15][1], statement[16][1]] == sides
        return ("200" if proved else "a receipt of something else"), proved

    def attempt(self, form, which):
        """(what came, whether it is as it should be, whether the connection was cut, which may be as it should be)"""
        try:
            self.connect()
            return *self.ask(form, which), False
        except Refused as e:
            return f"{form}: invalid receipt: {e}", False, False
        except (OSError, ValueError, AssertionError, http.client.HTTPException) as e:
            cut = isinstance(e, (OSError, http.client.HTTPException)) or self.h2 is not None and self.h2.closed
            self.drop()
            return (f"{form} cut: {type(e).__name__}" if cut else f"{form}: {e!r}"), False, cut


def infer_body(cid, x, i):
    numbers = [{"name": "x", "values": [x], "shape": [1]}, {"name": "i", "values": [i], "shape": [1]}]
    return json.dumps({"ipfs_hash": cid, "model_inputs": {"numbers": numbers}}).encode()


def infer_answer(status, content):
    """(code, [y, z])"""
    answer = json.loads(content)
    return (None, [o["result"][0] for o in answer["output"]]) if status == 200 else (answer.get("code"), None)
