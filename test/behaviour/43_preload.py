#!/usr/bin/env python3
"""Models that the configuration preloads are loaded in its order; /readyz says so when all of them are there or have failed."""
import os
import pathlib
import re
import tempfile

from node import Node, check, equal, ox, said, veronnx, wait_for
from origin import Origin

MISSING = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


def readyz(node):
    status, _, body = node.ask("GET", "/readyz")
    return status, "PRELOADING" if b"PRELOADING" in body else body.decode().strip()


def large_model():
    """Of 128 MiB, which come from a server that takes seconds for them."""
    table = ox.tensor("table", [32 << 20], ox.FLOAT, os.urandom(128 << 20))
    return ox.model(ox.graph("m", [ox.node("Gather", ["table", "i"], ["y"])], [ox.value("i", ox.INT64, [1])],
                             [ox.value("y", ox.FLOAT, [1])], [table]))


with tempfile.TemporaryDirectory() as folder, Node("--model-memory", "2G") as node:
    equal(readyz(node), (200, "ready"), "without a list")
    origin, file = Origin(pathlib.Path(folder) / "store", pause=0.01), pathlib.Path(folder) / "large.onnx"
    file.write_bytes(large_model())
    large = veronnx("add", "--store", origin.store, file).stdout.split()[0]
    order = [large, MISSING, node.cids["double"], node.cids["mnist-mlp"]]
    equal(node.stop(), 0, "exit status")

    node.options += ["--source", origin.source, *(word for cid in order for word in ("--preload", cid))]
    node.start()
    equal(readyz(node), (503, "PRELOADING"), "while they are loaded")
    equal(node.infer("ids-and-words")[0], 200, "a request is answered all the same")
    wait_for("the node is ready", lambda: readyz(node) == (200, "ready"), 30)
    states = {row["model"]: row["state"] for row in node.admin("GET", "/models")[1]["models"]}
    equal([states[cid] for cid in order], ["ready", "failed", "ready", "ready"], "states")
    log = node.log().split("NODE_READY")[-1]
    check(re.search(r"MODELS_PRELOADED ready=3 failed=1 ms=\d+", log), "the log says so")
    equal(node.stop(), 0, "exit status")

    # what does not fit drives out none of those before it
    order = [node.cids["double"], large, node.cids["mnist-mlp"]]
    node.options = ["--model-memory", "800M", "--source", origin.source, *(word for cid in order for word in ("--preload", cid))]
    node.start()
    wait_for("the node is ready", lambda: readyz(node) == (200, "ready"), 30)
    states = {row["model"]: row.get("code", row["state"]) for row in node.admin("GET", "/models")[1]["models"]}
    equal(states, {node.cids["double"]: "ready", large: "MODEL_OVER_BUDGET", node.cids["mnist-mlp"]: "ready"}, "states")
    equal(node.admin("GET", "/state")[1]["evictions"], 0, "evictions")
    origin.shutdown()

done = veronnx("serve", "--simulate", "--models", "list", "--allow", "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
               "--preload", MISSING)
equal(done.returncode, 2, "a list that does not have it")
said(done, "preload: with models = list only a model of `allow` or `alias`")
