#!/usr/bin/env python3
"""A model names a file of the machine: the scan refuses it with its code; a node without the scan is saved by the jail.

Needs VERONNX_INFER_NO_SCAN, a veronnx-infer that hands every model to ONNX Runtime."""
import pathlib
import re
import tempfile

from hostile import ask, cases, without_scan
from node import Node, check, equal, wait_for

# A file below the working directory and one above it, a link, an enum that ONNX Runtime cuts, a graph that protobuf merges.
OPENED = {"external-initializer", "external-to-relative", "external-to-parent", "external-to-symlink", "external-wide-enum", "graph-twice"}


with Node(models=None) as node:
    hostile = {case.name: case for case in cases(node.dir / "hostile") if case.touches_files or case.name == "honest"}
    check(OPENED < set(hostile), "the models are there")
    node.add(*[case.file for case in hostile.values()])
    honest = hostile.pop("honest")
    for case in hostile.values():
        equal(ask(node, case), (400, case.scan), case.name)
    equal(ask(node, honest), (200, [[2.0]]), "the node is unaffected")

with tempfile.TemporaryDirectory(prefix="veronnx-test-") as folder, \
        Node(models=None, faults=True, folder=without_scan(pathlib.Path(folder))) as node:
    cases(node.dir / "hostile")
    node.add(*[node.dir / "hostile" / case.file.name for case in (honest, *hostile.values())])
    equal(ask(node, honest), (200, [[2.0]]), "an honest model")
    killed = set()
    for case in hostile.values():
        status, said = ask(node, case)
        check((status, said) in ((503, "MODEL_DIED"), (400, "MODEL_UNSUPPORTED")), f"{case.name} without the scan: {status} {said}")
        if said == "MODEL_DIED":
            killed.add(case.name)
    check(OPENED <= killed, f"ONNX Runtime did not try to open a file: {OPENED - killed}")
    wait_for("each of them was killed by the jail",
             lambda: len(re.findall(r"PROCESS_ENDED role=infer .* signal=31\b", node.log())) == len(killed))
    equal(ask(node, honest), (200, [[2.0]]), "the node is unaffected")
    print(f"{len(killed)} of {len(hostile)} models met the jail, ONNX Runtime itself refused the others")
