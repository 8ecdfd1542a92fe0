#!/usr/bin/env python3
"""Every hostile model gets its code or runs within its limits; the node lives, and nothing of it is left behind."""
from hostile import ask, cases
from node import SLOW, Node, check, equal, wait_for

FAILED = [(400, "MODEL_UNSUPPORTED"), (400, "RUN_FAILED")]
STOPPED = [(503, "RUN_OUT_OF_MEMORY"), (504, "RUN_TIMEOUT"), (504, "MODEL_LOAD_TIMEOUT")]

with Node("--model-memory", "1G", "--output-max", "64M", "--run-time", f"{SLOW}s", "--load-time", f"{5 * SLOW}s", models=None) as node:
    hostile = [case for case in cases(node.dir / "hostile") if not case.touches_files]
    node.add(*[case.file for case in hostile])
    for case in hostile:
        got = ask(node, case)
        if case.scan != "OK":
            equal(got, (400, case.scan), case.name)
            continue
        ran = got[0] == 200 and "runs" in case.unscanned
        failed = got in FAILED and "failed" in case.unscanned
        stopped = got in STOPPED and "killed" in case.unscanned
        check(ran or failed or stopped, f"{case.name}: {got}, wanted one of {case.unscanned}")
    honest = next(case for case in hostile if case.name == "honest")
    equal(ask(node, honest), (200, [[2.0]]), "the node is unaffected")
    for row in node.admin("GET", "/models")[1]["models"]:
        equal(node.admin("POST", "/models/unload", {"model": row["model"]})[0], 200, "unload")
    wait_for("only the idle infer process is left", lambda: len(node.processes("infer")) == 1)
    print(f"{len(hostile)} models")
