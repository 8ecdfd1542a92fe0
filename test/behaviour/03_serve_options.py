#!/usr/bin/env python3
"""Wrong options, files and folders of `veronnx serve`: exit status 2 and one line that says what and where."""
import os
import pathlib
import subprocess
import tempfile

from node import Node, check, equal, said, veronnx

FILES = {  # the line of the message, then its words
    "[node]\nlisten = 127.0.0.1:0\nlissten = 5\n": ("3", "no such key"),
    "[node]\nbody-max = lots\n": ("2", "body-max", "size"), "[node]\nbody-max = 1\n": ("2", "body-max", "from 1024"),
    "[node]\n# fine\n\nidle-time = 5\n": ("4", "idle-time", "time"), "[node]\nthreads = -1\n": ("2", "threads"),
    "[nodes]\n": ("1", "[node]"), "[node\n": ("1", "[node]"), "threads = 1\n": ("1", "section"), "[node]\nthreads 1\n": ("2", "key = value"),
    "[policy]\nthreads = 1\n": ("2", "threads", "[node]"), "[node]\nthreads = 1\nthreads = 1\n": ("3", "threads", "twice"),
    "[policy]\nalias = x\n": ("2", "alias"), "[policy]\nallow = x\n": ("2", "allow"), "[node]\n\0threads = 1\n": ("2", "no such key"),
    "[policy]\nisolation = none\n": ("2", "isolation", "shared"), "[node]\nlisten = somewhere\n": ("2", "listen", "HOST:PORT"),
}
OPTIONS = [
    (["--body-max", "lots"], "--body-max"), (["--body-max", "3G"], "--body-max", "2147483647"), (["--threads", "0"], "--threads", "1 to 64"),
    (["--listen", "nowhere"], "--listen", "HOST:PORT"), (["--listen", "127.0.0.1:99999"], "--listen"), (["--alias", "x"], "--alias"),
    (["--alias", "Qm 5"], "--alias"), (["--models", "list"], "allow"), (["--models", "some"], "--models", "any|list"), (["--simulate=maybe"], "--simulate"),
    (["--threads", "1", "--threads", "2"], "--threads", "twice"), (["--ready-file", "a\nb"], "--ready-file"), (["--config", "/nope"], "--config", "/nope"),
    (["--config", "/"], "--config", "directory"), (["--nope=\x1b[31m"], "argument"),
    (["--listen", "198.51.100.1:8000"], "198.51.100.1:8000"),  # a documentation address: not of this machine
]

with tempfile.TemporaryDirectory() as folder:
    where = pathlib.Path(folder)

    def refused(*arguments, words, environment=None):
        options = [*arguments]
        for option, value in (("--store", where / "store"), ("--state", where / "state"), ("--listen", "127.0.0.1:0")):
            if not any(str(a).startswith(option) for a in arguments):
                options += [option, value]
        simulate = [] if any(a.startswith("--simulate") for a in map(str, arguments)) else ["--simulate"]
        done = veronnx("serve", *simulate, *options, env=environment)
        equal(done.returncode, 2, f"exit status with {arguments}: {done.stderr}")
        said(done, *words)

    for text, (line, *words) in FILES.items():
        (where / "node.conf").write_text(text)
        refused("--config", where / "node.conf", words=[f"node.conf:{line}: ", *words])
    (where / "large.conf").write_text("#" * (16 * 1024 + 1))
    refused("--config", where / "large.conf", words=["--config", "16384", "large.conf"])
    for arguments, *words in OPTIONS:
        refused(*arguments, words=words)
    # what no verifier would take was committed; and twice as much was refused without a word
    models = [f"QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPgyV/{'a' * 230}{n:03}" for n in range(220)]
    aliases, files = [f"--alias={n:0120} {model}" for n, model in enumerate(models)], []
    for n in range(4):
        (where / f"{n}.conf").write_text("[policy]\n" + "".join(f"allow = {model}\n" for model in models[55 * n:55 * n + 55]))
        files += ["--config", where / f"{n}.conf"]
    for arguments in (aliases, files + aliases):
        refused(*arguments, words=["[policy]: larger than 65536 bytes written out"])

    (where / "file").touch()
    for option in ("--state", "--store"):
        refused(option, where / "file", words=[str(where / "file"), "Not a directory"])
        refused(option, "/proc/veronnx", words=["/proc/veronnx"])
    refused("--ready-file", where / "missing/ready.json", words=[str(where / "missing/ready.json")])
    refused("--ready-file", where, words=[str(where)])
    if os.getuid() != 0:
        (where / "locked").mkdir(mode=0o555)
        refused("--state", where / "locked", words=[str(where / "locked")])
    refused(words=["ONNX Runtime", "/nope"], environment=os.environ | {"ONNXRUNTIME_ROOT": "/nope"})
    nowhere = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    done = veronnx("serve", "--simulate", env=nowhere)
    equal(done.returncode, 2, "no HOME")
    said(done, "HOME", "--state")

    with Node(models=None) as node:
        refused("--listen", f"127.0.0.1:{node.port}", words=[f"127.0.0.1:{node.port}", "in use"])
        refused("--admin-listen", f"127.0.0.1:{node.admin_port}", words=[f"127.0.0.1:{node.admin_port}", "in use"])
        before = (node.dir / "state/cert.pem").read_text()
        refused("--state", node.dir / "state", words=["another node", str(node.dir / "state")])
        equal((node.dir / "state/cert.pem").read_text(), before, "the certificate of the node that runs")
        check(node.ready_file.exists() and (node.dir / "state/ready.json").exists(), "its ready files")
        equal(node.ask("GET", "/readyz")[0], 200, "it runs on")

    # the limit of the file, and the command line that goes before the file
    (where / "full.conf").write_text("[node]\nlisten = 127.0.0.1:1\nbody-max = 2k\n" + "#" * (16 * 1024 - 43) + "\n")
    equal((where / "full.conf").stat().st_size, 16 * 1024, "size of the file")
    with Node("--config", str(where / "full.conf"), models=None) as node:
        equal(node.ask("GET", "/readyz")[0], 200, "--listen replaced listen")
        equal(node.post(b" " * 3000)[0], 413, "body-max of the file")

    for program in ("super", "config", "keeper", "front", "infer", "fetch"):
        if program != "super":
            done = subprocess.run([veronnx_path := str(pathlib.Path(node.folder) / f"veronnx-{program}")], capture_output=True, text=True)
            equal(done.returncode, 2, veronnx_path)
            said(done, "veronnx serve")
