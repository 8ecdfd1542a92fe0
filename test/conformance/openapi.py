#!/usr/bin/env python3
"""Schemathesis against /openapi.json: whatever it makes of the document gets an answer that the document declares, never 500, and the node
has all its processes afterwards. Usage: openapi.py [--seconds 30]. Exit status 77: there is no schemathesis here."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/behaviour"))
from node import Node, check, equal, wait_for  # noqa: E402

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "unsupported_method", "allow_header_conformance")


def run(python, seconds, node, alias):
    command = [pathlib.Path(python).with_name("st"), "run", f"https://localhost:{node.port}/openapi.json", "--tls-verify", node.ready["cert"],
               "--max-time", str(seconds), "--continue-on-failure", "--checks", ",".join(CHECKS)]
    with tempfile.TemporaryDirectory() as folder:  # it keeps notes where it runs
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, env={
            **os.environ, "SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(ROOT / "test/conformance"),
            "VERONNX_CIDS": f"{node.cids['double']} {alias}"})
    print(done.stdout[-20000:])
    equal(done.returncode, 0, "exit status of schemathesis")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=30)
    seconds = parser.parse_args().seconds
    peer = subprocess.run([ROOT / "tools/peers.sh", "schemathesis"], stdout=subprocess.PIPE, text=True)
    if peer.returncode != 0:
        sys.exit(peer.returncode)
    with Node() as first:
        cid = first.cids["double"]
    with Node("--alias", f"two {cid}") as node:
        front = node.front()
        run(peer.stdout.strip(), seconds, node, "two")
        equal(node.front(), front, "the process that answered")
        stats = wait_for("statistics", lambda: json.loads(node.ask("GET", "/v2/models/stats")[2])["model_stats"])
        check(stats[0]["inference_count"] > 0, "not one request came as far as an inference")
        print(f"{stats[0]['inference_count']} inferences")


if __name__ == "__main__":
    main()
