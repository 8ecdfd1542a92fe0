#!/usr/bin/env python3
"""`veronnx add` names files as `ipfs add` does.

For many sizes from 0 to 80 MiB, the boundaries of chunk and fan-out among them, the CID that `veronnx add` prints is
compared with that of Debian's ipfs_cid (CIDv0) and with that of the builder below (CIDv0 and CIDv1), which shares
nothing with the code under test; and the blocks that it stored are put together again.
Usage: cid_oracle.py [--count N] [--seed N]
Environment: VERONNX_BIN, the folder of the executables (default: build/bin). Exit status 77: ipfs_cid is not installed.
"""
import argparse
import base64
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

CHUNK = 256 * 1024
LINKS = 174
MAX = 80 * 1024 * 1024


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(tag, data):
    return bytes([tag]) + varint(len(data)) + data


def base58(data):
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    n, text = int.from_bytes(data, "big"), ""
    while n:
        n, digit = divmod(n, 58)
        text = digits[digit] + text
    return text


def cid_bytes(version, codec, block):
    multihash = b"\x12\x20" + hashlib.sha256(block).digest()
    return multihash if version == 0 else bytes([1, codec]) + multihash


def cid_text(cid):
    return base58(cid) if len(cid) == 34 else "b" + base64.b32encode(cid).decode().lower().rstrip("=")


class Subtree:
    def __init__(self, version, codec, block, size, below=0):
        self.cid, self.size, self.total = cid_bytes(version, codec, block), size, len(block) + below


def leaf(version, data):
    if version == 1:
        return Subtree(1, 0x55, data, len(data))
    message = b"\x08\x02" + (field(0x12, data) if data else b"") + b"\x18" + varint(len(data))
    return Subtree(0, 0x70, field(0x0A, message), len(data))


def parent(version, children):
    links = b"".join(
        field(0x12, field(0x0A, c.cid) + b"\x12\x00" + b"\x18" + varint(c.total)) for c in children)
    size = sum(c.size for c in children)
    message = b"\x08\x02\x18" + varint(size) + b"".join(b"\x20" + varint(c.size) for c in children)
    return Subtree(version, 0x70, links + field(0x0A, message), size, sum(c.total for c in children))


def build(version, data):
    level = [leaf(version, data[i:i + CHUNK]) for i in range(0, len(data), CHUNK)] or [leaf(version, b"")]
    while len(level) > 1:
        level = [parent(version, level[i:i + LINKS]) for i in range(0, len(level), LINKS)]
    return cid_text(level[0].cid)


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


def fields(data):
    at = 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return n

    while at < len(data):
        tag = number()
        value = number()
        if tag & 7 == 2:
            at += value
            value = data[at - value:at]
        yield tag, value


def node(block):
    links, content = [], b""
    for tag, value in fields(block):
        if tag == 0x12:
            links.append(dict(fields(value))[0x0A])
        else:
            content = dict(fields(value)).get(0x12, b"")
    return links, content


def decode(text):
    if text.startswith("Qm"):
        n = 0
        for c in text:
            n = n * 58 + "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(c)
        return n.to_bytes(34, "big")
    body = text[1:].upper()
    return base64.b32decode(body + "=" * (-len(body) % 8))


def check(veronnx, folder, size, rng):
    path, store = os.path.join(folder, "file"), os.path.join(folder, "store")
    data = rng.randbytes(size)
    with open(path, "wb") as f:
        f.write(data)
    shutil.rmtree(store, ignore_errors=True)
    for version in (0, 1):
        expected = {build(version, data)} | ({oracle(path)} if version == 0 else set())
        line = add(veronnx, store, version, path)
        cid = line.split(" ")[0]
        if expected != {cid} or line != f"{cid} {size} {path}\n":
            sys.exit(f"size {size}, version {version}: expected {expected}, printed {line!r}")
        if stored(store, decode(cid)) != data:
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
