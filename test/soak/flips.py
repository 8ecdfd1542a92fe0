#!/usr/bin/env python3
"""flips.py [--count N] [--seed N] [--scan on|off|both]: models that were cut short or had bits turned over are loaded and asked, thousands
of them, while two honest models answer beside them; with `off` by a node that hands every one of them to ONNX Runtime unseen (it needs
VERONNX_INFER_NO_SCAN).

Each gets an answer of an expected kind: it is refused, or answers, or fails, or its process is ended by a budget, the jail or its own
fault, and that process alone: no other process of the node ends, and every answer of the honest ones has the same bytes."""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "behaviour"), str(HERE.parent / "hostile")]
from models import run_threads  # noqa: E402  # before node, which has models of its own
import flip_models as flips  # noqa: E402
from hostile import without_scan  # noqa: E402
from node import SLOW, Node, check, children, equal, program, veronnx, wait_for  # noqa: E402

CLIENTS, BATCH = 4, 500
HONEST = ("double", "mnist-mlp")
REFUSED, FAILED, ENDED = "refused at its load", "failed", "ended"
KINDS = {
    REFUSED: {"MODEL_NOT_ONNX": 400, "MODEL_MALFORMED": 400, "MODEL_LIMIT": 400, "MODEL_EXTERNAL_DATA": 400, "MODEL_REFUSED": 400,
              "MODEL_OPSET_UNSUPPORTED": 400, "MODEL_DOMAIN_REFUSED": 400, "MODEL_UNSUPPORTED": 400},
    FAILED: {"RUN_FAILED": 400, "INPUT_MISSING": 400, "INPUT_UNKNOWN": 400, "DTYPE_MISMATCH": 400, "SHAPE_MISMATCH": 400,
             "VALUE_RANGE": 400, "DTYPE_UNSUPPORTED": 400, "OUTPUT_TOO_LARGE": 413},
    ENDED: {"MODEL_DIED": 503, "RUN_OUT_OF_MEMORY": 503, "MODEL_OVER_BUDGET": 503, "RUN_TIMEOUT": 504, "MODEL_LOAD_TIMEOUT": 504},
}


class Flips:
    def __init__(self, node, count, models):
        self.node, self.left, self.models = node, count, models
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.todo, self.counts, self.codes, self.bad = collections.deque(), collections.Counter(), collections.Counter(), []
        self.beside = collections.Counter()

    def ask(self, cid, inputs, connection):
        return self.node.post({"ipfs_hash": cid, "model_inputs": inputs}, None, connection)

    def honest_models(self):
        """Undamaged, every one of them answers: what is found out of the others is not the requests' fault."""
        for name, (data, inputs) in flips.MODELS.items():
            status, _, answer = self.ask(self.node.put(name, data), inputs, None)
            equal(status, 200, f"{name}: {answer}")

    def add(self, folder):
        """The next ones, into the store."""
        files = {}
        for number in range(min(self.left, BATCH)):
            name, data = next(self.models)
            file = folder / f"{name}-{self.left - number}.onnx"
            file.write_bytes(data)
            files[str(file)] = (file, name)
        self.left -= len(files)
        done = veronnx("add", "--store", self.node.dir / "store", *files)
        equal(done.returncode, 0, f"veronnx add: {done.stderr}")
        for line in done.stdout.splitlines():
            cid, _, path = line.split(" ", 2)
            self.todo.append((cid, *files[path]))

    def judge(self, file, status, answer):
        """What kind of answer it was; one that is no kind is kept, with its model."""
        code = answer.get("code")
        kinds = [kind for kind, codes in KINDS.items() if codes.get(code) == status]
        kind = "answered" if status == 200 and "output" in answer else kinds[0] if kinds else "unexpected"
        with self.lock:
            self.counts[kind] += 1
            self.codes[code or status] += 1
            if kind == "unexpected":
                self.bad.append(f"{file.name} ({file.read_bytes().hex()}): {status} {json.dumps(answer)[:200]}")
        file.unlink()

    def client(self):
        connection = self.node.connect(timeout=60)
        while not self.stop.is_set():
            try:
                cid, file, name = self.todo.popleft()
            except IndexError:
                return
            status, _, answer = self.ask(cid, flips.MODELS[name][1], connection)
            self.judge(file, status, answer)

    def neighbour(self, model, wanted):
        connection = self.node.connect(timeout=60)
        while not self.stop.is_set():
            status, _, answer = self.node.infer(model, connection=connection)
            good = status == 200 and json.dumps(answer["output"]) == wanted
            with self.lock:
                self.beside["right" if good else "wrong"] += 1
                if not good:
                    self.bad.append(f"beside them {model}: {status} {json.dumps(answer)[:300]}")
            time.sleep(0.02)

    def guarded(self, target, *args):
        """A thread; what it raises is a finding."""
        def run():
            try:
                target(*args)
            except Exception as e:  # noqa: BLE001
                self.bad.append(f"{target.__name__}: {e!r}")
        return threading.Thread(target=run)

    def run(self):
        wanted = {model: json.dumps(self.node.infer(model)[2]["output"]) for model in HONEST}
        neighbours = [self.guarded(self.neighbour, model, wanted[model]) for model in HONEST]
        for thread in neighbours:
            thread.start()
        try:
            with tempfile.TemporaryDirectory(prefix="veronnx-test-") as folder:
                while self.left > 0 and not self.bad:
                    self.add(pathlib.Path(folder))
                    clients = [self.guarded(self.client) for _ in range(CLIENTS)]
                    for thread in clients:
                        thread.start()
                    for thread in clients:
                        thread.join()
        finally:
            self.stop.set()
            for thread in neighbours:
                thread.join()


def permanent(node):
    return sorted(p for p in children(node.process.pid) if program(p) != "veronnx-infer")


def run(count, seed, scan, cut_only=False):
    """`count` models in a node that scans them, or that does not."""
    options = ["--operator-domain", flips.DOMAIN, "--model-memory", "1G", "--output-max", "64M", "--run-time", f"{SLOW}s",
               "--load-time", f"{5 * SLOW}s"]
    with contextlib.ExitStack() as stack:
        more = {}
        if not scan:
            more["folder"] = without_scan(pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veronnx-test-"))))
        node = stack.enter_context(Node(*options, faults=True, **more))
        f = Flips(node, count, flips.damaged(seed, cut_only))
        f.honest_models()
        before, begun = permanent(node), time.monotonic()
        f.run()
        took = time.monotonic() - begun
        died = collections.Counter(re.findall(r"PROCESS_ENDED role=infer .* signal=((?!0|9)\d+)", node.log()))
        print(f"{sum(f.counts.values())} models in {took:.0f} s, {'with' if scan else 'without'} the scan: " +
              ", ".join(f"{n} {kind}" for kind, n in f.counts.most_common()) + "\n  " +
              ", ".join(f"{n} x {code}" for code, n in f.codes.most_common()) +
              f"\n  processes that died by themselves, by signal: {dict(died)}; beside them {dict(f.beside)}", flush=True)
        check(not f.bad, f"{len(f.bad)} findings: " + "\n".join(f.bad[:5]))
        equal(sum(f.counts.values()), count, "models that were asked")
        equal(permanent(node), before, "nobody but processes of models ended")
        equal(node.admin("GET", "/state")[1]["restarts"], 0, "restarts")
        check(f.beside["right"] > 0, "the honest models were asked")
        check(not re.search(r"PROCESS_ENDED role=(?!infer).*", node.log()), "another process ended")
        for row in node.admin("GET", "/models")[1]["models"]:
            node.admin("POST", "/models/unload", {"model": row["model"]})
        wait_for("only the idle infer process is left", lambda: len(node.processes("infer")) == 1, 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    parser.add_argument("--scan", choices=("on", "off", "both"), default="both")
    a = parser.parse_args()
    print(f"seed {a.seed}", flush=True)
    for scan in (True, False):
        if not scan and "VERONNX_INFER_NO_SCAN" not in os.environ:
            print("skipped: without VERONNX_INFER_NO_SCAN nothing goes past the scan")
        elif a.scan in ("both", "on" if scan else "off"):
            run(a.count, a.seed, scan)


if __name__ == "__main__":
    main()
