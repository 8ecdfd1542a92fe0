#!/usr/bin/env python3
"""`veronnx add` names files as `ipfs add` does.

For many sizes from 0 to 80 MiB, the boundaries of chunk and fan-out among them, the CID that `veronnx add` prints is
compared with that of Debian's ipfs_cid (CIDv0) and with that of test/fault/dag.py (CIDv0 and CIDv1), which shares
nothing with the code under test; and the blocks that it stored are put together again.
Usage: cid_oracle.py [--count N] [--seed N]
Environment: VERONNX_BIN, the folder of the executables (default: build/bin). Exit status 77: ipfs_cid is not installed.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fault"))
from dag import CHUNK, LINKS, build, cid_parse, cid_text, node  # noqa: E402

MAX = 80 * 1024 * 1024


def sizes(count, rng):
    edges = [0, 1, 12, 100]
    for chunks in (1, 2, LINKS - 1, LINKS, LINKS + 1, 2 * LINKS - 36):
        edges += [chunks * CHUNK + d for d in (-1, 0, 1)]
    edges = [n for n in edges if n <= MAX] + [MAX]
    spread = [int(MAX ** rng.random()) if i % 2 else rng.randint(0, MAX) for i in range(max(0, count - len(edges)))]
    return edges + spread


def oracle(path):
    out = subprocess.run(["ipfs_cid", path], check=True, capture_output=True, text=True).stdout
    return json.loads(out[out.index("{"):])["CIDv0"]


def add(veronnx, store, version, path):
    command = [veronnx, "add", "--store", store, "--cid-version", str(version), path]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def stored(store, cid):
    """The file again, from the stored blocks alone."""
    digest = (cid[-32:]).hex()
    with open(os.path.join(store, digest[:2], digest), "rb") as f:
        block = f.read()
    if hashlib.sha256(block).hexdigest() != digest:
        raise ValueError("a stored block does not match its name")
    if len(cid) == 36 and cid[1] == 0x55:
        return block
    links, data = node(block)
    return b"".join(stored(store, c) for c in links) if links else data


def check(veronnx, folder, size, rng):
    path, store = os.path.join(folder, "file"), os.path.join(folder, "store")
    data = rng.randbytes(size)
    with open(path, "wb") as f:
        f.write(data)
    shutil.rmtree(store, ignore_errors=True)
    for version in (0, 1):
        expected = {cid_text(build(version, data))} | ({oracle(path)} if version == 0 else set())
        line = add(veronnx, store, version, path)
        cid = line.split(" ")[0]
        if expected != {cid} or line != f"{cid} {size} {path}\n":
            sys.exit(f"size {size}, version {version}: expected {expected}, printed {line!r}")
        if stored(store, cid_parse(cid)) != data:
            sys.exit(f"size {size}, version {version}: the stored blocks give other bytes")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    if shutil.which("ipfs_cid") is None:
        print("skipped: ipfs_cid (package ipfs-cid) is not installed")
        sys.exit(77)
    veronnx = os.path.join(os.environ.get("VERONNX_BIN", "build/bin"), "veronnx")
    rng = random.Random(options.seed)
    todo = sizes(options.count, rng)
    with tempfile.TemporaryDirectory() as folder:
        for size in todo:
            check(veronnx, folder, size, rng)
    print(f"{len(todo)} sizes, seed {options.seed}: every CID equal, every file whole")


if __name__ == "__main__":
    main()
