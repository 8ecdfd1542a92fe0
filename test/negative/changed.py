#!/usr/bin/env python3
"""The Python client and a real node, with somebody between them who changes receipts: 100 answers are verified, and 100 that were changed,
each in another way, are refused. 77: python3-cryptography is missing."""
import base64
import collections
import pathlib
import sys
import time

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "behaviour"), str(TESTS / "unit/receipt"), str(TESTS.parent / "clients/python")]
try:
    import veronnx_verify as client
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
from make_vectors import N, Raw, Tag, cbor, raw
from node import Node, check, equal

WANTED = 100


class Between(client.Node):
    """`change` gets the receipt's text and gives what goes on to the client."""
    change = staticmethod(lambda text: text)

    def request(self, connection, method, path, body=None, headers=None):
        response, data = super().request(connection, method, path, body, headers)
        if path != "/infer":
            return response, data
        text = self.change(response.getheader("Veronnx-Receipt"))
        del response.headers["Veronnx-Receipt"]
        if text is not None:
            response.headers["Veronnx-Receipt"] = text
        return response, data


# ── changes: functions from text to text ──
def on_bytes(change):
    def changed(text):
        return base64.urlsafe_b64encode(change(client.unpack_receipt(text))).rstrip(b"=").decode()
    return changed


def on_parts(change):
    """`change` may replace parts of {statement, protected, size, index, path, signature, input, output}."""
    def changed(data):
        statement, proof, described_in, described_out = client.decode(data, "RECEIPT_MALFORMED")
        protected, unprotected, _, signature = proof.content
        size, index, path = client.decode(unprotected[396][-1][0], "RECEIPT_MALFORMED")
        p = {"statement": client.decode(statement, "RECEIPT_MALFORMED"), "protected": client.decode(protected, "RECEIPT_MALFORMED"),
             "size": size, "index": index, "path": path, "signature": signature, "input": described_in, "output": described_out}
        change(p)
        inclusion = cbor([p["size"], p["index"], p["path"]])
        content = [cbor(p["protected"]), {396: {-1: [inclusion]}}, None, p["signature"]]
        return cbor([cbor(p["statement"]), Tag(18, content), p["input"], p["output"]])
    return on_bytes(changed)


def another(value):
    """Of the same type and length, and another."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [value[0], another(value[1])]
    return value[:-1] + ("~" if isinstance(value, str) else bytes([value[-1] ^ 1])) if value else "else"


def field(key):
    return on_parts(lambda p: p["statement"].update({key: {1: 2, 2: 1, 20: 3 - p["statement"][20]}.get(key, another(p["statement"][key]))}))


def flip(n, of):
    """A bit in the n-th of so many stretches."""
    def changed(data):
        at = n * len(data) // of
        return data[:at] + bytes([data[at] ^ 1 << n % 8]) + data[at + 1:]
    return on_bytes(changed)


def with_s(change):
    def changed(p):
        r, s = (int.from_bytes(half, "big") for half in (p["signature"][:32], p["signature"][32:]))
        p["signature"] = raw(*change(r, s))
    return on_parts(changed)


def longer(p, size, index):
    """As if it were one leaf of a larger tree."""
    p["protected"][-65537] = p["size"] = size
    p.update(index=index, path=[bytes(32)] * (size.bit_length() - 1))


def swap(p):
    p.update(input=p["output"], output=p["input"])


def named(others):
    """(name, change); `others` are good receipts of other requests."""
    yield from ((f"statement: another {key}", field(key)) for key in range(1, 21))
    yield from ((f"statement: no {key}", on_parts(lambda p, key=key: p["statement"].pop(key))) for key in (4, 15, 17))
    yield "statement: a 21", on_parts(lambda p: p["statement"].update({21: 0}))
    yield "statement: sides exchanged", on_parts(lambda p: p["statement"].update({15: p["statement"][16], 16: p["statement"][15]}))
    yield "signature: its twin", with_s(lambda r, s: (r, N - s))
    yield "signature: halves exchanged", with_s(lambda r, s: (s, r))
    yield "signature: r is 0", with_s(lambda r, s: (0, s))
    yield "signature: s is 0", with_s(lambda r, s: (r, 0))
    yield "signature: r and the order", with_s(lambda r, s: (r + N if r + N < 1 << 256 else N, s))
    yield "tree: no size in the header", on_parts(lambda p: p["protected"].pop(-65537))
    yield "tree: another size in the header", on_parts(lambda p: p["protected"].update({-65537: 2}))
    yield "tree: another size in the proof", on_parts(lambda p: p.update(size=2))
    yield "tree: left of two", on_parts(lambda p: longer(p, 2, 0))
    yield "tree: right of two", on_parts(lambda p: longer(p, 2, 1))
    yield "tree: one of four", on_parts(lambda p: longer(p, 4, 2))
    yield "tree: beside it", on_parts(lambda p: p.update(index=p["size"]))
    yield "header: another algorithm", on_parts(lambda p: p["protected"].update({1: -35}))
    yield "header: one more", on_parts(lambda p: p["protected"].update({4: b"key"}))
    yield "descriptors: exchanged", on_parts(swap)
    yield "descriptors: no input", on_parts(lambda p: p.update(input=b"\0\0"))
    yield "descriptors: another type of output", on_parts(lambda p: p.update(output=p["output"][:5] + b"\x0b" + p["output"][6:]))
    yield "descriptors: left out", on_parts(lambda p: p.update(input=None, output=None))
    yield "one more item", on_bytes(lambda data: b"\x85" + data[1:] + b"\xf6")
    yield "something behind it", on_bytes(lambda data: data + b"\0")
    yield "an open array", on_bytes(lambda data: b"\x9f" + data[1:] + b"\xff")
    yield "text: none", lambda text: None
    yield "text: empty", lambda text: ""
    yield "text: padded", lambda text: text + "="
    yield "text: twice", lambda text: text + text
    yield "text: a space before", lambda text: " ." + text
    yield "text: without its end", lambda text: text[:-1]
    yield "text: without its beginning", lambda text: text[4:]
    yield from ((f"receipt of {name}", lambda text, other=other: other) for name, other in others.items())


def changes(others):
    """As many as are wanted: what has no name is a bit somewhere."""
    result = dict(named(others))
    count = WANTED - len(result)
    return {**result, **{f"bit {n % 8} of {n}/{count}": flip(n, count) for n in range(count)}}


def questions(node):
    """Model and inputs, all different."""
    for n in range(WANTED):
        if n % 10 == 9:
            yield node.cids["ids-and-words"], {"ids": [n, 2, 5], "words": ["three", f"word {n}"]}
        elif n % 10 == 8:
            yield node.cids["mnist-mlp"], {"image": [[(n * k % 7) / 7 for k in range(784)]]}
        else:
            yield node.cids["double"], {"x": [n, n / 8, -0.1 * n]}


def asked(between, change, model, inputs):
    """The code of the refusal; None: verified."""
    between.change = change
    for _ in range(100):
        try:
            answer = between.infer(model, inputs)
        except client.Refused as refused:
            if refused.args[0] != "ANSWER":
                return refused.args[0]
            check("status 503" in refused.args[1], refused.args)  # more documents than a node makes in a second
            time.sleep(0.1)
        else:
            equal(answer.statement[8], client.binary_cid(model), "the model")
            return None
    raise AssertionError("the node stays busy")


def kept(between, model, inputs):
    """A good receipt's text."""
    texts = []
    equal(asked(between, lambda text: texts.append(text) or text, model, inputs), None, "a good receipt")
    return texts[0]


with Node() as node:
    root, policy = ((node.dir / "state" / name).read_text() for name in ("sim-root.pem", "policy.conf"))
    between = Between(node.ready["url"], root=root, policy=policy, allow_simulated=True, any_image=True)
    ask = list(questions(node))
    verdicts = [asked(between, lambda text: text, *question) for question in ask]
    equal(verdicts, [None] * WANTED, "what was not changed")
    digit = (node.cids["mnist-mlp"], {"image": [[0.5] * 784]})
    others = {"the same request before": kept(between, *ask[1]), "another request": kept(between, *ask[2]),
              "another model": kept(between, *digit)}
    changed = changes(others)
    equal(len(changed), WANTED, "changes")
    equal(on_parts(lambda p: None)(others["another model"]), others["another model"], "no change, and all encoded again")
    codes = {name: asked(between, change, *ask[1]) for name, change in changed.items()}
    for name, code in codes.items():
        check(code is not None, f"{name}: verified")
    print(f"{verdicts.count(None)} receipts verified, {len(codes) - list(codes.values()).count(None)} changed ones refused:",
          ", ".join(f"{count} {code}" for code, count in sorted(collections.Counter(codes.values()).items())))
