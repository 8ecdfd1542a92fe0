#!/usr/bin/env python3
"""An authority's certificate for the node's key is shown and attested from the moment it is installed; any other is refused by its name."""
import base64
import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import ssl
import subprocess

from node import Node, check, equal, patiently, veronnx, wait_for


def openssl(*args, data=b""):
    done = subprocess.run(["openssl", *map(str, args)], input=data, capture_output=True)
    check(done.returncode == 0, f"openssl {args}: {done.stderr}")
    return done.stdout


def shown(node):
    return patiently(lambda: ssl.get_server_certificate(("127.0.0.1", node.port)))


def refused(node, what, chain, code, status=400):
    got, answer = node.admin("PUT", "/certificate", chain)
    equal((got, answer.get("code")), (status, code), f"{what}: {answer}")


def answers(node):
    with contextlib.suppress(OSError):
        return node.ask("GET", "/healthz")[0] == 200


def takes_over(node, old):
    with contextlib.suppress(StopIteration):
        return node.front() != old and answers(node)


class Authority:
    """A root, an authority below it, and another one of the same name with another key."""
    def __init__(self, folder):
        self.folder = folder
        (folder / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        (folder / "leaf.ext").write_text("basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n")
        for name in ("root", "middle", "twin", "other"):
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder / f"{name}.key")
        self.root = openssl("req", "-x509", "-key", folder / "root.key", "-subj", "/CN=root", "-addext", "keyUsage=critical,keyCertSign")
        (folder / "root.pem").write_bytes(self.root)
        for name in ("middle", "twin"):
            csr = openssl("req", "-new", "-key", folder / f"{name}.key", "-subj", "/CN=authority")
            (folder / f"{name}.pem").write_bytes(self.sign(csr, "root", "ca.ext"))

    def sign(self, csr, by, extensions="leaf.ext", *more):
        return openssl("x509", "-req", "-CA", self.folder / f"{by}.pem", "-CAkey", self.folder / f"{by}.key", "-days", "30",
                       "-extfile", self.folder / extensions, *more, data=csr)

    def __getitem__(self, name):
        return (self.folder / f"{name}.pem").read_bytes()


with Node() as node:
    ca = Authority(node.dir)
    own = shown(node)
    csr = node.admin("GET", "/csr")[1]
    leaf = ca.sign(csr, "middle")
    foreign = ca.sign(openssl("req", "-new", "-key", node.dir / "other.key", "-subj", "/CN=other"), "middle")
    (node.dir / "weak.ext").write_text("basicConstraints=critical,CA:FALSE\n1.2.3.4=ASN1:UTF8String:" + 4000 * "x" + "\n")

    refused(node, "nothing", b"", "CERTIFICATE_MALFORMED")
    refused(node, "no certificate", csr, "CERTIFICATE_MALFORMED")
    refused(node, "a certificate and a key", leaf + (node.dir / "other.key").read_bytes(), "CERTIFICATE_MALFORMED")
    refused(node, "a damaged one", leaf.replace(b"\nMI", b"\nMA", 1), "CERTIFICATE_MALFORMED")
    refused(node, "half of one", leaf[:300], "CERTIFICATE_MALFORMED")
    refused(node, "too many", leaf + ca["middle"] + 7 * ca["root"], "CERTIFICATE_MALFORMED")
    refused(node, "more than 4 KiB", ca.sign(csr, "middle", "weak.ext"), "TOO_LARGE", 413)
    refused(node, "a hash that is too weak", ca.sign(csr, "middle", "leaf.ext", "-sha1"), "CERTIFICATE_MALFORMED")
    refused(node, "another key", foreign + ca["middle"], "CERTIFICATE_KEY")
    refused(node, "the authority first", ca["middle"] + ca["root"], "CERTIFICATE_KEY")
    refused(node, "a gap", leaf + ca["root"], "CERTIFICATE_CHAIN")
    refused(node, "an authority of this name with another key", leaf + ca["twin"] + ca["root"], "CERTIFICATE_CHAIN")
    refused(node, "another order", leaf + ca["root"] + ca["middle"], "CERTIFICATE_CHAIN")
    equal(node.admin("GET", "/certificate")[0], 405, "another method")
    equal(node.ask("PUT", "/certificate", leaf)[0], 404, "it is not public")
    equal(shown(node), own, "nothing of this is shown")

    # from the answer on: who trusts the authority's root connects, and the node's documents bind the new certificate
    state = node.dir / "state"
    trust = ["--allow-simulated", "--root", state / "sim-root.pem", "--policy", state / "policy.conf"]
    (node.dir / "leaf.pem").write_bytes(leaf)
    leaf_der = openssl("x509", "-in", node.dir / "leaf.pem", "-outform", "DER")

    def is_installed():
        connection = node.connect(trust=node.dir / "root.pem")
        equal(connection.sock.getpeercert(binary_form=True), leaf_der, "the certificate that is shown")
        done = veronnx("verify", "node", node.ready["url"], *trust)
        equal((done.returncode, done.stderr), (0, ""), "the node verifies")
        identity = json.loads(node.ask("GET", "/.well-known/veronnx", connection=connection)[2])
        equal(base64.b64decode(identity["certificate"]), leaf_der, "identity")
        equal(identity["user_data"][4:68], openssl("dgst", "-sha256", "-r", data=leaf_der)[:64].decode(), "user data")
        (node.dir / "document").write_bytes(base64.b64decode(identity["document"]))
        done = veronnx("verify", "attestation", node.dir / "document", *trust, "--user-data", identity["user_data"])
        equal((done.returncode, done.stderr), (0, ""), "the document of the identity")
        equal(node.infer("double", connection=connection)[0], 200, "requests are answered")
        connection.close()

    old = json.loads(node.ask("GET", "/.well-known/veronnx")[2])
    equal(node.admin("PUT", "/certificate", leaf + ca["middle"]), (200, {"ok": True}), "install")
    is_installed()
    equal(pathlib.Path(node.ready["cert"]).read_text().split(), leaf.decode().split(), "cert.pem")
    new = json.loads(node.ask("GET", "/.well-known/veronnx")[2])
    equal([k for k in old if old[k] != new[k]], ["made_ms", "document", "certificate", "user_data"], "all else stays")

    # a front that takes the place of this one shows it too, and the way back is the same
    os.kill(node.front(), signal.SIGKILL)
    wait_for("another front", lambda: answers(node))
    is_installed()
    equal(node.admin("PUT", "/certificate", own), (200, {"ok": True}), "the one it was born with")
    equal(shown(node), own, "is shown again")
    equal(veronnx("verify", "node", node.ready["url"], *trust).returncode, 0, "and attested")

    # while the module says nothing a new front is no news of the certificate: it was answered 200 for it, and the next one ended the node
    module, front = node.processes("nsm-sim")[0], node.front()
    os.kill(module, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = {pool.submit(node.admin, "PUT", "/certificate", leaf + ca["middle"]) for _ in range(2)}
        answered, waiting = concurrent.futures.wait(both, return_when=concurrent.futures.FIRST_COMPLETED)
        equal([(a.result()[0], a.result()[1]["code"]) for a in answered], [(503, "OVERLOADED")], "one at a time")
        os.kill(front, signal.SIGKILL)
        wait_for("another front", lambda: takes_over(node, front))
        refused(node, "a third", leaf, "OVERLOADED", 503)
        check(not any(w.done() for w in waiting), "it is not installed yet")
        os.kill(module, signal.SIGCONT)
        equal([w.result() for w in waiting], [(200, {"ok": True})], "and then it is")
    is_installed()
