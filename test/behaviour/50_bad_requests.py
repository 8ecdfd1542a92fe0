#!/usr/bin/env python3
"""What bad input gets: a 4xx (or 503) with a stable code and the field named; nothing of the content comes back or is logged."""
import json

from node import DOUBLE, Node, check, equal

SECRET = "correct-horse-battery"


def tensor(**change):
    return {"name": "x", "values": [{"value": 1, "decimals": 1}] * 3, "shape": [3]} | change


def inner(*numbers, **more):
    return {"numbers": list(numbers), **more}


def cases(cid):
    def ask(document):
        return json.dumps({"ipfs_hash": cid, "model_inputs": document})

    yield "no JSON at all", SECRET, 400, "BAD_JSON", None
    yield "half a document", '{"ipfs_hash": "' + SECRET, 400, "BAD_JSON", None
    yield "no model", json.dumps({"model_inputs": inner(tensor())}), 400, "FIELD_MISSING", "ipfs_hash"
    yield "a model that is no name", json.dumps({"ipfs_hash": 5, "model_inputs": inner(tensor())}), 400, "FIELD_TYPE", "ipfs_hash"
    yield "an opaque name", json.dumps({"ipfs_hash": SECRET, "model_inputs": inner(tensor())}), 404, "MODEL_NOT_PINNED", None
    yield "no name at all", json.dumps({"ipfs_hash": SECRET + "!", "model_inputs": inner(tensor())}), 400, "MODEL_ID_INVALID", None
    yield "no inputs", json.dumps({"ipfs_hash": cid}), 400, "FIELD_MISSING", "model_inputs"
    yield "inputs of a wrong type", ask([]), 400, "FIELD_TYPE", "model_inputs"
    yield "an inner text that is no JSON", ask(SECRET), 400, "BAD_JSON", "model_inputs"
    yield "numbers of a wrong type", ask({"numbers": 5}), 400, "FIELD_TYPE", "numbers"
    yield "a missing tensor", ask(inner()), 400, "INPUT_MISSING", "x"
    yield "an extra tensor", ask(inner(tensor(), tensor(name=SECRET))), 400, "INPUT_UNKNOWN", "numbers[1]"
    yield "a tensor twice", ask(inner(tensor(), tensor())), 400, "INPUT_DUPLICATE", "numbers[1]"
    yield "a string tensor for numbers", ask({"strings": [{"name": "x", "values": [SECRET], "shape": [1]}]}), 400, "DTYPE_MISMATCH", "strings[0]"
    yield "a shape that does not fit the count", ask(inner(tensor(shape=[2]))), 400, "SHAPE_MISMATCH", "numbers[0]"
    yield "a shape of the wrong rank", ask(inner(tensor(shape=[3, 1]))), 400, "SHAPE_MISMATCH", "numbers[0]"
    yield "a shape that is no list", ask(inner(tensor(shape="3"))), 400, "FIELD_TYPE", "numbers[0].shape"
    yield "two open dimensions", ask(inner(tensor(shape=[-1, -1]))), 400, "SHAPE_MISMATCH", "numbers[0]"
    yield "a value that is no number", ask(inner(tensor(values=[{"value": SECRET, "decimals": 0}], shape=[1]))), 400, "FIELD_VALUE", "numbers[0].values[0].value"
    yield "no decimals", ask(inner(tensor(values=[{"value": 1}], shape=[1]))), 400, "FIELD_MISSING", "numbers[0].values[0]"
    yield "too many decimals", ask(inner(tensor(values=[{"value": 1, "decimals": 1001}], shape=[1]))), 400, "FIELD_VALUE", "1000"
    yield "deep nesting", "[" * 100000, 400, "JSON_TOO_DEEP", "64"
    yield "deep nesting inside the text", ask("[" * 100000), 400, "JSON_TOO_DEEP", "64"
    yield "a CID that nobody has", json.dumps({"ipfs_hash": "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "model_inputs": inner(tensor())}), 404, "MODEL_NOT_FOUND", None


with Node() as node:
    seen = []
    for name, body, status, code, named in cases(node.cids["double"]):
        got, headers, answer = node.post(body)
        equal((got, answer["code"]), (status, code), f"{name} ({answer['error']})")
        check(named is None or named in answer["error"], f"{name}: {named} is not named in: {answer['error']}")
        seen.append(json.dumps(answer))
    # an integer that does not fit the declared type
    request = json.loads(node.request("ids-and-words"))
    request["model_inputs"] = request["model_inputs"].replace("3037000499", "9223372036854775808")
    got, _, answer = node.post(request)
    equal((got, answer["code"]), (400, "VALUE_RANGE"), "an integer beyond int64")
    for nonce in ("00", "zz" * 16, "00" * 65):
        equal(node.infer("double", {"Veronnx-Nonce": nonce})[2]["code"], "NONCE_INVALID", "a bad nonce")
    check(not any(SECRET in text for text in seen), "content came back")
    check(SECRET not in node.log(), "content was logged")
    equal(node.infer("double")[2]["output"], DOUBLE, "the node is unaffected")
