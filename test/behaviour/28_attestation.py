#!/usr/bin/env python3
"""A node proves itself: nitriding's answers at /enclave, and all of the verifier against a node that runs."""
import base64
import importlib.util
import json
import pathlib
import ssl
import subprocess
import sys

from node import ROOT, Node, check, equal, patiently, veronnx

NONCE = "0123456789ABCDEFabcd0123456789abcdef0123"  # as nitriding wants it: 20 bytes, either case
BAD = [  # in the order in which nitriding looks
    ("?nonce=00;", "failed to parse POST form data"), ("?nonce=00&a=%zz", "failed to parse POST form data"),
    ("", "could not find nonce in URL query parameters"), ("?nonce=", "could not find nonce in URL query parameters"),
    ("?nonce=" + 40 * "g", "unexpected nonce format; must be 40-digit hex string"),
    ("?nonce=" + 39 * "0", "unexpected nonce format; must be 40-digit hex string"),
    ("?nonce=" + 15 * "00", "slice is not of same length as nonce"), ("?nonce=" + 65 * "00", "slice is not of same length as nonce"),
]
NOT_COMPARED = "veronnx infer: the image was NOT compared: --pcrs names the one that is wanted\n"


def ask_with_python(model, **arguments):
    """The second implementation; leaves its bundle where ours was."""
    sys.path.insert(0, str(ROOT / "clients/python"))
    import veronnx_verify

    def ask(wanted):
        return patiently(lambda: veronnx_verify.Node(policy=wanted.read_text(), **arguments).infer(model, {"x": [0.1, -2.5, 3]}))

    answer = ask(policy)
    equal(answer.outputs, {"y": [0.20000000298023224, -5.0, 6.0]}, "the Python client")
    bundle.write_bytes(answer.bundle)
    try:
        ask(other)
    except veronnx_verify.Refused as refused:
        equal(refused.args[0], "POLICY_MISMATCH", "another policy")
    else:
        check(False, "the Python client takes another policy")


with Node() as node:
    for query, sentence in BAD:
        status, headers, body = node.ask("GET", "/enclave/attestation" + query)
        equal((status, body.decode(), headers["content-type"], headers["x-content-type-options"]),
              (400, sentence + "\n", "text/plain; charset=utf-8", "nosniff"), query)
    for method in ("POST", "PUT", "DELETE"):
        status, headers, _ = node.ask(method, f"/enclave/attestation?nonce={NONCE}")
        equal((status, headers["allow"]), (405, "GET, HEAD"), method)

    state = node.dir / "state"
    root, policy = state / "sim-root.pem", state / "policy.conf"
    trust = ["--allow-simulated", "--root", root, "--policy", policy]
    equal(veronnx("verify", "node", node.ready["url"], *trust).returncode, 0, "the node comes up and verifies")
    for nonce in (NONCE, 16 * "5a", 64 * "a5"):
        status, headers, body = node.ask("GET", "/enclave/attestation?nonce=" + nonce)
        equal((status, headers["content-type"], body[-1:]), (200, "text/plain; charset=utf-8", b"\n"), "the answer")
        check(len(body) <= 16384, "brave-core reads no more")
        (node.dir / "document").write_bytes(base64.b64decode(body[:-1], validate=True))
        done = veronnx("verify", "attestation", node.dir / "document", *trust, "--nonce", nonce)
        equal((done.returncode, done.stderr), (0, ""), "the document by itself")
        done = veronnx("verify", "attestation", node.dir / "document", *trust, "--nonce", "00" * 20)
        equal(done.returncode, 1, "another nonce")
        check("nonce" in done.stderr, done.stderr)

    # what the node says of itself is what the document says
    identity = json.loads(node.ask("GET", "/.well-known/veronnx")[2])
    document = json.loads(veronnx("verify", "attestation", node.dir / "document", *trust, "--json").stdout)
    text = json.dumps(document)
    pcrs = identity["pcrs"]
    for value in (base64.b64decode(identity["keyset"]).hex(), identity["user_data"], pcrs["PCR16"], pcrs["PCR18"], identity["module_id"]):
        check(value in text, f"{value} is not in {text}")
    equal((identity["simulated"], identity["kind"], identity["policy"]), (True, "simulated", policy.read_text()), "identity")
    equal({c["name"]: c["result"] for c in identity["checks"] if c["result"] != "holds"},
          {"hardware-random": "not made", "hardware-clock": "not made"}, "checks")
    certificate = ssl.PEM_cert_to_DER_cert(pathlib.Path(node.ready["cert"]).read_text())
    equal(base64.b64decode(identity["certificate"]), certificate, "the certificate")
    config = json.loads(node.ask("GET", "/enclave/config")[2])
    equal((config["node"]["listen"], config["policy"]), (["127.0.0.1:0"], {"isolation": "shared", "models": "any"}), "configuration")
    key = json.loads(node.ask("GET", "/signing-key")[2])
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key["public_key"].encode(), capture_output=True, check=True).stdout
    digests = [subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=d, capture_output=True, check=True).stdout[:64].decode() for d in (certificate, der)]
    equal(identity["user_data"], "1220" + digests[0] + "1220" + digests[1], "user data, as OpenGradient's registry compares it")

    # a policy may be kept as the node's configuration has it: in any order, what is left out at its default; but not empty
    kept = node.dir / "kept.conf"
    for text, verdict in (("isolation = shared\n", 0), ("# ours\n[policy]\n\tmodels=any", 0), ("models = list\n", 1), ("model = any\n", 1), ("# any\n", 1),
                          ("[policy]\n", 1), ("", 1)):
        kept.write_text(text)
        for command in (["node", node.ready["url"]], ["attestation", node.dir / "document"]):
            done = veronnx("verify", *command, *trust[:3], "--policy", kept)
            equal(done.returncode, verdict, f"verify {command[0]} with the policy {text!r}: {done.stderr}")
            check(verdict == 0 or "POLICY_" in done.stderr, done.stderr)

    # the verifier: the node, a request of it, and what is kept of that
    bundle = node.dir / "bundle"
    tensors = ["--input", "x=[0.1,-2.5,3]"]
    done = veronnx("infer", "--node", node.ready["url"], "--model", node.cids["double"], *tensors, "--verify", "--save-bundle", bundle, *trust)
    equal((done.returncode, done.stderr, done.stdout.splitlines()[0]), (0, NOT_COMPARED, "y: [0.20000000298023224,-5.0,6.0]"), "infer --verify")
    receipt = ["verify", "receipt", bundle, "--model", node.cids["double"], *tensors]
    done = veronnx(*receipt, *trust, "--output", "y=[0.2,-5,6]")
    equal((done.returncode, done.stderr), (0, ""), "the bundle")
    done = veronnx(*receipt, *trust, "--output", "y=[0.2,-5,7]")
    equal(done.returncode, 1, "another output")

    # what is not trusted is refused by its name, and then nothing is sent and nothing kept
    other = node.dir / "other.conf"
    other.write_text(policy.read_text().replace("models = any", "models = list"))
    forged = node.dir / "root.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384", "-nodes", "-subj", "/CN=other",
                    "-keyout", node.dir / "key.pem", "-out", forged], check=True, capture_output=True)
    for wrong, code in ((["--allow-simulated", "--root", root, "--policy", other], "POLICY_MISMATCH"),
                        (["--allow-simulated", "--root", forged, "--policy", policy], "DOC_"), (["--policy", policy], "DOC_")):
        done = veronnx("verify", "node", node.ready["url"], *wrong)
        equal((done.returncode, code in done.stderr), (1, True), f"{wrong}: {done.stderr}")
        unwritten = node.dir / "unwritten"
        done = veronnx("infer", "--node", node.ready["url"], "--model", node.cids["double"], *tensors, "--verify", "--save-bundle", unwritten, *wrong)
        equal((done.returncode, code in done.stderr, unwritten.exists(), done.stdout), (1, True, False, ""), f"infer {wrong}: {done.stderr}")
    done = veronnx("verify", "node", node.ready["url"], "--allow-simulated", "--root", root)
    equal((done.returncode, "POLICY_UNSTATED" in done.stderr), (1, True), f"a policy must be stated: {done.stderr}")

    if importlib.util.find_spec("cryptography"):
        ask_with_python(node.cids["double"], url=node.ready["url"], root=root.read_text(), allow_simulated=True,
                        any_image=True)
        equal(veronnx(*receipt, *trust).returncode, 0, "the Python client's bundle")
    else:
        print("the Python client was left out: python3-cryptography is missing")
