#!/usr/bin/env python3
"""`veronnx infer`: tensors of every form go out, come back readable, and the receipt covers them bit for bit."""
import json
import struct
import subprocess

from node import Node, check, equal, ox, run_patiently, said, veronnx

FLOAT16, UINT64 = 10, 13
GENUINE = "The receipt is genuine"


def identity(dtype):
    return ox.model(ox.graph("g", [ox.node("Identity", ["x"], ["y"])], [ox.value_info("x", ox.any_tensor(dtype))],
                             [ox.value_info("y", ox.any_tensor(dtype))]))


def npy(descr, shape, payload):
    """NumPy's file format, version 1.0."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({''.join(f'{n},' for n in shape)}), }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


CASES = [  # data type of the model, the argument, the first line of the answer
    (ox.FLOAT, "x=[0.1,-2.5,3]", "y: [0.10000000149011612,-2.5,3.0]"), (ox.FLOAT, "x=5", "y: 5.0"), (ox.FLOAT, "x=[[1,2],[3,4e-7]]", "y: [[1.0,2.0],[3.0,4.0000000467443897e-07]]"),
    (ox.FLOAT, "x=[]", "y: []"), (ox.FLOAT, "x=[[],[]]", "y: [[],[]]"), (ox.FLOAT, "x=[NaN,1,-Infinity]", 'y: ["NaN",1.0,"-Infinity"]'),
    (ox.FLOAT, 'x=[1,"inf"]', 'y: [1.0,"Infinity"]'), (ox.DOUBLE, "x=[0.1]", "y: [0.1]"), (ox.DOUBLE, "x=[-0.0,1e300]", "y: [-0.0,1e+300]"),
    (FLOAT16, "x=[0.1,65504]", "y: [0.0999755859375,65504.0]"), (ox.INT64, "x=[9007199254740993,-9223372036854775808]", "y: [9007199254740993,-9223372036854775808]"),
    (UINT64, "x=18446744073709551615", "y: 18446744073709551615"), (ox.INT8, "x=[-128,127]", "y: [-128,127]"), (ox.BOOL, "x=[true,false,1]", "y: [1,0,1]"),
    (ox.STRING, 'x=["a","","\u00e9\u4e16","\\"\\\\n\\""]', 'y: ["a","","\u00e9\u4e16","\\"\\\\n\\""]'), (ox.STRING, 'x="alone"', 'y: "alone"'),
]
FILES = [  # data type, file name, content, the first line
    (ox.FLOAT, "a.npy", npy("<f4", [2, 1], ox.floats(0.1, 2)), "y: [[0.10000000149011612],[2.0]]"), (ox.DOUBLE, "b.npy", npy("<f8", [], struct.pack("<d", 0.1)), "y: 0.1"),
    (FLOAT16, "c.npy", npy("<f2", [2], struct.pack("<2e", 0.1, -65504)), "y: [0.0999755859375,-65504.0]"), (ox.BOOL, "d.npy", npy("|b1", [2], b"\1\0"), "y: [1,0]"),
    (ox.INT64, "e.npy", npy("<i8", [2], ox.int64s(2**53 + 1, -(2**63))), "y: [9007199254740993,-9223372036854775808]"), (UINT64, "f.npy", npy("<u8", [1], struct.pack("<Q", 2**64 - 1)), "y: [18446744073709551615]"),
    (ox.INT8, "g.npy", npy("|i1", [3], b"\x80\0\x7f"), "y: [-128,0,127]"), (ox.FLOAT, "h.npy", npy("<f4", [0, 3], b""), "y: []"),
    (ox.FLOAT, "i.pb", ox.tensor("other", [2], ox.FLOAT, ox.floats(0.1, float("nan"))), 'y: [0.10000000149011612,"NaN"]'),
    (ox.INT64, "j.pb", ox.tensor("", [], ox.INT64, ox.int64s(2**53 + 1)), "y: 9007199254740993"), (ox.STRING, "k.pb", ox.tensor("", [2], ox.STRING, strings=["a", "\u00e9"]), 'y: ["a","\u00e9"]'),
    (ox.INT8, "l.pb", ox.field_int(1, 2) + ox.field_int(2, ox.INT8) + ox.field_bytes(5, ox.varint(-1) + ox.varint(5)), "y: [-1,5]"),
    (ox.FLOAT, "m.json", b"[[0.5],\n [1]]", "y: [[0.5],[1.0]]"),
]

with Node() as node:
    def infer(model, *arguments, environment=None):
        return veronnx("infer", "--ready-file", node.ready_file, "--model", model, *arguments, env=environment)

    models = {dtype: node.put(f"identity-{dtype}", identity(dtype)) for dtype in {row[0] for row in CASES + FILES}}
    for dtype, argument, line in CASES:
        done = infer(models[dtype], "--input", argument)
        equal((done.stdout.splitlines()[:1], done.stderr, done.returncode), ([line], "", 0), argument)
        check(GENUINE in done.stdout, f"{argument}: {done.stdout}")
    for dtype, name, content, line in FILES:
        (node.dir / name).write_bytes(content)
        done = infer(models[dtype], "--input", f"x=@{node.dir / name}")
        equal((done.stdout.splitlines()[:1], done.stderr, done.returncode), ([line], "", 0), name)

    # models with several tensors, and with outputs that are not tensors
    done = infer(node.cids["ids-and-words"], "--input", "ids=[2,3037000499,5]", "--input", 'words=["two","many","five"]')
    equal((done.returncode, done.stderr), (0, ""), "numbers and strings together")
    check("squares: [4,9223372030926249001,25]" in done.stdout.splitlines(), done.stdout)
    request = json.loads(json.loads(node.request("classifier-map"))["model_inputs"])["numbers"][0]
    numbers = [int(v["value"]) / 10 ** int(v["decimals"]) for v in request["values"]]
    rows = [numbers[at:at + request["shape"][1]] for at in range(0, len(numbers), request["shape"][1])]
    done = infer(node.cids["classifier-map"], "--input", f"{request['name']}={json.dumps(rows)}")
    equal(done.returncode, 0, done.stderr)
    check('label: ["setosa","virginica"]' in done.stdout and GENUINE in done.stdout, done.stdout)
    check("sequence or a map" in done.stderr and done.stderr.count("\n") == 1, done.stderr)

    # the answer as it came, and other ways to name the node
    done = infer(models[ox.FLOAT], "--input", "x=[1]", "--json")
    equal(json.loads(done.stdout)["output"], [{"name": "y", "shape": [1], "result": [1.0], "type": "number"}], "--json")
    home = {"XDG_STATE_HOME": str(node.dir / "home")}
    (node.dir / "home").mkdir()
    (node.dir / "home/veronnx").symlink_to(node.dir / "state")
    equal(run_patiently([node.folder / "veronnx", "infer", "--model", models[ox.FLOAT], "--input", "x=1"], env=home).returncode, 0, "the default state folder")
    cert, url = node.ready["cert"], node.ready["url"]

    def at(*arguments, **options):
        return veronnx("infer", "--model", models[ox.FLOAT], "--input", "x=1", *arguments, **options)

    equal(at("--node", url, "--cacert", cert).stdout.splitlines()[0], "y: 5.0".replace("5", "1"), "--node with --cacert")
    check(GENUINE in at("--node", url + "/", "--cacert", cert).stdout, "the key beside the certificate")
    check(GENUINE in at("--node", url, "--cacert", "cert.pem", cwd=node.dir / "state").stdout, "a name without a folder turned verification off")
    done = at("--node", url, "--insecure")
    equal((done.returncode, GENUINE in done.stdout, "not verified" in done.stderr), (0, False, True), "--insecure without a key")
    check(GENUINE in at("--node", url, "--insecure", "--key", node.ready["receipt_key"]).stdout, "--insecure with the key")

    # what fails: exit status 1, and nothing on standard output
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", node.dir / "other.key", "-out", node.dir / "other.pem"], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", node.dir / "other.key", "-pubout", "-out", node.dir / "other.pub"], check=True)
    FAILING = [
        (at("--node", url), "certificate", "--cacert"), (at("--node", url, "--cacert", node.dir / "other.pem"), "certificate", "--cacert"),
        (at("--node", url.replace("https", "http")), url.replace("https", "http")), (at("--node", url, "--cacert", cert, "--key", node.dir / "other.pub"), "signature"),
        (infer("nonsense", "--input", "x=1"), "MODEL_NOT_PINNED"), (infer("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "--input", "x=1"), "MODEL_NOT_FOUND"),
        (infer(models[ox.FLOAT]), "INPUT_MISSING", "x"), (infer(models[ox.FLOAT], "--input", "z=1"), "INPUT_UNKNOWN", "numbers[0]"),
        (infer(models[ox.FLOAT], "--input", 'x=["a"]'), "DTYPE_MISMATCH"), (infer(models[ox.INT8], "--input", "x=128"), "VALUE_RANGE", "values[0]"),
    ]
    for done, *words in FAILING:
        equal(done.returncode, 1, f"exit status of {done.args[1:]}: {done.stderr}")
        said(done, "veronnx infer: ", *words)
    (node.dir / "bad.npy").write_bytes(npy("<f4", [3], ox.floats(1, 2)))
    (node.dir / "order.npy").write_bytes(npy("<f4", [1], ox.floats(1)).replace(b"False", b"True "))
    (node.dir / "big.npy").write_bytes(npy(">f4", [1], ox.floats(1)))
    (node.dir / "bad.pb").write_bytes(ox.tensor("", [3], ox.FLOAT, ox.floats(1)))
    for name, words in {"bad.npy": "shape and length", "order.npy": "C order", "big.npy": "type", "bad.pb": "shape and data"}.items():
        done = infer(models[ox.FLOAT], "--input", f"x=@{node.dir / name}")
        equal(done.returncode, 2, name)
        said(done, "--input", words)

with Node("--receipts=false") as node:
    arguments = ["infer", "--ready-file", node.ready_file, "--model", node.cids["double"], "--input", "x=[1,2,3]"]
    done = veronnx(*arguments)
    equal(done.returncode, 1, "a node without receipts")
    said(done, "no receipt", "--insecure")
    done = veronnx(*arguments, "--insecure")
    equal((done.returncode, done.stdout, "no receipt" in done.stderr), (0, "y: [2.0,4.0,6.0]\n", True), "--insecure does without")
