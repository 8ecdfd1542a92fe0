#!/usr/bin/env python3
"""A settlement is what docs/receipts.md makes of the receipt, and signed by the key of /signing-key. Keccak-256 and the check are not ours."""
import base64
import json
import subprocess

from keccak import keccak
from node import Node, check, equal, veronnx

with Node() as node:
    equal(node.infer("double")[1].get("veronnx-settlement"), None, "none without being asked")
    equal((node.infer("double", {"Veronnx-Settle": "yes"})[2]["code"]), "FIELD_VALUE", "another value")
    status, headers, _ = node.infer("double", {"Veronnx-Settle": "1", "Veronnx-Nonce": "5a" * 20})
    equal(status, 200, "the answer")
    settlement = json.loads(base64.b64decode(headers["veronnx-settlement"], validate=True))
    equal(sorted(settlement), ["input_hash", "output_hash", "tee_id", "tee_signature", "tee_timestamp"], "keys")
    done = veronnx("verify", "receipt", "--receipt", headers["veronnx-receipt"], "--key", node.ready["receipt_key"], "--allow-simulated", "--json")
    receipt = json.loads(done.stdout)
    sha256 = subprocess.run(["openssl", "dgst", "-sha256", "-binary"], input=bytes([0x5a]) * 20, capture_output=True, check=True).stdout
    model, in_digest, out_digest, digest = (bytes.fromhex(receipt[key]) for key in ("model_hash", "input_digest", "output_digest", "receipt_digest"))
    hashes = keccak(b"veronnx-og-1/in" + model + in_digest + sha256), keccak(b"veronnx-og-1/out" + out_digest + digest)
    equal((settlement["input_hash"], settlement["output_hash"]), tuple(h.hex() for h in hashes), "the hashes")

    key = json.loads(node.ask("GET", "/signing-key")[2])
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key["public_key"].encode(), capture_output=True, check=True).stdout
    equal((settlement["tee_id"], key["tee_id"]), ("0x" + keccak(der).hex(),) * 2, "the id")
    files = {"key.pem": key["public_key"].encode(), "signature": base64.b64decode(settlement["tee_signature"], validate=True)}
    for name, content in files.items():
        (node.dir / name).write_bytes(content)
    for timestamp, good in ((settlement["tee_timestamp"], True), (settlement["tee_timestamp"] + 1, False)):
        (node.dir / "message").write_bytes(keccak(b"".join(hashes) + timestamp.to_bytes(32, "big")))
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", node.dir / "key.pem", "-signature", node.dir / "signature", "-sigopt",
                               "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", node.dir / "message"], capture_output=True, check=False)
        check((done.returncode == 0) is good, f"{timestamp}: {done}")
