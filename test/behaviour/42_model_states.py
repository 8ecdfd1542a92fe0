#!/usr/bin/env python3
"""While a large model is on its way the administration says how far it is, and so does `veronnx models`."""
import contextlib
import os
import pathlib
import re
import signal
import tempfile
import threading
import time

from node import Node, check, equal, freeze, ox, veronnx, wait_for
from origin import Origin

MIB = 1 << 20
SIZE = 64 * MIB


def large_model():
    """y = table[i], with a table that is the file."""
    nodes = [ox.node("Gather", ["table", "i"], ["y"])]
    table = ox.tensor("table", [SIZE // 4], ox.FLOAT, os.urandom(SIZE))
    return ox.model(ox.graph("m", nodes, [ox.value("i", ox.INT64, [1])], [ox.value("y", ox.FLOAT, [1])], [table]))


def row(node, cid):
    rows = node.admin("GET", f"/models?model={cid}")[1]["models"]
    return rows[0] if rows else {}


def printed(node, *args):
    done = veronnx("models", "--ready-file", node.ready_file, *args)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


def begin_load(node, cid):
    """The thread that asks for it, and the list that will have the answer. The fetcher is stopped."""
    freeze(*node.processes("fetch"))
    answer = []
    load = threading.Thread(target=lambda: answer.append(node.admin("POST", "/models/load", {"model": cid})))
    load.start()
    wait_for("the model is known", lambda: row(node, cid))
    return load, answer


@contextlib.contextmanager
def stopped_in_the_middle(node, cid):
    """The fetcher is stopped when some of the file is there; the server takes seconds for all of it."""
    fetch = node.processes("fetch")[0]
    try:
        os.kill(fetch, signal.SIGCONT)
        wait_for("something is there", lambda: row(node, cid).get("bytes", 0) > 0, 30)
        freeze(fetch)
        before = None
        while before != (before := row(node, cid).get("bytes")):  # infer tells four times a second
            time.sleep(0.5)
        yield row(node, cid)
    finally:
        os.kill(fetch, signal.SIGCONT)


def states(cid, origin):
    with Node("--model-memory", "4G", "--source", origin.source, models=None) as node:
        load, answer = begin_load(node, cid)
        equal((row(node, cid)["state"], "file_bytes" in row(node, cid)), ("downloading", False), "before its root is there")
        check(f"{cid}  downloading\n" in printed(node), "it says so")
        with stopped_in_the_middle(node, cid) as seen:
            check(0 < seen["bytes"] < seen["file_bytes"], f"in the middle: {seen}")
            equal(seen["percent"], seen["bytes"] * 100 // seen["file_bytes"], "percent")
            check(0 < seen["bytes_per_s"] <= seen["bytes"] * 1000 / seen["elapsed_ms"] + 1, f"rate: {seen}")
            equal(seen["sources"], 1, "sources")
            check(re.search(rf"^ +{seen['file_bytes']}  {cid}  downloading {seen['percent']} %$", printed(node), re.M), printed(node))
        load.join()
        equal(answer[0], (200, {"ok": True}), "the load")
        equal((row(node, cid)["state"], row(node, cid)["file_bytes"] > SIZE), ("ready", True), "afterwards")
        check(f"{cid}  ready\n" in printed(node), "it says so")
        check(cid in printed(node, "--json"), "as JSON")
        events = re.findall(r"MODEL_(LOADING|SIZED|SEALED|READY) infer=\d+ .*?(?:bytes=(\d+)|$)", node.log(), re.M)
        equal([name for name, _ in events], ["LOADING", "SIZED", "SEALED", "READY"], "events")
        equal({int(size) for _, size in events[1:]}, {row(node, cid)["file_bytes"]}, "their sizes")
        equal(node.admin("GET", "/models?model=nonsense")[1]["code"], "MODEL_NOT_PINNED", "a name of nothing")
        equal(node.admin("GET", "/models?page=2")[0], 400, "another query")


def killed_in_the_middle(cid, origin):
    """It has read nothing of the model: who asked next was told for five seconds that the model kills its process."""
    with Node("--model-memory", "4G", "--source", origin.source, models=None) as node:
        load, answer = begin_load(node, cid)
        with stopped_in_the_middle(node, cid):
            os.kill(node.processes("infer")[0], signal.SIGKILL)
            load.join()
        equal((answer[0][0], answer[0][1]["code"]), (503, "MODEL_DIED"), "the load")
        status, _, body = node.post({"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "i", "values": [0], "shape": [1]}]}})
        equal(status, 200, f"the next one: {body}")


with tempfile.TemporaryDirectory() as folder:
    store = pathlib.Path(folder) / "store"
    origin = Origin(store, pause=0.01)
    for what in (states, killed_in_the_middle):
        model = pathlib.Path(folder) / "large.onnx"
        model.write_bytes(large_model())
        what(veronnx("add", "--store", store, model).stdout.split()[0], origin)
    origin.shutdown()
