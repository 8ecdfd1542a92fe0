#!/usr/bin/env python3
"""kill_random.py [--rounds N] [--seed N]: kill -9 of the fetcher, of an infer process, of the whole node and of `veronnx add`, at random
moments while clients ask for models that come over HTTP through a cache that is too small for them.

Every answer of a node that lives is right, or 503 or 504 with a code; a node that was killed leaves no process; the next one starts on
what is there, without repair, and answers; no block is ever refused, and every file of store and cache is what its name says."""
import argparse
import collections
import hashlib
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "behaviour")]
from models import budget_for, make_model  # noqa: E402
from node import BIN, Node, alive, check, children, equal, program, veronnx, wait_for  # noqa: E402
from origin import Origin  # noqa: E402

MODELS, VALUES, CLIENTS, HOLD = 12, 300_000, 6, 3
VICTIMS = ("fetch", "infer", "node", "add")


def ask(node, cid, number, chance, connection=None):
    """(what came, whether it is as it should be)"""
    i, x = chance.randrange(VALUES), chance.randrange(1000)
    numbers = [{"name": "x", "values": [x], "shape": [1]}, {"name": "i", "values": [i], "shape": [1]}]
    status, _, answer = node.post({"ipfs_hash": cid, "model_inputs": {"numbers": numbers}}, None, connection)
    if status == 200:
        right = [o["result"] for o in answer["output"]] == [[float((number + 1) * x)], [float(1000 * number + i)]]
        return ("200" if right else f"wrong answer {answer}"), right
    return f"{status} {answer.get('code')}", status in (503, 504) and bool(answer.get("code"))


class Clients:
    """Ask without end; a request may break only when the node was dead when it began, or was killed before it ended."""

    def __init__(self, node, cids, seed):
        self.node, self.cids = node, cids
        self.stop, self.counts, self.wrong = threading.Event(), collections.Counter(), []
        self.kills, self.down = 0, False
        self.threads = [threading.Thread(target=self.run, args=(random.Random(f"{seed}/{n}"),)) for n in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def run(self, chance):
        while not self.stop.is_set():
            number, kills, down = chance.randrange(len(self.cids)), self.kills, self.down
            try:
                outcome, fine = ask(self.node, self.cids[number], number, chance)
            except (OSError, ValueError) as e:
                outcome, fine = type(e).__name__, down or self.kills > kills
                time.sleep(0.02)
            self.counts[outcome] += 1
            if not fine:
                self.wrong.append(outcome)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()


def check_blocks(*folders):
    """Whatever stands under a name of 64 hexadecimal digits has that SHA-256."""
    count = 0
    for folder in folders:
        for file in folder.rglob("*"):
            if re.fullmatch("[0-9a-f]{64}", file.name):
                try:
                    data = file.read_bytes()
                except FileNotFoundError:
                    continue  # the cache let it go
                equal(hashlib.sha256(data).hexdigest(), file.name, "a block on the disk")
                count += 1
    return count


def kill_one(node, name):
    found = [p for p in children(node.process.pid) if program(p) == f"veronnx-{name}"]
    if found:
        os.kill(random.choice(found), signal.SIGKILL)


def kill_node(node, clients):
    """All of it is gone with its supervisor; the next one starts where this one stood."""
    node.remember()
    clients.down, clients.kills = True, clients.kills + 1
    everybody = [node.process.pid, *children(node.process.pid)]
    node.process.kill()
    node.process.wait()
    wait_for("all processes end with the supervisor", lambda: not any(alive(p) for p in everybody), 2)
    node.start()
    clients.down = False


def kill_add(folder, number, chance):
    """Files that are new each time, into the store that the node reads."""
    file = folder / "added.onnx"
    file.write_bytes(make_model(1000 + number, VALUES))
    adding = subprocess.Popen([BIN / "veronnx", "add", "--store", folder / "store", file], stdout=subprocess.DEVNULL)
    time.sleep(chance.uniform(0, 0.05))
    adding.kill()
    adding.wait()


def run(a):
    chance = random.Random(a.seed)
    size = 4 * VALUES
    node = Node("--model-memory", str(budget_for(HOLD, size)), models=None, faults=True)
    with node:
        origin = node.dir / "origin"
        files = [node.dir / f"m{number}.onnx" for number in range(MODELS)]
        for number, file in enumerate(files):
            file.write_bytes(make_model(number, VALUES))
        done = veronnx("add", "--store", origin, *files)
        equal(done.returncode, 0, f"veronnx add: {done.stderr}")
        cids = [line.split()[0] for line in done.stdout.splitlines()]
        equal(node.stop(), 0, "a node that did nothing stops")
        server = Origin(origin)
        node.options += ["--source", server.source, "--cache", str(node.dir / "cache"),
                         "--cache-size", str(MODELS * size // 2)]
        node.start()
        node.ended = None
        clients = Clients(node, cids, a.seed)
        killed = collections.Counter()
        try:
            for number in range(a.rounds):
                time.sleep(chance.uniform(0.05, 0.6))
                victim = VICTIMS[number % len(VICTIMS)]
                killed[victim] += 1
                if victim == "node":
                    kill_node(node, clients)
                elif victim == "add":
                    kill_add(node.dir, number, chance)
                else:
                    kill_one(node, victim)
                which = chance.randrange(MODELS)
                wait_for(f"a right answer after kill -9 of {victim}", lambda: ask(node, cids[which], which, chance)[0] == "200", 20)
        finally:
            clients.end()
        blocks = check_blocks(origin, node.dir / "store", node.dir / "cache")
        print(f"killed {dict(killed)}; {dict(clients.counts)}; {blocks} blocks on the disk are what their names say")
        check(not clients.wrong, f"{len(clients.wrong)} answers were neither right nor 503 or 504 with a code: {clients.wrong[:5]}")
        check("BLOCK_REFUSED" not in node.log(), "a block that does not match its CID came out of store or cache")
        equal(veronnx("add", "--store", node.dir / "store", files[0]).returncode, 0, "the store can be written")
        server.shutdown()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    a = parser.parse_args()
    print(f"seed {a.seed}")
    run(a)


if __name__ == "__main__":
    main()
