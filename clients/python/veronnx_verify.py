"""Asks a veronnx node and believes nothing that is not proved. One file; needs `cryptography`. Written from docs/receipts.md.

    from veronnx_verify import Node
    node = Node("https://host:8000", policy=open("policy.conf").read(), pcrs={0: "…", 1: "…", 2: "…"})
    answer = node.infer("QmModel…", {"x": [[1.0, 2.0]]})
    print(answer.outputs["y"])
    open("proof.bundle", "wb").write(answer.bundle)

`Refused` is raised with the code of the first check that does not hold; nothing is sent to a node that is not verified. For a simulated
node: root=(its sim-root.pem), allow_simulated=True, and any_image=True in the place of pcrs, for it has no image.
verify_bundle, verify_document and verify_receipt work without a network.
"""
import base64
import contextlib
import datetime
import hashlib
import http.client
import itertools
import json
import math
import os
import re
import ssl
import struct
import time
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

AWS_ROOT = bytes.fromhex("641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
SKEW_MS = 60000
ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")  # ecdsa-with-SHA384 as certificates name it, within their first bytes


class Refused(Exception):
    """args: code, sentence"""


def check(condition, code, sentence=""):
    if not condition:
        raise Refused(code, sentence)


@contextlib.contextmanager
def reading(code):
    """What is not even well-formed is refused, whatever its reader makes of it. Also a decorator."""
    try:
        yield
    except (ValueError, LookupError, OverflowError, RecursionError, struct.error, UnsupportedAlgorithm, http.client.HTTPException) as e:
        raise Refused(code, repr(e)) from None


def sha256(data):
    return hashlib.sha256(data).digest()


def extend(data):
    return hashlib.sha384(bytes(48) + sha256(data)).digest()


# ── CBOR: only what these formats have, in the only encoding that they have ──
class Tagged:
    def __init__(self, number, content):
        self.number, self.content = number, content


class Decoder:
    """`foreign`: map keys in any order and an open outer map, as attestation documents have them."""

    def __init__(self, data, code, foreign=False):
        self.data, self.at, self.code, self.foreign = data, 0, code, foreign

    def take(self, n):
        check(n <= len(self.data) - self.at, self.code, "ends too early")
        self.at += n
        return self.data[self.at - n:self.at]

    def head(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        check(info < 28 and major != 7, self.code, "not the shortest encoding")
        n = int.from_bytes(self.take(1 << info - 24), "big")
        check(n >= (24 if info == 24 else 1 << (4 << info - 24)), self.code, "not the shortest encoding")
        return major, n

    def item(self, depth=0):
        if self.foreign and depth == 0 and self.data[self.at:self.at + 1] == b"\xbf":
            self.at += 1
            return self.pairs(itertools.takewhile(lambda _: self.data[self.at:self.at + 1] != b"\xff", itertools.count()), 1, True)
        major, n = self.head()
        check(depth < 8 or major not in (4, 5), self.code, "too deep")
        if major in (0, 1):
            return n if major == 0 else -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            try:
                return self.take(n).decode()
            except UnicodeDecodeError:
                raise Refused(self.code, "text is not UTF-8") from None
        if major == 4:
            check(n <= len(self.data), self.code, "count")
            return [self.item(depth + 1) for _ in range(n)]
        if major == 5:
            check(n <= len(self.data), self.code, "count")
            return self.pairs(range(n), depth + 1, False)
        if major == 6:  # within a receipt's array: the proof, and what it holds is deeper
            check(n == 18 and depth == 1 and not self.foreign, self.code, "a tag")
            return Tagged(n, self.item(depth + 1))
        check(n == 22, self.code, "a simple value that is not null")
        return None

    def pairs(self, count, depth, is_open):
        result, last = {}, b""
        for _ in count:
            start = self.at
            key = self.item(depth)
            encoded = self.data[start:self.at]
            check(isinstance(key, (int, str, bytes)) and key not in result, self.code, "a key twice, or of another type")
            check(self.foreign or last < encoded, self.code, "keys out of order")
            last, result[key] = encoded, self.item(depth)
        if is_open:
            self.take(1)
        return result


def decode(data, code, foreign=False):
    decoder = Decoder(data, code, foreign)
    item = decoder.item()
    check(decoder.at == len(data), code, "something follows")
    return item


def encode_head(major, n):
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError(n)


def encode_bytes(data):
    return encode_head(2, len(data)) + data


# ── attestation documents ──
def is_bytes(low, high=None):
    return lambda v: isinstance(v, bytes) and low <= len(v) <= (high or low)


def is_uint(low, high):
    return lambda v: type(v) is int and low <= v <= high


def is_claim(low):
    return lambda v: v is None or is_bytes(low, 1024)(v)


DOCUMENT = {
    "module_id": lambda v: isinstance(v, str) and 0 < len(v.encode()) <= 1024, "digest": lambda v: v == "SHA384",
    "timestamp": is_uint(1, 253402300799999), "certificate": is_bytes(1, 1024),
    "pcrs": lambda v: isinstance(v, dict) and len(v) > 0 and all(is_uint(0, 31)(n) and is_bytes(48)(pcr) for n, pcr in v.items()),
    "cabundle": lambda v: isinstance(v, list) and 0 < len(v) <= 8 and all(map(is_bytes(1, 1024), v)),
    "public_key": is_claim(1), "user_data": is_claim(0), "nonce": is_claim(0),
}


def read_document(data):
    check(0 < len(data) <= 16384, "DOC_MALFORMED", "length")
    sign1 = decode(data, "DOC_MALFORMED")
    check(isinstance(sign1, list) and len(sign1) == 4, "DOC_MALFORMED", "not four items")
    protected, unprotected, payload, signature = sign1
    check(unprotected == {} and all(isinstance(v, bytes) for v in (protected, payload, signature)), "DOC_MALFORMED", "types")
    check(protected == b"\xa1\x01\x38\x22" and len(signature) == 96, "DOC_ALGORITHM", "not ES384")
    fields = decode(payload, "DOC_FIELD", foreign=True)
    check(isinstance(fields, dict) and set(fields) <= set(DOCUMENT), "DOC_FIELD", "an unknown key")
    for key, good in DOCUMENT.items():
        check(key in fields or key in ("public_key", "user_data", "nonce"), "DOC_FIELD", key + ": missing")
        check(good(fields.get(key)), "DOC_FIELD", key)
    signed = b"\x84\x6aSignature1" + encode_bytes(protected) + b"\x40" + encode_bytes(payload)
    return fields, signed, signature


def seconds(cert, which):
    aware = getattr(cert, which + "_utc", None)
    return (aware or getattr(cert, which).replace(tzinfo=datetime.timezone.utc)).timestamp()


def read_certificate(data):
    try:
        cert = x509.load_der_x509_certificate(data)
        key = cert.public_key()
        constraints = cert.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = cert.extensions.get_extension_for_class(x509.KeyUsage)
        unknown = [e for e in cert.extensions if e.critical and e.oid not in (constraints.oid, usage.oid)]
        good = (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp384r1" and constraints.critical and not unknown
                and cert.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA384 and ECDSA_SHA384 in cert.tbs_certificate_bytes[:60]
                and cert.version == x509.Version.v3 and 0 < cert.serial_number < 1 << 160)
    except x509.ExtensionNotFound:
        raise Refused("DOC_CHAIN", "a certificate without its extensions") from None
    except Exception as e:  # whatever the library makes of it, it is no certificate
        raise Refused("DOC_CERTIFICATE", str(e)) from None
    check(good, "DOC_CERTIFICATE", "algorithm, curve or extensions")
    return cert, constraints.value, usage.value


def verify_chain(ders, now):
    chain = [read_certificate(der) for der in ders]
    for n, (cert, constraints, usage) in enumerate(chain):
        check(seconds(cert, "not_valid_before") <= now <= seconds(cert, "not_valid_after"), "DOC_CERT_TIME", "certificate %d" % n)
        is_leaf = n == len(chain) - 1
        if is_leaf:
            check(not constraints.ca and usage.digital_signature, "DOC_CHAIN", "the leaf is an authority, or may not sign")
        else:
            check(constraints.ca and usage.key_cert_sign, "DOC_CHAIN", "no authority")
            check(constraints.path_length is None or len(chain) - 2 - n <= constraints.path_length, "DOC_CHAIN", "path length")
        issuer = chain[max(n - 1, 0)][0]
        check(cert.issuer == issuer.subject and (n == 0 or cert.subject != cert.issuer), "DOC_CHAIN", "issuer")
        try:
            issuer.public_key().verify(cert.signature, cert.tbs_certificate_bytes, ec.ECDSA(hashes.SHA384()))
        except InvalidSignature:
            raise Refused("DOC_CHAIN", "certificate %d is not signed by the one before" % n) from None
    return chain[-1][0]


@reading("DOC_MALFORMED")
def verify_document(data, root=None, allow_simulated=False, allow_debug=False, now=None, archived=False, max_age=300, pcrs=None, any_image=False,
                    nonce=None):
    """The fields of a genuine document. `root`: DER of a certificate that is trusted in the place of AWS's, for simulated nodes; `pcrs`: index to hex,
    of 0, 1 and 2 all three, which are the image; without them a document is refused unless `any_image` says that any image is good."""
    fields, signed, signature = read_document(data)
    trusted = sha256(root) if root and allow_simulated else AWS_ROOT
    check(sha256(fields["cabundle"][0]) == trusted, "DOC_ROOT", "another root")
    stamp = fields["timestamp"]
    now_ms = stamp if archived else int((time.time() if now is None else now) * 1000)
    leaf = verify_chain(fields["cabundle"] + [fields["certificate"]], now_ms // 1000)
    try:
        r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
        leaf.public_key().verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        raise Refused("DOC_SIGNATURE", "not signed by the certificate's key") from None
    check(seconds(leaf, "not_valid_before") <= stamp // 1000 <= seconds(leaf, "not_valid_after"), "DOC_TIME", "outside the leaf's life")
    check(-max_age * 1000 <= stamp - now_ms <= SKEW_MS, "DOC_TIME", "too old, or from the future")
    check(allow_simulated or not fields["module_id"].startswith("sim-"), "DOC_SIMULATED")
    for n in range(3):
        check(allow_debug or any(fields["pcrs"].get(n, b"")), "DOC_DEBUG", "PCR%d" % n)
    image = {0, 1, 2} & set(pcrs or {})
    check(any_image or image, "DOC_POLICY", "which image? pcrs, or any_image=True")
    check(len(image) in (0, 3), "DOC_POLICY", "PCR0, 1 and 2 belong together")
    for n, value in (pcrs or {}).items():
        check(n in fields["pcrs"] and fields["pcrs"][n].hex() == value.lower(), "DOC_PCR", "PCR%d" % n)
    check(nonce is None or fields.get("nonce") == nonce, "DOC_NONCE")
    return fields


# ── receipts ──
def is_text(low, high, pattern=""):
    return lambda v: isinstance(v, str) and low <= len(v.encode()) <= high and re.search(pattern, v) is not None


def is_side(v):
    return isinstance(v, list) and len(v) == 2 and all(map(is_bytes(32), v))


U64 = is_uint(0, 2**64 - 1)
STATEMENT = {
    1: is_uint(1, 1), 2: is_uint(1, 2), 3: is_bytes(16), 4: is_bytes(32), 5: is_bytes(32), 6: is_bytes(32), 7: is_bytes(32), 8: is_bytes(34, 44),
    9: is_text(0, 256), 10: is_bytes(34, 44), 11: is_bytes(32), 12: is_text(1, 256, r"\A[ -~]+\Z"), 13: is_bytes(16), 14: U64, 15: is_side, 16: is_side,
    17: is_bytes(16, 64), 18: U64, 19: U64, 20: is_uint(1, 2),
}


def malformed(condition):
    check(condition, "RECEIPT_MALFORMED")


def read_statement(data):
    statement = decode(data, "RECEIPT_MALFORMED")
    malformed(isinstance(statement, dict) and set(statement) <= set(STATEMENT))
    malformed(set(STATEMENT) - set(statement) <= ({17} if statement.get(2) == 1 else {4, 17}))
    malformed(all(STATEMENT[key](value) for key, value in statement.items()) and statement[19] >= statement[18])
    return statement


def read_proof(proof):
    malformed(isinstance(proof, Tagged) and proof.number == 18 and isinstance(proof.content, list) and len(proof.content) == 4)
    protected, unprotected, payload, signature = proof.content
    malformed(isinstance(protected, bytes) and is_bytes(64)(signature) and payload is None)
    header = decode(protected, "RECEIPT_MALFORMED")
    malformed(isinstance(header, dict) and list(header) == [1, 395, -65537] and header[1] == -7 and header[395] == 1)
    malformed(isinstance(unprotected, dict) and list(unprotected) == [396] and isinstance(unprotected[396], dict) and list(unprotected[396]) == [-1])
    proofs = unprotected[396][-1]
    malformed(isinstance(proofs, list) and len(proofs) == 1 and isinstance(proofs[0], bytes))
    inclusion = decode(proofs[0], "RECEIPT_MALFORMED")
    malformed(isinstance(inclusion, list) and len(inclusion) == 3)
    size, index, path = inclusion
    malformed(is_uint(1, 1024)(size) and is_uint(1, 1024)(header[-65537]) and U64(index) and isinstance(path, list) and all(map(is_bytes(32), path)))
    check(size == header[-65537] and len(path) <= 10, "RECEIPT_PROOF")
    return protected, size, index, path, signature


def climb(leaf, index, size, path):
    check(index < size, "RECEIPT_PROOF")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        check(sn != 0, "RECEIPT_PROOF")
        if fn & 1 or fn == sn:
            r = sha256(b"\x01" + p + r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01" + r + p)
        fn, sn = fn >> 1, sn >> 1
    check(sn == 0, "RECEIPT_PROOF")
    return r


@reading("RECEIPT_MALFORMED")
def unpack_receipt(text):
    """The CBOR array behind the header's value."""
    malformed(re.fullmatch(r"[A-Za-z0-9_-]*", text) and not text.endswith("\n") and len(text) % 4 != 1 and len(text) <= 4760)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    malformed(base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text)
    return data


@reading("RECEIPT_MALFORMED")
def verify_receipt(data, point, allow_simulated=False):
    """Of the CBOR array and the receipt key's point: statement and both sides' descriptors (None: left out)."""
    parts = decode(data, "RECEIPT_MALFORMED")
    malformed(isinstance(parts, list) and len(parts) == 4 and isinstance(parts[0], bytes))
    malformed(all(descriptors is None or is_bytes(0, 1024)(descriptors) for descriptors in parts[2:]))
    statement = read_statement(parts[0])
    protected, size, index, path, signature = read_proof(parts[1])
    root = climb(sha256(b"\x00" + parts[0]), index, size, path)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    check(0 < r < ORDER and 0 < s <= ORDER // 2, "RECEIPT_SIGNATURE")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        signed = b"\x84\x6aSignature1" + encode_bytes(protected) + b"\x40" + encode_bytes(root)
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise Refused("RECEIPT_SIGNATURE", "") from None
    for descriptors, side in ((parts[2], statement[15]), (parts[3], statement[16])):
        check(descriptors is None or sha256(descriptors) == side[0], "RECEIPT_MISMATCH", "descriptors")
    check(allow_simulated or statement[2] == 1, "RECEIPT_MISMATCH", "a simulated node")
    return statement, parts[2], parts[3]


# ── nodes and bundles ──
def canonical_policy(text):
    lines = []
    for line in text.split("\n"):
        line = line.strip(" \t\r")
        if line and not line.startswith("#") and line != "[policy]":
            key, sign, value = line.partition("=")
            check(sign and key.strip(" \t\r"), "POLICY_MISMATCH", "not lines of key = value")
            lines.append((key.strip(" \t\r").encode(), value.strip(" \t\r").encode()))
    return b"".join(key + b" = " + value + b"\n" for key, value in sorted(lines))


def read_keyset(data):
    keyset = decode(data, "EVIDENCE_KEYSET")
    good = (isinstance(keyset, dict) and {1, 2, 3, 5} <= set(keyset) <= {1, 2, 3, 4, 5} and keyset[1] == 1 and type(keyset[1]) is int
            and is_bytes(32)(keyset[2]) and is_bytes(65)(keyset[3]) and keyset[3][0] == 4 and is_bytes(32)(keyset.get(4, bytes(32))) and U64(keyset[5]))
    check(good, "EVIDENCE_KEYSET", "not well-formed")
    return keyset


@reading("DOC_MALFORMED")
def verify_parts(document, keyset_bytes, configuration, policy_text, policy=None, any_policy=False, statement=None, certificate=None, **trust):
    """What holds a node's document, keyset and texts together; with a statement, a receipt's too; with the certificate (DER) of a connection, that.
    The keyset."""
    fields = verify_document(document, **trust)
    keyset, pcrs = read_keyset(keyset_bytes), fields["pcrs"]
    check(fields.get("public_key") == keyset_bytes, "DOC_PUBLIC_KEY")
    for n, part, key, code in ((16, configuration, 6, "EVIDENCE_CONFIGURATION"), (17, keyset_bytes, 5, "EVIDENCE_KEYSET"), (18, policy_text, 7, "EVIDENCE_POLICY")):
        check(pcrs.get(n) == extend(part), code, "PCR%d does not measure it" % n)
        check(statement is None or statement[key] == sha256(part), code, "the statement names another")
    data = fields.get("user_data") or b""
    check(len(data) == 68 and data[:2] == data[34:36] == b"\x12\x20" and data[36:] == keyset.get(4, bytes(32)), "EVIDENCE_KEYS")
    if certificate is not None:
        spki = x509.load_der_x509_certificate(certificate).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        check(data[2:34] == sha256(certificate) and sha256(spki) == keyset[2], "EVIDENCE_CHANNEL", "another certificate than the attested one")
    check(policy or (policy is None and any_policy), "POLICY_UNSTATED")
    check(policy is None or canonical_policy(policy) == policy_text, "POLICY_MISMATCH")
    check(fields["timestamp"] // 1000 <= keyset[5], "EVIDENCE_TIME")
    if statement is not None:
        simulated = fields["module_id"].startswith("sim-") or sha256(fields["cabundle"][0]) != AWS_ROOT
        check(statement.get(4) == sha256(b"".join(pcrs.get(n, b"") for n in range(3))), "EVIDENCE_IMAGE")
        check(statement[2] == (2 if simulated else 1), "EVIDENCE_KIND")
        check(statement[19] // 10**6 <= keyset[5], "EVIDENCE_TIME")
    return keyset


@reading("BUNDLE_MALFORMED")
def verify_bundle(data, **trust):
    """The statement of a good bundle and its receipt's descriptors. `trust` as in verify_document and verify_parts."""
    bundle = decode(data, "BUNDLE_MALFORMED")
    check(isinstance(bundle, dict) and set(bundle) == {1, 2, 3, 4, 5, 6} and bundle[1] == 1 and type(bundle[1]) is int, "BUNDLE_MALFORMED")
    check(all(isinstance(bundle[key], bytes) for key in range(2, 7)) and max(len(bundle[5]), len(bundle[6])) <= 65536, "BUNDLE_MALFORMED")
    parts = decode(bundle[2], "RECEIPT_MALFORMED")
    malformed(isinstance(parts, list) and len(parts) == 4 and isinstance(parts[0], bytes))
    keyset = verify_parts(bundle[3], bundle[4], bundle[5], bundle[6], statement=read_statement(parts[0]), **trust)
    return verify_receipt(bundle[2], keyset[3], trust.get("allow_simulated", False))


# ── tensors ──
FORMATS = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "?", 10: "e", 11: "d", 12: "I", 13: "Q"}


@reading("RECEIPT_MALFORMED")
def read_descriptors(data):
    """[(name, dtype, dims)]; only tensors."""
    (count,), at, values = struct.unpack_from("<H", data), 2, []
    for _ in range(count):
        (n,) = struct.unpack_from("<H", data, at)
        name, dtype, rank = data[at + 2:at + 2 + n].decode(), data[at + 2 + n], data[at + 3 + n]
        check(dtype < 0x80, "DTYPE_UNSUPPORTED", name + " is no tensor")
        values.append((name, dtype, list(struct.unpack_from("<%dQ" % rank, data, at + 4 + n))))
        at += 4 + n + 8 * rank
    return values


def flatten(value):
    return [leaf for item in value for leaf in flatten(item)] if isinstance(value, (list, tuple)) else [value]


def elements_of(value, dims):
    """The leaves of nested lists that have exactly this shape; below a dimension of 0 there is none."""
    is_list = isinstance(value, (list, tuple))
    check(is_list == bool(dims) and (not is_list or len(value) == dims[0]), "RECEIPT_MISMATCH", "not the receipt's shape")
    return [leaf for item in value for leaf in elements_of(item, dims[1:])] if is_list else [value]


def payload(dtype, elements):
    if dtype == 8:
        check(all(isinstance(e, str) for e in elements), "RECEIPT_MISMATCH", "not a string")
        encoded = [element.encode() for element in elements]
        return b"".join(struct.pack("<I", len(e)) + e for e in encoded)
    check(dtype in FORMATS, "DTYPE_UNSUPPORTED", "bfloat16")
    if dtype in (1, 10, 11):
        check(all(isinstance(e, (int, float, str)) for e in elements), "RECEIPT_MISMATCH", "not a number")
        return struct.pack("<%d%s" % (len(elements), FORMATS[dtype]), *map(float, elements))
    is_whole = all(isinstance(e, (int, float)) and e == e // 1 and (dtype != 9 or e in (0, 1)) for e in elements)
    check(is_whole, "RECEIPT_MISMATCH", "not of its type")
    return struct.pack("<%d%s" % (len(elements), FORMATS[dtype]), *map(int, elements))


@reading("RECEIPT_MISMATCH")
def payloads(descriptors, values):
    """[(name, dtype, dims, payload)] of {name: nested lists}, which must be all that the descriptors have."""
    described = read_descriptors(descriptors)
    check({name for name, _, _ in described} == set(values) and len(described) == len(values), "RECEIPT_MISMATCH", "other tensors than the receipt's")
    return [(name, dtype, dims, payload(dtype, elements_of(values[name], dims))) for name, dtype, dims in described]


def tensor_digest(descriptors, values):
    """Of a side, from its descriptors and {name: nested lists}."""
    digest = hashlib.sha256(sha256(descriptors))
    for _, _, _, data in payloads(descriptors, values):
        digest.update(struct.pack("<Q", len(data)) + data)
    return digest.digest()


def nested(elements, dims):
    return [nested(elements, dims[1:]) for _ in range(dims[0])] if dims else next(elements)


def printable(element):
    """JSON has no such numbers: they are strings."""
    return element if not isinstance(element, float) or math.isfinite(element) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(element)]


def text_of(descriptors, values, model_hash):
    """The one text that POST /infer has for these outputs (docs/api.md), as what they are in the receipt's types."""
    outputs = []
    for name, dtype, dims, data in payloads(descriptors, values):
        if dtype == 8:
            elements = flatten(values[name])
        else:
            elements = [printable(element) for (element,) in struct.iter_unpack("<" + FORMATS[dtype if dtype != 9 else 2], data)]
        outputs.append({"name": name, "shape": dims, "result": nested(iter(elements), dims), "type": "string" if dtype == 8 else "number"})
    return json.dumps({"output": outputs, "model_hash": model_hash}, separators=(",", ":"), ensure_ascii=False).encode()


# ── asking ──
class Answer:
    def __init__(self, outputs, statement, bundle):
        self.outputs, self.statement, self.bundle = outputs, statement, bundle
        self.model_hash = statement[11].hex()


def shape_of(value):
    return [len(value)] + (shape_of(value[0]) if value else []) if isinstance(value, (list, tuple)) else []


def binary_cid(text):
    """A CID's bytes; base58 for CIDv0, base32 for CIDv1."""
    if text.startswith("b"):
        return base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
    n = 0
    for c in text:
        n = n * 58 + "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(c)
    return n.to_bytes(34, "big")


def read_outputs(data):
    """{name: result} of an answer."""
    answer = json.loads(data)
    check(isinstance(answer, dict) and isinstance(answer.get("output"), list), "ANSWER", "no outputs")
    good = all(isinstance(o, dict) and isinstance(o.get("name"), str) and "result" in o for o in answer["output"])
    check(good, "ANSWER", "an output without its name")
    return {output["name"]: output["result"] for output in answer["output"]}


class Node:
    def __init__(self, url, policy=None, any_policy=False, root=None, timeout=60, **trust):
        """`root` is a certificate in PEM or DER; the rest as in verify_document and verify_parts."""
        if isinstance(root, str):
            root = ssl.PEM_cert_to_DER_cert(root)
        self.trust = {"policy": policy, "any_policy": any_policy, "root": root, **trust}
        self.url, self.timeout = urlsplit(url), timeout
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE  # attested instead

    def request(self, connection, method, path, body=None, headers=None):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        data = response.read(1 << 31)
        check(response.status == 200, "ANSWER", "%s: status %d: %s" % (path, response.status, data[:300]))
        return response, data

    def attest(self, connection):
        """Document, keyset and both texts, verified over this connection."""
        certificate = connection.sock.getpeercert(True)  # while it is there: an answer may end the connection
        nonce = os.urandom(32)
        _, text = self.request(connection, "GET", "/enclave/attestation?nonce=" + nonce.hex())
        _, identity = self.request(connection, "GET", "/.well-known/veronnx")
        identity = json.loads(identity)
        good = isinstance(identity, dict) and all(isinstance(identity.get(key), str) for key in ("keyset", "configuration", "policy"))
        check(good, "ANSWER", "no keyset, configuration and policy")
        parts = (base64.b64decode(text, validate=False), base64.b64decode(identity["keyset"]), identity["configuration"].encode(), identity["policy"].encode())
        verify_parts(*parts, certificate=certificate, nonce=nonce, **self.trust)
        return parts

    @reading("ANSWER")
    def infer(self, model, inputs, cid=None):
        """`inputs`: {name: nested lists of numbers or strings}. An alias needs `cid`, what it must stand for."""
        connection = http.client.HTTPSConnection(self.url.hostname, self.url.port or 443, timeout=self.timeout, context=self.context)
        try:
            connection.connect()
            connection.auto_open = 0  # this connection was attested, no other
            document, keyset, configuration, policy = self.attest(connection)
            nonce = os.urandom(32)
            sent = [({"name": name, "values": flatten(value), "shape": shape_of(value)}, any(isinstance(v, str) for v in flatten(value)))
                    for name, value in inputs.items()]
            body = json.dumps({"ipfs_hash": model, "model_inputs": {"numbers": [t for t, text in sent if not text], "strings": [t for t, text in sent if text]}})
            response, data = self.request(connection, "POST", "/infer", body, {"Content-Type": "application/json", "Veronnx-Nonce": nonce.hex()})
        finally:
            connection.close()
        receipt = unpack_receipt(response.getheader("Veronnx-Receipt", ""))
        bundle = b"\xa6\x01\x01" + b"".join(bytes([key]) + encode_bytes(part) for key, part in enumerate((receipt, document, keyset, configuration, policy), 2))
        statement, described_in, described_out = verify_bundle(bundle, **self.trust)
        outputs = read_outputs(data)
        asked, _, path = (cid or model).partition("/")
        check(statement.get(17) == nonce, "RECEIPT_MISMATCH", "nonce")
        check(statement[8] == binary_cid(asked) and statement[9] == path, "RECEIPT_MISMATCH", "model")
        check(described_in is not None and described_out is not None, "RECEIPT_MISMATCH", "descriptors over 1 KiB are left out")
        check(all(dims == shape_of(inputs.get(name)) for name, _, dims in read_descriptors(described_in)), "RECEIPT_MISMATCH", "another shape than was sent")
        check(tensor_digest(described_in, inputs) == statement[15][1], "RECEIPT_MISMATCH", "inputs")
        check(tensor_digest(described_out, outputs) == statement[16][1], "RECEIPT_MISMATCH", "outputs")
        check(text_of(described_out, outputs, statement[11].hex()) == data, "RECEIPT_MISMATCH", "the answer is not the outputs' text")
        return Answer(outputs, statement, bundle)
