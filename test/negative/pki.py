"""Certificates and attestation documents of the shape that AWS gives them, right or wrong in one way, signed with keys that stand here
for everybody to read. P-384, RFC 6979 and DER of its own, standard library only: every run gives the same bytes."""
import hashlib
import hmac
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "unit/receipt"))
from make_vectors import Pairs, Raw, Tag, cbor, multiply  # noqa: E402,F401 (for those who import this)

# ── ECDSA over P-384 (SEC 2 §2.5.1) ──
P = 2**384 - 2**128 - 2**96 + 2**32 - 1
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
G = (0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
     0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F)


class Key:
    def __init__(self, label):
        self.private = int.from_bytes(hashlib.sha384(label.encode()).digest(), "big") % N
        x, y = multiply(self.private, G, P)
        self.point = b"\x04" + x.to_bytes(48, "big") + y.to_bytes(48, "big")

    def sign(self, text, digest="sha384"):
        """r and s; the nonce is RFC 6979's idea with SHA-384, of a 384-bit order."""
        e = hashlib.new(digest, text).digest()[:48]
        seed = self.private.to_bytes(48, "big") + (int.from_bytes(e, "big") % N).to_bytes(48, "big")
        k, v = bytes(48), b"\x01" * 48
        for step in (b"\x00", b"\x01"):
            k = hmac.digest(k, v + step + seed, "sha384")
            v = hmac.digest(k, v, "sha384")
        v = hmac.digest(k, v, "sha384")
        nonce = int.from_bytes(v, "big") % N
        r = multiply(nonce, G, P)[0] % N
        return r, pow(nonce, -1, N) * (int.from_bytes(e, "big") + r * self.private) % N


def raw(r, s):
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


# ── DER (X.690) ──
def der(tag, *content):
    body = b"".join(content)
    n = len(body)
    length = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82]) + n.to_bytes(2, "big")
    return bytes([tag]) + length + body


def integer(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytes([40 * first + second])
    for n in rest:
        digits = [n & 127]
        while n := n >> 7:
            digits.append(n & 127 | 128)
        out += bytes(reversed(digits))
    return der(6, out)


def bits(data, unused=0):
    return der(3, bytes([unused]), data)


def name(text):
    return der(0x30, der(0x31, der(0x30, oid("2.5.4.3"), der(0x0C, text.encode()))))


def extension(number, value, critical=True):
    return der(0x30, oid(number), der(1, b"\xff") if critical else b"", der(4, value))


SHA384, SHA256 = der(0x30, oid("1.2.840.10045.4.3.3")), der(0x30, oid("1.2.840.10045.4.3.2"))
BASIC, USAGE = "2.5.29.19", "2.5.29.15"
SIGNS_CERTS, SIGNS = bits(b"\x86", 1), bits(b"\x80", 7)


def spki(point, curve="1.3.132.0.34"):
    return der(0x30, der(0x30, oid("1.2.840.10045.2.1"), oid(curve)), bits(point))


def basic(ca, path_length=None):
    return der(0x30, der(1, b"\xff") if ca else b"", integer(path_length) if path_length is not None else b"")


NOW = 1800000000  # 2027-01-15T08:00:00Z
KEYS = [Key(f"veronnx negative corpus {n}") for n in ("root", "regional", "zonal", "instance", "leaf")]
STRANGER = Key("veronnx negative corpus stranger")
NAMES = ["aws.nitro-enclaves", "regional", "zonal", "instance", "enclave"]
ROOT_TIME, TIME = (b"191028132805Z", b"491028142805Z"), (b"270115070000Z", b"270115090000Z")


def certificate(level, key=None, signer=None, issuer=None, subject=None, version=b"\xa0\x03\x02\x01\x02", serial=None, times=None, public=None,
                ca=None, path_length=None, usage=None, extensions=None, inner=SHA384, outer=SHA384, digest="sha384", time_tag=0x17, behind=b"",
                signature=None):
    """One level of the chain. What is given stands in the place of what is right."""
    ca = level < 4 if ca is None else ca
    usage = (SIGNS_CERTS if ca else SIGNS) if usage is None else usage
    if extensions is None:
        extensions = [extension(BASIC, basic(ca, path_length)), extension(USAGE, usage)]
    parts = [version, serial or integer(level + 1), inner, name(issuer or NAMES[max(level - 1, 0)]),
             der(0x30, *(der(time_tag, t) for t in times or (ROOT_TIME if level == 0 else TIME))), name(subject or NAMES[level]),
             public or spki((key or KEYS[level]).point), der(0xA3, der(0x30, *extensions))]
    body = der(0x30, *parts)
    r, s = (signer or KEYS[max(level - 1, 0)]).sign(body, digest)
    return der(0x30, body, outer, signature or bits(der(0x30, integer(r), integer(s)))) + behind


CHAIN = [certificate(level) for level in range(5)]


# ── documents ──
PCRS = {n: bytes([n + 1]) * 48 for n in range(16)}
HEADER = cbor({1: -35})


def fields(**changes):
    """The pairs of a payload in AWS's order. None takes one out, `null` puts null."""
    chain = changes.pop("chain", CHAIN)
    good = {"module_id": "i-0123456789abcdef0-enc0123456789abcdef", "digest": "SHA384", "timestamp": NOW * 1000, "pcrs": PCRS,
            "certificate": chain[-1], "cabundle": chain[:-1], "public_key": b"a key", "user_data": b"some data", "nonce": bytes(range(20))}
    good.update(changes)
    return Pairs([(key, value) for key, value in good.items() if value is not None])


def envelope(payload, signature, header=HEADER, unprotected=None):
    return cbor([header, unprotected or {}, payload, signature])


def signature_of(payload, key=KEYS[4], header=HEADER, context="Signature1", external=b"", digest="sha384"):
    return raw(*key.sign(cbor([context, header, external, payload]), digest))


def document(payload=None, **changes):
    payload = cbor(fields(**changes)) if payload is None else payload
    return envelope(payload, signature_of(payload))
