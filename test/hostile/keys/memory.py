#!/usr/bin/env python3
"""After real work the private keys are in no process but the keeper, and in no file that the node wrote. The node is the real one but for
two things (meson.build): its processes can be read, and its keeper shows the keys, so that the test knows what to look for. 77:
python3-cryptography is missing."""
import collections
import contextlib
import json
import math
import os
import pathlib
import shutil
import ssl
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "behaviour"))
try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
from node import BIN, DOUBLE, Node, check, children, equal, program

SHOWN = "/memfd:exported-keys (deleted)"
PIECE = 16  # enough to be no accident; a copy whose beginning was overwritten, as the allocator's lists do it, is found by its other pieces
STEP = 16 << 20
SANITIZER = 1 << 40  # its shadow is larger than that, and says which bytes are whose, not what they are


@contextlib.contextmanager
def install():
    """A folder with the readable executables, for Node."""
    with tempfile.TemporaryDirectory(prefix="veronnx-keys-") as name:
        folder = pathlib.Path(name)
        for exe in pathlib.Path(os.environ["VERONNX_KEYS_NODE"]).glob("veronnx-*"):
            if exe.is_file():
                shutil.copy(exe, folder)
        shutil.copy(BIN / "veronnx", folder)
        (folder / "lib").symlink_to((BIN / "lib").resolve())
        yield folder


# ── memory ──
def regions(pid):
    """(start, end, name) of what can be read."""
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        place, rights, _, _, _, *name = line.split(maxsplit=5)
        start, end = (int(n, 16) for n in place.split("-"))
        if rights[0] == "r" and end - start < SANITIZER and name not in (["[vvar]"], ["[vvar_vclock]"], ["[vsyscall]"]):
            yield start, end, "".join(name)


def memory(pid):
    """All of it, in parts that overlap by a piece. What a process gives back meanwhile is left out."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end, name in regions(pid):
            for at in range(start, end, STEP):
                with contextlib.suppress(OSError):
                    mem.seek(at)
                    yield name, mem.read(min(STEP + PIECE, end - at))


def find(parts, needles):
    """Names of those that are in one of the parts, and how many bytes there were."""
    found, size = set(), 0
    for part in parts:
        size += len(part)
        if part.count(0) != len(part):
            found |= {name for name, needle in needles.items() if name not in found and needle in part}
    return found, size


# ── keys ──
def shown(pid):
    """(TLS, receipt, RSA) as the keeper shows them."""
    data = b"".join(part for name, part in memory(pid) if name == SHOWN)
    tls, receipt, d, p, q = (int.from_bytes(data[a:b], "big") for a, b in ((0, 32), (32, 64), (64, 320), (320, 448), (448, 576)))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(65537, p * q))
    return ec.derive_private_key(tls, ec.SECP256R1()), ec.derive_private_key(receipt, ec.SECP256R1()), numbers


def spki(public):
    return public.public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)


def is_this_nodes(node, keys):
    """What the test looks for is what the node signs with."""
    tls, receipt, numbers = keys
    certificate = x509.load_der_x509_certificate(ssl.PEM_cert_to_DER_cert(pathlib.Path(node.ready["cert"]).read_text()))
    equal(spki(tls.public_key()), spki(certificate.public_key()), "the TLS key")
    public = ser.load_pem_public_key(pathlib.Path(node.ready["receipt_key"]).read_bytes())
    equal(spki(receipt.public_key()), spki(public), "the receipt key")
    public = ser.load_pem_public_key(json.loads(node.ask("GET", "/signing-key")[2])["public_key"].encode())
    equal(numbers.public_numbers, public.public_numbers(), "the RSA key")
    equal(numbers.d * 65537 % math.lcm(numbers.p - 1, numbers.q - 1), 1, "the RSA key's exponent")


def secrets(keys):
    """Name to bytes, big endian."""
    tls, receipt, n = keys
    scalars = {"TLS": tls.private_numbers().private_value, "receipt": receipt.private_numbers().private_value}
    primes = {"RSA p": n.p, "RSA q": n.q, "RSA d mod p-1": n.dmp1, "RSA d mod q-1": n.dmq1, "RSA 1/q": n.iqmp}
    return {**{k: v.to_bytes(32, "big") for k, v in scalars.items()}, **{k: v.to_bytes(128, "big") for k, v in primes.items()},
            "RSA d": n.d.to_bytes(256, "big")}


def pieces(keys):
    """Name to what is looked for: beginning, middle and end of each number in both orders, and the head of the RSA key's DER, which its
    public key does not have. Every other encoding of a key in DER has the numbers in it."""
    tls, receipt, numbers = keys
    modulus = numbers.public_numbers.n.to_bytes(256, "big")
    needles = {"RSA DER": b"\x02\x01\x00\x02\x82\x01\x01\x00" + modulus[:PIECE - 8]}
    for name, number in secrets(keys).items():
        for order, data in (("big", number), ("little", number[::-1])):
            for at in (0, (len(data) - PIECE) // 2, len(data) - PIECE):
                needles[f"{name}, {order} endian, from {at}"] = data[at:at + PIECE]
    for key in (tls, receipt, numbers.private_key()):
        for form in (ser.PrivateFormat.TraditionalOpenSSL, ser.PrivateFormat.PKCS8):
            der = key.private_bytes(ser.Encoding.DER, form, ser.NoEncryption())
            check(find([der], needles)[0], "a key's DER would be found")
    return needles


def work(node):
    """A bit of everything that needs a key: handshakes, receipts, settlements, documents."""
    for n in range(20):
        status, headers, body = node.infer("double", {"Veronnx-Settle": "1", "Veronnx-Nonce": f"{n:032x}"})
        equal((status, body["output"]), (200, DOUBLE), "an answer")
        check("veronnx-receipt" in headers and "veronnx-settlement" in headers, f"receipt and settlement: {headers}")
        equal(node.infer("mnist-mlp")[0], 200, "another model")
        equal(node.ask("GET", f"/enclave/attestation?nonce={n:040x}")[0], 200, "a document")


with install() as folder, Node(folder=folder) as node:
    work(node)
    (keeper,) = node.processes("keeper")
    keys = shown(keeper)
    is_this_nodes(node, keys)
    needles = pieces(keys)

    # what is in the keeper is found there, besides the place where it shows it
    found, size = find((part for name, part in memory(keeper) if name != SHOWN), needles)
    print(f"veronnx-keeper: {size >> 20} MiB, {len(found)} of {len(needles)}")
    for name in secrets(keys):
        check(any(f.startswith(name + ",") for f in found), f"{name} is not found in the keeper: {sorted(found)}")

    others = {pid: program(pid) for pid in [node.process.pid, *children(node.process.pid)] if pid != keeper}
    wanted = {"super": 1, "front": 2, "infer": 3, "fetch": 1, "nsm-sim": 1}  # two with a model, one that idles
    equal(collections.Counter(name.removeprefix("veronnx-") for name in others.values()), wanted, "processes")
    for pid, name in others.items():
        begun = time.monotonic()
        own = {"its name": name.encode(), "the receipt key's point": spki(keys[1].public_key())[-64:]}
        found, size = find((part for _, part in memory(pid)), {**needles, **own})
        print(f"{name}: {size >> 20} MiB in {time.monotonic() - begun:.1f} s, found {sorted(found)}")
        check("its name" in found and (pid != node.front() or own.keys() <= found), f"{name} was not read")
        check(not found - own.keys(), f"{name} has {sorted(found)}")

    for file in [node.dir / "log", *(node.dir / "state").rglob("*")]:
        if file.is_file():
            check(not find([file.read_bytes()], needles)[0], f"{file.name} has a key")

    # none of this is in the node that is built to be used
    for exe in BIN.glob("veronnx*"):
        if exe.is_file():
            check(SHOWN[7:20].encode() not in exe.read_bytes(), f"{exe.name} can show keys")
    check(SHOWN[7:20].encode() in (folder / "veronnx-keeper").read_bytes(), "the test's keeper shows keys")
