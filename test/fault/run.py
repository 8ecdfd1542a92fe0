#!/usr/bin/env python3
"""Whatever a source does: the right bytes, or one clear code in time; never a part of a file.

Every fault of faults.py, begun and cut at places drawn from a seed, is put to `veronnx cat` (or to a node that is asked for
an inference): alone, and before an honest source, which must make up for it. A CAR with a fault is also read as a file.
Usage: run.py [--runs N] [--seed N] [--by cat|node|car] [--together N] [--seconds N] [FAULT...]
  --runs      of each fault, alone and with an honest source (1)
  --together  runs at the same time (8)
  --seconds   no new run after so long; what was left out is told
Environment: VERONNX_BIN. Exit status 1: a run ended otherwise than it should; it is told with its seed."""
import argparse
import collections
import concurrent.futures
import http.client
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "behaviour")]
import dag as dags  # noqa: E402
from faults import BYTES, CODE, FAULTS  # noqa: E402
from node import BIN, SLOW, Node, check, equal  # noqa: E402
from server import Server  # noqa: E402
from table import Table  # noqa: E402

KINDS, CAR, CAR_KINDS = ("gateway", "kubo", "files"), "car", ("gateway", "kubo")
SIZES = {"file": (500, 20000), "leaf": (300, 2500), "links": (3, 12)}
CAR_SIZES = {"file": (8 << 20, 10 << 20), "leaf": (200_000, 500_000), "links": (60, 100)}  # a CAR is asked for, after the root
SILENCE = 30  # seconds after which `veronnx cat` gives up when nothing comes; a node is told its time
ALONE, TOGETHER = 4, 20  # seconds a node gives a model to come; an honest source is asked some time after one that is silent
SLACK = 10 * SLOW  # seconds for all that is not waiting
CODES = {"SOURCE_DEAD", "MODEL_NOT_FOUND", "MODEL_INCOMPLETE"}
NODE_CODES = CODES | {"MODEL_LOAD_TIMEOUT"}
CAR_CODES = {"CAR_MALFORMED", "CAR_TRUNCATED", "CAR_VERSION", "MODEL_NOT_FOUND", "MODEL_INCOMPLETE", "BLOCK_MISMATCH",
             "BLOCK_TOO_LARGE"}


class Run:
    """One fault, one seed: a model of its own, cut into blocks of a size of its own."""

    def __init__(self, fault, seed, honest):
        self.fault, self.row, self.seed, self.honest = fault, FAULTS[fault], seed, honest
        rng = random.Random(f"{fault} {seed} {honest}")
        self.by_car = self.row.kinds == (CAR,) or CAR in self.row.kinds and rng.randrange(4) == 0
        self.kind = rng.choice(CAR_KINDS if self.by_car else KINDS)
        sizes = CAR_SIZES if self.by_car else SIZES
        self.model = Table(rng.randrange(*sizes["file"]), rng.random())
        self.dag = dags.Dag(self.model.onnx, rng.randrange(2), rng.randrange(*sizes["leaf"]), rng.randrange(*sizes["links"]))
        self.begin = 0 if self.row.kinds == (CAR,) else rng.randrange(2) if self.by_car else None  # there: the root, the CAR

    def __str__(self):
        return f"{self.fault} {'first' if self.honest else 'alone'}, {self.kind}, --seed {self.seed}"

    def judge(self, faulty, code, codes):
        """`code`: what became of it, "" for the right bytes."""
        check(code == "" or code in codes, f"{self}: {code!r} is none of {sorted(codes)}")
        equal(faulty.strayed, 0, f"{self}: requests that went elsewhere")
        if self.honest or faulty.hits == 0 or self.row.ends == BYTES:
            equal(code, "", f"{self}: code, though the bytes could be had")
        elif self.row.ends == CODE and not faulty.car_hits:  # a cut CAR may have had all blocks
            check(code != "", f"{self}: the bytes came, from where?")


def code_of(run, done):
    """"" when a command succeeded, else the code in the one line that it printed."""
    if done.returncode == 0:
        return ""
    found = re.fullmatch(r"veronnx cat: ([A-Z_]+): [^\n]+\n", done.stderr.decode())
    check(done.returncode == 1 and found, f"{run}: exit status {done.returncode}, {done.stderr.decode()!r}")
    return found[1]


def run_cat(run, folder):
    """`veronnx cat`, to a file or to standard output."""
    to_file, out = run.seed % 2 == 0, folder / "out"
    with Server(run.dag.blocks, run.fault, run.seed, begin=run.begin) as faulty, Server(run.dag.blocks) as honest:
        command = [BIN / "veronnx", "cat", run.dag.text, *(["-o", out] if to_file else [])]
        for server in [faulty, honest][:1 + run.honest]:
            command += [f"--{run.kind}", server.url]
        begun = time.monotonic()
        done = subprocess.run(command, capture_output=True, timeout=120 * SLOW, env=os.environ | {"HOME": str(folder)})
        spent = time.monotonic() - begun
    code = code_of(run, done)
    check(spent < 2 * SILENCE + SLACK, f"{run}: took {spent:.1f} s")  # the last byte may come shortly before 30 s
    got = out.read_bytes() if out.exists() else done.stdout
    if code == "":
        equal(got == run.model.onnx, True, f"{run}: are these the bytes?")
    else:  # what went to standard output cannot be called back, but it was right
        check(run.model.onnx.startswith(got), f"{run}: wrong bytes went out")
        equal(list(folder.iterdir()), [], f"{run}: what is left")
    run.judge(faulty, code, CODES)
    return faulty.hits > 0


def run_car(run, folder):
    """The CAR that the fault would send, as a file."""
    with Server(run.dag.blocks, run.fault, run.seed, begin=0) as faulty:
        car = fetch_car(faulty, run.dag.text)
    file, out = folder / "file.car", folder / "out"
    file.write_bytes(car)
    done = subprocess.run([BIN / "veronnx", "cat", "--car", file, "--cid", run.dag.text, "-o", out], capture_output=True,
                          timeout=60 * SLOW)
    code = code_of(run, done)
    equal(out.exists() and out.read_bytes() == run.model.onnx, code == "", f"{run}: are these the bytes, is there a file")
    check(code == "" or code in CAR_CODES, f"{run}: {code}")
    return True


def fetch_car(server, text):
    """What came of the body, however it ended."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", f"/ipfs/{text}?format=car")
    answer, got = connection.getresponse(), b""
    try:
        while piece := answer.read1(1 << 16):
            got += piece
    except (http.client.HTTPException, OSError):
        pass
    connection.close()
    return got


def run_node(run, folder):
    """An inference by a node that has these sources and nothing in its cache."""
    with Server(run.dag.blocks, run.fault, run.seed, begin=run.begin) as faulty, Server(run.dag.blocks) as honest:
        seconds = TOGETHER if run.honest else ALONE
        options = ["--load-time", f"{seconds}s", "--cache", str(folder / "cache")]
        for server in [faulty, honest][:1 + run.honest]:
            options += ["--source", f"{run.kind} {server.url}"]
        with Node(*options, models=None) as node:
            begun = time.monotonic()
            code = run.model.ask(node, run.dag.text)
            spent = time.monotonic() - begun
    check(spent < seconds + SLACK, f"{run}: took {spent:.1f} s")
    run.judge(faulty, code, NODE_CODES)
    return faulty.hits > 0


WAYS = {"cat": run_cat, "node": run_node, "car": run_car}


def fits(way, fault):
    """A CAR as a file says nothing about HTTP; what has no end is no file."""
    return way != "car" or FAULTS[fault].kinds == (CAR,) and "endless" not in fault


def one(way, run):
    with tempfile.TemporaryDirectory(prefix="veronnx-fault-") as folder:
        try:
            return WAYS[way](run, pathlib.Path(folder)), None
        except Exception as e:  # whatever it is, the other runs go on
            return True, f"{type(e).__name__}: {e}"


def runs_of(options):
    for number in range(options.runs):
        for fault in options.fault or FAULTS:
            if fits(options.by, fault):
                for honest in (False,) if options.by == "car" else (False, True):
                    yield fault, options.seed + number, honest


def all_runs(options):
    """(fault, did it come, what was wrong or None) of each run."""
    begun = time.monotonic()

    def in_time(which):  # a run has its model only while it lasts: there are thousands, of some MiB
        return (which[0], *one(options.by, Run(*which))) if time.monotonic() - begun < options.seconds else None
    with concurrent.futures.ThreadPoolExecutor(options.together) as pool:
        yield from pool.map(in_time, runs_of(options))


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("--runs", 1), ("--seed", random.randrange(1 << 30)), ("--together", 8), ("--seconds", 1 << 30)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--by", choices=WAYS, default="cat")
    parser.add_argument("fault", nargs="*", choices=[[], *FAULTS])
    options = parser.parse_args()
    ended, seen, wrong, left = collections.Counter(), collections.Counter(), 0, 0
    for result in all_runs(options):
        if result is None:
            left += 1
            continue
        fault, came, what = result
        ended[fault] += 1
        seen[fault] += came
        wrong += what is not None
        if what:
            print(f"failed: {what}", flush=True)
    for fault in ended:
        if not seen[fault]:
            wrong += 1
            print(f"failed: {fault} never came in {ended[fault]} runs")
    print(f"{ended.total()} runs by {options.by}, seeds from {options.seed}: {wrong} wrong" + f", {left} left out" * (left > 0))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
