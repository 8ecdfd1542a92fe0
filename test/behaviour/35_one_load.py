#!/usr/bin/env python3
"""Many requests for one cold model, and an administrator's, cause one load; when it fails all of them hear why."""
import concurrent.futures
import os
import signal
import time

from node import DOUBLE, Node, check, equal, freeze

CLIENTS = 40


def at_once(node, model, codes):
    fetch = node.processes("fetch")[0]
    freeze(fetch)
    try:
        with concurrent.futures.ThreadPoolExecutor(CLIENTS + 1) as pool:
            asked = [pool.submit(node.infer, model) for _ in range(CLIENTS)]
            asked.append(pool.submit(node.admin, "POST", "/models/load", {"model": node.cids[model]}))
            time.sleep(1)
            equal([f for f in asked if f.done()], [], "all of them wait")
            os.kill(fetch, signal.SIGCONT)
            answers = [f.result() for f in asked]
    finally:
        os.kill(fetch, signal.SIGCONT)
    equal({a[2].get("code", "OK") for a in answers[:-1]} | {answers[-1][1].get("code", "OK")}, codes, model)
    return answers


with Node() as node:
    node.cids["nothing"] = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
    (node.dir / "models" / "nothing.request.json").write_text((node.dir / "models" / "double.request.json").read_text())
    answers = at_once(node, "double", {"OK"})
    check(all(a[2]["output"] == DOUBLE for a in answers[:-1]), "every answer is right")
    at_once(node, "nothing", {"MODEL_NOT_FOUND"})
    equal(node.admin("GET", "/state")[1]["loads"], 1, "loads")
    equal(node.log().count("MODEL_LOADING"), 2, "attempts")
