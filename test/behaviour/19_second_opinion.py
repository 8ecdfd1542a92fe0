#!/usr/bin/env python3
"""A node's documents, checked with Python's cbor2 and cryptography alone, in both encodings of the map; and its answers, as those who ask a
nitriding expect them: its own tests, Brave's browser, verify-enclave. 77: one of the two modules is missing."""
import base64
import datetime
import hashlib
import os
import pathlib
import re
import ssl
import sys

try:
    import cbor2
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
from node import Node, check, equal

MANDATORY = {"module_id": str, "digest": str, "timestamp": int, "pcrs": dict, "certificate": bytes, "cabundle": list}
OPTIONAL = {"public_key": bytes, "user_data": bytes, "nonce": bytes}


def verify(document, root):
    """The payload, and how its map is encoded, of a document under this root (AWS's "Verifying the root of trust", in its order)."""
    protected, unprotected, payload, signature = cbor2.loads(document)
    equal((cbor2.loads(protected), unprotected), ({1: -35}, {}), "headers: ES384")
    fields = cbor2.loads(payload)
    check(MANDATORY.keys() <= fields.keys() <= MANDATORY.keys() | OPTIONAL.keys(), f"fields: {sorted(fields)}")
    for name, kind in {**MANDATORY, **OPTIONAL}.items():
        check(isinstance(fields.get(name), kind) or (name in OPTIONAL and fields.get(name) is None), f"{name} is no {kind}")
    equal(fields["digest"], "SHA384", "digest")
    check(1 <= len(fields["pcrs"]) <= 32 and all(0 <= n < 32 and len(pcr) == 48 for n, pcr in fields["pcrs"].items()), "PCRs")

    chain = [x509.load_der_x509_certificate(der) for der in fields["cabundle"] + [fields["certificate"]]]
    now = datetime.datetime.utcnow()
    equal(chain[0], root, "the root")
    for depth, (issuer, cert) in enumerate(zip(chain[:1] + chain, chain)):
        equal(cert.issuer, issuer.subject, "issuer")
        check(cert.not_valid_before <= now <= cert.not_valid_after, f"certificate {depth} since {cert.not_valid_before}")
        issuer.public_key().verify(cert.signature, cert.tbs_certificate_bytes, ec.ECDSA(cert.signature_hash_algorithm))
        constraints = cert.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = cert.extensions.get_extension_for_class(x509.KeyUsage).value
        is_leaf = cert is chain[-1]
        equal((constraints.ca, usage.key_cert_sign), (not is_leaf, not is_leaf), f"certificate {depth}")
        check(not is_leaf or usage.digital_signature, "the leaf's usage")
        check(is_leaf or constraints.path_length is None or len(chain) - 2 - depth <= constraints.path_length, "path length")

    text = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = (int.from_bytes(half, "big") for half in (signature[:48], signature[48:]))
    chain[-1].public_key().verify(utils.encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA384()))
    return fields, payload[0]


def refused(document, root):
    try:
        verify(document, root)
    except InvalidSignature:
        return
    raise AssertionError("a changed document verifies")


def as_a_browser_asks(node, connection):
    """Brave's P3A: 20 random bytes in lower case, at most 16 KiB, white space cut; user data's first hash is that of the connection's
    certificate. verify-enclave takes nothing but 200."""
    nonce = os.urandom(20)
    status, _, body = node.ask("GET", "/enclave/attestation?nonce=" + nonce.hex(), connection=connection)
    equal(status, 200, "status")
    check(len(body) <= 16384, "length")
    document = base64.b64decode(body.strip(), validate=True)
    certificate = connection.sock.getpeercert(binary_form=True)
    return nonce, document, hashlib.sha256(certificate).digest()


def as_its_tests_expect(node):
    """nitriding's TestRootHandler and TestAttestationHandler: the status and, where they compare it, the body without its line feed."""
    rows = [("POST", "", 405, None), ("GET", "", 400, "could not find nonce in URL query parameters"),
            ("GET", "?nonce=foobar", 400, "unexpected nonce format; must be 40-digit hex string"), ("GET", "?nonce=" + 40 * "0", 200, None)]
    for method, query, wanted, text in rows:
        status, _, body = node.ask(method, "/enclave/attestation" + query)
        equal(status, wanted, f"{method} {query}")
        check(text is None or body.decode().removesuffix("\n") == text, f"{method} {query}: {body}")
    status, _, body = node.ask("GET", "/enclave")  # in an enclave it begins as nitriding's
    equal((status, body.splitlines()[0]), (200, b"This host SIMULATES an enclave."), "GET /enclave")


with Node() as node:
    root = x509.load_pem_x509_certificate((node.dir / "state/sim-root.pem").read_bytes())
    as_its_tests_expect(node)
    connection, maps = node.connect(), {0xA9: 0, 0xBF: 0}
    for _ in range(10):
        nonce, document, certificate = as_a_browser_asks(node, connection)
        fields, first = verify(document, root)
        maps[first] += 1
        equal(fields["nonce"], nonce, "nonce")
        user_data = fields["user_data"]
        equal((len(user_data), user_data[:2], user_data[2:34], user_data[34:36]), (68, b"\x12\x20", certificate, b"\x12\x20"), "user data")
        check(re.match(r"sim-", fields["module_id"]) and any(fields["pcrs"][0]), "module and image")
        refused(document[:-1] + bytes([document[-1] ^ 1]), root)
        middle = document.index(nonce)
        refused(document[:middle] + bytes(20) + document[middle + 20:], root)
    check(all(maps.values()), f"both encodings of the map: {maps}")
    print(f"{sum(maps.values())} documents, maps {maps}")
