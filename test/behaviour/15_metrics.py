#!/usr/bin/env python3
"""Metrics in Prometheus's text, of labels that requests cannot make more; traceparent; Triton's load and unload."""
import http.client
import re

import oip
from node import ROOT, Node, check, equal, freeze, wait_for

LINE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="[^"\\]*",?)+\})? ([0-9.]+)')


def admin(node, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", node.admin_port, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), content


def metrics(node):
    status, kind, text = admin(node, "GET", "/metrics")
    equal((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"), "metrics")
    types, values = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, type_ = line.split()[2:]
            check(name not in types, f"{name} stands twice")
            types[name] = type_
        elif not line.startswith("# HELP "):
            found = LINE.fullmatch(line)
            check(found, f"no metric: {line}")
            base = re.sub("_(bucket|sum|count)$", "", found[1])
            check(types.get(found[1]) or types.get(base) == "histogram", f"no type: {line}")
            check((found[1], found[2]) not in values, f"twice: {line}")
            values[found[1], found[2]] = float(found[3])
    return values


with Node() as node:
    cid = node.cids["double"]
    for _ in range(3):
        node.infer("double")
    oip.infer(node, cid, [("x", "FP32", [1], [1])])
    oip.infer(node, cid, [("z", "FP32", [1], [1])])
    first = metrics(node)
    equal(first["veronnx_inferences_total", None], 4.0, "inferences")
    equal(first["veronnx_receipts_total", None], 4.0, "receipts")
    equal(first["veronnx_http_requests_total", '{path="infer",code="200"}'], 3.0, "answers of /infer")
    equal(first["veronnx_http_requests_total", '{path="oip_infer",code="400"}'], 1.0, "refusals of the other")
    equal(first["veronnx_inference_failures_total", '{reason="BACKEND"}'] + first["veronnx_inference_failures_total", '{reason="REJECTED"}'], 1.0, "failures")
    equal(first["veronnx_compute_infer_duration_seconds_count", None], 4.0, "runs")
    equal(first["veronnx_compute_infer_duration_seconds_bucket", '{le="+Inf"}'], 4.0, "runs of any length")
    equal(first["nv_inference_request_success", '{model="all",version="1"}'], 4.0, "Triton's name")
    equal(first["veronnx_model_loads_total", None], 1.0, "loads")
    check(first["veronnx_tls_handshakes_total", None] >= 5, "handshakes")
    # ipfs add wraps the file's 94 bytes in 8 of dag-pb; the store is the first source, and without others nothing is cached
    sources = {labels: value for (name, labels), value in first.items() if name == "veronnx_source_bytes_total"}
    equal(sources, {'{source="0",kind="cache"}': 0.0, '{source="1",kind="store"}': 102.0}, "bytes by source")
    check(not any(name == "veronnx_process_kills_total" for name, _ in first), "nobody was killed")
    equal(first["veronnx_attestation_requests_total", None], 0.0, "documents that were asked for")
    node.ask("GET", "/enclave/attestation?nonce=" + "ab" * 20)
    second = metrics(node)
    equal([second[f"veronnx_attestation_{name}_total", None] for name in ("requests", "documents")], [1.0, 1.0], "attestation")
    for name in "supervisor", "keeper", "front", "admin", "infer", "fetch":
        check(first["veronnx_process_resident_bytes", f'{{class="{name}"}}'] > 0, f"memory of {name}")

    # Whatever is asked for, the set stays: paths, models, ids, and what breaks the rules of HTTP.
    connection = node.connect()
    kinds = ("/v2/models/m{}/infer", "/v2/models/m{}", "/n{}", "/infer?{}", "/v2/models/m{}/stats")
    def storm(start):
        for n in range(start, start + 200):
            node.ask("GET", kinds[n % len(kinds)].format(n), headers={"Veronnx-Request-Id": f"{n:016x}"}, connection=connection)
    storm(0)
    before = set(metrics(node))
    storm(1000)
    equal(set(metrics(node)), before, "the set of metrics")
    connection.close()

    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    wanted = "00-0af7651916cd43dd8448eb211c80319c-00000000000000ab-01"
    ident = {"Veronnx-Request-Id": "00000000000000ab"}
    equal(node.ask("GET", "/healthz", headers={"traceparent": trace, **ident})[1].get("traceparent"), wanted, "traceparent")
    for wrong in (trace.upper(), trace[:-1], trace + "-00", "ff" + trace[2:], "00-" + "0" * 32 + trace[35:], trace[:36] + "0" * 16 + "-01", "x"):
        equal(node.ask("GET", "/healthz", headers={"traceparent": wrong})[1].get("traceparent"), None, f"traceparent {wrong}")
    equal(node.ask("GET", "/healthz", headers={"traceparent": "01" + trace[2:] + "-more", **ident})[1].get("traceparent"), wanted, "a later version")

    equal(admin(node, "POST", f"/v2/repository/models/{cid}/unload")[0], 200, "unload")
    equal(admin(node, "POST", f"/v2/repository/models/{cid}/unload")[0], 404, "unload again")
    equal(admin(node, "POST", f"/v2/repository/models/{cid}/load")[0], 200, "load")
    equal(admin(node, "GET", f"/v2/repository/models/{cid}/load")[0], 405, "GET")

with Node("--triton-metrics=false") as node:
    check(not any(name.startswith("nv_") for name, _ in metrics(node)), "Triton's names, although they are switched off")

# A process that hangs is killed, and counted under the reason that the log has for it.
gateway = "gateway http://127.0.0.1:9"
with Node("--run-time", "200ms", "--source", gateway, "--cache-size", "0", faults=True) as node:
    node.infer("double")
    freeze(*node.processes("infer"))
    node.infer("double")
    killed = wait_for("a process is killed", lambda: re.search(r"PROCESS_KILLED role=infer .*reason=(\w+)", node.log()))
    after = metrics(node)
    kills = {labels: value for (name, labels), value in after.items() if name == "veronnx_process_kills_total"}
    equal(kills, {f'{{reason="{killed[1]}"}}': 1.0}, "kills by reason")
    equal(after["veronnx_model_kills_total", None], 1.0, "kills of models")
    equal(after["veronnx_source_bytes_total", '{source="2",kind="gateway"}'], 0.0, "a source that was not needed")

# The dashboard asks for nothing that is not told.
told = {name for name, _ in (*first, *after)}
asked = set(re.findall(r"veronnx_[a-z_]+", (ROOT / "contrib/grafana/veronnx.json").read_text()))
equal(asked - told, set(), "metrics of the dashboard")
