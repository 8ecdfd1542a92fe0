#!/usr/bin/env python3
"""An installed tree works from where it is: `veronnx` in bin/, what it starts in libexec/, what these load in lib/."""
import pathlib
import subprocess
import tempfile

from node import BIN, DOUBLE, Node, equal, run_patiently

with tempfile.TemporaryDirectory(prefix="veronnx-test-") as destination:
    done = subprocess.run(["meson", "install", "-C", BIN.parent, "--no-rebuild", "--destdir", destination], capture_output=True, text=True, check=False)
    equal(done.returncode, 0, f"meson install: {done.stdout}{done.stderr}")
    veronnx = next(pathlib.Path(destination).rglob("bin/veronnx"))
    equal([p.name for p in veronnx.parent.iterdir()], ["veronnx"], "bin/")
    with Node(folder=veronnx.parent) as node:
        equal(node.infer("double")[2].get("output"), DOUBLE, "a node")
        done = run_patiently([veronnx, "infer", "--ready-file", node.ready_file, "--model", node.cids["double"], "--input", "x=[1,2,3.25]"])
        equal((done.stdout.splitlines()[0], done.returncode), ("y: [2.0,4.0,6.5]", 0), f"the command line: {done.stderr}")
        status, _, body = node.infer("ids-and-words")
        equal(status, 200, "strings")
