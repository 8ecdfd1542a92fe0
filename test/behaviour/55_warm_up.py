#!/usr/bin/env python3
"""A model that is loaded before anybody asks for it is run once on zeros. Whatever becomes of that run, the model is served as it would be
without it."""
import re

from node import SLOW, Node, equal, ox, wait_for

TRUE = ox.tensor("true", [], ox.BOOL, b"\1")


def model(nodes, dtype=ox.FLOAT, initializers=()):
    """One number in, one out."""
    return ox.model(ox.graph("m", nodes, [ox.value("x", dtype, [1])], [ox.value("y", dtype, [1])], initializers))


def endless():
    body = ox.graph("body", [ox.node("Identity", ["c"], ["c2"]), ox.node("Add", ["v", "v"], ["v2"])],
                    [ox.value("i", ox.INT64, []), ox.value("c", ox.BOOL, []), ox.value("v", ox.FLOAT, [1])],
                    [ox.value("c2", ox.BOOL, []), ox.value("v2", ox.FLOAT, [1])])
    return model([ox.node("Loop", ["", "true", "x"], ["y"], ox.attribute("body", "g", body))], ox.FLOAT, [TRUE])


def hungry():
    """8 TB in each run."""
    return model([ox.node("Add", ["x", "many"], ["shape"]), ox.node("ConstantOfShape", ["shape"], ["all"]),
                  ox.node("ReduceSum", ["all"], ["sum"], ox.attribute("keepdims", "i", 1)), ox.node("Cast", ["sum"], ["y"], ox.attribute("to", "i", ox.INT64))],
                 ox.INT64, [ox.tensor("many", [1], ox.INT64, ox.int64s(2 << 40))])


def fatal():
    """The least number / (x - 1): for x = 0 the processor's own error."""
    return model([ox.node("Sub", ["x", "one"], ["less"]), ox.node("Div", ["least", "less"], ["y"])], ox.INT64,
                 [ox.tensor("one", [1], ox.INT64, ox.int64s(1)), ox.tensor("least", [1], ox.INT64, ox.int64s(-(1 << 63)))])


def shaken():
    return model([ox.node("RandomUniformLike", ["x"], ["y"])])


def ask(node, name, x):
    status, _, answer = node.post({"ipfs_hash": node.cids[name], "model_inputs": {"numbers": [{"name": "x", "values": [x], "shape": [1]}]}})
    return (status, answer["output"][0]["result"]) if status == 200 else (status, answer["code"])


def load(node, name):
    equal(node.admin("POST", "/models/load", {"model": node.cids[name]})[0], 200, f"load {name}")


def warmed(node):
    """Results of such runs, in their order."""
    return re.findall(r"MODEL_WARMED .*reason=(\w+)", node.log())


def counted(node):
    return [int(n) for n in re.findall(r"^veronnx_model_warm_up(?:_failure)?s_total (\d+)$", node.admin("GET", "/metrics")[1].decode(), re.M)]


with Node() as node:
    node.put("shaken", shaken())
    equal(ask(node, "double", 2), (200, [4.0]), "double")
    load(node, "mnist-mlp")
    wait_for("it is warm", lambda: warmed(node) == ["OK"])
    load(node, "shaken")  # what it makes would depend on how often it has run
    load(node, "double")  # is there
    load(node, "ids-and-words")
    wait_for("it is warm too", lambda: warmed(node) == ["OK", "OK"])
    equal(counted(node), [2, 0], "counted")
    equal(node.infer("mnist-mlp")[0], 200, "mnist-mlp")
    equal(node.infer("ids-and-words")[0], 200, "ids-and-words")

with Node("--warm-up=false") as node:
    load(node, "double")
    equal(ask(node, "double", 2), (200, [4.0]), "double")
    equal(warmed(node), [], "not wanted")

# A process that does not survive it is replaced by one that is not told to try.
with Node("--run-time", f"{SLOW}s", "--prepared", "never", faults=True, models=None) as node:
    models = {"endless": (endless, "RUN_TIMEOUT"), "hungry": (hungry, "RUN_OUT_OF_MEMORY"), "fatal": (fatal, "MODEL_DIED")}
    if SLOW > 1:
        del models["hungry"]  # a sanitized build has no memory limits
    for name, (make, _) in models.items():
        node.put(name, make())
    equal(node.stop(), 0, "exit status")
    node.options += [word for cid in node.cids.values() for word in ("--preload", cid)]
    node.start()
    wait_for("one is loaded again", lambda: node.log().count("MODEL_READY") == len(models) + 1)
    expected = {code for _, code in models.values()} - {"MODEL_DIED"}
    wait_for("the others have been run", lambda: set(warmed(node)) == expected)
    wait_for("all are served", lambda: {row["state"] for row in node.admin("GET", "/models")[1]["models"]} == {"ready"})
    for name, (_, code) in models.items():
        equal(ask(node, name, 0)[1], code, name)
    equal(ask(node, "fatal", 3), (200, [-(1 << 62)]), "fatal")
    equal(node.ask("GET", "/healthz")[0], 200, "the node")
