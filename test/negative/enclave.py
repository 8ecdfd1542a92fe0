#!/usr/bin/env python3
"""A node of the test's own, which tells the truth or lies in one way: what `veronnx verify node`, `veronnx infer --verify` and the Python client
make of it. Its evidence comes from the corpus's generator, its tensor digests from docs/receipts.md by hand."""
import base64
import http.server
import json
import os
import pathlib
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
from urllib.parse import parse_qs, urlsplit

from make_bundles import CONFIGURATION, IMAGE, KEYSET, POLICY, USER_DATA, registers, said
from make_vectors import Receipt, cbor, sha256
from pki import CHAIN, NOW, document
from corpus import FILES

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients/python"))
VERONNX = os.path.join(os.environ["VERONNX_BIN"], "veronnx")
CID = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPgyV"
LONGEST = 1 << 20  # of what a node says of itself
ASKED = int.to_bytes(sum(58**i * "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(c) for i, c in enumerate(reversed(CID))), 34, "big")


def described(name, dtype, dims, data):
    """Descriptors and both digests of one tensor (docs/receipts.md, "Tensor digest")."""
    return listed(name, bytes([dtype, len(dims)]) + struct.pack(f"<{len(dims)}Q", *dims), data)


def listed(name, form, data):
    """The same of any value: `form` is type, rank and dimensions."""
    descriptors = struct.pack("<HH", 1, len(name)) + name + form
    return descriptors, [sha256(descriptors), sha256(sha256(descriptors) + struct.pack("<Q", len(data)) + data)]


def side(name, numbers, dims=None):
    return described(name, 1, [len(numbers)] if dims is None else dims, struct.pack(f"<{len(numbers)}f", *numbers))


class Enclave:
    """`lie` names what is wrong. `made`, when it is set: descriptors and digests of the outputs, and the answer's text."""

    def __init__(self, folder, lie=None):
        self.folder, self.lie, self.sent, self.made = pathlib.Path(folder), lie, 0, None
        key, cert = self.folder / "tls.key", self.folder / "tls.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/O=test", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        der = ssl.PEM_cert_to_DER_cert(cert.read_text())
        spki = subprocess.run(f"openssl x509 -in {cert} -pubkey -noout | openssl pkey -pubin -outform der", shell=True, check=True, capture_output=True).stdout
        self.keys = cbor({**KEYSET, 2: sha256(b"other") if lie == "key" else sha256(spki)})
        self.user_data = b"\x12\x20" + sha256(b"other" if lie == "certificate" else der) + USER_DATA[34:]
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, disable_nagle_algorithm = "HTTP/1.1", True  # a head does not wait for its body

            def log_message(self, *_):
                pass

            def answer(self, body, **headers):
                self.send_response(200)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name.replace("_", "-"), str(value))
                if (lie, self.path[:5]) in (("close", "/encl"), ("close after it", "/.wel")):
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                url = urlsplit(self.path)
                if lie == "no HTTP":
                    self.wfile.write(b"nonsense\r\n\r\n")
                    return
                if url.path == "/enclave/attestation":
                    text = base64.b64encode(outer.document(bytes.fromhex(parse_qs(url.query)["nonce"][0]))) + b"\n"
                    self.answer(bytes(LONGEST + 1) if lie == "length" else text)
                elif url.path == "/.well-known/veronnx":
                    texts = {"configuration": CONFIGURATION.decode(), "policy": POLICY.replace(b"list", b"any").decode() if lie == "policy" else POLICY.decode()}
                    self.answer(json.dumps({"keyset": base64.b64encode(outer.keys).decode(), **texts, "more": 1}).encode())

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.sent += 1
                tensor = body["model_inputs"]["numbers"][0]
                numbers = [float(value["value"] if isinstance(value, dict) else value) for value in tensor["values"]]
                receipt = outer.receipt(numbers, tensor["shape"], bytes.fromhex(self.headers["Veronnx-Nonce"]))
                out = [0.0 if lie == "answer" else 2 * n for n in numbers]
                answer = {"output": [{"name": "y", "shape": [len(out)], "result": out, "type": "number"}], "model_hash": sha256(b"model").hex()}
                text = outer.made[2] if outer.made else json.dumps(answer, separators=(",", ":")).encode()
                self.answer(text, **({} if lie == "silent" else {"Veronnx_Receipt": receipt}))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"

    def document(self, nonce):
        zeros = {n: bytes(48) for n in range(3)} if self.lie == "debug" else {}
        made = document(pcrs={**registers(self.keys), **zeros}, public_key=self.keys, user_data=self.user_data, nonce=bytes(32) if self.lie == "nonce" else nonce)
        return b"\xd2" + made if self.lie == "tag" else made

    def receipt(self, numbers, dims, nonce):
        described_in, digests_in = side(b"x", [1.0 + n for n in numbers] if self.lie == "input" else numbers, [0, 2] if self.lie == "empty" else dims)
        described_out, digests_out = self.made[:2] if self.made else side(b"y", [2 * n for n in numbers])
        says = {"input": digests_in, "output": digests_out, "nonce": bytes(32) if self.lie == "request nonce" else nonce, "asked_cid": ASKED, "file_cid": ASKED,
                "asked_path": "else" if self.lie == "path" else "", "model": sha256(b"another" if self.lie == "model" else b"model"),
                "image": sha256(b"other") if self.lie == "image" else sha256(bytes(144)) if self.lie == "debug" else IMAGE}
        return Receipt([cbor(said(self.keys, **says))], in_descriptors=described_in, out_descriptors=described_out).sign().text()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def veronnx(folder, *arguments):
    return subprocess.run([VERONNX, *map(str, arguments)], cwd=folder, capture_output=True, text=True)


def equal(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, wanted {wanted!r}")


def codes(done):
    return {line.split(": ")[2] for line in done.stderr.splitlines() if line.count(": ") >= 3}


TRUST = ["--allow-simulated", "--root", "root.pem", "--at", NOW, "--policy", "policy.conf", "--pcrs", "pcrs.json"]
ASK = ["--model", CID, "--input", "x=[1.5,-2,0.25]", "--verify", "--save-bundle", "proof"]
CLOSING = "close", "close after it", "no HTTP"  # which the client cannot go on with
BEFORE = {"certificate": {"EVIDENCE_CHANNEL"}, "key": {"EVIDENCE_CHANNEL"}, "nonce": {"DOC_NONCE"}, "policy": {"EVIDENCE_POLICY", "POLICY_MISMATCH"},
          "tag": {"DOC_MALFORMED"}}  # as a bundle has none
AFTER = {"input": {"RECEIPT_MISMATCH"}, "request nonce": {"RECEIPT_MISMATCH"}, "path": {"RECEIPT_MISMATCH"}, "model": {"RECEIPT_MISMATCH"},
         "image": {"EVIDENCE_IMAGE"}, "answer": {"RECEIPT_MISMATCH"}, "silent": set()}
EMPTY = [], [[], []], [[[]], [[]]]


def honest(folder):
    with Enclave(folder) as node:
        done = veronnx(folder, "verify", "node", node.url, *TRUST)
        equal((done.returncode, done.stderr), (0, ""), "verify node")
        equal("models = list" in done.stdout and "queue-max = 64" in done.stdout, True, "both texts are shown")
        equal(codes(veronnx(folder, "verify", "node", node.url, *TRUST[:5])), {"POLICY_UNSTATED"}, "verify node without a policy")
        equal(veronnx(folder, "verify", "node", node.url, "--any-policy", "--at", NOW).returncode, 1, "verify node under AWS's root")
        done = veronnx(folder, "infer", "--node", node.url, *ASK, *TRUST)
        equal((done.returncode, done.stderr), (0, ""), "infer --verify")
        equal(done.stdout.splitlines()[0], "y: [3.0,-4.0,0.5]", "the answer")
        done = veronnx(folder, "infer", "--node", node.url, *ASK, *TRUST[:-2])
        equal((done.returncode, "image was NOT compared" in done.stderr, done.stderr.count("\n")), (0, True, 1), f"infer --verify without --pcrs: {done.stderr}")
        for more, status in (([], 0), (["--input", "x=[1.5,-2,0.25]", "--output", "y=[3,-4,0.5]", "--model", CID], 0), (["--input", "x=[1.5,-2,0.5]"], 1), (["--input", "x=[1.5]"], 1)):
            equal(veronnx(folder, "verify", "receipt", "proof", *TRUST, *more).returncode, status, f"verify receipt {more}")
        for expected in ("--model-hash", "--model", "--nonce"):
            equal(veronnx(folder, "verify", "receipt", "proof", *TRUST, expected, "").returncode, 2, f"an empty {expected} was compared with nothing")
        equal(veronnx(folder, "infer", "--node", node.url, "--model", "alias", *ASK[2:], *TRUST).returncode, 2, "an alias without --cid")
        done = veronnx(folder, "infer", "--node", node.url, "--model", "alias", "--cid", CID, *ASK[2:], *TRUST)
        equal((done.returncode, done.stderr), (0, ""), "an alias with --cid")


def in_debug_mode(folder):
    with Enclave(folder, "debug") as node:
        equal(codes(veronnx(folder, "infer", "--node", node.url, *ASK, *TRUST[:-2])), {"DOC_DEBUG"}, "an enclave in debug mode")
        done = veronnx(folder, "infer", "--node", node.url, *ASK, *TRUST[:-2], "--allow-debug")
        equal((done.returncode, "DEBUG MODE" in done.stderr, "NOT compared" in done.stderr), (0, True, True), f"infer --allow-debug: {done.stderr}")


def lies(folder):
    for lie, wanted in {**BEFORE, **AFTER}.items():
        with Enclave(folder, lie) as node:
            (folder / "proof").unlink(missing_ok=True)
            done = veronnx(folder, "infer", "--node", node.url, *ASK, *TRUST)
            equal((done.returncode, codes(done), done.stdout), (1, wanted, ""), f"infer, a lie about {lie}: {done.stderr}")
            equal(([file.name for file in folder.glob("proof*")], node.sent), ([], int(lie in AFTER)), f"what was saved and sent, a lie about {lie}")
            done = veronnx(folder, "verify", "node", node.url, *TRUST)
            equal((done.returncode, codes(done)), (int(lie in BEFORE), BEFORE.get(lie, set())), f"verify node, a lie about {lie}")


def empty(folder):
    """Tensors without elements have a shape all the same: any of them was taken for any other."""
    for values in EMPTY:
        for lie, wanted in ((None, set()), ("empty", {"RECEIPT_MISMATCH"})):
            with Enclave(folder, lie) as node:
                done = veronnx(folder, "infer", "--node", node.url, *ASK[:2], "--input", f"x={values}", "--verify", *TRUST)
                equal((done.returncode, codes(done), node.sent), (len(wanted), wanted, 1), f"infer, a lie about {lie} with {values}: {done.stderr}")


def typed_wrong(folder):
    """It was found when the inputs had been sent, and --cid was called --model."""
    rest, key = ["--input", "x=[1]"], ["--insecure", "--key", "receipt-key.pem"]
    with Enclave(folder) as node:
        for blamed, *arguments in (("--save-bundle", "--model", CID, "--save-bundle", "/no/such/folder/x", "--verify", *TRUST), ("--cid", "--model", "alias", "--cid", "nonsense", "--verify", *TRUST),
                                   ("--cid", "--model", "alias", "--cid", "nonsense", *key), ("--key", "--model", CID, "--insecure", "--key", "policy.conf")):
            done = veronnx(folder, "infer", "--node", node.url, *rest, *arguments)
            equal((done.returncode, done.stderr.startswith(f"veronnx infer: {blamed}: "), done.stderr.count("\n"), node.sent), (2, True, 1, 0), f"infer {arguments}: {done.stderr}")


def too_long(folder):
    with Enclave(folder, "length") as node:
        for command in (["infer", "--node", node.url, *ASK], ["verify", "node", node.url]):
            done = veronnx(folder, *command, *TRUST)
            equal((done.returncode, f"the answer has more than {LONGEST} bytes" in done.stderr, node.sent), (1, True, 0), f"{command[0]}: {done.stderr}")


def client(folder):
    try:
        from veronnx_verify import Node, Refused, verify_bundle
    except ImportError:
        print("the Python client was left out: python3-cryptography is missing")
        return
    trust = {"policy": POLICY.decode(), "root": CHAIN[0], "allow_simulated": True, "now": NOW, "any_image": True}
    with Enclave(folder) as node:
        answer = Node(node.url, **trust).infer(CID, {"x": [1.5, -2, 0.25]})
        equal((answer.outputs, answer.model_hash), ({"y": [3.0, -4.0, 0.5]}, sha256(b"model").hex()), "the client's answer")
        (folder / "proof").write_bytes(answer.bundle)
        equal(veronnx(folder, "verify", "receipt", "proof", *TRUST).returncode, 0, "the client's bundle")
        equal(verify_bundle(answer.bundle, **trust)[0], answer.statement, "the client's bundle, by itself")
        equal([Node(node.url, **trust).infer(CID, {"x": x}).outputs for x in EMPTY], [{"y": []}] * len(EMPTY), "the client's answers to tensors without elements")
    for lie, values in [(lie, [1.5, -2, 0.25]) for lie in (*BEFORE, *AFTER, *CLOSING)] + [("empty", x) for x in EMPTY]:
        with Enclave(folder, lie) as node:
            try:
                got = Node(node.url, **trust).infer(CID, {"x": values})
                sys.exit(f"a lie about {lie}: the client believed {got.outputs}")
            except Refused:
                equal(node.sent, int(lie not in (*BEFORE, *CLOSING)), f"requests before the client noticed a lie about {lie}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for file, content in FILES.items():
            (pathlib.Path(name) / file).write_bytes(content)
        honest(pathlib.Path(name))
        in_debug_mode(pathlib.Path(name))
        lies(pathlib.Path(name))
        empty(pathlib.Path(name))
        typed_wrong(pathlib.Path(name))
        too_long(pathlib.Path(name))
        client(pathlib.Path(name))
