#!/usr/bin/env python3
"""overload.py [--seconds N] [--only NAME]: more is asked of a node than it can do, and others hold its connections.

  flood   ten times what it can do, of a model that takes some milliseconds: it still does 0.9 of what it can, the rest is refused with 503 at once, nobody
          whom it accepts waits longer than its queue is long, memory stays
  slow    2,000 connections that send a byte of their head each second, and come back when they are cut: 0.9 of what it does without them
  idle    10,000 idle TLS connections: at most 400 MB in all

Needs the measuring programs of bench/ (`ninja -C build bench-programs`). Figures are ratios within one run; nothing else should run on the machine."""
import argparse
import contextlib
import json
import pathlib
import random
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "behaviour"))
from measure import MIB, memory  # noqa: E402
from node import BIN, Node, check, children, equal, ox  # noqa: E402

SIDE = 1024         # of the model's matrices
GOOD = 0.9
FLOOD, FLOODERS = 10, 512
QUEUE = 64          # queue-model
SLOW_ONES, IDLE_ONES, IDLE_BYTES = 2000, 10000, 400_000_000


def make_model(chance):
    """y = the sum of (x w) w: some milliseconds of one core."""
    weights = ox.floats(*(chance.random() for _ in range(SIDE * SIDE)))
    nodes = [ox.node("Mul", ["x", "w"], ["v"]), ox.node("MatMul", ["v", "w"], ["u"]),
             ox.node("ReduceSum", ["u"], ["y"], ox.attribute("keepdims", "i", 0))]
    return ox.model(ox.graph("g", nodes, [ox.value("x", ox.FLOAT, [1])], [ox.value("y", ox.FLOAT, [])],
                             [ox.tensor("w", [SIDE, SIDE], ox.FLOAT, weights)]))


class Load:
    """bench-load with the same request again and again."""

    def __init__(self, node, request, connections, statuses="200", *pace):
        command = [BIN.resolve().parents[1] / "bench/bench-load", node.port, node.ready["cert"], connections, statuses, request, *pace]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check("ready" in self.answer(), "bench-load is ready")

    def answer(self):
        return json.loads(self.process.stdout.readline())

    def run(self, seconds):
        """Answers with the first status in a second, with the other, and the 99th percentile of the first in ms."""
        self.process.stdin.write(f"go {int(seconds * 1000)}\n")
        self.process.stdin.flush()
        got = self.answer()
        per_s = 1e6 / got["elapsed_us"]
        return got["count"] * per_s, got["others"] * per_s, got["p99_us"] / 1000

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(10), 0, "bench-load")


def everybody(node):
    return [node.process.pid, *children(node.process.pid)]


def tell(what, good):
    print(("yes " if good else "NO  ") + what, flush=True)
    return good


def once(node, request, seconds, connections=4, *more):
    load = Load(node, request, connections, *more)
    load.run(1)
    result = load.run(seconds)
    load.end()
    return result


def flood(node, request, seconds):
    can, _, _ = once(node, request, max(seconds / 4, 3))
    before = memory(everybody(node))
    most = [0]
    stop = threading.Event()

    def watch():
        while not stop.wait(0.2):
            most[0] = max(most[0], memory(everybody(node)))
    watcher = threading.Thread(target=watch)
    watcher.start()
    done, refused, p99 = once(node, request, seconds, FLOODERS, "200|503", int(FLOODERS / (FLOOD * can) * 1e6))
    stop.set()
    watcher.join()
    longest = (QUEUE + 8) / can * 1000 * 1.5
    print(f"flood: can {can:.0f}/s; asked for {done + refused:.0f}/s: {done:.0f}/s done, {refused:.0f}/s refused; p99 of the accepted {p99:.0f} ms")
    return all((tell(f"done over what it can do: {done / can:.2f} (at least {GOOD})", done >= GOOD * can),
                tell(f"asked for over what it can do: {(done + refused) / can:.1f} (at least {FLOOD / 2:.0f})", done + refused > FLOOD / 2 * can),
                tell(f"99th percentile of the accepted: {p99:.0f} ms (at most {longest:.0f}: a full queue, and half of it)", p99 <= longest),
                tell(f"memory: {before / MIB:.0f} MiB, then at most {most[0] / MIB:.0f} MiB", most[0] < before + 64 * MIB)))


class Slow:
    """Connections that never finish their head. One thread for all of them."""

    def __init__(self, node, count):
        self.node, self.count, self.stop, self.opened = node, count, threading.Event(), 0
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.ones = []
        while len(self.ones) < count:
            self.open()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def open(self):
        with contextlib.suppress(OSError):
            one = self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.node.port), timeout=10))
            one.sendall(b"POST /infer HTTP/1.1\r\nHost: x\r\nX: ")
            self.ones.append(one)
            self.opened += 1

    def drip(self, one):
        try:
            one.sendall(b"a")
        except OSError:
            self.ones.remove(one)
            one.close()
            self.open()

    def run(self):
        while not self.stop.is_set():
            begun, ones = time.monotonic(), list(self.ones)
            for number, one in enumerate(ones):
                self.drip(one)
                if self.stop.wait(max(0, begun + (number + 1) / len(ones) - time.monotonic())):
                    break

    def end(self):
        self.stop.set()
        self.thread.join()
        for one in self.ones:
            one.close()


def slow(node, request, seconds):
    without, _, _ = once(node, request, seconds)
    crowd = Slow(node, SLOW_ONES)
    beside, _, _ = once(node, request, seconds)
    crowd.end()
    print(f"slow: {without:.0f}/s, beside {SLOW_ONES} slow connections {beside:.0f}/s; they were opened {crowd.opened} times")
    return tell(f"beside them over without them: {beside / without:.2f} (at least {GOOD})", beside >= GOOD * without)


def idle(node, request, seconds):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    before, ones = memory(everybody(node)), []
    while len(ones) < IDLE_ONES:
        with contextlib.suppress(ssl.SSLError):
            one = context.wrap_socket(socket.create_connection(("127.0.0.1", node.port), timeout=30))
            ones.append(socket.socket(fileno=one.detach()))
    held = memory(everybody(node))
    done, _, _ = once(node, request, 2)
    for one in ones:
        one.close()
    print(f"idle: {before / 1e6:.0f} MB without, {held / 1e6:.0f} MB with {IDLE_ONES} connections; {done:.0f} requests/s beside them")
    return tell(f"memory of all processes: {held / 1e6:.0f} MB (at most {IDLE_BYTES / 1e6:.0f})", held <= IDLE_BYTES and done > 0)


PARTS = {"flood": flood, "slow": slow, "idle": idle}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--only", choices=PARTS)
    a = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    good = True
    with Node("--idle-time", "600s", "--queue-model", str(QUEUE), "--connections", str(IDLE_ONES + 100), models=None) as node:
        body = json.dumps({"ipfs_hash": node.put("m", make_model(random.Random(1))),
                           "model_inputs": {"numbers": [{"name": "x", "values": [1], "shape": [1]}]}})
        equal(node.post(body)[0], 200, "an answer")
        request = node.dir / "request"
        request.write_text(f"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        for name, part in PARTS.items():
            if a.only in (None, name):
                good = part(node, request, a.seconds) and good
    sys.exit(not good)


if __name__ == "__main__":
    main()
