#!/usr/bin/env python3
"""`veronnx add --alias-file`: a folder of models becomes names, pinned to CIDs in a file that a node is started with and that its policy
commits to; the same again changes nothing, and what is wrong names the file and leaves everything as it was."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import oip
from host import Enclave
from node import ROOT, Node, check, equal, said, veronnx

with Node(models=None) as node:
    made, models, names = node.dir / "made", node.dir / "models", node.dir / "models.conf"
    subprocess.run([sys.executable, ROOT / "tools/models.py", made, "--set", "demo"], check=True)
    double, other = (made / "double.onnx").read_bytes(), (made / "mnist-mlp.onnx").read_bytes()

    def put(place, data):
        (models / place).parent.mkdir(parents=True, exist_ok=True)
        (models / place).write_bytes(data)

    def add(*args):
        return veronnx("add", "--store", node.dir / "store", "--alias-file", names, *args)

    put("twice/2/model.onnx", b"an older version")
    put("twice/10/model.onnx", double)
    put("twice/config.pbtxt", b"not a model")
    put("digits.onnx", other)
    put("by/hand.v1.onnx", double)
    put("double/model.onnx", double)
    put(".hidden/x.onnx", b"hidden")
    put("lost+found/x.onnx", b"lost")
    done = add(models)
    equal((done.returncode, done.stderr), (0, ""), "a folder")
    cids = {name[len(f"{models}/"):]: cid for cid, _, name in (line.split(" ", 2) for line in done.stdout.splitlines())}
    wanted = [("by/hand.v1", "by/hand.v1.onnx"), ("digits", "digits.onnx"), ("double", "double/model.onnx"),
              ("twice", "twice/10/model.onnx")]
    equal(set(cids), {place for _, place in wanted}, "what was added")
    text = names.read_text()
    aliases = [f"alias = {name} {cids[place]}" for name, place in wanted]
    equal(text.splitlines()[1:], ["[policy]", *aliases], "the file")
    equal(cids["twice/10/model.onnx"], "QmWd3NJd28SgnmmrRRv6VBm5KrBwr1Nz8aTuMLBVugxyF6", "the CID is the content's")

    # the same again changes nothing
    before = names.stat()
    equal(add(*reversed(sorted(models.glob("[a-z]*/")))).returncode, 1, "folders with models that have one name")
    equal(names.stat(), before, "a failure leaves the file")
    equal(add(models).returncode, 0, "the same again")
    equal((names.stat().st_ino, names.stat().st_mtime_ns), (before.st_ino, before.st_mtime_ns), "it stays as it is")

    # a node that is started with it serves them by name, and lets verifiers see it
    equal(node.stop(), 0, "exit status")
    own = node.dir / "own.conf"
    own.write_text("[policy]\nmodels = list\n")
    node.options = ["--config", own, "--config", names]
    node.start()
    for name, place in wanted:
        if place != "digits.onnx":
            status, _, outputs, _ = oip.infer(node, name, [("x", "FP32", [3], [0.5, -2.5, 3])])
            equal((status, outputs), (200, {"y": ("FP32", [3], [1, -5, 6])}), name)
    status, _, answer = node.ask("GET", "/v2/models")
    equal((status, json.loads(answer)), (200, {"models": [name for name, _ in wanted]}), "the list")
    policy = (node.dir / "state/policy.conf").read_text()
    check(all(line in policy for line in aliases), f"the policy that is committed to: {policy}")

    # one model has the name that it is given
    done = add(models / "double", "--name", "service-7")
    equal(done.returncode, 0, "--name")
    equal(names.read_text().splitlines()[1:], ["[policy]", f"alias = service-7 {cids['double/model.onnx']}"], "what it wrote")
    equal(add(models, "--name", "service-7").returncode, 0, "--name where there are several")
    equal(names.read_text(), text, "has no meaning")
    equal(add(models / "twice/10/model.onnx").returncode, 0, "a file")
    check(names.read_text().endswith(f"alias = model {cids['twice/10/model.onnx']}\n"), "is called as it is")
    equal(add(models).returncode, 0, "all of them")

    def refused(what, words, *args, status=1):
        done = add(*args)
        equal(done.returncode, status, f"{what}: {done.stderr}")
        said(done, *words)
        equal(names.read_text(), text, f"{what} leaves the file")

    empty = node.dir / "empty"
    empty.mkdir()
    refused("no model", ["no *.onnx"], empty)
    refused("no folder", ["No such file", str(empty / "nothing")], empty / "nothing")
    refused("another file", [".onnx", str(models / "twice/config.pbtxt")], models / "twice/config.pbtxt")
    refused("a name for a CID", ["--name", "CID"], models / "double", "--name", cids["digits.onnx"], status=2)
    refused("a name with a blank", ["--name", "letters"], models / "double", "--name", "a b", status=2)
    done = veronnx("add", "--name", "x", models / "digits.onnx")
    equal(done.returncode, 2, "--name alone")
    said(done, "--alias-file")
    for place, words in (("a b.onnx", ["letters", f"{models}/a b.onnx"]), ("n" * 128 + ".onnx", ["127"]),
                         (cids["digits.onnx"] + ".onnx", ["CID"]), ("digits/model.onnx", ["digits", "two files"]), ("digits/3/model.onnx", ["digits", "two files"]),
                         ("1/2/3/4/5/6/7/8/9/x.onnx", ["too deep"])):
        put(place, double)
        refused(place, words, models)
        (models / place).unlink()
    shutil.rmtree(models / "1")
    (models / "gone.onnx").symlink_to("nowhere")
    refused("a link to nothing", ["No such file", f"{models}/gone.onnx"], models)
    (models / "gone.onnx").unlink()
    for n in range(257):
        (empty / f"{n}.onnx").symlink_to(models / "double/model.onnx")
    refused("more than 256", ["more models"], empty)
    done = veronnx("add", "--store", node.dir / "store", "--alias-file", node.dir / "no/file", models)
    check(done.returncode == 2 and str(node.dir / "no/file") in done.stderr, f"a file in no folder: {done.stderr}")
    if os.getuid() != 0:
        (models / "digits.onnx").chmod(0)
        done = add(models)
        equal((done.returncode, names.read_text()), (1, text), "a file that may not be read")

    # several files of a configuration
    def serve(*files):
        return veronnx("serve", "--simulate", *[word for file in files for word in ("--config", file)])

    equal(serve(own, own).returncode, 2, "a key in two files")
    for files, words in (((own, own), ["own.conf:2", "models"]), ((names, own, names), ["models.conf:3", "twice"]),
                         ((own,) * 5, ["--config", "4"]), ((own, node.dir / "nothing"), ["No such file", "nothing"])):
        done = serve(*files)
        equal(done.returncode, 2, f"{files}")
        check(all(word in done.stderr for word in words), f"{files}: {done.stderr}")

# The names reach a node that its host tells its configuration: several files there are one here.
with tempfile.TemporaryDirectory() as folder:
    names = pathlib.Path(folder) / "models.conf"
    names.write_text("[policy]\nalias = two QmWd3NJd28SgnmmrRRv6VBm5KrBwr1Nz8aTuMLBVugxyF6\n")
    with Enclave(text="[policy]\nmodels = list\n", host_options=("--config", names)) as enclave:
        equal(json.loads(enclave.ask("GET", "/v2/models")[2]), {"models": ["two"]}, "the list of a node in an enclave")
        status, _, outputs, _ = oip.infer(enclave, "two", [("x", "FP32", [1], [2])])
        equal((status, outputs), (200, {"y": ("FP32", [1], [4])}), "a model by its name")
        policy = enclave.ask("GET", "/.well-known/veronnx")[2].decode()
        check("alias = two QmWd3NJd28SgnmmrRRv6VBm5KrBwr1Nz8aTuMLBVugxyF6" in policy, f"what it commits to: {policy}")
