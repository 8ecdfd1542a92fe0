#!/usr/bin/env python3
"""The original node's server (bench/original_server.py: FastAPI, uvicorn, ONNX Runtime 1.19, all in its versions) beside a node: the same bodies
of `/infer`, over TLS, in turns, and once more without TLS for the original, which has a proxy in front. The node gives receipts, the original proves
nothing. Compares the answers first; ends with 77 where the versions cannot be had. Environment: BUILD (build), the Meson folder."""
import contextlib
import json
import os
import pathlib
import re
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
import rows  # noqa: E402
from node import Node, check, equal, wait_for  # noqa: E402

OPTIONS = options.parse(__doc__, seconds=("BENCH_SECONDS", 4.0, "seconds for each row"), rounds=("ROUNDS", 4, "in which they are spent"))
ROUND_MS = int(OPTIONS.seconds * 1000 / OPTIONS.rounds)
DEPTHS = (1, 8)
CLOSE = 1e-4  # of the largest number: another release of ONNX Runtime adds in another order
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")
COLUMNS = ("node", "original", "plain")


class Server:
    """The original, with TLS or without."""

    def __init__(self, python, folder, *tls):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.certificate = tls[1] if tls else "-"
        self.process = subprocess.Popen([python, ROOT / "bench/original_server.py", str(self.port), folder, *tls], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for("the original answers", self.answers, 60)

    def answers(self):
        check(self.process.poll() is None, "the original ended at start")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


def ask_plain(port, request):
    """The body of its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s, s.makefile("rb") as answer:
        s.sendall(request)
        status = answer.readline()
        check(b" 200 " in status, f"the original says {status!r}")
        fields = dict(line.lower().split(b": ") for line in iter(answer.readline, b"\r\n"))
        return answer.read(int(fields[b"content-length"]))


def numbers(values):
    return [n for v in values for n in numbers(v)] if isinstance(values, list) else [values]


def compare(model, ours, theirs):
    """The same form to the byte, each number in the one form that it has, and nearly the same numbers. Returns how many are the same."""
    texts = [NUMBER.sub("0", text.replace(json.loads(text)["model_hash"], "HASH")) for text in (ours, theirs)]
    equal(texts[0], texts[1], f"{model}: the answer but for its numbers")
    a, b = [json.loads(text, parse_float=str, parse_int=int) for text in (ours, theirs)]
    equal(a["model_hash"], b["model_hash"], f"{model}: hash of the model")
    pairs = [pair for x, y in zip(a["output"], b["output"]) for pair in zip(numbers(x["result"]), numbers(y["result"]))]
    check(all(n == (repr(float(n)) if isinstance(n, str) else n) for pair in pairs for n in pair), f"{model}: form of the numbers")
    most = max(abs(float(y)) for _, y in pairs)
    check(all(abs(float(x) - float(y)) <= CLOSE * most for x, y in pairs), f"{model}: the numbers of both differ")
    return sum(x == y for x, y in pairs), len(pairs)


class Load:
    def __init__(self, port, certificate, depth, file, pid):
        command = [BUILD / "bench/bench-load", port, certificate, depth, 200, file]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.pid = pid
        self.rates, self.p50s, self.used_us = [], [], []

    def turn(self, verb, ms):
        self.process.stdin.write(f"{verb} {ms}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def go(self):
        """A round; the share of the machine that somebody else had."""
        self.turn("warm", ROUND_MS // 8)
        family = machine.family(self.pid)
        used, own, busy = sum(map(machine.cpu_us, family)), machine.cpu_us(self.process.pid), sum(machine.busy_us())
        result = self.turn("go", ROUND_MS)
        used, own = sum(map(machine.cpu_us, family)) - used, machine.cpu_us(self.process.pid) - own
        busy = sum(machine.busy_us()) - busy
        self.rates.append(result["count"] / result["elapsed_us"] * 1e6)
        self.p50s.append(result["p50_us"])
        self.used_us.append(used / result["count"])
        return min((busy - used - own) / result["elapsed_us"] / os.cpu_count(), 1)  # what was stolen is counted on top

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(20), 0, "exit status of the load generator")

    def figures(self):
        """Rate, median and processor time of the middle round."""
        return [statistics.median(found) for found in (self.rates, self.p50s, self.used_us)]


def memory(pid):
    """MiB: the peaks of all processes, and their shares now."""
    found = [machine.memory_kib(p) for p in machine.family(pid)]
    shares = [share for _, share in found]
    return sum(peak for peak, _ in found) / 1024, None if None in shares else sum(shares) / 1024


def measure(model, depth, file, places):
    loads = [Load(*place, depth, file, pid) for *place, pid in places]
    noise = max(load.go() for _ in range(OPTIONS.rounds) for load in loads)
    for load in loads:
        load.end()
    return f"{model} {depth}", [load.figures() for load in loads], noise


def text(number):
    return f"{number:.1f}" if number < 1000 else f"{number:.0f}"


def show(found):
    titles = ("requests/s", "p50 us", "cpu us/request")
    print(f"{'':12}" + "".join(f"{title:^36}" for title in titles))
    print(f"{'':12}" + "".join(f"{c:>9}" for _ in titles for c in (*COLUMNS, "times")))
    for name, (node, *others), _ in found:
        cells = []
        for n, value in enumerate(node):
            theirs = [other[n] for other in others]
            times = value / theirs[0] if n == 0 else theirs[0] / value
            cells += [text(value), *map(text, theirs), text(times)]
        print(f"{name:12}" + "".join(f"{cell:>9}" for cell in cells))


def show_memory(places):
    for name, (_, _, pid) in zip(COLUMNS, places):
        peak, share = memory(pid)
        print(f"memory of {name}: {text(peak)} MiB at its peak" + (f", its share now {text(share)}" if share is not None else ""))


def key_and_certificate(folder):
    """On the curve of the node's own."""
    files = [str(folder / "key.pem"), str(folder / "certificate.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                    "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    return files


def main():
    peer = subprocess.run([ROOT / "tools/peers.sh", "original"], stdout=subprocess.PIPE, text=True)
    if peer.returncode != 0:
        print("skipped: the original node's server")
        return 77
    python = peer.stdout.strip()
    with Node(models="bench") as node:
        folder, models = node.dir / "bench", node.dir / "original"
        folder.mkdir()
        models.mkdir()
        for model, cid in node.cids.items():
            (models / cid).symlink_to(node.dir / "models" / f"{model}.onnx")
        rows.write_files(folder, {model: node.cids[model] for model in rows.MODELS})
        with Server(python, models, *key_and_certificate(folder)) as original, Server(python, models) as plain:
            for model in rows.MODELS:
                _, _, ours = node.ask("POST", "/infer", (folder / f"{model}.body").read_bytes())
                theirs = ask_plain(plain.port, (folder / f"{model}.http").read_bytes())
                same, count = compare(model, ours.decode(), theirs.decode())
                print(f"{model}: the same form, {same} of {count} numbers the same to the bit, the others close")
            places = [(node.port, node.ready["cert"], node.process.pid)]
            places += [(server.port, server.certificate, server.process.pid) for server in (original, plain)]
            found = [measure(model, depth, folder / f"{model}.http", places) for model in rows.MODELS for depth in DEPTHS]
            show(found)
            show_memory(places)
    noise = max(row[2] for row in found)
    if noise > 0.1:
        print(f"NOISY: something else took up to {noise:.0%} of the processor time; processor times mean more than rates")
    return 0


sys.exit(main())
