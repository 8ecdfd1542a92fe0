#!/usr/bin/env python3
"""Outputs that are attested, and answers that say something else, or the same in other words: `veronnx infer` and the Python client show
the one text that the attested outputs have (docs/api.md), and of any other nothing."""
import pathlib
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
from corpus import CHAIN, FILES, NOW, POLICY
from enclave import ASK, CID, TRUST, Enclave, described, equal, listed, sha256, veronnx

HASH = sha256(b"model").hex()
FLOAT, INT64, STRING, BOOL, FLOAT16, DOUBLE = 1, 7, 8, 9, 10, 11
ROW = "[" + ",".join(["0.0"] * 100) + "]"
TENSORS = [  # dtype, dims, payload, its text, and other texts
    (FLOAT, [2], struct.pack("<2f", 0.1, 2), "[0.10000000149011612,2.0]",
     ["[0.1,2.0]", "[0.10000000149011613,2.0]", "[0.10000000149011612,2]", '["0.10000000149011612",2.0]', "[[0.10000000149011612,2.0]]",
      "[0.10000000149011612,[2.0]]", "[0.10000000149011612, 2.0]", "[0.10000000149011612,2.0,3.0]", "{}", "null",
      "[null,2.0]", "[{},2.0]"]),
    (FLOAT, [1, 2], struct.pack("<2f", 1, 2), "[[1.0,2.0]]", ["[1.0,2.0]", "[[1.0],[2.0]]", "[[[1.0,2.0]]]", "[[2.0,1.0]]"]),
    (FLOAT, [], struct.pack("<f", 5), "5.0", ["[5.0]", '"5.0"', "5", "[]"]),
    (FLOAT, [3], struct.pack("<3f", float("nan"), float("inf"), float("-inf")), '["NaN","Infinity","-Infinity"]',
     ['["nan","Infinity","-Infinity"]', '["NaN","inf","-Infinity"]', '["NaN",1e999,"-Infinity"]']),
    (FLOAT, [3, 0], b"", "[[],[],[]]", ['[[],"EVIL"]', "[]", "[[],[]]", '[[],[],["EVIL"]]', '[[],[],{"evil":1}]']),
    (FLOAT, [0], b"", "[]", ["[[]]", "[[],[]]", '""', "null"]),
    (FLOAT, [100, 100], bytes(40000), "[" + ",".join([ROW] * 100) + "]", ["[" + ROW + 99 * ",0" + "]", "[" + ",".join([ROW] * 99) + "]"]),
    (DOUBLE, [2], struct.pack("<2d", 1e16, 1e-5), "[1e+16,1e-05]", ["[10000000000000000.0,1e-05]", "[1e16,1e-05]", "[1e+16,0.00001]"]),
    (FLOAT16, [1], struct.pack("<e", 0.1), "[0.0999755859375]", ["[0.1]", "[1e999]"]),
    (INT64, [1], struct.pack("<q", 1), "[1]", ["[1.9]", '["1"]', "[true]", "[1.0]", "[1e0]", "[01]", "[9223372036854775808]"]),
    (BOOL, [2], b"\1\0", "[1,0]", ["[true,false]", '[1,"false"]', '["true",0]', "[1.5,0]", "[1,0.0]"]),
    (STRING, [2], struct.pack("<I", 1) + b"a" + bytes(4), '["a",""]', ['["a",{"evil":1}]', '["a",null]', '["a",[]]', r'["\u0061",""]', '["a"]']),
]


def output(dims, text, name="y", dtype=FLOAT):
    kind = "string" if dtype == STRING else "number"
    return '{"name":"%s","shape":%s,"result":%s,"type":"%s"}' % (name, str(dims).replace(" ", ""), text, kind)


def answer(*outputs):
    return '{"output":[%s],"model_hash":"%s"}' % (",".join(outputs), HASH)


GOOD, EVIL = output([1], "[1.0]"), output([1], "[6.0]")
ONE = FLOAT, [1], struct.pack("<f", 1)
WHOLE = [  # other texts of the answer around the tensor [1.0]
    answer(EVIL), answer(), answer(GOOD, GOOD), answer(GOOD, EVIL), answer(EVIL, GOOD), answer(GOOD, output([1], "[6.0]", "z")),
    answer(output([1], "[1.0]", "z")),
    answer(GOOD, output([1], '{"evil":1}', "y")), '{"output":[%s],%s' % (EVIL, answer(GOOD)[1:]), answer(GOOD)[:-1] + ',"output":[%s]}' % EVIL,
    answer(GOOD[:-1] + ',"result":[6.0]}'), answer('{"result":[6.0],' + GOOD[1:]), answer('{"name":"z",' + GOOD[1:]), answer(GOOD[:-1] + ',"more":1}'),
    answer(output([9], "[1.0]")), answer(output([1], "[1.0]", dtype=STRING)), answer(GOOD) + "\n", answer(GOOD).replace(HASH, 64 * "0"),
    answer(GOOD).replace(HASH, HASH.upper()), answer(GOOD).replace(HASH, ""), answer(GOOD).replace(HASH, "12"), answer(GOOD).replace(f'"{HASH}"', "1"), "[]", "{}", "1", "null", '{"output":5}', '{"output":[5]}', '{"output":{}}', '{"output":[{"name":"y"}]}',
    "[" * 100000, "nonsense",
]


def cases():
    """Outputs as the receipt has them, the answer, and what is shown; None: nothing."""
    for dtype, dims, data, text, others in TENSORS:
        made = described(b"y", dtype, dims, data)
        yield made, answer(output(dims, text, dtype=dtype)), f"y: {text}"
        for other in others:
            yield made, answer(output(dims, other, dtype=dtype)), None
    for whole in WHOLE:
        yield described(b"y", *ONE), whole, None
    yield described(b"y", *ONE), answer(GOOD), "y: [1.0]"
    yield described(b"y\x1b[2J\n", *ONE), answer(GOOD), None
    yield described(b"y\x1b[2J\n", *ONE), answer(output([1], "[1.0]", r"y\u001b[2J\n")), r"y\x1b[2J\x0a: [1.0]"


def plain(done):
    """Whoever made a receipt gave the names in it: a terminal got them as they came."""
    lines = done.stderr.splitlines()
    equal([line for line in lines if not line.startswith("veronnx infer: ") or not line.isprintable()], [], "what a terminal would obey")
    return lines


def sequence(folder, node):
    """An output that cannot be compared, which is said."""
    text = '{"name":"y","shape":[0],"result":[],"type":"number"}'
    node.made = *listed(b"y\x1b[2J\n\xc2\x9b", b"\x80\x01\0", b"\x80" + bytes(8)), answer(text).encode()
    done = veronnx(folder, "infer", "--node", node.url, *ASK[:4], "--insecure", "--key", "receipt-key.pem")
    equal((done.returncode, plain(done)), (0, ["veronnx infer: y?[2J?? is a sequence or a map: the outputs cannot be compared with the receipt"]), "a sequence")


def absent(folder, node):
    """An optional output that the model did not give is said to be none: it was refused, as if it had not been sent."""
    none = '{"name":"y","shape":[],"result":null,"type":"json"}'
    for form in (b"\x82\x01\0", b"\x82\x80\x01\0", b"\x82\x81\x07\x01\0"):
        for whole, shown in ((answer(none), "y: null"), (answer(), None), (answer(GOOD), None), (answer(none, EVIL.replace('"y"', '"z"')), None), (answer(none.replace("null", "[]")), None)):
            node.made = *listed(b"y", form, b""), whole.encode()
            with_command(folder, node, whole, shown)


def with_command(folder, node, text, shown):
    ask, key = ["infer", "--node", node.url, *ASK[:4]], ["--insecure", "--key", "receipt-key.pem"]
    for arguments in ([*ask, "--verify", *TRUST], [*ask, *key], [*ask, "--json", "--verify", *TRUST]):
        done = veronnx(folder, *arguments)
        what = f"{text[:200]} with {arguments[7:]}: {done.stdout[:200]}{done.stderr}"
        equal((done.returncode, done.stdout == ""), (0, False) if shown else (1, True), what)
        plain(done)
        if shown:
            equal(done.stdout.splitlines()[0], text if "--json" in arguments else shown, "what is shown")


def with_python(node, text, shown):
    trust = {"policy": POLICY.decode(), "root": CHAIN[0], "allow_simulated": True, "now": NOW, "any_image": True}
    try:
        got = client.Node(node.url, **trust).infer(CID, {"x": [1.5, -2, 0.25]})
    except client.Refused:
        got = None
    equal(got is not None, shown is not None, f"the Python client and {text[:200]}")


sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients/python"))
try:
    import veronnx_verify as client
except ImportError:
    print("the Python client was left out: python3-cryptography is missing")
    client = None
with tempfile.TemporaryDirectory() as name:
    for file, content in FILES.items():
        (pathlib.Path(name) / file).write_bytes(content)
    with Enclave(name) as node:
        sequence(pathlib.Path(name), node)
        absent(pathlib.Path(name), node)
        for made, text, shown in cases():
            node.made = *made, text.encode()
            with_command(name, node, text, shown)
            if client:
                with_python(node, text, shown)
