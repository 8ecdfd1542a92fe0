#!/usr/bin/env python3
"""The forwarder of `veronnx host` on loopback against direct TCP to the same node: the same requests over TLS, in turns, a Unix socket standing
for vsock. Prints a row for each kind of request and ends with 1 when one is below the aim. Environment: BUILD (build), the Meson folder."""
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
os.environ["VERONNX_BIN"] = str(BUILD / "bin")
sys.path[:0] = [str(ROOT / "test/behaviour"), str(ROOT / "bench")]
import options  # noqa: E402
from host import Enclave  # noqa: E402

OPTIONS = options.parse(__doc__, seconds=("BENCH_SECONDS", 4.0, "seconds for each row"), rounds=("ROUNDS", 8, "in which they are spent"))
SECONDS, ROUNDS = OPTIONS.seconds, OPTIONS.rounds
AIM = 0.8
ROWS = (("small", 0, 8), ("1 MiB body", 1 << 20, 4))  # name, bytes that the body is filled up to with blanks, connections


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Load:
    def __init__(self, port, node, file, connections):
        command = [BUILD / "bench/bench-load", port, node.ready["cert"], connections, 200, file]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.rates = []

    def turn(self, verb, ms):
        self.process.stdin.write(f"{verb} {ms}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def go(self, ms):
        result = self.turn("go", ms)
        self.rates.append(result["count"] / result["elapsed_us"] * 1e6)

    def end(self):
        self.process.stdin.close()
        self.process.wait(20)


def request_file(node, name, size):
    body = node.request("double").encode()
    body += b" " * max(0, size - len(body))
    head = f"POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    file = node.dir / f"{name}.request"
    file.write_bytes(head.encode() + body)
    return file


def measure(node, direct, name, size, connections):
    file = request_file(node, name, size)
    loads = [Load(port, node, file, connections) for port in (direct, node.port)]
    ms = int(SECONDS * 1000 / ROUNDS)
    for load in loads:
        load.turn("warm", ms)
    for _ in range(ROUNDS):
        for load in loads:
            load.go(ms)
    for load in loads:
        load.end()
    return [statistics.median(load.rates) for load in loads]


def main():
    direct = free_port()
    with Enclave("--listen", f"127.0.0.1:{direct}") as node:
        node.infer("double")
        rows = [(name, *measure(node, direct, name, size, connections)) for name, size, connections in ROWS]
    print(f"{'requests/s':12} {'direct':>9} {'forwarded':>9} {'ratio':>6}")
    for name, tcp, forwarded in rows:
        print(f"{name:12} {tcp:9.0f} {forwarded:9.0f} {forwarded / tcp:6.2f}")
    return 0 if all(forwarded >= AIM * tcp for _, tcp, forwarded in rows) else 1


sys.exit(main())
