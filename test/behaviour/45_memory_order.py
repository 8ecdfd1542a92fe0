#!/usr/bin/env python3
"""When memory is short kept files go first, then the model that was used longest ago; what can never fit is refused at once and drives
out nobody; and one that is asked all the time stays, however many others are loaded."""
import contextlib
import re
import threading
import time

from node import SLOW, Node, check, equal, ox, wait_for

MIB = 1 << 20


def model(number, size):
    table = ox.tensor("table", [size // 4], ox.FLOAT, number.to_bytes(4, "little") * (size // 4))
    return ox.model(ox.graph("m", [ox.node("Gather", ["table", "i"], ["y"])], [ox.value("i", ox.INT64, [1])],
                             [ox.value("y", ox.FLOAT, [1])], [table]))


def load(node, name):
    status, answer = node.admin("POST", "/models/load", {"model": node.cids[name]})
    return answer.get("code", status)


def table(node):
    """{name: (state, whether its file is kept)}"""
    names = {cid: name for name, cid in node.cids.items()}
    return {names[row["model"]]: (row["state"], "kept_bytes" in row) for row in node.admin("GET", "/models")[1]["models"]}


# 48 MiB are set aside; each of these models takes 163 MiB and its file 10 more
with Node("--model-memory", "580M", models=None) as node:
    for number, name in enumerate("abcd"):
        node.put(name, model(number, 10 * MIB))
    node.put("huge", model(9, 120 * MIB))
    for name in "abc":
        equal(load(node, name), 200, name)
        time.sleep(0.01)
    equal(table(node), {"a": ("ready", True), "b": ("ready", True), "c": ("ready", True)}, "room for three and their files")
    equal(load(node, "huge"), "MODEL_OVER_BUDGET", "it needs 668 MiB")
    equal({name: state for name, (state, _) in table(node).items() if name != "huge"}, dict.fromkeys("abc", "ready"), "nobody went for it")
    kept = [name for name, (state, kept) in table(node).items() if kept]
    equal(load(node, "d"), 200, "d")
    rows = table(node)
    equal({name: state for name, (state, _) in rows.items() if state == "ready"}, dict.fromkeys("bcd", "ready"), "a was used longest ago")
    check(rows.get("a", ("gone", False)) == ("gone", False), f"its file went before it: {rows}")
    state = node.admin("GET", "/state")[1]
    equal(state["evictions"], 1, "one had to go")
    check(state["model_memory_used"] <= 580 * MIB - 48 * MIB, f"within the budget: {state}")
    check(kept, "files were kept as long as there was room")

with Node("--model-memory", "580M", models=None) as node:
    busy, others = "m0", [f"m{number}" for number in range(1, 40 // SLOW)]
    for name in [busy, *others]:
        node.put(name, model(int(name[1:]), MIB))
    asked = {"ipfs_hash": node.cids[busy], "model_inputs": {"numbers": [{"name": "i", "values": [0], "shape": [1]}]}}
    stop, answers = threading.Event(), []

    def ask():
        with contextlib.closing(node.connect()) as connection:
            while not stop.is_set():
                answers.append(node.post(asked, connection=connection)[0])

    client = threading.Thread(target=ask)
    client.start()
    wait_for("it is asked", lambda: answers)
    time.sleep(3)
    for name in others:
        equal(load(node, name), 200, name)
    stop.set()
    client.join()
    equal(set(answers), {200}, "answers")
    check(node.admin("GET", "/state")[1]["evictions"] > 0, "there was no room for all")
    loads = re.findall(r"MODEL_READY infer=(\d+)", node.log())
    check(loads[0] not in re.findall(r"MODEL_EVICTED infer=(\d+)", node.log()), "the one that was asked all the time stayed")
    print(f"{len(others)} loads beside {len(answers)} answers")
