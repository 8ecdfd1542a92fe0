#!/usr/bin/env python3
"""The three request forms of the network give the same answer and the same digests."""
import base64
import json

from node import DOUBLE, Node, equal

NUMBERS = [{"name": "x", "values": [{"value": 1, "decimals": "1"}, {"value": "-25", "decimals": 1}, {"value": "3", "decimals": 0}], "shape": [3]}]
PLAIN = [{"name": "x", "values": ["0.1", "-2.5", "3"], "shape": [3]}]

with Node() as node:
    cid = node.cids["double"]
    forms = [
        {"ipfs_hash": cid, "model_inputs": json.dumps({"numbers": NUMBERS, "strings": []})},
        {"ipfs_hash": cid, "model_inputs": {"numbers": NUMBERS}},
        {"ipfs_hash": cid, "num_inputs": PLAIN, "string_inputs": []},
    ]
    digests = set()
    for form in forms:
        status, headers, body = node.post(form)
        equal((status, body.get("output")), (200, DOUBLE), f"form {list(form)}")
        raw = headers["veronnx-receipt"]
        receipt = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
        at = receipt.index(b"\x0f\x82\x58\x20")  # key 15, the input side: two digests of 32 bytes
        digests.add(receipt[at:at + 70])
    equal(len(digests), 1, "different input digests for one input")
