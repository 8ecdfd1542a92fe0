#!/usr/bin/env python3
"""The administration listener gives a heartbeat that OpenGradient's contracts take, and a request for a certificate of the TLS key."""
import base64
import json
import subprocess
import time

from keccak import keccak
from node import Node, check, equal

PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *map(str, args)], input=data, capture_output=True)


with Node() as node:
    # the key of settlements signs keccak(id ‖ time), with a time that no chain has yet to reach
    key = json.loads(node.ask("GET", "/signing-key")[2])
    (node.dir / "key.pem").write_text(key["public_key"])
    der = openssl("pkey", "-pubin", "-in", node.dir / "key.pem", "-outform", "DER").stdout
    status, beat = node.admin("GET", "/heartbeat")
    equal((status, sorted(beat)), (200, ["signature", "teeId", "timestamp"]), "a heartbeat")
    equal(beat["teeId"], "0x" + keccak(der).hex(), "id")
    check(300 <= time.time() - int(beat["timestamp"]) < 330, "time")
    (node.dir / "signature").write_bytes(base64.b64decode(beat["signature"], validate=True))
    for later, verdict in ((0, 0), (1, 1)):
        message = keccak(keccak(der) + (int(beat["timestamp"]) + later).to_bytes(32, "big"))
        done = openssl("dgst", "-sha256", "-verify", node.dir / "key.pem", "-signature", node.dir / "signature", *PSS, data=message)
        equal(done.returncode, verdict, f"the signature, {later} s later: {done.stderr}")

    # the request is signed by the key of the certificate that is shown, for the same names
    status, csr = node.admin("GET", "/csr")
    equal(status, 200, "a request")
    done = openssl("req", "-verify", "-noout", "-pubkey", data=csr)
    equal((done.returncode, b"OK" in done.stderr), (0, True), done.stderr)
    equal(done.stdout, openssl("x509", "-noout", "-pubkey", "-in", node.ready["cert"]).stdout, "its key")
    names = [[line.strip() for line in openssl(*command, "-noout", "-text", data=data).stdout.decode().splitlines() if "DNS:" in line]
             for command, data in ((["req"], csr), (["x509", "-in", node.ready["cert"]], b""))]
    equal((names[0], len(names[0])), (names[1], 1), "its names")

    equal((node.ask("GET", "/heartbeat")[0], node.ask("GET", "/csr")[0]), (404, 404), "neither is public")
    equal((node.admin("POST", "/heartbeat")[0], node.admin("DELETE", "/csr")[0]), (405, 405), "other methods")
