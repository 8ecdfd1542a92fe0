#!/usr/bin/env python3
"""serve.py FOLDER: the sim image in FOLDER as an emulated enclave, with a parent played by test/behaviour/parent.py: configuration,
blocks and log over vsock, then requests over TLS over vsock. Prints a line for each check. VERONNX_BIN: where `veronnx` is."""
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from enclave import SOURCE, Enclave

sys.path.insert(0, str(SOURCE / "test/behaviour"))
from parent import Parent, UnixHTTPConnection  # noqa: E402

BOOT_SECONDS, REQUESTS = 300, 200
SERVICES = {"config": 9002, "blocks": 9003, "log": 9004}


class VsockHTTPConnection(UnixHTTPConnection):
    """To a port of the guest, through image/peers/vsock.py."""

    def __init__(self, path, port, context=None):
        super().__init__(path, None, 120)
        self.guest_port, self.tls = port, context

    def connect(self):
        super().connect()
        self.sock.sendall(b"CONNECT %d\n" % self.guest_port)
        if self.tls:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname="localhost")


def ask(connection, method, path, body=None):
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def make_model(folder):
    """The store's folder and the body of a request for a model that doubles its input."""
    veronnx = Path(os.environ.get("VERONNX_BIN", SOURCE / "build/bin")) / "veronnx"
    subprocess.run([sys.executable, SOURCE / "tools/models.py", folder / "models", "--set", "demo"], check=True, stdout=subprocess.DEVNULL)
    added = subprocess.run([veronnx, "add", "--store", folder / "store", folder / "models/double.onnx"], check=True,
                           capture_output=True, text=True).stdout
    return folder / "store", (folder / "models/double.request.json").read_text().replace("@CID@", added.split()[0])


def talk(enclave, request, pcr0):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host = enclave.folder / "host"
    public = VsockHTTPConnection(host, 443, context)
    status, _, bundle = ask(public, "GET", "/.well-known/veronnx")
    yield "the identity has the image's PCR0", status == 200 and pcr0.encode() in bundle
    started = time.monotonic()
    status, headers, answer = ask(public, "POST", "/infer", request)
    print(f"  first answer after {time.monotonic() - started:.2f} s: {status} {answer[:200]}")
    yield "a model comes from the parent and runs", status == 200 and "Veronnx-Receipt" in headers
    started = time.monotonic()
    same = [ask(public, "POST", "/infer", request)[2] == answer for _ in range(REQUESTS)]
    print(f"  {REQUESTS / (time.monotonic() - started):.0f} requests/s")
    yield f"{REQUESTS} more requests", all(same)
    status, _, _ = ask(VsockHTTPConnection(host, 8000, context), "GET", "/readyz")
    yield "the second public port", status == 200
    yield "administration", ask(VsockHTTPConnection(host, 9001), "GET", "/state")[0] == 200
    for port in (1, 22, 9000):
        try:
            ask(VsockHTTPConnection(host, port), "GET", "/")
            yield f"nobody listens at {port}", False
        except OSError:
            yield f"nobody listens at {port}", True


def main():
    folder = Path(sys.argv[1])
    pcr0 = json.loads((folder / "veronnx-sim.measurements.json").read_text())["Measurements"]["PCR0"]
    bad = 0
    with tempfile.TemporaryDirectory() as scratch, Parent() as parent:
        parent.store, request = make_model(Path(scratch))
        with Enclave(folder / "veronnx-sim.eif") as enclave:
            for name, port in SERVICES.items():
                (enclave.folder / f"host_{port}").symlink_to(parent.dir / name)
            ready = enclave.wait_for(lambda: "NODE_READY" in enclave.console or enclave.machine.poll() is not None, BOOT_SECONDS)
            print(f"  ready after {time.monotonic() - enclave.started:.1f} s")
            if not ready or "NODE_READY" not in enclave.console:
                print(enclave.console[-3000:], "failed: the node gets ready", sep="\n")
                return 1
            for name, good in talk(enclave, request, pcr0):
                print(f"{'passed' if good else 'failed'}: {name}", flush=True)
                bad += not good
        good = len(parent.records) > 0
        print(f"{'passed' if good else 'failed'}: the log comes to the parent")
    return bad != 0 or not good


if __name__ == "__main__":
    sys.exit(main())
