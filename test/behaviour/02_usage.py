#!/usr/bin/env python3
"""Wrong commands and options: exit status 2 and one line that names what is wrong. Every command explains itself."""
import tempfile

from node import check, equal, said, veronnx

WRONG = [  # arguments, then what the line names
    (["nonsense"], "nonsense"), (["help", "nonsense"], "nonsense"), (["verify"], "verify receipt"), (["verify", "all"], "verify receipt"),
    (["infer"], "--model"), (["infer", "--nope"], "--nope"), (["infer", "--model"], "--model"), (["infer", "--json=5"], "--json=5"),
    (["infer", "--model", "Q", "extra"], "extra"), (["infer", "--model", "Q", "--input", "x"], "--input", "NAME=JSON"),
    (["infer", "--model", "Q", "--input", "x=[1"], "--input", "x", "JSON"), (["infer", "--model", "Q", "--input", "x=[[1],[2,3]]"], "--input", "x"),
    (["infer", "--model", "Q", "--input", "x={}"], "--input", "x"), (["infer", "--model", "Q", "--input", "=1"], "--input"),
    (["infer", "--model", "Q", "--input", "x=1", "--input", "x=2"], "--input", "twice"),
    (["infer", "--model", "Q", "--input", "x=@nofile.npy"], "--input", "nofile.npy", "No such file"),
    (["infer", "--model", "Q", "--input", "x=@/dev/null"], "--input", ".npy"), (["infer", "--model", "Q", "--ready-file", "/nope"], "--ready-file", "/nope"),
    (["infer", "--model", "Q", "--node", "127.0.0.1:1"], "--node", "https://"),
    (["infer", "--model", "Q", "--node", "https://127.0.0.1:1", "--cacert", "/nope"], "--cacert", "/nope"),
    (["verify", "receipt"], "--receipt", "--headers"), (["verify", "receipt", "--receipt", "x"], "--key"), (["verify", "receipt", "--nope"], "--nope"),
    (["verify", "receipt", "--receipt", "x", "--key", "/nope"], "--key", "/nope"), (["verify", "receipt", "--receipt", "x", "--key", "/dev/null"], "--key"),
    (["verify", "receipt", "--receipt", "x", "--headers", "y", "--key", "/nope"], "--receipt", "--headers"),
    (["verify", "receipt", "--headers", "/nope", "--key", "/nope"], "--headers", "/nope"),
    (["verify", "receipt", "--receipt", "x", "--key", "/nope", "--nonce", "12"], "--nonce"),
    (["models", "--nope"], "--nope"), (["models", "extra"], "extra"), (["models", "--admin", "localhost:1"], "--admin", "http"),
    (["models", "--ready-file", "/nope"], "--ready-file"), (["add"], "FILE"), (["add", "--nope", "x"], "--nope"), (["add", "--store"], "--store"),
    (["add", "--cid-version", "2", "x"], "--cid-version"),
    (["og"], "register-bundle"), (["og", "nonsense"], "register-bundle"), (["og", "register-bundle"], "https://"),
    (["og", "register-bundle", "http://127.0.0.1:1"], "https://"), (["og", "register-bundle", "https://a", "b"], "b"),
    (["og", "register-bundle", "https://a", "--root", "x"], "--root"), (["og", "register-bundle", "https://a", "-o"], "-o"),
    (["serve", "--nope"], "--nope"), (["serve", "extra"], "extra"), (["serve", "--listen"], "--listen"), (["serve"], "--simulate"),
]
HELP = {"serve": "--listen", "host": "--forward", "add": "--cid-version", "infer": "--input", "verify": "attestation", "models": "--admin", "og": "pcrHash", "help": "COMMAND"}

for arguments, *words in WRONG:
    done = veronnx(*arguments)
    equal(done.returncode, 2, f"exit status of {arguments}")
    said(done, *words)

with tempfile.TemporaryDirectory() as home:  # where no node has run
    for command in (["infer", "--model", "Q"], ["models"]):
        done = veronnx(*command, env={"HOME": home})
        equal(done.returncode, 1, f"exit status of {command}")
        said(done, "no node is running", home)
for address in ("https://127.0.0.1:1", "https://127.0.0.1:1/"):
    done = veronnx("infer", "--model", "Q", "--node", address)
    equal(done.returncode, 1, "a node that cannot be reached")
    said(done, "https://127.0.0.1:1/infer")
said(veronnx("models", "--admin", "http://127.0.0.1:1"), "http://127.0.0.1:1/models")

for command, option in HELP.items():
    first = veronnx(command, "--help")
    equal((first.returncode, first.stderr), (0, ""), f"{command} --help")
    check(first.stdout.startswith("Usage: veronnx ") and option in first.stdout, f"{command} --help: {first.stdout}")
    equal(veronnx("help", command).stdout, first.stdout, f"help {command}")
for what, option in (("attestation", "--archive"), ("receipt", "--receipt"), ("node", "--root")):
    done = veronnx("verify", what, "--help")
    check(done.returncode == 0 and f"Usage: veronnx verify {what}" in done.stdout and option in done.stdout, f"verify {what} --help")
done = veronnx("verify", "receipt", "bundle", "--help")
check(done.returncode == 0 and "BUNDLE" in done.stdout and "--policy" in done.stdout, "verify receipt BUNDLE --help")
check(all(command in veronnx("help").stdout for command in (*HELP, "version")), "help lists all commands")
equal(veronnx().returncode, 2, "no command")
equal(veronnx("version").stdout, veronnx("--version").stdout, "version")
check(veronnx("version").stdout.startswith("veronnx "), "the version")
