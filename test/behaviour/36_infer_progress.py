#!/usr/bin/env python3
"""`veronnx infer` on a terminal says how far a cold model is; elsewhere, and where it knows no administration listener, it says nothing."""
import os
import pty
import random
import re
import subprocess

from node import BIN, LATE, Node, check, equal, ox, veronnx
from origin import Origin

MIB = 1 << 20
PAUSE = 0.01  # for each of 256 blocks


def model():
    """y = table[i]; 64 MiB."""
    table = ox.tensor("table", [16 * MIB], ox.FLOAT, random.Random(1).randbytes(63 * MIB) + bytes(MIB))
    return ox.model(ox.graph("m", [ox.node("Gather", ["table", "i"], ["y"])], [ox.value("i", ox.INT64, [1])],
                             [ox.value("y", ox.FLOAT, [1])], [table]))


def read_all(fd):
    said = b""
    while True:
        try:
            part = os.read(fd, 4096)
        except OSError:
            part = b""
        if not part:
            os.close(fd)
            return said.decode()
        said += part


def ask(node, cid, *options, terminal=True):
    """What a command says on standard error while the model takes some seconds; it must get its answer."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    command = [BIN / "veronnx", "infer", *options, "--model", cid, "--input", f"i=[{16 * MIB - 1}]"]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    said = read_all(ours)
    if LATE in said and done.wait(60):
        return ask(node, cid, *options, terminal=terminal)
    equal((done.wait(60), done.stdout.read().split(b"\n")[0]), (0, b"y: [0.0]"), f"the answer; it said {said!r}")
    equal(node.admin("POST", "/models/unload", {"model": cid})[0], 200, "unload")
    return said


with Node("--model-memory", "4G") as node:
    file = node.dir / "large.onnx"
    file.write_bytes(model())
    cid = veronnx("add", "--store", node.dir / "origin", file).stdout.split()[0]
    equal(node.stop(), 0, "exit status")
    node.options += ["--source", Origin(node.dir / "origin", PAUSE).source, "--cache-size", "0"]
    node.start()
    ready = ("--ready-file", str(node.ready_file))
    url = ("--node", node.ready["url"], "--cacert", node.ready["cert"])
    said = ask(node, cid, *ready)
    check(re.search(r"\d+ MiB of 64 MiB \(\d+ %\), \d+ MiB/s, 1 source", said), f"on a terminal: {said!r}")
    check(said.endswith("\x1b[K"), f"and takes it away: {said!r}")
    equal(ask(node, cid, *ready, terminal=False), "", "elsewhere")
    equal(ask(node, cid, *url), "", "without an administration listener")
    said = ask(node, cid, *url, "--admin", node.ready["admin_url"])
    check("MiB of 64 MiB" in said, f"where it is told: {said!r}")
