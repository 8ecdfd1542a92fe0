#!/usr/bin/env python3
"""hosted.py FOLDER: the sim image in FOLDER in an emulated enclave, run and stopped by `veronnx host`, which serves it: configuration,
blocks out of a store and of a web server, log, TLS. Who it is and what it answers is verified with the registers that the build printed.
Prints a line for each check. VERONNX_BIN: where `veronnx` is."""
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "test/behaviour"))
from origin import Origin  # noqa: E402

VERONNX = Path(os.environ.get("VERONNX_BIN", SOURCE / "build/bin")) / "veronnx"
REQUESTS = 200
CONSOLE_SECONDS = 30
POLICY = "[policy]\nmodels = any\nisolation = shared\n"
NOT_VERIFIED = ssl.create_default_context()
NOT_VERIFIED.check_hostname, NOT_VERIFIED.verify_mode = False, ssl.CERT_NONE


def veronnx(*words):
    return subprocess.run([VERONNX, *map(str, words)], capture_output=True, text=True, check=False)


class Hosted:
    def __init__(self, images, scratch):
        self.image, self.scratch = images / "veronnx-sim.eif", scratch
        self.pcrs = images / "veronnx-sim.measurements.json"
        self.run_dir, self.config, self.policy = scratch / "run", scratch / "node.conf", scratch / "policy.conf"
        self.config.write_text("[node]\nthreads = 1\n" + POLICY)
        self.policy.write_text(POLICY)
        subprocess.run([sys.executable, SOURCE / "tools/models.py", scratch / "models", "--set", "demo"], check=True,
                       stdout=subprocess.DEVNULL)
        self.cids = {"double": self.add("store", "double"), "mnist-mlp": self.add("far", "mnist-mlp")}
        self.origin = Origin(scratch / "far")
        self.trust = ["--policy", self.policy, "--allow-simulated"]

    def add(self, store, name):
        return veronnx("add", "--store", self.scratch / store, self.scratch / f"models/{name}.onnx").stdout.split()[0]

    def host(self, action, *words):
        done = veronnx("host", action, *words, "--run-dir", self.run_dir)
        if done.returncode != 0:
            print(done.stderr)
        return done

    def run(self):
        return self.host("run", self.image, "--qemu", "--listen", "127.0.0.1:0", "--config", self.config, "--store", self.scratch / "store",
                         "--cache", self.scratch / "cache", "--source", self.origin.source)

    def describe(self):
        return json.loads(self.host("describe").stdout)

    def root(self, cid):
        return self.run_dir / f"{cid}.root.pem"

    def verify(self, cid, *words):
        return veronnx("verify", "node", self.url, *self.trust, "--root", self.root(cid), "--pcrs", self.pcrs, *words).returncode

    def request(self, name):
        return (self.scratch / f"models/{name}.request.json").read_text().replace("@CID@", self.cids[name])

    def connect(self):
        host, port = self.url.removeprefix("https://").split(":")
        return http.client.HTTPSConnection(host, int(port), timeout=120, context=NOT_VERIFIED)

    def infer(self, name, connection=None):
        with_own = connection or self.connect()
        with_own.request("POST", "/infer", self.request(name))
        answer = with_own.getresponse()
        return answer.status, answer.headers, answer.read()


def whole_start(file):
    """What the console has until the node is ready: an emulated serial line is slow, and answers may be faster."""
    until = time.monotonic() + CONSOLE_SECONDS
    while not re.search(r"NODE_READY port=443 ms=\d+\s", file.read_text()) and time.monotonic() < until:
        time.sleep(0.1)
    return file.read_text()


def split(console, ready_ms):
    """Where the time until ready went: the machine and its firmware, the kernel, init, the node."""
    kernel = int(re.search(r"init: (\d+) ms: started", console)[1])
    init = [int(ms) for ms in re.findall(r"init: (\d+) ms:", console)][-1] - kernel
    node = int(re.search(r"NODE_READY port=443 ms=(\d+)", console)[1])
    return f"ready after {ready_ms} ms: kernel {kernel}, init {init}, node {node}, machine and questions {ready_ms - kernel - init - node}"


def first(hosted):
    done = hosted.run()
    yield "run says that the enclave is ready", done.returncode == 0
    if done.returncode != 0:
        return
    built = json.loads(hosted.pcrs.read_text())["Measurements"]
    yield "and prints the registers of the build", all(f"{name}     {built[name]}\n" in done.stdout for name in ("PCR0", "PCR1", "PCR2"))
    said = hosted.describe()
    hosted.url = said["urls"][0]
    yield "describe says the same", said["enclaves"][0]["state"] == "ready" and said["enclaves"][0]["Measurements"]["PCR2"] == built["PCR2"]
    yield "and the document has these registers", said["enclaves"][0]["document_matches"]
    print("  " + split(whole_start(hosted.run_dir / "16.console"), said["enclaves"][0]["ready_ms"]))


def identity(hosted):
    yield "verify node with the registers of the build", hosted.verify(16) == 0
    yield "without --allow-simulated it does not", veronnx("verify", "node", hosted.url, "--any-policy").returncode == 1
    other = json.loads(hosted.pcrs.read_text())
    other["Measurements"]["PCR2"] = other["Measurements"]["PCR1"]
    (hosted.scratch / "other.json").write_text(json.dumps(other))
    yield "nor with other registers", hosted.verify(16, "--pcrs", hosted.scratch / "other.json") == 1
    bundle = hosted.scratch / "double.bundle"
    trust = [*hosted.trust, "--root", hosted.root(16), "--pcrs", hosted.pcrs]
    asked = ["--model", hosted.cids["double"], "--input", "x=[0.1,-2.5,3]"]
    done = veronnx("infer", "--node", hosted.url, *asked, "--verify", "--save-bundle", bundle, *trust)
    yield "infer --verify", done.returncode == 0 and done.stdout.startswith("y: [0.2")
    yield "its bundle, later", veronnx("verify", "receipt", bundle, *asked, "--output", "y=[0.2,-5,6]", *trust).returncode == 0
    yield "not for another answer", veronnx("verify", "receipt", bundle, *asked, "--output", "y=[0.2,-5,7]", *trust).returncode == 1


def serving(hosted):
    status, headers, answer = hosted.infer("double")
    yield "an answer with a receipt", status == 200 and "Veronnx-Receipt" in headers
    connection, started = hosted.connect(), time.monotonic()
    yield f"{REQUESTS} more requests", all(hosted.infer("double", connection)[2] == answer for _ in range(REQUESTS))
    print(f"  {REQUESTS / (time.monotonic() - started):.0f} requests/s")
    status, _, body = hosted.infer("mnist-mlp", connection)
    model = hashlib.sha256((hosted.scratch / "models/mnist-mlp.onnx").read_bytes()).hexdigest()
    yield "another model, from a web server", status == 200 and json.loads(body)["model_hash"] == model
    yield "and the first one again", hosted.infer("double", connection)[2] == answer
    yield "the log comes to the host", "MODEL_READY" in (hosted.run_dir / "log.txt").read_text()
    yield "administration", all(cid in veronnx("models", "--admin", hosted.describe()["admin"]).stdout for cid in hosted.cids.values())
    for port in (1, 22, 9000):
        with socket.socket(socket.AF_UNIX) as vsock:
            vsock.connect(str(hosted.run_dir / "16.vsock"))
            vsock.sendall(b"CONNECT %d\n" % port)
            try:
                answered = vsock.recv(1)
            except ConnectionResetError:
                answered = b""
        yield f"nobody listens at {port}", answered == b""


def switch(hosted):
    """While somebody asks all the time."""
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            try:
                answers.append(hosted.infer("double")[0])
            except OSError as e:
                answers.append(str(e))

    client = threading.Thread(target=ask)
    client.start()
    done = hosted.host("switch", hosted.image)
    before = len(answers)
    time.sleep(2)
    over.set()
    client.join()
    yield "switch to another enclave", done.returncode == 0
    print(f"  {len(answers)} requests meanwhile")
    yield "nobody noticed", set(answers) == {200} and len(answers) > before
    yield "the new one is verified under its root", hosted.verify(17) == 0
    yield "and the old one is gone", not hosted.root(16).exists() and [e["cid"] for e in hosted.describe()["enclaves"]] == [17]
    yield "which ended by itself, in order", "the node ended: status 0" in (hosted.run_dir / "16.console").read_text()


def stop(hosted):
    pids = [hosted.describe()["host"]["pid"]]
    pids += [json.loads((hosted.run_dir / "17.json").read_text())[name]["pid"] for name in ("vsock", "machine")]
    yield "stop", hosted.host("stop").returncode == 0
    yield "in order", "the node ended: status 0" in (hosted.run_dir / "17.console").read_text()
    for _ in range(50):  # whoever inherited them reaps them
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            break
        time.sleep(0.1)
    yield "nothing is left", not any(Path(f"/proc/{pid}").exists() for pid in pids) and not list(hosted.run_dir.glob("*.json"))


def main():
    scratch = Path(tempfile.mkdtemp(prefix="hosted-"))
    bad = 0
    try:
        hosted = Hosted(Path(sys.argv[1]).resolve(), scratch)
        for part in (first, identity, serving, switch, stop):
            for name, good in part(hosted):
                print(f"{'passed' if good else 'failed'}: {name}", flush=True)
                bad += not good
            if bad:
                break
    finally:
        if bad and (scratch / "run/log.txt").exists():
            print((scratch / "run/host.txt").read_text()[-2000:], (scratch / "run/log.txt").read_text()[-2000:], sep="\n")
        veronnx("host", "stop", "--now", "--run-dir", scratch / "run")
        shutil.rmtree(scratch)
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
