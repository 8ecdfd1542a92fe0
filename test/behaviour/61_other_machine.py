#!/usr/bin/env python3
"""A node that has everything from another machine: its configuration, its blocks; and gives that its log and its administration."""
from node import DOUBLE, check, equal, wait_for
from parent import POLICY, EnclaveNode, Parent

TEXT = "[node]\nthreads = 2\n" + POLICY

with Parent(TEXT) as parent, EnclaveNode(parent) as node:
    check("threads = 2" in node.ask("GET", "/.well-known/veronnx")[2].decode(), "the delivered text is the node's")
    equal(node.ready["url"], parent.address("node"), "where it listens")
    status, headers, answer = node.infer("double")
    equal((status, answer["output"]), (200, DOUBLE), "an answer with blocks of the other machine")
    check("veronnx-receipt" in headers, "with its receipt")
    equal(parent.connections, {"config": 1, "blocks": 1, "log": 1}, "connections, one a model for blocks")
    equal(node.processes("fetch"), [], "no fetcher of its own")
    check(not (node.dir / "state/store").exists(), "and no store")
    equal(node.admin("GET", "/models")[1]["models"][0]["state"], "ready", "administration")

    lines = [line for line in node.log().splitlines() if "REQUEST_DONE" in line]
    wait_for("the log arrives", lambda: len(parent.records) >= node.log().count(" event=") > 0 or len(parent.records) > 5)
    stamps = [record[0] for record in parent.records]
    equal(stamps, sorted(stamps), "records in their order")
    check(all(record[3] <= 6 for record in parent.records), "each has at most six integers")
