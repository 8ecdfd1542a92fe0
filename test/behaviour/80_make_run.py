#!/usr/bin/env python3
"""What `make run` prints can be pasted: the answer is the one that it names, the receipt verifies. Ctrl-C ends it with 0."""
import contextlib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile

from node import BIN, ROOT, alive, check, children, equal, run_patiently, wait_for


def shell(line):
    """As pasted."""
    return run_patiently(line, shell=True, cwd="/")


NO_IMAGE = "veronnx infer: the image was NOT compared: --pcrs names the one that is wanted\n"


def readme(folder, url):
    """README's commands that ask and verify, as if typed where this node is."""
    section = (ROOT / "README.md").read_text().split("## Run it")[1].split("## Test it")[0].replace("\\\n", "")
    lines = [line.strip() for line in section.splitlines() if line.startswith("    build/bin/veronnx ")]
    equal([line.split()[1] for line in lines], ["infer", "verify"], "README's commands")
    places = {"build/bin": str(BIN), "build/run": str(folder), "https://127.0.0.1:8000": url}
    return [re.sub("|".join(places), lambda m: shlex.quote(places[m[0]]), line) for line in lines]


def make_run(folder, log):
    """tools/run.sh as the leader of a process group, as in a terminal."""
    environment = os.environ | {"RUN_DIR": str(folder), "LISTEN": "127.0.0.1:0", "VERONNX_BIN": str(BIN)}
    return subprocess.Popen(["sh", ROOT / "tools/run.sh"], stdout=log, stderr=log, env=environment, start_new_session=True)


with tempfile.TemporaryDirectory(prefix="veronnx test ") as parent, contextlib.ExitStack() as stack:
    folder, log = pathlib.Path(parent) / "run", pathlib.Path(parent) / "log"
    for name in ("the first time", "again"):  # the second time there is nothing to make
        run = make_run(folder, log.open("w"))
        stack.callback(run.kill)
        wait_for(f"{name}: the lines are printed", lambda: "Ctrl-C ends" in log.read_text() or run.poll() is not None, 30)
        text = log.read_text().replace("\\\n", "")
        lines = [line.strip() for line in text.splitlines() if line.startswith("  ")]
        curl, headers, genuine, infer, bundle = (next(line for line in lines if word in line) for word in (
            "curl ", " verify receipt --headers ", " verify node ", " infer ", "double.bundle' --model "))
        answer = lines[lines.index(curl) + 1]
        done = shell(curl)
        equal(done.stdout, answer, f"{name}: the answer to the curl line ({done.stderr})")
        done = shell(headers)
        equal((done.returncode, done.stderr), (0, ""), f"{name}: {headers}")
        done = shell(infer)
        equal((done.returncode, done.stdout.splitlines()[0], done.stderr), (0, "y: [0.20000000298023224,-5.0,6.0]", NO_IMAGE), f"{name}: the infer line")
        for line in readme(folder, re.search(r"https://127\.0\.0\.1:\d+", genuine)[0]):
            done = shell(line)
            equal((done.returncode, done.stderr), (0, NO_IMAGE * (" infer " in line)), f"{name}: README's {line}")
        for line in (genuine, bundle):
            done = shell(line)
            equal((done.returncode, done.stderr, "SIMULATED" in done.stdout), (0, "", True), f"{name}: {line}")
        check("making the demonstration models" in text if name == "the first time" else "making" not in text, text)
        with open(os.devnull, "w") as null:
            other = make_run(folder, null)
            equal(other.wait(30), 2, "a second node in the same folder")
        check(shell(curl).stdout == answer, "the first one is unaffected")
        processes = [pid for child in children(run.pid) for pid in (child, *children(child))]
        os.killpg(run.pid, signal.SIGINT)
        equal(run.wait(30), 0, f"{name}: exit status after Ctrl-C")
        wait_for("all processes are gone", lambda: not any(map(alive, processes)))
        equal([p.name for p in folder.glob("ready*")], [], "ready files")
