#!/usr/bin/env python3
"""`veronnx host` brings the enclave's heartbeats to who posts them for OpenGradient's contracts, and tries again when it is refused. An answer whose
trailer has no end is cut off before it fills the memory."""
import base64
import http.server
import json
import socket
import subprocess
import threading
import time

import endless
from host import Enclave
from keccak import keccak
from node import BIN, check, equal, wait_for

PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
CONTRACT = "0x4e72238852f3c918f4E4e57AeC9280dDB0c80248"
posted = []
trailers = []  # bytes that were sent of each


class Relay(http.server.BaseHTTPRequestHandler):
    """Refuses the first one; never ends with the third."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        posted.append((self.path, self.headers["Content-Type"], body))
        if len(posted) == 3:
            trailers.append(endless.trailer(self))
            return
        answer = b'{"txHash":"0x00"}' if len(posted) > 1 else b'{"error":"not now"}'
        self.send_response(200 if len(posted) > 1 else 503)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *map(str, args)], input=data, capture_output=True)


def usage(*options):
    done = subprocess.run([BIN / "veronnx", "host", "--forward", "tcp:127.0.0.1:0=unix:/nowhere", *options], capture_output=True, text=True, env={})
    return done.returncode, done.stderr


for options, word in ((("--heartbeat-to", "https://x/"), "both or none"), (("--heartbeat-contract", CONTRACT), "both or none"),
                      (("--heartbeat-to", "ftp://x/"), "https://"), (("--heartbeat-contract", CONTRACT[:-1]), "40 hexadecimal digits"),
                      (("--heartbeat-contract", CONTRACT[:-1] + '"'), "40 hexadecimal digits"), (("--heartbeat-every", "0"), "1 to 86400")):
    status, text = usage(*options)
    check(status == 2 and word in text, f"{options}: {status} {text}")

relay = http.server.HTTPServer(("127.0.0.1", 0), Relay)
threading.Thread(target=relay.serve_forever, daemon=True).start()
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    admin = s.getsockname()[1]
options = ("--heartbeat-to", f"http://127.0.0.1:{relay.server_port}/heartbeat", "--heartbeat-contract", CONTRACT,
           "--heartbeat-from", f"http://127.0.0.1:{admin}/heartbeat", "--heartbeat-every", "1")
with Enclave(host_options=options, host_ports={"admin": admin}) as enclave:
    key = json.loads(enclave.ask("GET", "/signing-key")[2])["public_key"]
    wait_for("two heartbeats", lambda: len(posted) >= 2, 40)
    wait_for("which is said", lambda: "heartbeat: posted" in enclave.host.complaints(), 10)
    check("trying again" in enclave.host.complaints(), "and so is the refusal")

    path, kind, body = posted[1]
    equal((path, kind), ("/heartbeat", "application/json"), "how it is posted")
    beat = json.loads(body)
    equal(list(beat), ["teeId", "timestamp", "signature", "contractAddress"], "what is posted")
    equal(beat["contractAddress"], CONTRACT, "the contract")
    check(300 <= time.time() - int(beat["timestamp"]) < 360, "time")
    (enclave.dir / "key.pem").write_text(key)
    der = openssl("pkey", "-pubin", "-in", enclave.dir / "key.pem", "-outform", "DER").stdout
    equal(beat["teeId"], "0x" + keccak(der).hex(), "id")
    (enclave.dir / "signature").write_bytes(base64.b64decode(beat["signature"], validate=True))
    message = keccak(keccak(der) + int(beat["timestamp"]).to_bytes(32, "big"))
    done = openssl("dgst", "-sha256", "-verify", enclave.dir / "key.pem", "-signature", enclave.dir / "signature", *PSS, data=message)
    equal(done.returncode, 0, f"the signature: {done.stderr}")
    equal(enclave.infer("double")[0], 200, "and requests are answered meanwhile")
    wait_for("a trailer without an end is cut off", lambda: trailers, 20)
    check(trailers[0] < endless.TAKEN_MAX, f"{trailers[0]} bytes of it were taken")
relay.shutdown()
