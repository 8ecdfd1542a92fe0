#!/usr/bin/env python3
"""assemble.py ROOT NODE KIND OUT: the root file system OUT of the image KIND, as image/files.table says, from the build root
ROOT and the node's build folder NODE (inside ROOT). Refuses a file that its package does not have, a library that nothing
needs, one that is needed and not there, and a simulator in a release."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# In the simulator and in nothing else: the name of the file with its root's key.
OF_THE_SIMULATOR = b"sim-root.key"


def table(path):
    lines = (line.split("#")[0].split(None, 3) for line in path.read_text().splitlines())
    return [line for line in lines if line]


def is_elf(path):
    return path.open("rb").read(4) == b"\x7fELF"


def needed(path):
    """The libraries (and the interpreter) that an executable or library names."""
    dump = subprocess.run(["readelf", "-Wdl", path], capture_output=True, text=True, check=True).stdout
    return {line.rstrip("]").split("[")[1].split("/")[-1] for line in dump.splitlines() if "(NEEDED)" in line} | {
        line.rstrip("]").split("/")[-1] for line in dump.splitlines() if "program interpreter" in line}


def source(root, node, origin, file):
    """The file to take, without links; one of a package must be listed in it."""
    path = ((node if origin == "node" else root) / file).resolve(strict=True)
    if origin != "node" and not file.startswith("build/"):
        listed = (root / "inputs" / origin).read_text().split("\n")
        if "./" + str(path.relative_to(root)) not in listed:
            sys.exit(f"assemble: {file} is not of {origin}")
    return path


def place(path, to, strip):
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to)
        return
    shutil.copyfile(path, to)
    os.chmod(to, 0o755 if is_elf(to) and (to.parent.name == "bin" or to.name.startswith("ld-")) else 0o644)
    if strip:
        subprocess.run(["strip", "--strip-all", to], check=True)


def check(out, kind):
    files = [path for path in out.rglob("*") if path.is_file()]
    elves = [path for path in files if is_elf(path)]
    names = {path.name for path in elves}
    wanted = set().union(*(needed(path) for path in elves))
    bad = [f"{name} is needed and not there" for name in sorted(wanted - names)]
    # ONNX Runtime is loaded by name at run time.
    bad += [f"nothing needs {name}" for name in sorted(names - wanted) if ".so" in name and "onnxruntime" not in name]
    simulators = [path.name for path in elves if OF_THE_SIMULATOR in path.read_bytes()]
    if (simulators != []) != (kind != "release"):
        bad += [f"files with the simulator in them: {simulators}"]
    if bad:
        sys.exit("".join(f"assemble: {kind}: {line}\n" for line in bad))


def main(root, node, kind, out):
    root, node, out = Path(root), Path(node), Path(out)
    shutil.rmtree(out, ignore_errors=True)
    for images, to, origin, file in table(HERE / "files.table"):
        if images == "all" or kind in images.split(","):
            place(source(root, node, origin, file), out / to, origin == "node")
    (out / "image").write_text(kind + "\n")
    check(out, kind)


main(*sys.argv[1:])
