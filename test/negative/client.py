#!/usr/bin/env python3
"""The Python client against the corpus: it accepts what is good, refuses all else, and for the same reason. 77: python3-cryptography is missing."""
import pathlib
import struct
import sys
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients/python"))
try:
    import veronnx_verify as client
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
from corpus import CHAIN, KEY, NOW, PCRS, POLICY, public, rows
from enclave import described
from make_vectors import tree_of

warnings.simplefilter("ignore")  # the library's own, about certificates that are wrong on purpose
# Where the two draw the line between a form and what it says otherwise.
SAME = {"DOC_FIELD": "DOC_MALFORMED", "DOC_CERTIFICATE": "DOC_CHAIN"}
NOT_HERE = {"--user-data", "--model", "--model-hash"}  # what the functions without a network do not compare
IMAGES = {"pcrs.json": PCRS, "other.json": {**PCRS, 2: bytes(48)}}


def image(name):
    return {n: pcr.hex() for n, pcr in IMAGES[name].items()}


def verify(kind, content, arguments):
    trust = {"root": CHAIN[0], "allow_simulated": True, "now": NOW}
    trust |= {"pcrs": image(arguments[arguments.index("--pcrs") + 1])} if "--pcrs" in arguments else {"any_image": True}
    if kind == "receipt":
        return client.verify_receipt(client.unpack_receipt(content.decode("latin1")), public(KEY), True)
    if kind == "attestation":
        return client.verify_document(content, nonce=bytes(range(20)) if "--nonce" in arguments else None, **trust)
    policy = arguments[arguments.index("--policy") + 1] if "--policy" in arguments else None
    policy = POLICY if policy == "policy.conf" else policy
    policy = policy if policy is None else policy.decode("latin1")
    return client.verify_bundle(content, policy=policy, any_policy="--any-policy" in arguments, **trust)


def verdict(kind, content, arguments):
    try:
        verify(kind, content, arguments)
    except client.Refused as refused:
        return refused.args[0]
    return None


def applies(kind, family, what, arguments):
    left_out = NOT_HERE | ({"--nonce"} if kind == "bundle" else {"--policy"} if kind == "attestation" else set())
    return not left_out & set(arguments) and not (family == "good" and what in ("tagged", "in base64"))


count = {"good": 0, "flip": 0, "content": 0}
wrong = []
for kind, family, code, what, content, arguments in rows():
    if applies(kind, family, what, arguments):
        got = verdict(kind, content, arguments)
        right = got is None if family == "good" else got is not None if family == "flip" else SAME.get(got, got) == SAME.get(code, code)
        wrong += [] if right else [f"{kind} {what}: {got} instead of {code}"]
        count[family] += 1
for size in range(1, 15):
    for index in range(size):
        count["good"] += 1
        wrong += [f"{index} of {size}"] if verdict("receipt", tree_of(size, index).text().encode(), []) else []
good = next(row[4] for row in rows() if row[:2] == ("attestation", "good"))
for image_options, code in (({}, "DOC_POLICY"), ({"any_image": False}, "DOC_POLICY"), ({"pcrs": {}}, "DOC_POLICY"),
                            ({"pcrs": {0: PCRS[0].hex()}}, "DOC_POLICY"), ({"pcrs": image("other.json")}, "DOC_PCR"), ({"pcrs": image("other.json"), "any_image": True}, "DOC_PCR"),
                            ({"pcrs": {0: PCRS[0].hex()}, "any_image": True}, "DOC_POLICY"), ({"pcrs": {3: PCRS[3].hex()}}, "DOC_POLICY"),
                            ({"pcrs": {3: PCRS[3].hex()}, "any_image": True}, None), ({"pcrs": {3: PCRS[2].hex()}, "any_image": True}, "DOC_PCR"),
                            ({"pcrs": image("pcrs.json")}, None), ({"any_image": True}, None)):
    try:
        client.verify_document(good, root=CHAIN[0], allow_simulated=True, now=NOW, **image_options)
        got = None
    except client.Refused as refused:
        got = refused.args[0]
    wrong += [] if got == code else [f"image by {image_options}: {got} instead of {code}"]
whole = next(row[4] for row in rows() if row[:2] == ("bundle", "good"))
for policy, any_policy, code in ((None, False, "POLICY_UNSTATED"), ("", False, "POLICY_UNSTATED"), ("", True, "POLICY_UNSTATED"), (" ", True, "POLICY_MISMATCH"),
                                 (POLICY.decode(), True, None), (None, True, None)):  # an empty one passed for any
    try:
        client.verify_bundle(whole, policy=policy, any_policy=any_policy, root=CHAIN[0], allow_simulated=True, now=NOW, any_image=True)
        got = None
    except client.Refused as refused:
        got = refused.args[0]
    wrong += [] if got == code else [f"policy {policy!r} with any_policy={any_policy}: {got} instead of {code}"]
for nest in (b"\xc0" * 5000, b"\xd2" * 5000, b"\x81" + b"\xd2" * 5000, b"\xd2\x80", b"\x81\xc0\x80", b"\x81\x81\xd2\x80"):
    try:
        wrong.append(f"tags from {nest[:3].hex()} are {client.decode(nest, 'TAGS')}")
    except client.Refused:
        pass
FLOATS, BYTES = struct.pack("<3f", 1, 2, 3), b"\1\0\1"
for dtype, dims, data, given, others in (  # what a caller says that a tensor was
        (1, [3], FLOATS, [1, 2.0, 3], ([[1, 2, 3]], [[1], [2], [3]], [1, [2], 3], [1, 2], 1, [1, 2, 4], ["x", 2, 3], [1, 2, 1e39], [None, 2, 3])),
        (1, [1, 3], FLOATS, [[1, 2, 3]], ([1, 2, 3], [[1], [2], [3]], [[[1, 2, 3]]], [[1, 2], [3]])), (1, [], FLOATS[:4], 1, ([1], [[1]], [])),
        (1, [2, 0], b"", [[], []], ([], [[]], [[], [1]], [[], [], []])), (9, [3], BYTES, [True, 0, 1], (["true", "false", "true"], [1.5, 0, 1], [2, 0, 1])),
        (3, [3], BYTES, [1, 0, 1.0], ([1.9, 0, 1], ["1", 0, 1], [257, 0, 1], [float("nan"), 0, 1], [float("inf"), 0, 1])),
        (8, [1], b"\1\0\0\0a", ["a"], ("a", [b"a"], [1], ["\ud800"], ["b"], [None]))):
    descriptors, (_, digest) = described(b"x", dtype, dims, data)
    for values in (given, *others):
        try:
            same = client.tensor_digest(descriptors, {"x": values}) == digest
        except client.Refused:
            same = False
        wrong += [] if same == (values is given) else [f"{values} for a tensor {dims} of type {dtype}: {same}"]
print(*wrong, count, sep="\n")
sys.exit(0 if not wrong and count["good"] >= 100 and count["flip"] + count["content"] >= 600 else 1)
