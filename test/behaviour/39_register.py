#!/usr/bin/env python3
"""`veronnx og register-bundle` writes what og-evm's rules take, and nothing else; the rules take nothing that is changed."""
import copy
import json
import time

import og_evm
from node import Node, check, equal, veronnx

KEYS = ["attestationDocument", "signingPublicKey", "tlsCertificate", "pcrHash", "teeId"]


def openssl(*args, data=b""):
    done = og_evm.openssl(*args, data=data)
    check(done.returncode == 0, f"openssl {args}: {done.stderr}")
    return done.stdout


def refused(rule, bundle, block_ms, approved=None):
    try:
        og_evm.register(bundle, root, block_ms, approved or {bundle["pcrHash"]})
    except og_evm.Refused as e:
        equal(str(e), rule, "the rule")
    else:
        raise AssertionError(f"taken, wanted {rule}")


class Forger:
    """Signs any document below the simulator's root."""
    def __init__(self, folder, root_key, root):
        self.folder = folder
        (folder / "doc.ext").write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", folder / "doc.key")
        csr = openssl("req", "-new", "-key", folder / "doc.key", "-subj", "/CN=forged")
        pem = openssl("x509", "-req", "-sha384", "-CA", root, "-CAkey", root_key, "-days", "1", "-extfile", folder / "doc.ext", data=csr)
        self.leaf = openssl("x509", "-outform", "DER", data=pem)
        self.root = openssl("x509", "-in", root, "-outform", "DER")

    def sign(self, claims, length=96):
        protected, payload = bytes.fromhex("a1013822"), og_evm.encode(claims)
        text = og_evm.encode(["Signature1", protected, b"", payload])
        der = openssl("dgst", "-sha384", "-sign", self.folder / "doc.key", data=text)
        r_len = der[3]
        parts = der[4:4 + r_len], der[6 + r_len:]
        signature = b"".join(int.from_bytes(part, "big").to_bytes(48, "big") for part in parts)
        return og_evm.encode([protected, {}, payload, signature[:length]])


with Node() as node:
    state = node.dir / "state"
    root = (state / "sim-root.pem").read_bytes()
    trust = ["--allow-simulated", "--root", state / "sim-root.pem", "--policy", state / "policy.conf"]
    done = veronnx("og", "register-bundle", node.ready["url"], "-o", node.dir / "bundle.json", *trust)
    equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "the bundle")
    bundle = json.loads((node.dir / "bundle.json").read_text())
    now = time.time() * 1000
    equal(list(bundle), KEYS, "its keys")
    check(all(v.startswith("0x") and v == v.lower() for v in bundle.values()), "all of it is hex")
    equal(og_evm.register(bundle, root, now, {bundle["pcrHash"]}), bundle["teeId"], "registered")
    equal(bundle["teeId"], json.loads(node.ask("GET", "/signing-key")[2])["tee_id"], "the id that the node gives")
    certificate = openssl("x509", "-in", node.ready["cert"], "-outform", "DER")
    equal(bundle["tlsCertificate"], "0x" + certificate.hex(), "the certificate")
    identity = json.loads(node.ask("GET", "/.well-known/veronnx")[2])
    pcrs = b"".join(bytes.fromhex(identity["pcrs"][f"PCR{n}"]) for n in range(3))
    equal(bundle["pcrHash"], "0x" + og_evm.keccak(pcrs).hex(), "the hash of the image")
    done = veronnx("og", "register-bundle", node.ready["url"], *trust)
    equal((done.returncode, list(json.loads(done.stdout))), (0, KEYS), "on standard output")

    # other times, other images, other parts
    for rule, ms in (("too old", now + 301_000), ("from the future", now - 90_000), ("too old", 4_000_000_000_000)):
        refused(rule, bundle, ms)
    refused("pcr not approved", bundle, now, {"0x" + 64 * "0"})
    other_key = openssl("pkey", "-pubout", "-outform", "DER", data=openssl("genpkey", "-algorithm", "RSA"))
    small_key = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    small_key = openssl("pkey", "-pubout", "-outform", "DER", data=small_key)
    refused("key binding", {**bundle, "signingPublicKey": "0x" + other_key.hex()}, now)
    refused("rsa key", {**bundle, "signingPublicKey": "0x" + small_key.hex()}, now)
    other_certificate = openssl("x509", "-in", state / "sim-root.pem", "-outform", "DER")
    refused("tls binding", {**bundle, "tlsCertificate": "0x" + other_certificate.hex()}, now)
    refused("tls certificate", {**bundle, "tlsCertificate": bundle["tlsCertificate"][:-2]}, now)
    document = bytes.fromhex(bundle["attestationDocument"][2:])
    for at in range(8, len(document), len(document) // 40):
        bad = document[:at] + bytes([document[at] ^ 4]) + document[at + 1:]
        try:
            og_evm.register({**bundle, "attestationDocument": "0x" + bad.hex()}, root, now, {bundle["pcrHash"]})
        except (og_evm.Refused, KeyError):
            continue
        raise AssertionError(f"taken with byte {at} changed")

    # the same claims under another signature are taken, and each change of them is refused by its rule
    forger = Forger(node.dir, state / "sim-root.key", state / "sim-root.pem")
    claims = og_evm.whole(og_evm.whole(document)[2])
    claims.update(certificate=forger.leaf, cabundle=[forger.root])
    now = time.time() * 1000 + 1000  # its leaf begins with this second

    def forged(**changes):
        return {**bundle, "attestationDocument": "0x" + forger.sign({**copy.deepcopy(claims), **changes}).hex()}

    equal(og_evm.register(forged(), root, now, {bundle["pcrHash"]}), bundle["teeId"], "forged, and the same")
    refused("pcr not approved", forged(pcrs={**claims["pcrs"], 2: bytes(48)}), now, {bundle["pcrHash"]})
    refused("pcrs", forged(pcrs={n: v for n, v in claims["pcrs"].items() if n != 1}), now)
    refused("user data", forged(user_data=claims["user_data"][:-1]), now)
    refused("user data", forged(user_data=None), now)
    refused("tls binding", forged(user_data=claims["user_data"][:2] + bytes(32) + claims["user_data"][34:]), now)
    refused("key binding", forged(user_data=claims["user_data"][:36] + bytes(32)), now)
    refused("too old", forged(timestamp=1738281599999), 1738281599999)
    refused("chain", forged(timestamp=int(now) + 2 * 86_400_000), now + 2 * 86_400_000)  # its leaf has ended by then
    refused("signature length", {**bundle, "attestationDocument": "0x" + forger.sign(claims, 95).hex()}, now)
    refused("size", {**bundle, "attestationDocument": "0x" + (document + bytes(16384)).hex()}, now)

    # what would be refused is not written
    def not_written(what, *words, options=trust, status=1):
        file = node.dir / "none.json"
        done = veronnx("og", "register-bundle", node.ready["url"], "-o", file, *options)
        equal((done.returncode, done.stdout, file.exists()), (status, "", False), f"{what}: {done.stderr}")
        for word in words:
            check(word in done.stderr, f"{what}: {done.stderr}")

    not_written("AWS's root", "DOC_", options=["--policy", state / "policy.conf"])
    not_written("no policy", "POLICY_UNSTATED", options=trust[:3])
    not_written("no such folder", "--output", options=[*trust, "--output", "/nope/x"], status=2)
    csr = node.admin("GET", "/csr")[1]
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", node.dir / "ca.key")
    (node.dir / "ca.pem").write_bytes(openssl("req", "-x509", "-key", node.dir / "ca.key", "-subj", "/CN=authority"))
    leaf = openssl("x509", "-req", "-CA", node.dir / "ca.pem", "-CAkey", node.dir / "ca.key", "-extfile", node.dir / "doc.ext", data=csr)
    equal(node.admin("PUT", "/certificate", leaf)[0], 200, "an authority's certificate")
    not_written("an authority's certificate", "self-signed")
