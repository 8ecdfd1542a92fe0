#!/usr/bin/env python3
"""`veronnx verify receipt`: tensors from files, receipts from headers, files and standard input, and what does not match."""
import json
import struct
import subprocess

from node import Node, check, equal, ox, said, veronnx

with Node() as node:
    status, headers, body = node.infer("double")
    equal(status, 200, "the answer")
    receipt = headers["veronnx-receipt"]
    good = ["--key", node.ready["receipt_key"], "--allow-simulated"]
    files = {
        "x.pb": ox.tensor("x", [3], ox.FLOAT, ox.floats(0.1, -2.5, 3)), "y.json": json.dumps(body["output"][0]["result"]).encode(),
        "y.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", 58) + b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n" + ox.floats(0.2, -5, 6),
        "double.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", 58) + b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }\n" + struct.pack("<3d", 0.2, -5, 6),
        "receipt": receipt.encode() + b"\n", "headers": f"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nveronnx-receipt: {receipt}\r\n\r\n".encode(),
        "other": b"HTTP/1.1 200 OK\r\n\r\n",
    }
    for name, content in files.items():
        (node.dir / name).write_bytes(content)

    def verify(*arguments, source=("--receipt", receipt), **options):
        return veronnx("verify", "receipt", *good, *source, *arguments, **options)

    for arguments in (["--input", f"x=@{node.dir}/x.pb"], ["--output", f"y=@{node.dir}/y.npy"], ["--output", f"y=@{node.dir}/y.json"],
                      ["--input", "x=[0.1,-2.5,3]", "--output", "y=[0.2,-5,6]", "--model", node.cids["double"]]):
        done = verify(*arguments)
        equal((done.returncode, done.stderr), (0, ""), f"verify {arguments}")
    for source in (["--headers", node.dir / "headers"], ["--receipt", f"@{node.dir}/receipt"]):
        equal(verify(source=source).returncode, 0, f"{source}")
    equal(verify(source=["--receipt", "-"], input=receipt).returncode, 0, "standard input")
    said_as_json = json.loads(verify("--json").stdout)
    equal((said_as_json["verified"], said_as_json["kind"], said_as_json["model"], said_as_json["model_hash"]),
          (True, "simulated", node.cids["double"], body["model_hash"]), "--json")

    WRONG = [  # what is expected that is not so, and the words of the line
        (["--output", f"y=@{node.dir}/double.npy"], "DTYPE_MISMATCH", "y", "double", "float"), (["--output", "y=[0.2,-5]"], "RECEIPT_MISMATCH", "y", "shape"),
        (["--output", "y=[[0.2,-5,6]]"], "y", "shape"), (["--output", "y=[0.2,-5,6]", "--output", "z=1"], "more outputs"), (["--output", "z=1"], "y"),
        (["--input", "x=[0.1,-2.5,4]"], "RECEIPT_MISMATCH", "input tensor digest"), (["--model-hash", "00" * 32], "model SHA-256"),
        (["--model", node.cids["mnist-mlp"]], "asked CID"), (["--model", node.cids["double"] + "/path"], "asked path"), (["--nonce", "00" * 16], "nonce"),
        (["--output", 'y=["a","b","c"]'], "VALUE_RANGE", "y"),
    ]
    for arguments, *words in WRONG:
        done = verify(*arguments)
        equal(done.returncode, 1, f"exit status of {arguments}: {done.stderr}")
        said(done, "veronnx verify receipt: ", *words)
    for source, words in ((["--headers", node.dir / "other"], "Veronnx-Receipt"), (["--receipt", receipt[:-8]], "RECEIPT_"), (["--receipt", "!" * 80], "RECEIPT_MALFORMED")):
        done = verify(source=source)
        equal(done.returncode, 1, f"{source}")
        said(done, words)
    done = veronnx("verify", "receipt", "--receipt", receipt, "--key", node.ready["receipt_key"])
    equal(done.returncode, 1, "a simulated receipt, not allowed")
    said(done, "simulated")
    # a hash of no digits was compared with nothing
    for arguments, word in ((["--model", "nonsense"], "--model"), (["--model-hash", "12"], "--model-hash"), (["--model-hash", ""], "--model-hash"), (["--nonce", "xy" * 16], "--nonce")):
        done = verify(*arguments)
        equal(done.returncode, 2, f"{arguments}")
        said(done, word)
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", node.dir / "other.key"], check=True)
    subprocess.run(["openssl", "pkey", "-in", node.dir / "other.key", "-pubout", "-out", node.dir / "other.pub"], check=True)
    done = veronnx("verify", "receipt", "--receipt", receipt, "--key", node.dir / "other.pub", "--allow-simulated")
    equal(done.returncode, 1, "another key")
    said(done, "RECEIPT_SIGNATURE")

    status, headers, body = node.infer("classifier-map")
    source = ["--receipt", headers["veronnx-receipt"]]
    equal(verify(source=source).returncode, 0, "a model with map outputs")
    done = verify("--output", 'label=["setosa","virginica"]', source=source)
    equal(done.returncode, 1, "outputs that cannot be compared")
    said(done, "sequence or a map", "cannot be compared")

    # what the node holds
    done = veronnx("models", "--ready-file", node.ready_file)
    rows = [line.split() for line in done.stdout.splitlines()]
    equal({row[1]: (row[0], row[2]) for row in rows}, {node.cids[m]: (str((node.dir / f"models/{m}.onnx").stat().st_size), "ready") for m in ("double", "classifier-map")}, "models")
    check(json.loads(veronnx("models", "--admin", node.ready["admin_url"], "--json").stdout)["models"], "models --json")

    # no elements, but a shape: nested arrays end at its first 0, a file has all of it
    empty = node.put("empty", ox.model(ox.graph("g", [ox.node("Identity", ["x"], ["y"])], [ox.value_info("x", ox.any_tensor(ox.FLOAT))], [ox.value_info("y", ox.any_tensor(ox.FLOAT))])))
    tensor = {"name": "x", "values": [], "shape": [2, 0, 3]}
    status, headers, body = node.post(json.dumps({"ipfs_hash": empty, "model_inputs": {"numbers": [tensor]}}))
    equal((status, body["output"][0]["shape"]), (200, [2, 0, 3]), "an empty tensor")
    for shape in ([2, 0, 3], [0, 2, 3], [2, 0], [0], [2, 0, 3, 1]):
        (node.dir / "empty.pb").write_bytes(ox.tensor("x", shape, ox.FLOAT, b""))
        for argument in (f"--input=x=@{node.dir}/empty.pb", f"--output=y=@{node.dir}/empty.pb"):
            done = verify(argument, source=["--receipt", headers["veronnx-receipt"]])
            equal((done.returncode, "shape" in done.stderr), (int(shape != [2, 0, 3]), shape != [2, 0, 3]), f"{argument} of shape {shape}: {done.stderr}")
    for text, wanted in (("[[],[]]", 0), ("[]", 1), ("[[]]", 1), ("[[[],[]]]", 1), ("[[[]],[[]]]", 1), ("[[],[],[]]", 1)):
        equal(verify(f"--output=y={text}", source=["--receipt", headers["veronnx-receipt"]]).returncode, wanted, f"{text} for the shape [2,0,3]")

    # what could not be written was lost, and the status said otherwise
    for command in (["verify", "receipt", *good, "--receipt", receipt, "--json"], ["models", "--ready-file", node.ready_file], ["version"], ["help"], ["serve", "--help"],
                    ["infer", "--ready-file", node.ready_file, "--model", node.cids["double"], "--input", "x=[1,2,3]"]):
        with open("/dev/full", "w") as full:
            done = veronnx(*command, stdout=full)
        equal((done.returncode, done.stderr), (1, "veronnx: standard output: not all could be written\n"), f"{command[:2]} into a full file")
