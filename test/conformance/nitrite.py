#!/usr/bin/env python3
"""nitrite, the verifier that nitriding and its clients are built with, takes a node's documents under the simulated root, in both encodings
of the map, refuses changed ones, and finds in them what nitriding would have put there.
Environment: VERONNX_BIN. 77: there is no Go, or the module cannot be had."""
import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/behaviour"))
from node import Node, check, equal  # noqa: E402

made = subprocess.run([ROOT / "tools/peers.sh", "nitrite"], stdout=subprocess.PIPE, text=True)
if made.returncode == 77:
    sys.exit(77)
equal(made.returncode, 0, "tools/peers.sh")


def verify(document, root):
    """What the document says, or None."""
    done = subprocess.run([made.stdout.strip(), root], input=document, capture_output=True)
    check(done.returncode in (0, 1) and bool(done.stdout) != bool(done.stderr), done)
    return json.loads(done.stdout) if done.returncode == 0 else None


with Node(models=None) as node:
    root, connection, maps = node.dir / "state/sim-root.pem", node.connect(), {0xA9: 0, 0xBF: 0}
    certificate = hashlib.sha256(connection.sock.getpeercert(binary_form=True)).hexdigest()
    for _ in range(6):
        nonce = os.urandom(20).hex()
        status, _, body = node.ask("GET", "/enclave/attestation?nonce=" + nonce, connection=connection)
        equal(status, 200, "a document")
        document = base64.b64decode(body)
        maps[document[document.index(b"\xa1\x01\x38\x22") + 8]] += 1  # behind header, empty map and length
        said = verify(document, root)
        check(said is not None, "refused")
        equal((said["nonce"], said["user_data"][:68], len(said["user_data"])), (nonce, "1220" + certificate, 136), "claims")
        check(said["module_id"].startswith("sim-") and said["public_key"] and said["pcrs"] == 32, said)
        equal(verify(document[:-1] + bytes([document[-1] ^ 1]), root), None, "another signature")
        at = document.index(bytes.fromhex(nonce))
        equal(verify(document[:at] + bytes(20) + document[at + 20:], root), None, "another nonce")
    check(all(maps.values()), f"both encodings of the map: {maps}")
    print(f"nitrite verified {sum(maps.values())} documents, maps {maps}")
