#!/usr/bin/env python3
"""The negative corpus: documents, receipts, bundles and policies that a verifier must refuse, and the code with which each must be refused.

  corpus.py FOLDER      writes it, with manifest.json: for anybody who has a verifier
  corpus.py run         gives it to `veronnx verify` (VERONNX_BIN names its folder); the good ones must be accepted

Two families: raw flips (a bit anywhere, or an end cut off) are refused by shape or signature; changed contents that are signed again with
the corpus's own keys are refused by exactly the named check. Each run makes the same bytes; keys are no secret; nothing here is AWS's."""
import base64
import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from pki import CHAIN, NOW, PCRS, Raw, Tag, document, fields, cbor, envelope, signature_of
from make_bundles import GOOD_POLICIES, KEYSET, POLICY, USER_DATA, bundle, bundles, parts
from make_documents import documents
from make_refused import refused
from make_vectors import KEY, public, tree_of

SHAPE = {"DOC_MALFORMED", "DOC_ALGORITHM", "DOC_FIELD", "DOC_CERTIFICATE", "DOC_SIGNATURE", "BUNDLE_MALFORMED", "RECEIPT_MALFORMED", "RECEIPT_PROOF",
         "RECEIPT_SIGNATURE", "RECEIPT_MISMATCH", "EVIDENCE_KEYSET", "EVIDENCE_CONFIGURATION", "EVIDENCE_POLICY", "DOC_PUBLIC_KEY"}
LEAST = {"attestation": 150, "receipt": 60, "bundle": 40}
# Codes that never come alone, that the commands do not ask for, or that need a connection (enclave.py).
ELSEWHERE = {"DOC_SIMULATED", "DOC_POLICY", "EVIDENCE_CHANNEL"}
SOURCE = pathlib.Path(__file__).resolve().parents[2]
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


def pem(label, data):
    text = base64.encodebytes(data).decode().replace("\n", "")
    return f"-----BEGIN {label}-----\n" + "".join(text[i:i + 64] + "\n" for i in range(0, len(text), 64)) + f"-----END {label}-----\n"


def measurements(pcrs):
    return json.dumps({"Measurements": {"HashAlgorithm": "Sha384 { ... }", **{f"PCR{n}": pcrs[n].hex() for n in (0, 1, 2, 8)}}})


FILES = {"root.der": CHAIN[0], "root.pem": pem("CERTIFICATE", CHAIN[0]).encode(), "receipt-key.pem": pem("PUBLIC KEY", SPKI + public(KEY)).encode(), "policy.conf": POLICY,
         "pcrs.json": measurements(PCRS).encode(), "other.json": measurements({**PCRS, 2: bytes(48)}).encode()}
TRUST = ["--allow-simulated", "--root", "root.pem", "--at", str(NOW)]


def flips(data, count, seed):
    """One bit each, spread evenly, and cut ends."""
    dice = random.Random(seed)
    for n in range(count):
        at, bit = n * len(data) // count + dice.randrange(max(len(data) // count, 1)), dice.randrange(8)
        yield f"bit {bit} of byte {at}", data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]
    for n in (1, 2, len(data) // 2, len(data) - 1):
        yield f"cut by {n}", data[:-n]


def rows():
    """(kind, family, code or None, what, content, arguments)"""
    good, whole, receipt = document(), bundle(), tree_of(3, 1).text()
    for what, data in flips(good, 80, 1):
        yield "attestation", "flip", None, what, data, []
    for code, what, data, arguments in documents():
        yield "attestation", "content", code, what, data, arguments
    for what, data in flips(receipt.encode(), 60, 2):
        yield "receipt", "flip", None, what, data, []
    for code, what, text in refused():
        if text == text.strip():
            yield "receipt", "content", "RECEIPT_" + code, what, text.encode(), []
    for what, data in flips(whole, 80, 3):
        yield "bundle", "flip", None, what, data, ["--policy", "policy.conf"]
    for code, what, data, arguments in bundles():
        yield "bundle", "content", code, what, data, arguments
    for nest in (b"\xc0" * 3500, b"\xd2" * 3500, b"\x81" + b"\xd2" * 3500, b"\x84\x40" + b"\xd2" * 3500):
        yield "receipt", "content", "RECEIPT_MALFORMED", f"tags that nest from {nest[:3].hex()}", base64.urlsafe_b64encode(nest).rstrip(b"="), []
    for kind, code in (("attestation", "DOC_MALFORMED"), ("bundle", "BUNDLE_MALFORMED")):
        for nest in (b"\xc0" * 5000, b"\xd2" * 5000, b"\x81" + b"\xd2" * 5000):
            yield kind, "content", code, f"tags that nest from {nest[:2].hex()}", nest, []
    payload = b"\xbf" + cbor(fields())[1:] + b"\xff"
    yield "attestation", "good", None, "a good document", good, ["--pcrs", "pcrs.json", "--nonce", bytes(range(20)).hex(), "--user-data", b"some data".hex()]
    yield "attestation", "good", None, "tagged", cbor(Tag(18, Raw(good))), []
    yield "attestation", "good", None, "an open map", envelope(payload, signature_of(payload)), []
    yield "attestation", "good", None, "in base64", base64.encodebytes(good), []
    yield "attestation", "good", None, "with its policy", parts()[3], ["--policy", "policy.conf"]
    yield "receipt", "good", None, "a good receipt", receipt.encode(), []
    yield "bundle", "good", None, "any policy", whole, ["--any-policy", "--pcrs", "pcrs.json"]
    without_rsa = {k: v for k, v in KEYSET.items() if k != 4}
    yield "bundle", "good", None, "without an RSA key", bundle(keyset=without_rsa, doc={"user_data": USER_DATA[:36] + bytes(32)}), ["--any-policy"]
    for what, text in GOOD_POLICIES:
        yield "bundle", "good", None, f"policy file: {what}", whole, ["--policy", text]


def codes():
    """With which a verifier can refuse."""
    return set(re.findall(r"X\(((?:DOC|RECEIPT|BUNDLE|EVIDENCE|POLICY)_\w+),", (SOURCE / "src/base/err.h").read_text()))


def write(folder):
    """The files and the manifest, which is also returned."""
    folder, manifest = pathlib.Path(folder), []
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    for number, (kind, family, code, what, content, arguments) in enumerate(rows()):
        name = f"{number:04}-{kind}-{family}"
        (folder / name).write_bytes(content)
        for i, argument in enumerate(arguments):
            if isinstance(argument, bytes):
                (folder / f"{name}.conf").write_bytes(argument)
                arguments = arguments[:i] + [f"{name}.conf"] + arguments[i + 1:]
        manifest.append({"file": name, "kind": kind, "family": family, "code": code, "what": what, "arguments": arguments})
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=0))
    return manifest


def command(row):
    if row["kind"] == "receipt":
        return ["receipt", "--receipt", "@" + row["file"], "--key", "receipt-key.pem", "--allow-simulated"]
    return ["attestation" if row["kind"] == "attestation" else "receipt", row["file"], "--json", *TRUST, *row["arguments"]]


def judge(veronnx, folder, row):
    """What is wrong with the verdict; None: nothing."""
    done = subprocess.run([veronnx, "verify", *command(row)], cwd=folder, capture_output=True, text=True)
    if row["kind"] == "receipt":
        codes = {done.stderr.split(": ")[1]} if done.returncode == 1 else set()
    elif done.returncode in (0, 1):
        report = json.loads(done.stdout)
        codes = {check["code"] for check in report["checks"] if not check["ok"]}
        if report["verified"] != (done.returncode == 0) or len(done.stderr.splitlines()) != sum(not check["ok"] for check in report["checks"]):
            return f"status {done.returncode}, but {report}"
        if report.get("receipt", report)["verified"] != report["verified"]:  # it said true of the receipt in every bundle that could be read
            return f"the receipt says otherwise: {report}"
    if row["family"] == "good":
        return None if done.returncode == 0 else f"refused: {done.stderr}"
    if done.returncode != 1:
        return f"status {done.returncode}: {done.stderr}"
    right = codes & SHAPE if row["family"] == "flip" else codes == {row["code"]}
    return None if right else f"wanted {row['code'] or 'shape or signature'}, got {sorted(codes)}: {done.stderr}"


def run():
    veronnx = os.path.join(os.environ["VERONNX_BIN"], "veronnx")
    with tempfile.TemporaryDirectory() as folder:
        manifest = write(folder)
        with ThreadPoolExecutor(2) as pool:
            wrong = [(row, found) for row, found in zip(manifest, pool.map(lambda row: judge(veronnx, folder, row), manifest)) if found]
    for row, found in wrong:
        print(f"{row['file']} ({row['what']}): {found}")
    count = collections.Counter(f"{row['kind']} {row['family']}" for row in manifest)
    enough = all(count[f"{kind} flip"] and count[f"{kind} flip"] + count[f"{kind} content"] >= least for kind, least in LEAST.items())
    without = codes() - {row["code"] for row in manifest}
    print(dict(count), f"{len(wrong)} wrong, codes without a case: {sorted(without)}")
    return 0 if enough and not wrong and without == ELSEWHERE else 1


if __name__ == "__main__":
    sys.exit(run() if sys.argv[1] == "run" else write(sys.argv[1]) and 0)
