#!/usr/bin/env python3
"""/openapi.json names every path of docs/api.md, and each of its operations answers with a status and a body that it declares."""
import json
import re

import oip
from node import ROOT, Node, check, equal


def fits(document, schema, value, where):
    """The part of JSON Schema that the document uses."""
    if "$ref" in schema:
        target = document
        for part in schema["$ref"].split("/")[1:]:
            target = target[part]
        return fits(document, target, value, where)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    if "type" in schema:
        check(isinstance(value, kinds[schema["type"]]), f"{where}: {value!r} is no {schema['type']}")
    for name in schema.get("required", ()):
        check(name in value, f"{where}: {name} is missing")
    for name, part in schema.get("properties", {}).items():
        if name in value:
            fits(document, part, value[name], f"{where}.{name}")
    if schema.get("additionalProperties") is False:
        check(set(value) <= set(schema["properties"]), f"{where}: more than {list(schema['properties'])}")
    if isinstance(value, list) and "items" in schema:
        for item in value:
            fits(document, schema["items"], item, f"{where}[]")
    check("enum" not in schema or value in schema["enum"], f"{where}: {value!r}")
    check("pattern" not in schema or re.search(schema["pattern"], value), f"{where}: {value!r}")


with Node() as node:
    status, headers, content = node.ask("GET", "/openapi.json")
    equal((status, headers["content-type"]), (200, "application/json"), "the document")
    document = json.loads(content)
    cid = node.cids["double"]
    good = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}
    bodies = {"/infer": node.request("double").encode(), "/v2/repository/index": b"{}"}
    seen = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for model in (cid, "nothing"):
                target = path.replace("{model}", model).replace("{version}", "1") + ("?nonce=" + "ab" * 20 if path.endswith("attestation") else "")
                body = None if method == "get" else bodies.get(path, json.dumps(good).encode())
                status, headers, content = node.ask(method.upper(), target, body)
                where = f"{method} {target}: {status}"
                check(str(status) in operation["responses"], f"{where} is not declared: {content[:200]}")
                answer = operation["responses"][str(status)]
                if "$ref" in answer:
                    answer = document["components"]["responses"]["Error"]
                kind = headers["content-type"].split(";")[0]
                check(kind in answer["content"], f"{where}: {kind} is not declared")
                if kind == "application/json":
                    fits(document, answer["content"][kind]["schema"], json.loads(content), where)
                seen.add((path, status))
                if "{model}" not in path:
                    break
    equal({p for p, s in seen if s == 200} | {p for p in document["paths"] if p.endswith("load")}, set(document["paths"]), "paths that answered with 200")
    told = set(re.findall(r"^\| `(?:GET|POST) (/[^` ?]*)", (ROOT / "docs/api.md").read_text().partition("## Administration")[0], re.M))
    told = {re.sub(r"\[/versions/1\]", "", p) for p in told}
    equal(told - set(document["paths"]), set(), "paths of docs/api.md that the document has not")
    equal(oip.infer(node, cid, [("x", "FP32", [1], [1])])[0], 200, "in the end")
