#!/usr/bin/env python3
"""HTTP/2 on the public listener: the same answers and receipts as over HTTP/1.1, many at a time on one connection."""
import json

from node import DOUBLE, SLOW, Node, check, equal, run_patiently


def curl(node, version, *options):
    done = run_patiently(["curl", "-sS", f"--http{version}", "--cacert", node.ready["cert"], "-m", str(30 * SLOW), "-w", "\n%{http_version} %{http_code}",
                          *options])
    equal(done.returncode, 0, f"curl: {done.stderr}")
    body, _, last = done.stdout.rpartition("\n")
    return last.split()[0], int(last.split()[1]), body


with Node() as node:
    url = node.ready["url"]
    node.infer("double")
    for version, name in (("2", "2"), ("1.1", "1.1")):
        spoken, status, body = curl(node, version, "-D", "/dev/stderr", "-d", node.request("double"), url + "/infer")
        equal((spoken, status), (name, 200), f"--http{version}")
        equal(json.loads(body)["output"], DOUBLE, f"the answer over HTTP/{name}")
    equal(curl(node, "2", url + "/healthz")[1:], (200, "ok\n"), "/healthz")
    equal(json.loads(curl(node, "2", url + "/nowhere")[2])["code"], "NOT_FOUND", "a wrong path")

    (node.dir / "body").write_text(node.request("double"))
    done = run_patiently(["curl", "-sS", "--http2", "--parallel", "--parallel-max", "20", "--cacert", node.ready["cert"], "-d", f"@{node.dir}/body",
                          "-D", node.dir / "heads", "-o", f"{node.dir}/out-#1", url + "/infer?[1-40]"])
    equal(done.returncode, 0, f"curl --parallel: {done.stderr}")
    for n in range(1, 41):
        equal(json.loads((node.dir / f"out-{n}").read_text())["output"], DOUBLE, f"answer {n} of many")
    receipts = [line for line in (node.dir / "heads").read_text().splitlines() if line.startswith("veronnx-receipt: ")]
    check(len(set(receipts)) > 1, "each request has its own receipt")
