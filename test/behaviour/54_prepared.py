#!/usr/bin/env python3
"""Beside a model that is served its prepared form is made; the next process of the model is loaded from it, says so in every receipt, and
gives the same bits. It is counted, goes before anything else when memory is short, and nothing of it is left after an unload."""
import contextlib
import os
import pathlib
import re

from node import Node, check, equal, freeze, ox, veronnx, wait_for

MIB = 1 << 20
MODELS = ("double", "mnist-mlp", "ids-and-words", "classifier-map")


def rows(node):
    return {row["model"]: row for row in node.admin("GET", "/models")[1]["models"]}


def used(node):
    return node.admin("GET", "/state")[1]["model_memory_used"]


def counted(node):
    return sum(row["reserved_bytes"] + row["kept_bytes"] + row.get("prepared_bytes", 0) for row in rows(node).values())


def resident(pid):
    with contextlib.suppress(OSError):
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def engine(node, headers):
    done = veronnx("verify", "receipt", "--receipt", headers["veronnx-receipt"], "--key", node.ready["receipt_key"], "--allow-simulated")
    equal(done.returncode, 0, f"verify: {done.stderr}")
    return re.search(r"onnxruntime=\S+", done.stdout).group()


def has_form(node, name):
    return "prepared_bytes" in rows(node)[node.cids[name]]


def kill_infers(node):
    node.kill_infers()
    wait_for("their models are not served", lambda: {row["state"] for row in rows(node).values()} == {"kept"})


def large_model(mib):
    table = ox.tensor("table", [mib * MIB // 4], ox.FLOAT, bytes(mib * MIB))
    return ox.model(ox.graph("m", [ox.node("Gather", ["table", "i"], ["y"])], [ox.value("i", ox.INT64, [1])],
                             [ox.value("y", ox.FLOAT, [1])], [table]))


def stop_preparer(node):
    """In the middle of its work: the process that serves the model is as large by then, and older."""
    large = [pid for pid in node.processes("infer") if resident(pid) > 64 * MIB]
    if len(large) == 2:
        freeze(large[1])
    return len(large) == 2


with Node("--prepared", "always") as node:
    first = {}
    for name in MODELS:
        status, headers, body = node.infer(name)
        first[name] = (status, body)
        equal(status, 200, name)
        check(";prepared=0;random=0" in engine(node, headers), f"{name}: from its file: {engine(node, headers)}")
    for name in MODELS:
        wait_for(f"the prepared form of {name}", lambda name=name: has_form(node, name), 10)
    forms = sum(row["prepared_bytes"] for row in rows(node).values())
    wait_for("who made them is gone", lambda: used(node) == counted(node))
    kill_infers(node)
    files = sum(row["kept_bytes"] for row in rows(node).values())
    equal(used(node), files + forms, "files and forms are counted")
    for name in MODELS:
        status, headers, body = node.infer(name)
        equal((status, body), first[name], f"{name}: the same bits")
        check(";prepared=1;random=0" in engine(node, headers), f"{name}: from its prepared form: {engine(node, headers)}")
    equal(used(node), counted(node) - forms, "a form that is in use is its process's, and not counted twice")
    equal(node.log().count("MODEL_PREPARED"), len(MODELS), "each was made once")
    for name in MODELS:
        equal(node.admin("POST", "/models/unload", {"model": node.cids[name]})[0], 200, f"unload {name}")
    equal((rows(node), used(node)), ({}, 0), "nothing is left")

# 32 MiB are set aside. `a` takes 173 MiB with its file, 184 more while its prepared form is made, 10 afterwards; `b` takes 187.
with Node("--prepared", "always", "--model-memory", "400M", models=None) as node:
    node.put("a", large_model(10))
    node.put("b", large_model(13))
    equal(node.admin("POST", "/models/load", {"model": node.cids["a"]})[0], 200, "a")
    wait_for("the prepared form of a", lambda: has_form(node, "a") and used(node) == counted(node), 10)
    equal(node.admin("POST", "/models/load", {"model": node.cids["b"]})[0], 200, "b")
    states = {name: rows(node)[node.cids[name]]["state"] for name in "ab"}
    equal((states, node.admin("GET", "/state")[1]["evictions"]), ({"a": "ready", "b": "ready"}, 0), "both are served")
    check(not has_form(node, "a"), "its form made room")
    check("kept_bytes" in rows(node)[node.cids["a"]], "and its file did not have to")
    check(used(node) <= (400 - 32) * MIB, f"within the budget: {used(node)}")
    equal(node.log().count("MODEL_PREPARED"), 1, "there is no room to make one for b, and nobody goes for it")

# The second way once left it to itself.
for unload in (lambda node, cid, _: node.admin("POST", "/models/unload", {"model": cid}),
               lambda node, cid, connection: node.ask("POST", f"/v2/repository/models/{cid}/unload", connection=connection)):
    with Node("--prepared", "always", "--model-control", models=None) as node:
        cid = node.put("large", large_model(128))
        connection = node.connect()
        equal(node.ask("POST", f"/v2/repository/models/{cid}/load", connection=connection)[0], 200, "load")
        wait_for("its form is being made", lambda node=node: stop_preparer(node))
        equal(unload(node, cid, connection)[0], 200, "unload")
        wait_for("nothing is left", lambda: (rows(node), used(node), len(node.processes("infer"))) == ({}, 0, 1))
        check("PREPARED" not in node.log(), "an unload ends that too")
        connection.close()

for choice in ("never", "auto"):
    with Node("--prepared", choice) as node:
        equal(node.infer("double")[0], 200, "double")
        kill_infers(node)
        equal(node.infer("double")[0], 200, "double")
        check("PREPARED" not in node.log(), f"{choice}: a small model has none")
