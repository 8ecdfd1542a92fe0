#!/usr/bin/env python3
"""Every example of docs/api.md prints what stands below it, and together they ask for every path of that page and of /openapi.json."""
import json
import os
import re
import subprocess

from node import BIN, ROOT, SLOW, Node, check, equal, run_patiently

DOUBLE = "QmWd3NJd28SgnmmrRRv6VBm5KrBwr1Nz8aTuMLBVugxyF6"
page = (ROOT / "docs/api.md").read_text()
blocks = re.findall(r"```sh\n(.*?)```\n```\w+\n(.*?)```", page.partition("\n## Examples\n")[2], re.S)
OBSERVED = re.compile(r"^=(\w+) (\d+) \w+://[^/]+(/[^?\s]*)", re.M)


def lines(block):
    """Its commands; one that goes on in the next line ends in a backslash or is an assignment."""
    return re.findall(r"(?:^json=.*\n)?(?:.*\\\n)*.+\n", block, re.M)


def pattern(text):
    return ".*".join(re.escape(re.sub(r"\s", "", part)) for part in text.split("…"))


def told_paths():
    """METHOD and path of the tables' first columns; a further path of a row has the method of the one before."""
    for row in re.findall(r"^\| (`(?:GET|POST|PUT) /.*?) \|", page.replace("| `/v2`, `/v2/models/{model}/infer` and others", ""), re.M):
        method = stem = None
        for verb, path in re.findall(r"`(?:(GET|POST|PUT) )?(/[^` ?]*)", row):
            method = verb or method
            path = re.sub(r"\[/versions/1\]", "", path)
            path = path if verb or path.startswith("/v2") else stem + path
            stem = path.rpartition("/")[0]
            yield method, path
    rows = re.findall(r"^\| ((?:`[A-Z]\w+`(?:, )?)+) \| ", page.partition("\n## gRPC\n")[2].partition("\n## ")[0], re.M)
    for name in re.findall(r"\w+", " ".join(rows)):
        yield "POST", f"/inference.GRPCInferenceService/{name}"


with Node("--alias", f"double {DOUBLE}", "--admin-listen", "127.0.0.1:0") as node:
    (node.dir / ".curlrc").write_text('write-out = "%{stderr}\\n=%{method} %{response_code} %{url}\\n"\nshow-error\n')
    environment = dict(os.environ, NODE=node.ready["url"], ADMIN=node.ready["admin_url"], MODEL=DOUBLE, CURL_CA_BUNDLE=node.ready["cert"],
                       CURL_HOME=str(node.dir), PATH=f"{BIN}:{os.environ['PATH']}")
    for line in re.findall(r"^    export ((?:GRPC|EMPTY|INFER)=.*)", page, re.M):
        environment |= dict(re.findall(r"(\w+)='(.*?)'", line))
    asked = set()
    for commands, answer in blocks:
        for command in lines(commands):
            done = run_patiently(["bash", "-euc", command], env=environment, cwd=node.dir, timeout=30 * SLOW)
            requests = OBSERVED.findall(done.stderr)
            good = "403" if "ADMIN_ONLY" in answer and "GRPC" not in command else "200"
            check(done.returncode == 0 and requests, f"{command}{done.stdout}{done.stderr}")
            equal({status for _, status, _ in requests}, {good}, f"{command}{done.stdout}")
            check(re.fullmatch(pattern(answer), re.sub(r"\s", "", done.stdout), re.S), f"{command}printed\n{done.stdout}\nnot\n{answer}")
            asked |= {(method, path.replace(DOUBLE, "{model}").replace("/double", "/{model}")) for method, _, path in requests}
    equal(node.wait(), 0, "drained")

asked = {(method, re.sub("/versions/1", "/versions/{version}", path)) for method, path in asked}
document = json.loads((ROOT / "src/front/openapi.json").read_text())
wanted = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
equal(wanted - asked, set(), "paths of /openapi.json without an example")
told = set(told_paths())
check(len(told) > 30, f"the tables of docs/api.md: {told}")
equal(told - asked, set(), "paths of docs/api.md without an example")
