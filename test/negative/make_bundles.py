"""A good bundle, and bundles whose parts do not belong together, each signed all the same."""
import hashlib

from pki import NOW, PCRS, cbor, document
from make_vectors import IN, KEY, OTHER_KEY, OUT, Receipt, digest_of, public, statement, sha256

CONFIGURATION = b"body-max = 33554432\ndrain-time = 30000ms\nqueue-max = 64\n"
POLICY = b"allow = QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPgyV\nisolation = shared\nmodels = list\n"
TLS, RSA = digest_of("tls key"), digest_of("rsa key")
KEYSET = {1: 1, 2: TLS, 3: public(KEY), 4: RSA, 5: NOW + 7776000}
USER_DATA = b"\x12\x20" + digest_of("tls certificate") + b"\x12\x20" + RSA
IMAGE = sha256(PCRS[0] + PCRS[1] + PCRS[2])
TIMES = {"start": NOW * 10**6 - 900, "end": NOW * 10**6}


def extended(data):
    return hashlib.sha384(bytes(48) + sha256(data)).digest()


def registers(keyset, node=CONFIGURATION, policy=POLICY):
    return {**PCRS, 16: extended(node), 17: extended(keyset), 18: extended(policy)}


def said(keys, configuration=CONFIGURATION, rules=POLICY, **changes):
    return statement(**{"kind": 2, "image": IMAGE, "keyset": sha256(keys), "node": sha256(configuration), "policy": sha256(rules), "clock": 2, **TIMES,
                        **changes})


def parts(keyset=KEYSET, node=CONFIGURATION, policy=POLICY, says=None, doc=None, receipt=None):
    """Everything belongs together, but for what `says` changes in the statement and `doc` in the document."""
    keys = keyset if isinstance(keyset, bytes) else cbor(keyset)
    doc = {"pcrs": registers(keys, node, policy), "public_key": keys, "user_data": USER_DATA, **(doc or {})}
    receipt = receipt or Receipt([cbor(said(keys, node, policy, **(says or {}))), cbor(statement(7))]).sign()
    return {1: 1, 2: cbor(receipt.items()), 3: document(**doc), 4: keys, 5: node, 6: policy}


def bundle(**changes):
    return cbor(parts(**changes))


def replaced(key, value):
    """A part changed after all was signed."""
    return cbor({**parts(), key: value})


def without(pcr):
    return {k: v for k, v in registers(cbor(KEYSET)).items() if k != pcr}


def forms():
    good = parts()
    yield "BUNDLE_MALFORMED", "version 0", cbor({**good, 1: 0})
    yield "BUNDLE_MALFORMED", "version 2", cbor({**good, 1: 2})
    for key in good:
        yield "BUNDLE_MALFORMED", f"without key {key}", cbor({k: v for k, v in good.items() if k != key})
    for key in (0, 7, -1):
        yield "BUNDLE_MALFORMED", f"with key {key}", cbor({**good, key: b""})
    yield "BUNDLE_MALFORMED", "followed by a byte", cbor(good) + b"\x00"
    yield "BUNDLE_MALFORMED", "indefinite length", b"\xbf" + cbor(good)[1:] + b"\xff"
    yield "BUNDLE_MALFORMED", "tagged", b"\xd9\xd9\xf7" + cbor(good)
    yield "BUNDLE_MALFORMED", "policy as text", cbor({**good, 6: POLICY.decode()})
    yield "BUNDLE_MALFORMED", "configuration too long", cbor({**good, 5: b"a" * 65537})
    yield "BUNDLE_MALFORMED", "nothing", b""
    yield "BUNDLE_MALFORMED", "a document instead", good[3]
    yield "RECEIPT_MALFORMED", "receipt empty", replaced(2, b"")
    yield "RECEIPT_MALFORMED", "receipt followed by a byte", replaced(2, good[2] + b"\x00")
    yield "DOC_MALFORMED", "document empty", replaced(3, b"")
    yield "DOC_MALFORMED", "document tagged", replaced(3, b"\xd2" + good[3])
    yield "DOC_MALFORMED", "document followed by a byte", replaced(3, good[3] + b"\x00")


def keysets():
    keys = cbor(KEYSET)
    for title, wrong in (("version 2", {**KEYSET, 1: 2}), ("without its TLS key", {k: v for k, v in KEYSET.items() if k != 2}),
                         ("without its end", {k: v for k, v in KEYSET.items() if k != 5}), ("with another key", {**KEYSET, 6: 0}),
                         ("compressed point", {**KEYSET, 3: b"\x02" + public(KEY)[1:33]})):
        yield "EVIDENCE_KEYSET", f"keyset {title}", bundle(keyset=wrong)
    yield "EVIDENCE_KEYSET", "keyset followed by a byte", bundle(keyset=keys + b"\x00")
    yield "EVIDENCE_KEYSET", "keyset not measured", bundle(doc={"pcrs": {**registers(keys), 17: bytes(48)}})
    yield "EVIDENCE_KEYSET", "PCR17 absent", bundle(doc={"pcrs": without(17)})
    yield "EVIDENCE_KEYSET", "another keyset in the statement", bundle(says={"keyset": digest_of("other")})
    yield "EVIDENCE_KEYSET", "PCR17 is the digest, not extended", bundle(doc={"pcrs": {**registers(keys), 17: sha256(keys) + bytes(16)}})
    yield "DOC_PUBLIC_KEY", "another public key", bundle(doc={"public_key": cbor({**KEYSET, 5: NOW})})
    yield "DOC_PUBLIC_KEY", "no public key", bundle(doc={"public_key": None})
    yield "EVIDENCE_KEYS", "other user data", bundle(doc={"user_data": b"some data"})
    yield "EVIDENCE_KEYS", "no user data", bundle(doc={"user_data": None})
    yield "EVIDENCE_KEYS", "another RSA key", bundle(doc={"user_data": USER_DATA[:36] + digest_of("other")})
    yield "EVIDENCE_KEYS", "no RSA key", bundle(doc={"user_data": USER_DATA[:36] + bytes(32)})
    yield "EVIDENCE_KEYS", "an RSA key that the keyset has not", bundle(keyset={k: v for k, v in KEYSET.items() if k != 4})
    yield "EVIDENCE_KEYS", "multihash of another kind", bundle(doc={"user_data": b"\x13" + USER_DATA[1:]})
    yield "EVIDENCE_KEYS", "user data of 69 bytes", bundle(doc={"user_data": USER_DATA + b"\x00"})
    yield "EVIDENCE_TIME", "receipt after the end of its keys", bundle(says={"end": (KEYSET[5] + 1) * 10**6})
    yield "EVIDENCE_TIME", "document after the end of its keys", bundle(keyset={**KEYSET, 5: NOW - 1})


def texts():
    keys = cbor(KEYSET)
    for title, name, code, register in (("configuration", "node", "EVIDENCE_CONFIGURATION", 16), ("policy", "policy", "EVIDENCE_POLICY", 18)):
        yield code, f"{title} not measured", bundle(doc={"pcrs": {**registers(keys), register: bytes(48)}})
        yield code, f"{title}'s register absent", bundle(doc={"pcrs": without(register)})
        yield code, f"another {title} in the statement", bundle(says={name: digest_of("other")})
        yield code, f"{title} measured twice", bundle(doc={"pcrs": {**registers(keys), register: hashlib.sha384(registers(keys)[register] + sha256(b"x")).digest()}})
    yield "EVIDENCE_CONFIGURATION", "configuration changed", replaced(5, CONFIGURATION.replace(b"64", b"65"))
    yield "EVIDENCE_CONFIGURATION", "configuration empty", replaced(5, b"")
    yield "POLICY_MISMATCH", "another policy, all through", bundle(policy=POLICY.replace(b"list", b"any"))
    yield "POLICY_MISMATCH", "an empty policy, all through", bundle(policy=b"")


def receipts():
    two = [cbor(said(cbor(KEYSET))), cbor(statement(7))]
    yield "EVIDENCE_IMAGE", "another image", bundle(says={"image": digest_of("other")})
    yield "EVIDENCE_IMAGE", "no image", bundle(says={"image": None})
    yield "EVIDENCE_IMAGE", "PCR1 left out of the image", bundle(says={"image": sha256(PCRS[0] + PCRS[2])})
    yield "EVIDENCE_KIND", "kind 1 under a root that is not AWS's", bundle(says={"kind": 1})
    yield "RECEIPT_SIGNATURE", "receipt signed by another key", bundle(receipt=Receipt(two).sign(OTHER_KEY))
    yield "RECEIPT_SIGNATURE", "receipt key off the curve", bundle(keyset={**KEYSET, 3: public(KEY)[:-1] + bytes([public(KEY)[-1] ^ 1])})
    yield "RECEIPT_SIGNATURE", "keyset with another receipt key", bundle(keyset={**KEYSET, 3: public(OTHER_KEY)})
    yield "RECEIPT_MISMATCH", "other input descriptors", bundle(receipt=Receipt(two, in_descriptors=b"others").sign())
    yield "RECEIPT_MISMATCH", "descriptors exchanged", bundle(receipt=Receipt(two, in_descriptors=OUT, out_descriptors=IN).sign())


def wanted(bundle_):
    """What a person wants that the good bundle does not have, and policy files. (code, what, bundle, arguments)"""
    for title, arguments, code in (
            ("another nonce", ["--nonce", "00" * 32], "RECEIPT_MISMATCH"), ("another model file", ["--model-hash", "00" * 32], "RECEIPT_MISMATCH"),
            ("another model", ["--model", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPgyV"], "RECEIPT_MISMATCH"),
            ("another image", ["--pcrs", "other.json"], "DOC_PCR")):
        yield code, title, bundle_, arguments + ["--policy", "policy.conf"]
    yield "POLICY_UNSTATED", "nothing said about the policy", bundle_, []
    for title, text in POLICIES:
        yield ("POLICY_UNSTATED" if text == b"" else "POLICY_MISMATCH"), f"policy file: {title}", bundle_, ["--policy", text]


POLICIES = [
    ("empty", b""), ("a comment alone", b"# models = list\n"), ("one line less", b"\n".join(POLICY.split(b"\n")[1:])), ("one line more", POLICY + b"operator-domain = example\n"),
    ("one line twice", POLICY + b"models = list\n"), ("another value", POLICY.replace(b"list", b"any")), ("another key", POLICY.replace(b"models", b"model")),
    ("another CID", POLICY.replace(b"KPgyV", b"KPgyW")), ("no value", POLICY.replace(b" = list", b" =")), ("no sign", POLICY.replace(b" = ", b" ")), ("no key", b" = list\n" + POLICY),
    ("another heading", b"[node]\n" + POLICY), ("values in capitals", POLICY.replace(b"list", b"LIST")), ("a NUL", POLICY.replace(b"list", b"list\x00")), ("not text", b"\xff\xfe\x00"),
    ("a remark behind a value", POLICY.replace(b"list", b"list # all")), ("1,025 lines", b"".join(b"a = %d\n" % n for n in range(1025))), ("too long", b"a = " + b"b" * 65000),
]
GOOD_POLICIES = [("the text itself", POLICY), ("sorted otherwise", b"\n".join(reversed(POLICY.split(b"\n")))), ("with comments, blanks and heading", b"# wanted\n[policy]\n\n" + POLICY.replace(b" = ", b"\t=  ")),
                 ("lines end with CR LF", POLICY.replace(b"\n", b"\r\n")), ("no line end at the end", POLICY[:-1])]


def bundles():
    for rows in (forms(), keysets(), texts(), receipts()):
        for code, title, data in rows:
            yield code, title, data, ["--policy", "policy.conf"]
    yield from wanted(bundle())
