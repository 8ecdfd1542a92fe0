#!/usr/bin/env python3
"""SIGTERM and Ctrl-C: what is in flight finishes, nothing new begins, the status is 0. A second signal ends the node at once, with 1."""
import contextlib
import http.client
import math
import os
import signal
import socket
import tempfile
import threading
import time

from counting import counting
from node import SLOW, Node, check, equal, freeze, ox, wait_for

ENDLESS = 10**12


def large():
    """128 MiB, which take a while to be checked and loaded: y = w[0] + x."""
    count = 32 << 20
    first = ox.node("Gather", ["w", "zero"], ["w0"])
    return ox.model(ox.graph("g", [first, ox.node("Add", ["w0", "x"], ["y"])], [ox.value("x", ox.FLOAT, [])], [ox.value("y", ox.FLOAT, [])],
                             [ox.tensor("w", [count], ox.FLOAT, ox.floats(1.5) * count), ox.tensor("zero", [], ox.INT64, ox.int64s(0))]))


def ask(node, cid, connection=None, **scalars):
    """The result, or the code of the error."""
    numbers = [{"name": name, "values": [value], "shape": []} for name, value in scalars.items()]
    _, _, body = node.post({"ipfs_hash": cid, "model_inputs": {"numbers": numbers}}, connection=connection)
    return body.get("code") or body["output"][0]["result"]


class Asking(threading.Thread):
    """A request in flight. After join(), `answer` is what ask() returned, or None when the connection was closed."""
    def __init__(self, node, cid, **scalars):
        super().__init__()
        connection, self.answer = node.connect(), None
        self.ask = lambda: ask(node, cid, connection, **scalars)
        self.start()

    def run(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.answer = self.ask()


def count_to(node, cid, n):
    """A request that counts so far, half a second after its begin."""
    asking = Asking(node, cid, n=n, x=0.5)
    time.sleep(0.5)
    return asking


def counter(node):
    """The model that counts, loaded."""
    cid = node.put("counting", counting())
    equal(ask(node, cid, n=1, x=0), 1.0, "it counts")
    return cid


def turns(node, cid, seconds):
    """What is counted to in about so long; never in much less, for the fastest of three is reckoned with."""
    connection, probe, best = node.connect(), 20000, math.inf
    for _ in range(3):
        begun = time.monotonic()
        ask(node, cid, connection, n=probe, x=0)
        best = min(best, time.monotonic() - begun)
    connection.close()
    return int(probe * seconds / best)


def connects(node):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", node.port), 5):
        return True
    return False


for signals in ("SIGTERM", "Ctrl-C"):
    with Node(wrap=["setsid"]) as node:
        equal(node.infer("double")[0], 200, "a model beside")
        idle = node.connect()
        equal(node.ask("GET", "/readyz", connection=idle)[0], 200, "a connection that is kept alive")
        cid = counter(node)
        n = turns(node, cid, 2 + SLOW)
        asking = count_to(node, cid, n)
        if signals == "Ctrl-C":  # a terminal sends it to all processes of the node; a script in front may pass it on as well
            os.killpg(node.process.pid, signal.SIGINT)
        node.process.send_signal(signal.SIGTERM)
        wait_for(f"{signals}: no new connections", lambda: not connects(node))
        check(asking.is_alive(), f"{signals}: the request is still in flight")
        equal(idle.sock.recv(1), b"", f"{signals}: the idle connection ends")
        asking.join()
        equal(asking.answer, n + 0.5, f"{signals}: the request in flight")
        equal(node.wait(), 0, f"{signals}: exit status")

with Node(models=None) as node:
    idle = node.processes("infer")
    freeze(*idle)
    asking = Asking(node, node.put("large", large()), x=1)
    wait_for("the model is being loaded", lambda: "MODEL_LOADING" in node.log())
    node.process.send_signal(signal.SIGTERM)
    wait_for("no new connections during a load", lambda: not connects(node))
    check("MODEL_READY" not in node.log(), "the model is not there yet")
    for pid in idle:
        os.kill(pid, signal.SIGCONT)
    equal(node.wait(30), 0, "exit status after SIGTERM during a load")
    asking.join()
    equal(asking.answer, 2.5, "the request that waited for the load")

with Node("--drain-time", "1s", models=None) as node:
    asking = count_to(node, counter(node), ENDLESS)
    begun = time.monotonic()
    equal(node.stop(), 0, "exit status when drain-time is over")
    check(1 <= time.monotonic() - begun < 4 * SLOW, "drain-time was waited for")
    asking.join()
    check(asking.answer in (None, "DRAINING"), f"the request in flight: {asking.answer}")

with Node(models=None) as node:
    asking = count_to(node, counter(node), ENDLESS)
    node.process.send_signal(signal.SIGTERM)
    time.sleep(0.7)
    begun = time.monotonic()
    equal(node.stop(), 1, "exit status after a second signal")
    check(time.monotonic() - begun < 1 * SLOW, "the second signal ends it at once")
    asking.join()
    equal(asking.answer, None, "the request in flight")

# whoever reads the log may go away: here after one line
with tempfile.TemporaryDirectory(prefix="veronnx-test-") as folder, \
        Node(wrap=["sh", "-c", 'mkfifo "$0"; head -n 1 "$0" & exec "$@" 2>"$0"', f"{folder}/log"]) as node:
    equal(node.infer("double")[0], 200, "an answer")
    equal(node.infer("mnist-mlp")[0], 200, "another")
    equal(node.log().count("PROCESS_STARTED"), 1, "lines of the log that were read")
