#!/usr/bin/env python3
"""A node starts, says where it is, and ends with 0 on SIGTERM."""
import os

from node import Node, check, equal

with Node(models=None) as node:
    equal(node.ready["pid"], node.process.pid, "pid in the ready file")
    check(f"veronnx serves {node.ready['url']}" in node.log(), "the URL stands on standard output")
    check(os.path.exists(node.ready["cert"]) and os.path.exists(node.ready["receipt_key"]), "certificate and key are written")
    equal(len(node.processes("keeper")), 1, "keepers")
    equal(len(node.processes("nsm-sim")), 1, "simulated security modules")
    check((node.dir / "state/sim-root.pem").exists(), "the simulated root is written")
    check("models = any" in (node.dir / "state/policy.conf").read_text(), "the policy is written")
    equal(len(node.processes("front")), 2, "fronts, with the administration's")
    equal(len(node.processes("infer")), 1, "idle infer processes")
