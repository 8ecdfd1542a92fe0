#!/usr/bin/env python3
"""`veronnx add` names files as a real Kubo does: `ipfs add` and `ipfs add --cid-version=1` of 50 files.

Their sizes are the borders of chunks and of levels, one byte less, one more, and others between.
Usage: kubo_cids.py [--seed N]. Environment: VERONNX_BIN. Prints "passed: CIDs of ..." or "failed: ..." for each way;
"skipped: CIDs" where there is no Kubo."""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import kubo

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/fault"))
from dag import CHUNK, LINKS  # noqa: E402

FILES = 50
BORDERS = (CHUNK, 2 * CHUNK, (LINKS - 1) * CHUNK, LINKS * CHUNK, (LINKS + 1) * CHUNK, 2 * LINKS * CHUNK)


def sizes(rng):
    edges = [0, 1, 100] + [border + step for border in BORDERS for step in (-1, 0, 1)]
    return edges + [int((64 << 20) ** rng.random()) for _ in range(FILES - len(edges))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    ipfs = kubo.program()
    if ipfs is None:
        print("skipped: CIDs")
        return
    veronnx = pathlib.Path(os.environ.get("VERONNX_BIN", ROOT / "build/bin")) / "veronnx"
    rng = random.Random(options.seed)
    ways = {0: [], 1: ["--cid-version=1"]}
    with tempfile.TemporaryDirectory() as folder:
        where = pathlib.Path(folder)
        peer = kubo.Kubo(ipfs, where / "kubo")
        different = {0: [], 1: []}
        for size in sizes(rng):
            file = where / "file"
            file.write_bytes(rng.randbytes(size))
            for version, wrong in different.items():
                theirs = peer.run("add", "-Q", "--only-hash", *ways[version], file).strip()
                ours = subprocess.run([veronnx, "add", "--store", where / "store", "--cid-version", str(version), file],
                                      check=True, capture_output=True, text=True).stdout.split()[0]
                wrong += [f"{size} bytes: {ours}, Kubo {theirs}"] if ours != theirs else []
            subprocess.run(["rm", "-rf", where / "store"], check=True)
    for version, wrong in different.items():
        name = f"CIDs of {FILES} files as `{' '.join(['ipfs add', *ways[version]])}` (seed {options.seed})"
        print(f"failed: {name}: {wrong[0]}" if wrong else f"passed: {name}", flush=True)


if __name__ == "__main__":
    main()
