#!/usr/bin/env python3
"""neighbours.py [--seconds N] [--rounds N] [--only NAME]: an honest model answers one request after the other, which keeps a core busy,
while hostile models load and run beside it: endless loops, exponential scans, more memory than there is, a million nodes.

The 99th percentile of its answers is at most 1.5 times what it is alone; both are measured in turn, N rounds of N seconds each, for each
kind of hostile models, and the median of the rounds counts. Every answer is a 200.

Needs the measuring programs of bench/ (`ninja -C build bench-programs`). Nothing else should run on the machine."""
import argparse
import contextlib
import json
import multiprocessing
import os
import pathlib
import random
import statistics
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "behaviour")]
from hostile import cases  # noqa: E402
from node import Node, check, equal  # noqa: E402
from overload import Load, make_model, tell  # noqa: E402

RATIO, CLIENTS, PAUSE_S = 1.5, 4, 0.05
SETTLE_S = 3  # hostile ones are let in before the measurement, so that it begins in their midst
KINDS = {
    "loops": ["endless-loop", "nested-loops", "endless-scan"],
    "memory": ["constant-64-gib-at-run", "constant-2-gib-at-run", "growing-loop", "huge-range", "huge-strings"],
    "loads": ["million-nodes", "constant-64-gib-at-load", "function-bomb-ml", "deep-subgraphs", "foreign-ort"],
}


def hostile_client(node, cid):
    """Asks again and again; a failure that is remembered is forgotten, so that the model is loaded anew."""
    x = {"name": "x", "values": [1], "shape": [1]}
    while True:
        with contextlib.suppress(OSError, ValueError):
            node.post({"ipfs_hash": cid, "model_inputs": {"numbers": [x]}})
            node.admin("POST", "/models/unload", {"model": cid})
        time.sleep(PAUSE_S)


def hostile_clients(node, cids, count):
    """A process of its own, which leaves the cores to the node that is measured."""
    os.nice(19)
    threads = [threading.Thread(target=hostile_client, args=(node, cids[n % len(cids)]), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def beside(node, names):
    clients = multiprocessing.Process(target=hostile_clients, args=(node, [node.cids[name] for name in names], CLIENTS))
    clients.start()
    try:
        time.sleep(SETTLE_S)
        yield
    finally:
        clients.kill()
        clients.join()
        for row in node.admin("GET", "/models")[1]["models"]:
            if row["model"] != node.cids["neighbour"]:
                node.admin("POST", "/models/unload", {"model": row["model"]})
        time.sleep(1)


def measure(node, load, names, rounds, seconds):
    """[(p99 alone, p99 with them)] in ms."""
    found = []
    for _ in range(rounds):
        load.run(0.5)
        _, failed, alone = load.run(seconds)
        with beside(node, names):
            _, also_failed, together = load.run(seconds)
        equal(failed + also_failed, 0, "answers that were no 200")
        found.append((alone, together))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=KINDS)
    a = parser.parse_args()
    good = True
    with Node("--run-time", "5s", "--model-memory", "1G", "--output-max", "64M", models=None, faults=True) as node:
        cases(node.dir / "hostile")
        node.add(*[node.dir / "hostile" / f"{name}.onnx" for names in KINDS.values() for name in names])
        body = json.dumps({"ipfs_hash": node.put("neighbour", make_model(random.Random(1))),
                           "model_inputs": {"numbers": [{"name": "x", "values": [1], "shape": [1]}]}})
        equal(node.post(body)[0], 200, "an answer")
        request = node.dir / "request"
        request.write_text(f"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        load = Load(node, request, 1)
        for kind, names in KINDS.items():
            if a.only in (None, kind):
                found = measure(node, load, names, a.rounds, a.seconds)
                alone, together = (statistics.median(side) for side in zip(*found))
                print(f"{kind}: p99 alone and beside them, ms: " + ", ".join(f"{x:.1f} {y:.1f}" for x, y in found))
                good = tell(f"{kind}: beside them over alone: {together / alone:.2f} (at most {RATIO})", together <= RATIO * alone) and good
        load.end()
        state = node.admin("GET", "/state")[1]
        equal(state["restarts"], 0, "no permanent process died")
        check(state["loads"] > 1, "the hostile ones were loaded")
    sys.exit(not good)


if __name__ == "__main__":
    main()
