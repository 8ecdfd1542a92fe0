#!/usr/bin/env python3
"""`veronnx add`: several files, what cannot be read, where the store is, and a node that serves at once what was added."""
import os
import pathlib
import tempfile

from node import Node, check, equal, said, veronnx

# ipfs add of "hello\n" and of nothing; the same with --cid-version 1
HELLO, EMPTY = "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN", "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
HELLO_V1 = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"

with tempfile.TemporaryDirectory() as folder:
    where = pathlib.Path(folder)
    (where / "hello.txt").write_text("hello\n")
    (where / "empty").touch()
    store = ["--store", where / "deep/in/store"]
    done = veronnx("add", *store, where / "hello.txt", where / "empty")
    equal((done.returncode, done.stdout, done.stderr), (0, f"{HELLO} 6 {where}/hello.txt\n{EMPTY} 0 {where}/empty\n", ""), "two files")
    equal(veronnx("add", *store, "--cid-version", "1", where / "hello.txt").stdout.split()[0], HELLO_V1, "--cid-version 1")
    equal(veronnx("add", where / "hello.txt", *store).returncode, 0, "the option behind the file")
    done = veronnx("add", *store, where / "nofile", where / "hello.txt", where)
    equal((done.returncode, done.stdout), (1, f"{HELLO} 6 {where}/hello.txt\n"), "two files that cannot be read, and one that can")
    equal([line.split(": ")[1] for line in done.stderr.splitlines()], [f"{where}/nofile", f"{where}"], "a line for each")
    done = veronnx("add", "--store", where / "hello.txt", where / "empty")
    equal(done.returncode, 1, "a store that is a file")
    said(done, "--store", str(where / "hello.txt"))
    for environment, place in (({"HOME": folder}, ".local/share/veronnx/store"), ({"HOME": "/nope", "XDG_DATA_HOME": folder}, "veronnx/store")):
        equal(veronnx("add", where / "empty", env=environment).returncode, 0, f"{environment}")
        check((where / place).is_dir(), f"the store of {environment}")
    done = veronnx("add", where / "empty", env={})
    equal(done.returncode, 2, "no HOME")
    said(done, "--store")
    if os.getuid() != 0:
        (where / "hello.txt").chmod(0)
        done = veronnx("add", *store, where / "hello.txt")
        equal(done.returncode, 1, "a file that may not be read")
        said(done, str(where / "hello.txt"), "Permission denied")

with Node(models=None) as node:
    (node.dir / "text.onnx").write_text("no model\n")
    cid = node.add(node.dir / "text.onnx")["text"]
    x = {"numbers": [{"name": "x", "values": [1], "shape": [1]}]}
    equal(node.post({"ipfs_hash": cid, "model_inputs": x})[2]["code"], "MODEL_NOT_ONNX", "the node has found it")
