#!/usr/bin/env python3
"""models.py [--seconds N] [--models N] [--clients N] [--hold N] [--mib N]: many models, few of which fit into memory, and clients that
ask for any of them.

Every answer must be right, or 503 or 504 with a code; no request may be cut; the memory of all processes of the node, sampled all the
time, stays within the budget and 5 %, and that of each process within what it has reserved; at the end nothing is left behind."""
import argparse
import array
import collections
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "behaviour"))
from measure import MIB, anonymous, descriptors, memory, memory_files, started  # noqa: E402
from node import Node, check, children, equal, ox, program, veronnx, wait_for  # noqa: E402

DATA_FLOOR = 128 * MIB  # what the supervisor reserves for a model: this and 3.5 times its file; the file is kept beside
PROCESS = 16 * MIB      # and what it sets aside for each process that has no model yet
SAMPLE_S = 0.05


def make_model(number, values):
    """y = (number + 1) x, and z = the value of the table at i. Which model has answered shows in both."""
    table = array.array("f", range(1000 * number, 1000 * number + values)).tobytes()
    nodes = [ox.node("Mul", ["x", "factor"], ["y"]), ox.node("Gather", ["table", "i"], ["z"])]
    tensors = [ox.tensor("factor", [1], ox.FLOAT, ox.floats(number + 1)), ox.tensor("table", [values], ox.FLOAT, table)]
    inputs = [ox.value("x", ox.FLOAT, [1]), ox.value("i", ox.INT64, [1])]
    return ox.model(ox.graph("m", nodes, inputs, [ox.value("y", ox.FLOAT, [1]), ox.value("z", ox.FLOAT, [1])], tensors))


def budget_for(hold, file_bytes):
    """The model-memory with which `hold` such models fit and one more does not."""
    one = file_bytes // 2 * 7 + DATA_FLOOR + file_bytes
    total = hold * one
    while total - (min(max(total // 16 // PROCESS, 1), 16) + 1) * PROCESS < hold * one + one // 2:
        total += MIB
    return total


def run_threads(threads, stop, sample, seconds, every):
    """`stop` ends them, when the time is over or a sample raises."""
    for t in threads:
        t.start()
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            sample()
            time.sleep(every)
    finally:
        stop.set()
        for t in threads:
            t.join()


class Soak:
    def __init__(self, node, cids, values, budget):
        self.node, self.cids, self.values, self.budget = node, cids, values, budget
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.wrong = []
        self.waits = []
        self.most = collections.Counter()

    # ── asking ──

    def ask(self, connection, number, chance):
        i, x = chance.randrange(self.values), chance.randrange(1000)
        numbers = [{"name": "x", "values": [x], "shape": [1]}, {"name": "i", "values": [i], "shape": [1]}]
        status, headers, answer = self.node.post({"ipfs_hash": self.cids[number], "model_inputs": {"numbers": numbers}}, None, connection)
        if status == 200:
            got = [output["result"] for output in answer["output"]]
            right = got == [[float((number + 1) * x)], [float(1000 * number + i)]] and "veronnx-receipt" in headers
            return "200" if right else f"wrong answer {json.dumps(answer)[:300]}", right
        return f"{status} {answer.get('code')}", status in (503, 504) and bool(answer.get("code"))

    def client(self, seed):
        chance = random.Random(seed)
        connection = self.node.connect(timeout=120)
        while not self.stop.is_set():
            begun = time.monotonic()
            try:
                outcome, fine = self.ask(connection, chance.randrange(len(self.cids)), chance)
            except (OSError, ValueError) as e:
                outcome, fine = f"cut: {e!r}", False
                connection = self.node.connect(timeout=120)
            with self.lock:
                self.counts[outcome] += 1
                self.waits.append(time.monotonic() - begun)
                if not fine:
                    self.wrong.append(outcome)

    # ── watching ──

    def sample(self):
        state = self.node.admin("GET", "/state")[1]
        rows = self.node.admin("GET", "/models")[1]["models"]
        everybody = [self.node.process.pid, *children(self.node.process.pid)]
        infers = [p for p in everybody if program(p) == "veronnx-infer"]
        own = {pid: anonymous(pid) for pid in infers}
        total = memory(everybody)
        seen = {"memory": total, "reserved": state["model_memory_used"], "largest process": max(own.values(), default=0),
                "models in memory": sum(row["state"] in ("ready", "loading", "leaving") for row in rows), "infer processes": len(infers)}
        for name, value in seen.items():
            self.most[name] = max(self.most[name], value)
        least = min((row["reserved_bytes"] for row in rows if row.get("reserved_bytes", 0) >= DATA_FLOOR), default=DATA_FLOOR)
        check(total <= self.budget * 1.05, f"{total} bytes in memory, the budget is {self.budget}")
        check(state["model_memory_used"] <= state["model_memory"] == self.budget, f"reserved within the budget: {state}")
        check(seen["largest process"] <= least, f"a process has {seen['largest process']} bytes, reserved were {least}")

    def run(self, clients, seconds):
        run_threads([threading.Thread(target=self.client, args=(n,)) for n in range(clients)], self.stop, self.sample, seconds, SAMPLE_S)

    # ── the end ──

    def at_rest(self):
        node = self.node
        permanent = [node.process.pid, *node.processes("keeper"), *node.processes("front"), *node.processes("fetch")]
        return {"infer processes": len(node.processes("infer")), "descriptors": [descriptors(p) for p in permanent],
                "memory files": len(memory_files(permanent))}

    def unload_all(self):
        for row in self.node.admin("GET", "/models")[1]["models"]:
            equal(self.node.admin("POST", "/models/unload", {"model": row["model"]})[0], 200, f"unload {row}")
        equal(self.node.admin("GET", "/models")[1]["models"], [], "no model is left")
        equal(self.node.admin("GET", "/state")[1]["model_memory_used"], 0, "no memory is reserved")

    def report(self, seconds):
        self.waits.sort()
        done = sum(self.counts.values())
        print(f"{done} requests in {seconds} s: " + ", ".join(f"{n} x {what}" for what, n in self.counts.most_common()))
        at = [self.waits[min(int(len(self.waits) * p), len(self.waits) - 1)] for p in (0.5, 0.99, 1)]
        print("seconds to an answer: median %.2f, 99th percentile %.2f, most %.2f" % tuple(at))
        state = self.node.admin("GET", "/state")[1]
        print(f"{state['loads']} loads, {state['evictions']} evictions, {state['kills']} kills, {state['restarts']} restarts; at most: " +
              ", ".join(f"{n / MIB:.0f} MiB {what}" if n > 10000 else f"{n} {what}" for what, n in self.most.items()) +
              f"; budget {self.budget / MIB:.0f} MiB")


def soak(a):
    values = a.mib * MIB // 4
    node = Node("--model-memory", str(budget_for(a.hold, a.mib * MIB)), "--queue-model", "64", "--queue-all", "256", models=None)
    with node:
        cids = []
        for first in range(0, a.models, 20):
            files = []
            for number in range(first, min(first + 20, a.models)):
                files.append(node.dir / f"m{number}.onnx")
                files[-1].write_bytes(make_model(number, values))
            done = veronnx("add", "--store", node.dir / "store", *files)
            equal(done.returncode, 0, f"veronnx add: {done.stderr}")
            cids += [line.split()[0] for line in done.stdout.splitlines()]
            for file in files:
                file.unlink()
        equal(len(set(cids)), a.models, "different models")
        s = Soak(node, cids, values, budget_for(a.hold, a.mib * MIB))
        equal(node.admin("POST", "/models/load", {"model": cids[0]})[0], 200, "a first load")
        s.unload_all()
        wait_for("one process idles", lambda: len(node.processes("infer")) == 1 and started(node))
        time.sleep(0.5)
        begun = s.at_rest()
        s.run(a.clients, a.seconds)
        s.report(a.seconds)
        check(not s.wrong, f"{len(s.wrong)} requests with neither a right answer nor 503 or 504 and a code: {s.wrong[:3]}")
        check(s.counts["200"] > 0, "answers")
        check(node.admin("GET", "/state")[1]["evictions"] > 0, "the budget does not hold all of them")
        equal(node.admin("GET", "/state")[1]["restarts"], 0, "no permanent process died")
        check(s.most["models in memory"] <= a.hold, f"no more than {a.hold} models: {s.most}")
        s.unload_all()
        wait_for("everything is as before", lambda: s.at_rest() == begun, 10)


def main():
    parser = argparse.ArgumentParser()
    for name, value in {"seconds": 600, "models": 200, "clients": 64, "hold": 10, "mib": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    soak(parser.parse_args())


if __name__ == "__main__":
    main()
