#!/usr/bin/env python3
"""gRPC by @grpc/grpc-js, which shares no line with the stack of the Python clients, and a .proto of its own: see grpc-js/client.js.
Prints what that prints, or "skipped: client"."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/behaviour"))
from node import Node, equal  # noqa: E402

peer = subprocess.run([ROOT / "tools/peers.sh", "grpc_js"], stdout=subprocess.PIPE, text=True)
if peer.returncode != 0 or not shutil.which("node"):
    print("skipped: client")
    sys.exit(0)
with Node("--body-max", "128M") as node:
    done = subprocess.run(["node", ROOT / "test/conformance/grpc-js/client.js", str(node.port), node.ready["cert"], node.cids["double"]],
                          env={**os.environ, "NODE_PATH": peer.stdout.strip()})
    equal(done.returncode, 0, "exit status of the client")
