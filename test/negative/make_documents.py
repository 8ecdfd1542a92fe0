"""Attestation documents that are wrong in one way each, signed all the same: (code, what is wrong, bytes, further arguments)."""
from pki import (BASIC, CHAIN, HEADER, KEYS, N, NOW, P, PCRS, SHA256, SIGNS, SIGNS_CERTS, STRANGER, TIME, USAGE, Pairs, Raw, Tag, basic, bits,
                 cbor, certificate, der, document, envelope, extension, fields, integer, name, raw, signature_of, spki)

MANDATORY = ("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle")
CLAIMS = ("public_key", "user_data", "nonce")


def pairs_with(key, value):
    return cbor(Pairs([(k, value if k == key else v) for k, v in fields()]))


def bad_fields():
    good = fields()
    for key in MANDATORY:
        yield f"without {key}", cbor(fields(**{key: None}))
    for key, value in good:
        left_out = "nonce" if key != "nonce" else "user_data"
        yield f"{key} twice", cbor(Pairs([pair for pair in good if pair[0] != left_out] + [(key, value)]))
        yield f"{key} is an integer" if key != "timestamp" else "timestamp is text", pairs_with(key, -1 if key != "timestamp" else "1")
        yield f"{key} is an array", pairs_with(key, [1])
    yield "nonce twice in an open payload", b"\xbf" + cbor(Pairs(list(good) + [("nonce", None)]))[1:] + b"\xff"
    yield "an unknown key", cbor(Pairs(list(good)[:8] + [("more", 1)]))
    yield "a TPM's registers", cbor(Pairs([("nitrotpm_pcrs" if k == "pcrs" else k, v) for k, v in good]))
    for key in MANDATORY:
        yield f"{key} is null", pairs_with(key, None)
    for value in ("SHA256", "SHA512", "sha384", "SHA384 ", ""):
        yield f"digest {value!r}", pairs_with("digest", value)
    yield "timestamp 0", pairs_with("timestamp", 0)
    yield "timestamp beyond the year 9999", pairs_with("timestamp", 253402300800000)
    yield "timestamp of 2^64 - 1", pairs_with("timestamp", 2**64 - 1)
    yield "module_id empty", pairs_with("module_id", "")
    yield "module_id of 1025 bytes", pairs_with("module_id", "i" * 1025)
    yield "no registers", pairs_with("pcrs", {})
    yield "register 32", pairs_with("pcrs", {**PCRS, 32: bytes(48)})
    yield "register -1", pairs_with("pcrs", {**PCRS, -1: bytes(48)})
    yield "a register twice", pairs_with("pcrs", Pairs(list(PCRS.items()) + [(7, PCRS[7])]))
    yield "33 registers", pairs_with("pcrs", {n: bytes(48) for n in range(33)})
    for length in (0, 32, 47, 49, 64):
        yield f"register of {length} bytes", pairs_with("pcrs", {**PCRS, 5: bytes(length)})
    yield "registers by text", pairs_with("pcrs", {str(n): value for n, value in PCRS.items()})
    yield "certificate empty", pairs_with("certificate", b"")
    yield "certificate of 1025 bytes", pairs_with("certificate", CHAIN[4] + bytes(1025 - len(CHAIN[4])))
    yield "cabundle empty", pairs_with("cabundle", [])
    yield "cabundle of 9", pairs_with("cabundle", CHAIN[:4] + [CHAIN[3]] * 5)
    yield "an empty certificate in cabundle", pairs_with("cabundle", CHAIN[:4] + [b""])
    yield "public_key empty", pairs_with("public_key", b"")
    for key in CLAIMS:
        yield f"{key} of 1025 bytes", pairs_with(key, bytes(1025))
        yield f"{key} is text", pairs_with(key, "text")
        yield f"{key} is undefined", pairs_with(key, Raw(b"\xf7"))
    yield "registers of indefinite length", pairs_with("pcrs", Raw(b"\xbf" + cbor(PCRS)[1:] + b"\xff"))
    yield "cabundle of indefinite length", pairs_with("cabundle", Raw(b"\x9f" + cbor(CHAIN[:4])[1:] + b"\xff"))
    yield "nonce in chunks", pairs_with("nonce", Raw(b"\x5f\x44" + bytes(4) + b"\x44" + bytes(4) + b"\xff"))
    yield "timestamp a double", pairs_with("timestamp", Raw(b"\xfb\x42\x7a\x31\xea\xf5\xc8\x00\x00"))
    yield "timestamp a bignum", pairs_with("timestamp", Raw(b"\xc2\x46" + (NOW * 1000).to_bytes(6, "big")))
    yield "a register's index not shortest", pairs_with("pcrs", Raw(b"\xa1\x18\x00\x58\x30" + bytes(48)))
    yield "module_id not UTF-8", pairs_with("module_id", Raw(b"\x62\xc3\x28"))


def bad_payloads():
    good = cbor(fields())
    yield "payload empty", b""
    yield "payload an array", cbor([fields()])
    yield "payload in a byte string", cbor(good)
    yield "payload tagged", b"\xd9\xd9\xf7" + good
    yield "payload followed by a byte", good + b"\x00"
    yield "open payload without its end", b"\xbf" + good[1:]
    yield "open payload followed by a byte", b"\xbf" + good[1:] + b"\xff\x00"
    yield "payload's count too small", b"\xa8" + good[1:]
    yield "payload's count not shortest", b"\xb8\x09" + good[1:]
    yield "a key that is an integer", cbor(Pairs([(1, 1)] + list(fields())[1:]))
    yield "a key that is bytes", cbor(Pairs([(b"module_id", "i")] + list(fields())[1:]))
    yield "ten pairs", cbor(Pairs(list(fields()) + [("more", 1)]))


def bad_envelopes():
    payload = cbor(fields())
    signature = signature_of(payload)
    good = [HEADER, {}, payload, signature]
    yield "MALFORMED", "tag 17", cbor(Tag(17, good))
    yield "MALFORMED", "tag 18 twice", cbor(Tag(18, Tag(18, good)))
    yield "MALFORMED", "tag 61 outside", cbor(Tag(61, Tag(18, good)))
    yield "MALFORMED", "three items", cbor(good[:3])
    yield "MALFORMED", "five items", cbor(good + [None])
    yield "MALFORMED", "indefinite length", b"\x9f" + cbor(good)[1:] + b"\xff"
    yield "MALFORMED", "followed by a byte", cbor(good) + b"\x00"
    yield "MALFORMED", "twice", cbor(good) * 2
    yield "MALFORMED", "an unprotected label", envelope(payload, signature, unprotected={4: b"key"})
    yield "MALFORMED", "unprotected alg", envelope(payload, signature, unprotected={1: -35})
    yield "MALFORMED", "payload null", cbor([HEADER, {}, None, signature])
    yield "MALFORMED", "payload not in a byte string", cbor([HEADER, {}, fields(), signature])
    yield "MALFORMED", "signature null", cbor([HEADER, {}, payload, None])
    yield "MALFORMED", "header not in a byte string", cbor([{1: -35}, {}, payload, signature])
    yield "MALFORMED", "longer than 16 KiB", cbor([HEADER, {}, payload, bytes(16384)])
    yield "MALFORMED", "nothing", b""
    for title, header in (("ES256", cbor({1: -7})), ("ES512", cbor({1: -36})), ("PS384", cbor({1: -38})), ("HMAC", cbor({1: 5})),
                          ("alg as text", cbor({1: "ES384"})), ("no alg", cbor({})), ("empty", b""), ("key id", cbor({1: -35, 4: b"k"})),
                          ("critical labels", cbor({1: -35, 2: [1]})), ("alg not shortest", b"\xa1\x01\x39\x00\x22"),
                          ("alg twice", b"\xa2\x01\x38\x22\x01\x38\x22"), ("followed by a byte", HEADER + b"\x00")):
        yield "ALGORITHM", f"protected header: {title}", envelope(payload, signature_of(payload, header=header), header)
    for length in (0, 95, 97, 102):
        yield "ALGORITHM", f"signature of {length} bytes", envelope(payload, (signature + bytes(8))[:length])
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    for title, wrong in (("by another key", signature_of(payload, STRANGER)), ("by the instance's key", signature_of(payload, KEYS[3])),
                         ("context of COSE_Sign", signature_of(payload, context="Signature")), ("with external data", signature_of(payload, external=b"x")),
                         ("of the payload alone", raw(*KEYS[4].sign(payload))), ("with SHA-256", signature_of(payload, digest="sha256")),
                         ("with SHA-512", signature_of(payload, digest="sha512")), ("of another header", signature_of(payload, header=cbor({1: -7}))),
                         ("r and s exchanged", raw(s, r)), ("r is 0", raw(0, s)), ("s is 0", raw(r, 0)), ("r is the order", raw(N, s)),
                         ("s is the order", raw(r, N)), ("all zero", bytes(96)), ("all ones", b"\xff" * 96)):
        yield "SIGNATURE", f"signature {title}", envelope(payload, wrong)


def chain_with(level, **changes):
    return CHAIN[:level] + [certificate(level, **changes)] + CHAIN[level + 1:]


def bad_certificates():
    """In the zonal certificate, which is signed all the same."""
    good = [extension(BASIC, basic(True)), extension(USAGE, SIGNS_CERTS)]
    point = KEYS[2].point
    off = b"\x04" + point[1:49] + ((int.from_bytes(point[49:], "big") + 1) % P).to_bytes(48, "big")
    for title, changes in (
            ("version 1", {"version": b""}), ("version 2", {"version": b"\xa0\x03\x02\x01\x01"}), ("version 4", {"version": b"\xa0\x03\x02\x01\x03"}),
            ("a byte behind the version", {"version": b"\xa0\x04\x02\x01\x02\x00"}), ("serial 0", {"serial": b"\x02\x01\x00"}),
            ("serial negative", {"serial": b"\x02\x01\xff"}), ("serial not minimal", {"serial": b"\x02\x02\x00\x05"}), ("serial of 21 bytes", {"serial": der(2, b"\x01" * 21)}),
            ("inner algorithm SHA-256", {"inner": SHA256}), ("outer algorithm SHA-256", {"outer": SHA256}),
            ("SHA-256 throughout", {"inner": SHA256, "outer": SHA256, "digest": "sha256"}), ("29 February of no leap year", {"times": (b"270229000000Z", TIME[1])}),
            ("month 13", {"times": (b"271301000000Z", TIME[1])}), ("no Z", {"times": (b"2701150700001", TIME[1])}), ("no seconds", {"times": (b"2701150700Z", TIME[1])}),
            ("an offset", {"times": (b"270115070000+0100", TIME[1])}), ("year of two digits as of four", {"time_tag": 0x18}),
            ("year of four digits as of two", {"times": (b"20270115070000Z", b"20270115090000Z")}), ("P-256", {"public": spki(b"\x04" + bytes(64), "1.2.840.10045.3.1.7")}),
            ("a compressed point", {"public": spki(b"\x02" + point[1:49])}), ("a point of 96 bytes", {"public": spki(point[:-1])}), ("no point", {"public": spki(b"")}),
            ("RSA's algorithm", {"public": der(0x30, der(0x30, oid_of_rsa(), b"\x05\x00"), bits(point))}), ("no extensions", {"extensions": []}),
            ("without BasicConstraints", {"extensions": good[1:]}), ("BasicConstraints not critical", {"extensions": [extension(BASIC, basic(True), False), good[1]]}),
            ("BasicConstraints twice", {"extensions": [good[0], *good]}), ("KeyUsage twice", {"extensions": [*good, good[1]]}),
            ("an unknown critical extension", {"extensions": [*good, extension("1.2.3.4", b"\x05\x00")]}),
            ("TRUE as 01", {"extensions": [extension(BASIC, der(0x30, der(1, b"\x01"))), good[1]]}),
            ("a byte behind BasicConstraints", {"extensions": [extension(BASIC, basic(True) + b"\x00"), good[1]]}),
            ("a negative path length", {"extensions": [extension(BASIC, der(0x30, der(1, b"\xff"), b"\x02\x01\xff")), good[1]]}),
            ("padding bits of KeyUsage set", {"usage": b"\x03\x02\x01\x87"}), ("a byte behind the certificate", {"behind": b"\x00"}),
            ("signature with unused bits", {"signature": bits(der(0x30, integer(1), integer(1)), 1)}), ("signature with r negative", {"signature": bits(der(0x30, b"\x02\x01\x81", integer(1)))}),
            ("signature without s", {"signature": bits(der(0x30, integer(1)))}), ("signature empty", {"signature": bits(b"")})):
        yield "CERTIFICATE", f"certificate: {title}", chain_with(2, **changes)
    yield "CERTIFICATE", "certificate: length in its long form", CHAIN[:2] + [b"\x30\x83\x00" + CHAIN[2][2:]] + CHAIN[3:]
    yield "CERTIFICATE", "certificate: indefinite length", CHAIN[:2] + [b"\x30\x80" + CHAIN[2][4:] + b"\x00\x00"] + CHAIN[3:]
    yield "CERTIFICATE", "certificate: cut", CHAIN[:2] + [CHAIN[2][:-1]] + CHAIN[3:]
    yield "CHAIN", "certificate: a point off the curve", chain_with(2, public=spki(off))


def oid_of_rsa():
    return der(6, bytes.fromhex("2a864886f70d010101"))


def bad_chains():
    yield "ROOT", "another root of the same name", [certificate(0, key=STRANGER, signer=STRANGER), certificate(1, signer=STRANGER)] + CHAIN[2:]
    yield "ROOT", "the root made again", [certificate(0, serial=integer(77))] + CHAIN[1:]
    yield "CHAIN", "two exchanged", [CHAIN[0], CHAIN[2], CHAIN[1], *CHAIN[3:]]
    yield "CHAIN", "one left out", CHAIN[:2] + CHAIN[3:]
    yield "CHAIN", "one twice", CHAIN[:3] + CHAIN[2:]
    yield "CHAIN", "root twice", CHAIN[:1] + CHAIN
    yield "CHAIN", "a stranger between", CHAIN[:3] + [certificate(2, key=STRANGER, signer=STRANGER, subject="stranger")] + CHAIN[3:]
    yield "CHAIN", "leaf alone below the root", [CHAIN[0], CHAIN[4]]
    yield "CHAIN", "an authority that is none", chain_with(2, ca=False, usage=SIGNS_CERTS)
    yield "CHAIN", "an authority that may not sign certificates", chain_with(2, usage=SIGNS)
    yield "CHAIN", "an authority without KeyUsage", chain_with(2, extensions=[extension(BASIC, basic(True))])
    yield "CHAIN", "path length 0 at the regional one", chain_with(1, path_length=0)
    yield "CHAIN", "path length 0 at the zonal one", chain_with(2, path_length=0)
    yield "CHAIN", "leaf is an authority", chain_with(4, ca=True)
    yield "CHAIN", "leaf may not sign", chain_with(4, usage=bits(b"\x20", 5))
    yield "CHAIN", "leaf without KeyUsage", chain_with(4, extensions=[extension(BASIC, basic(False))])
    for level, title in ((1, "regional"), (2, "zonal"), (3, "instance"), (4, "leaf")):
        yield "CHAIN", f"{title} signed by a stranger", chain_with(level, signer=STRANGER)
        yield "CHAIN", f"{title} names another issuer", chain_with(level, issuer="somebody")
    yield "CHAIN", "an authority of another name", chain_with(2, subject="somebody")
    yield "CHAIN", "an authority with another key", chain_with(2, key=STRANGER)
    for level, title in ((1, "regional"), (2, "zonal"), (3, "instance")):
        yield "CERT_TIME", f"{title} has ended", chain_with(level, times=(b"260115070000Z", b"270115075959Z"))
        yield "CERT_TIME", f"{title} has not begun", chain_with(level, times=(b"270115080001Z", b"280115090000Z"))


def against(policy):
    """What a person wants that a good document does not have. (code, what, changes, arguments)"""
    zero = bytes(48)
    for n in (0, 1, 2):
        yield "DOC_DEBUG", f"PCR{n} zero", {"pcrs": {**PCRS, n: zero}}, []
        yield "DOC_DEBUG", f"PCR{n} absent", {"pcrs": {k: v for k, v in PCRS.items() if k != n}}, []
    yield "DOC_DEBUG", "debug mode", {"pcrs": {**PCRS, 0: zero, 1: zero, 2: zero, 8: zero}}, []
    for n in (0, 1, 2, 8):
        yield "DOC_PCR", f"another PCR{n}", {"pcrs": {**PCRS, n: b"\x77" * 48}}, ["--pcrs", "pcrs.json"]
    yield "DOC_PCR", "PCR8 absent", {"pcrs": {k: v for k, v in PCRS.items() if k != 8}}, ["--pcrs", "pcrs.json"]
    yield "DOC_PCR", "PCR1 and PCR2 exchanged", {"pcrs": {**PCRS, 1: PCRS[2], 2: PCRS[1]}}, ["--pcrs", "pcrs.json"]
    yield "DOC_NONCE", "another nonce", {"nonce": bytes(20)}, ["--nonce", bytes(range(20)).hex()]
    yield "DOC_NONCE", "a longer nonce", {"nonce": bytes(range(21))}, ["--nonce", bytes(range(20)).hex()]
    yield "DOC_NONCE", "no nonce", {"nonce": Raw(b"\xf6")}, ["--nonce", bytes(range(20)).hex()]
    yield "DOC_NONCE", "nonce left out", {"nonce": None}, ["--nonce", bytes(range(20)).hex()]
    yield "DOC_USER_DATA", "other user data", {"user_data": b"Some data"}, ["--user-data", b"some data".hex()]
    yield "DOC_USER_DATA", "no user data", {"user_data": None}, ["--user-data", b"some data".hex()]
    yield "DOC_USER_DATA", "empty user data", {"user_data": b""}, ["--user-data", b"some data".hex()]
    yield "DOC_TIME", "301 s old", {"timestamp": (NOW - 301) * 1000}, []
    yield "DOC_TIME", "61 s in the future", {"timestamp": (NOW + 61) * 1000}, []
    yield "DOC_TIME", "seconds for milliseconds", {"timestamp": NOW}, []
    yield "POLICY_MISMATCH", "PCR18 absent", {}, ["--policy", policy]
    yield "POLICY_MISMATCH", "PCR18 zero", {"pcrs": {**PCRS, 18: zero}}, ["--policy", policy]


def documents():
    for title, payload in bad_fields():
        yield "DOC_FIELD", title, document(payload), []
    for title, payload in bad_payloads():
        yield "DOC_MALFORMED", title, document(payload), []
    for code, title, data in bad_envelopes():
        yield "DOC_" + code, title, data, []
    for code, title, chain in (*bad_certificates(), *bad_chains()):
        yield "DOC_" + code, title, document(chain=chain), []
    for code, title, changes, arguments in against("policy.conf"):
        yield code, title, document(**changes), arguments
