"""What og-evm's registry and the precompile below it (nitro_attestation.go, precompile.go, TEERegistry.sol) ask of a registration, written
from their rules alone: standard library and the openssl program. `Refused` names the rule."""
import hashlib
import pathlib
import subprocess
import tempfile

from keccak import keccak

OLDEST_MS, AGE_MS, AHEAD_MS = 1738281600000, 300_000, 60_000
DOCUMENT_MAX, CERTIFICATE_MAX, KEY_MAX = 16384, 8192, 8192


class Refused(Exception):
    pass


def need(condition, rule):
    if not condition:
        raise Refused(rule)


# ── CBOR (RFC 8949), as much as documents use ──

def head(data, at):
    first = data[at]
    if first & 31 < 24:
        return first >> 5, first & 31, at + 1
    if first & 31 == 31:
        return first >> 5, None, at + 1
    n = 1 << (first & 31) - 24
    return first >> 5, int.from_bytes(data[at + 1:at + 1 + n], "big"), at + 1 + n


def item(data, at=0):
    """The value and where the next one begins; a break is None with the major type 7."""
    major, n, at = head(data, at)
    if major in (0, 1):
        return (n if major == 0 else -1 - n), at
    if major in (2, 3):
        need(at + n <= len(data), "cbor")
        return (data[at:at + n] if major == 2 else data[at:at + n].decode()), at + n
    if major == 6:
        return item(data, at)
    if major == 7:
        return None, at
    count, values = n, []
    while count != 0:
        if count is None and data[at] == 0xFF:
            at += 1
            break
        for _ in range(major - 3):
            value, at = item(data, at)
            values.append(value)
        count = count and count - 1
    return (values if major == 4 else dict(zip(values[::2], values[1::2]))), at


def whole(data):
    try:
        value, at = item(data)
    except (IndexError, TypeError, UnicodeDecodeError, RecursionError):
        raise Refused("cbor") from None
    need(at == len(data), "cbor")
    return value


def encode(value):
    def start(major, n):
        size = 0 if n < 24 else 1 if n < 256 else 2 if n < 65536 else 4 if n < 2**32 else 8
        return bytes([major << 5 | (n if size == 0 else 23 + size.bit_length())]) + (n.to_bytes(size, "big") if size else b"")
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return start(0, value)
    if isinstance(value, bytes):
        return start(2, len(value)) + value
    if isinstance(value, str):
        return start(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return start(4, len(value)) + b"".join(map(encode, value))
    return start(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


# ── openssl ──

def openssl(*args, data=b""):
    return subprocess.run(["openssl", *map(str, args)], input=data, capture_output=True)


def pem(der):
    return openssl("x509", "-inform", "DER", data=der).stdout


def ecdsa_der(signature):
    def number(part):
        part = part.lstrip(b"\0") or b"\0"
        part = b"\0" + part if part[0] & 0x80 else part
        return bytes([2, len(part)]) + part
    body = number(signature[:48]) + number(signature[48:])
    return bytes([0x30, len(body)]) + body


def check_signature(folder, leaf, text, signature):
    public = openssl("x509", "-inform", "DER", "-noout", "-pubkey", data=leaf).stdout
    need(b"secp384r1" in openssl("pkey", "-pubin", "-noout", "-text", data=public).stdout, "leaf key")
    (folder / "public").write_bytes(public)
    (folder / "signature").write_bytes(ecdsa_der(signature))
    done = openssl("dgst", "-sha384", "-verify", folder / "public", "-signature", folder / "signature", data=text)
    need(done.returncode == 0, "signature")


def check_chain(folder, leaf, cabundle, root, seconds):
    (folder / "leaf").write_bytes(pem(leaf))
    (folder / "between").write_bytes(b"".join(map(pem, cabundle)))
    (folder / "root").write_bytes(root)
    done = openssl("verify", "-attime", int(seconds), "-CAfile", folder / "root", "-untrusted", folder / "between", folder / "leaf")
    need(done.returncode == 0, "chain")


# ── the precompile ──

def verify_attestation(document, key, certificate, root, block_ms):
    """The pcrHash; `root` in PEM."""
    need(len(document) <= DOCUMENT_MAX and len(certificate) <= CERTIFICATE_MAX and len(key) <= KEY_MAX, "size")
    need(openssl("x509", "-inform", "DER", data=certificate).returncode == 0, "tls certificate")
    bits = openssl("pkey", "-pubin", "-inform", "DER", "-noout", "-text", data=key).stdout
    need(bits.startswith(b"Public-Key: (") and 2048 <= int(bits[13:].split()[0]) <= 8192 and b"Modulus" in bits, "rsa key")
    cose = whole(document)
    need(isinstance(cose, list) and len(cose) == 4 and isinstance(cose[0], bytes) and isinstance(cose[2], bytes), "cose")
    protected, _, payload, signature = cose
    claims = whole(payload)
    need(isinstance(claims, dict), "payload")
    pcrs = [claims.get("pcrs", {}).get(n) for n in range(3)]
    need(all(isinstance(p, bytes) and len(p) == 48 for p in pcrs), "pcrs")
    timestamp = claims.get("timestamp", 0)
    need(timestamp >= OLDEST_MS and timestamp >= block_ms - AGE_MS, "too old")
    need(timestamp <= block_ms + AHEAD_MS, "from the future")
    need(isinstance(signature, bytes) and len(signature) == 96, "signature length")
    with tempfile.TemporaryDirectory() as folder:
        text = encode(["Signature1", protected, b"", payload])
        check_signature(pathlib.Path(folder), claims["certificate"], text, signature)
        check_chain(pathlib.Path(folder), claims["certificate"], claims["cabundle"], root, block_ms / 1000)
    user_data = claims.get("user_data")
    need(isinstance(user_data, bytes) and len(user_data) == 68, "user data")
    need(user_data[2:34] == hashlib.sha256(certificate).digest(), "tls binding")
    need(user_data[36:68] == hashlib.sha256(key).digest(), "key binding")
    return keccak(b"".join(pcrs))


def register(bundle, root, block_ms, approved):
    """registerTEEWithAttestation with the values of a bundle as a client would pass them on; returns the teeId."""
    document, key, certificate = (bytes.fromhex(bundle[name][2:]) for name in ("attestationDocument", "signingPublicKey", "tlsCertificate"))
    pcr_hash = verify_attestation(document, key, certificate, root, block_ms)
    need("0x" + pcr_hash.hex() in approved, "pcr not approved")
    return "0x" + keccak(key).hex()
