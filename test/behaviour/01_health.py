#!/usr/bin/env python3
"""The fixed paths answer, wrong paths and methods are told apart, and an error has its form."""
import json

from node import Node, check, equal

with Node(models=None) as node:
    equal(node.ask("GET", "/healthz")[0], 200, "/healthz")
    equal(node.ask("GET", "/readyz")[0], 200, "/readyz")
    check(b"SIMULATES" in node.ask("GET", "/enclave")[2], "/enclave says that it is no enclave")
    status, headers, body = node.ask("GET", "/nowhere")
    equal((status, json.loads(body)["code"]), (404, "NOT_FOUND"), "an unknown path")
    equal(sorted(json.loads(body)), ["code", "error"], "the error form")
    status, headers, body = node.ask("GET", "/infer")
    equal((status, json.loads(body)["code"]), (405, "METHOD_NOT_ALLOWED"), "a wrong method")
    headers = node.ask("GET", "/healthz", headers={"Veronnx-Request-Id": "0123456789abcdef"})[1]
    equal(headers["veronnx-request-id"], "0123456789abcdef", "the request id comes back")
