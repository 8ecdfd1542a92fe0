#!/usr/bin/env python3
"""The receipt verifies against what was sent and received, and against nothing else."""
from node import Node, equal, veronnx

with Node() as node:
    nonce = "00112233445566778899aabbccddeeff"
    status, headers, body = node.infer("double", {"Veronnx-Nonce": nonce})
    receipt = headers["veronnx-receipt"]

    def verify(*more, text=receipt):
        return veronnx("verify", "receipt", "--receipt", text, "--key", node.ready["receipt_key"], *more).returncode

    good = ["--allow-simulated", "--nonce", nonce, "--model", node.cids["double"], "--model-hash", body["model_hash"],
            "--input", "x=[0.1,-2.5,3]", "--output", "y=[0.2,-5,6]"]
    equal(verify(*good), 0, "the truth")
    equal(verify(*good[1:]), 1, "simulated, and not allowed to be")
    equal(verify("--allow-simulated", "--input", "x=[0.1,-2.5,3.1]"), 1, "another input")
    equal(verify("--allow-simulated", "--output", "y=[0.2,-5,6.5]"), 1, "another output")
    equal(verify("--allow-simulated", "--nonce", "ff" * 16), 1, "another nonce")
    equal(verify("--allow-simulated", "--model", node.cids["mnist-mlp"]), 1, "another model")
    middle = len(receipt) // 2
    equal(verify(*good, text=receipt[:middle] + ("A" if receipt[middle] != "A" else "B") + receipt[middle + 1:]), 1, "a changed letter")
    equal(verify("--no-such-option"), 2, "wrong usage")
    done = veronnx("infer", "--ready-file", node.ready_file, "--model", node.cids["double"], "--input", "x=[1,2,3.25]")
    equal(done.returncode, 0, f"veronnx infer: {done.stderr}")
    equal(done.stdout.splitlines()[0], "y: [2.0,4.0,6.5]", "its first line")
