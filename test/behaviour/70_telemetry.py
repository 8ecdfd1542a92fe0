#!/usr/bin/env python3
"""ONNX Runtime opens no file and sends no packet for its own purposes.

Three programs under strace, each with folders of its own and none of the variables by which the library takes itself for a test:
ort_alone as it comes, which must be seen to write files and ask for sockets (they are refused, so nothing leaves); ort_alone with
ORT_DISABLE_TELEMETRY=1; and a node, whose infer process answers all the while. Needs VERONNX_ORT_ALONE."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from node import BIN, DOUBLE, Node, check, equal, wait_for

AT_LEAST = 10  # seconds; the library asks for its first socket after nine
NETWORK = "socket,connect,bind,sendto,sendmmsg"
STRACE = ["strace", "-f", "-qq", "-e", "signal=none", "-e", f"trace=%file,{NETWORK},clone,clone3"]
CALL = re.compile(r"^(\d+) +(<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$", re.MULTILINE)
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
IDENTITY = re.compile(r'"/etc/(machine-id|os-release)"')
MAKING = {"creat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink",
          "unlinkat", "mknod", "mknodat", "truncate", "chmod", "fchmodat"}


def is_file(name, arguments):
    """A call that makes or changes a file, or asks what machine this is. /dev/null, to which the jail leads descriptors 0 to 2, is none."""
    writes = name in ("open", "openat") and WRITING.search(arguments) and '"/dev/null"' not in arguments
    return name in MAKING or writes or IDENTITY.search(arguments)


def look(trace, program=None):
    """The calls of a trace that make files, those that use the network, and how many others there were; of all processes, or of
    those that run `program`, with their threads."""
    pids, files, network, others = set(), [], [], 0
    for pid, resumed, name, rest in CALL.findall(trace.read_text(errors="replace") if trace.exists() else ""):
        if name == "execve" and program is not None and not resumed:
            (pids.add if f'/{program}"' in rest else pids.discard)(pid)
        if program is not None and pid not in pids:
            continue
        child = re.search(r"= (\d+)$", rest) if name in ("clone", "clone3") else None
        if child:
            pids.add(child.group(1))
        if name in NETWORK.split(","):
            network.append(f"{name}({rest}")
        elif is_file(name, rest):
            files.append(f"{name}({rest}")
        else:
            others += 1
    return files, network, others


def home(where):
    """A folder of its own for everything that a library might think of."""
    folders = {name: where / name.lower() for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    return {"PATH": os.environ["PATH"]} | {name: str(folder) for name, folder in folders.items()}


def contents(environment):
    return sorted(str(p) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME") for p in pathlib.Path(environment[name]).rglob("*"))


@contextlib.contextmanager
def alone(where, model, **more):
    """ort_alone under strace; yields its environment and its trace."""
    environment = home(where) | {"ASAN_OPTIONS": "detect_leaks=0"} | more  # leaks cannot be looked for under strace
    trace = where / "trace"
    command = [*STRACE, "-e", "inject=socket:error=EACCES", "-o", trace, os.environ["VERONNX_ORT_ALONE"],
               BIN / "lib/libonnxruntime.so.1", model]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        equal(process.stdout.readline(), "loaded\n", "ort_alone")
        yield environment, trace
        process.stdin.close()
        equal(process.wait(30), 0, "exit status of ort_alone")


if shutil.which("strace") is None or subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode != 0:
    print("skipped: strace is not installed, or may not trace here")
    sys.exit(77)

with contextlib.ExitStack() as stack:
    root = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veronnx-test-")))
    environment, trace = home(root / "node"), root / "node/trace"
    node = stack.enter_context(Node(wrap=[*STRACE, "-D", "-o", trace], environment=environment))
    connection = node.connect()
    equal(node.infer("double", connection=connection)[2].get("output"), DOUBLE, "the node answers")
    begun = time.monotonic()
    model = node.dir / "models/double.onnx"
    loud = stack.enter_context(alone(root / "loud", model))
    silent = stack.enter_context(alone(root / "silent", model, ORT_DISABLE_TELEMETRY="1"))

    def seen():
        equal(node.infer("double", connection=connection)[0], 200, "the node answers meanwhile")
        time.sleep(0.2)
        files, network, _ = look(loud[1])
        return files and network and contents(loud[0]) and time.monotonic() - begun > AT_LEAST
    wait_for("ort_alone as it comes writes files and asks for sockets: else this test sees nothing", seen, 60)

    files, network, others = look(silent[1])
    check(others > 50, f"ort_alone was watched: {others} calls")
    equal((files, network, contents(silent[0])), ([], [], []), "what ort_alone did with ORT_DISABLE_TELEMETRY=1")
    files, network, others = look(trace, "veronnx-infer")
    check(others > 50, f"veronnx-infer was watched: {others} calls")
    equal((files, network, contents(environment)), ([], [], []), "what veronnx-infer did")
    print(f"{time.monotonic() - begun:.0f} s: {others} calls of veronnx-infer, none of them makes a file or uses the network")
