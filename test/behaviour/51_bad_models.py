#!/usr/bin/env python3
"""Models that cannot be served: a directory, a damaged block, a missing block, a file that is not ONNX, an unknown operator."""
import hashlib
import json
import pathlib
import sys

from node import DOUBLE, ROOT, Node, check, equal

sys.path.insert(0, str(ROOT / "tools"))
import onnx_writer  # noqa: E402


def block_files(node):
    return {p for p in (node.dir / "store").rglob("*") if p.is_file()}


def put_block(node, data):
    """A dag-pb block straight into the store; returns its CIDv0."""
    digest = hashlib.sha256(data).digest()
    path = node.dir / "store" / digest.hex()[:2] / digest.hex()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    alphabet, n, text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", int.from_bytes(b"\x12\x20" + digest, "big"), ""
    while n:
        n, rest = divmod(n, 58)
        text = alphabet[rest] + text
    return text


def ask(node, cid):
    status, _, answer = node.post({"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "x", "values": [{"value": 1, "decimals": 0}], "shape": [1]}]}})
    return status, answer.get("code")


with Node() as node:
    files = pathlib.Path(node.dir / "files")
    files.mkdir()

    def add(name, data):
        (files / name).write_bytes(data)
        return node.add(files / name)[pathlib.Path(name).stem]

    equal(ask(node, put_block(node, b"\x0a\x02\x08\x01")), (400, "MODEL_IS_DIRECTORY"), "a directory")
    equal(ask(node, put_block(node, b"\x0a\x0a\x08\x05\x12\x00\x28\x22\x30\x80\x02\x18\x00")), (400, "DAG_MALFORMED"), "a malformed node")
    equal(ask(node, add("text.onnx", b"this is no model, it is a text")), (400, "MODEL_NOT_ONNX"), "a text")
    equal(ask(node, add("empty.onnx", b"")), (400, "MODEL_NOT_ONNX"), "an empty file")

    before = block_files(node)
    cid = add("damaged.onnx", bytes(range(256)) * 4096)
    leaf = max(block_files(node) - before, key=lambda p: p.stat().st_size)
    leaf.write_bytes(leaf.read_bytes()[:-1] + b"!")
    equal(ask(node, cid), (404, "MODEL_INCOMPLETE"), "a block that does not match: the fetcher throws it away, and nobody else has it")
    before = block_files(node)
    cid = add("missing.onnx", bytes(reversed(range(256))) * 4096)
    max(block_files(node) - before, key=lambda p: p.stat().st_size).unlink()
    equal(ask(node, cid), (404, "MODEL_INCOMPLETE"), "a block that is missing")
    check("REQUEST_FAILED" in node.log(), "failures are logged by code")
    equal(node.infer("double")[2]["output"], DOUBLE, "the node is unaffected")
