#!/usr/bin/env python3
"""The forwarder of `veronnx host` on loopback against direct TCP to the same node: the same requests over TLS, in turns, a Unix socket standing
for vsock. Prints a row for each kind of request: requests/s of both, and the processor time of all that takes part, load generator included, which
is what counts on a machine that has other work. Ends with 1 when a ratio is below the aim. Environment: BUILD (build), the Meson folder."""
import dataclasses
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
import machine  # noqa: E402
import options  # noqa: E402
from host import Enclave  # noqa: E402

OPTIONS = options.parse(__doc__, seconds=("BENCH_SECONDS", 4.0, "seconds for each row"), rounds=("ROUNDS", 8, "in which they are spent"))
SECONDS, ROUNDS = OPTIONS.seconds, OPTIONS.rounds
AIM = 0.8
QUIET = 0.1  # share of the machine that others may take before rates mean nothing
ROWS = (("small, 8", 0, 8), ("small, 64", 0, 64), ("1 MiB, 4", 1 << 20, 4))  # name, bytes that the body is filled up to with blanks, connections


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Load:
    def __init__(self, port, node, file, connections):
        command = [BUILD / "bench/bench-load", port, node.ready["cert"], connections, 200, file]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.rates, self.used_us = [], []

    def turn(self, verb, ms):
        self.process.stdin.write(f"{verb} {ms}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def go(self, ms, others):
        """A round; how much of the machine's time went to somebody else."""
        mine = [self.process.pid, *others]
        begun, used = sum(machine.busy_us()), sum(map(machine.cpu_us, mine))
        result = self.turn("go", ms)
        used, busy = sum(map(machine.cpu_us, mine)) - used, sum(machine.busy_us()) - begun
        self.rates.append(result["count"] / result["elapsed_us"] * 1e6)
        self.used_us.append(used / result["count"])
        return min((busy - used) / result["elapsed_us"] / os.cpu_count(), 1)  # what was stolen is counted on top

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
    pids = machine.family(node.process.pid) + machine.family(node.host.process.pid)
    for load in loads:
        load.turn("warm", ms)
    noise = [load.go(ms, pids) for _ in range(ROUNDS) for load in loads]
    for load in loads:
        load.end()
    return Row(name, *[statistics.median(load.rates) for load in loads], *[min(load.used_us) for load in loads], max(noise))


@dataclasses.dataclass
class Row:
    name: str
    direct: float  # requests/s
    forwarded: float
    direct_us: float  # of processor time for each request in the best round: noise only ever adds
    forwarded_us: float
    noise: float

    def ratio(self):
        """Of the rates; of the processor times where others had the machine as well."""
        return self.forwarded / self.direct if self.noise <= QUIET else self.direct_us / self.forwarded_us


def main():
    direct = free_port()
    with Enclave("--listen", f"127.0.0.1:{direct}") as node:
        node.infer("double")
        rows = [measure(node, direct, *row) for row in ROWS]
    print(f"{'':12}{'requests/s':>10}{'us/request':>22}")
    print(f"{'':12}{'direct':>10}{'forwarded':>10}{'direct':>12}{'forwarded':>10}{'ratio':>7}")
    for r in rows:
        print(f"{r.name:12}{r.direct:10.0f}{r.forwarded:10.0f}{r.direct_us:12.1f}{r.forwarded_us:10.1f}{r.ratio():7.2f}")
    noise = max(r.noise for r in rows)
    if noise > QUIET:
        print(f"NOISY: something else took up to {noise:.0%} of the processor time; the ratio is that of processor times")
    return 0 if all(r.ratio() >= AIM for r in rows) else 1


sys.exit(main())
