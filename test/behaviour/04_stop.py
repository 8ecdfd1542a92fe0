#!/usr/bin/env python3
"""SIGTERM and Ctrl-C: what is in flight finishes, nothing new begins, the status is 0. A second signal ends the node at once, with 1."""
import os
import pathlib
import signal
import tempfile
import threading
import time

from node import SLOW, Node, check, equal, ox, wait_for


def counting():
    """y = x + n, one by one: as slow as one likes."""
    body = ox.graph("body", [ox.node("Identity", ["c"], ["c2"]), ox.node("Add", ["v", "one"], ["v2"])],
                    [ox.value("i", ox.INT64, []), ox.value("c", ox.BOOL, []), ox.value("v", ox.DOUBLE, [])],
                    [ox.value("c2", ox.BOOL, []), ox.value("v2", ox.DOUBLE, [])])
    one = ox.tensor("one", [], ox.DOUBLE, b"\0\0\0\0\0\0\xf0\x3f")
    loop = ox.node("Loop", ["n", "true", "x"], ["y"], ox.attribute("body", "g", body))
    return ox.model(ox.graph("g", [loop], [ox.value("n", ox.INT64, []), ox.value("x", ox.DOUBLE, [])], [ox.value("y", ox.DOUBLE, [])],
                             [ox.tensor("true", [], ox.BOOL, b"\1"), one]))


def large(count):
    """A model that takes a while to be checked and loaded."""
    return ox.model(ox.graph("g", [ox.node("Add", ["x", "w"], ["y"])], [ox.value("x", ox.FLOAT, [1])], [ox.value("y", ox.FLOAT, [count])],
                             [ox.tensor("w", [count], ox.FLOAT, os.urandom(4) * count)]))


class Asking(threading.Thread):
    """A request on a connection of its own; `answer` is (status, body)."""
    def __init__(self, node, cid, **inputs):
        super().__init__()
        self.connection, self.answer = node.connect(), None
        self.connection.connect()
        numbers = [{"name": name, "values": values, "shape": [len(values)] if name != "n" and cid != node.cids.get("counting") else []}
                   for name, values in inputs.items()]
        self.document, self.node = {"ipfs_hash": cid, "model_inputs": {"numbers": numbers}}, node
        self.start()

    def run(self):
        status, _, body = self.node.post(self.document, connection=self.connection)
        self.answer = status, body.get("code") or body["output"][0]["result"]


def counts(node, seconds):
    """A request that runs for about so long, begun."""
    cid = node.cids.get("counting") or node.put("counting", counting())
    begun = time.monotonic()
    node.post({"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "n", "values": [100], "shape": []}, {"name": "x", "values": [0], "shape": []}]}})
    begun, probe = time.monotonic(), 20000
    node.post({"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "n", "values": [probe], "shape": []}, {"name": "x", "values": [0], "shape": []}]}})
    n = int(probe * seconds / (time.monotonic() - begun))
    asking = Asking(node, cid, n=[n], x=[0.5])
    time.sleep(0.3)
    return asking, n + 0.5


for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")):
    with Node(wrap=["setsid"]) as node:
        node.infer("double")
        idle = node.connect()
        equal(node.ask("GET", "/readyz", connection=idle)[0], 200, "a connection that is kept alive")
        asking, result = counts(node, 2)
        if name == "Ctrl-C":
            os.killpg(node.process.pid, number)  # as a terminal does: to all processes of the node
        node.process.send_signal(number)
        wait_for(f"{name}: no new connection", lambda: connects(node) is False)
        asking.join()
        equal(asking.answer, (200, result), f"{name}: the request in flight")
        equal(node.wait(), 0, f"{name}: exit status")
