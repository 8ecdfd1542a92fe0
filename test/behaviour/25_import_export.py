#!/usr/bin/env python3
"""`veronnx import` and `veronnx export`: archives go through the store unchanged, nothing that is wrong gets in or out."""
import pathlib
import subprocess
import sys
import tempfile

from node import BIN, ROOT, check, equal, said, veronnx

sys.path.insert(0, str(ROOT / "test/fault"))
import dag as dags  # noqa: E402

DATA = bytes(i * i % 251 for i in range(1 << 20)) * 2 + b"end"
FILE = dags.Dag(DATA, version=0, chunk=1 << 16, links=3)
SMALL = dags.Dag(b"small", version=1)


def directory(entries):
    """A block of UnixFS: names and what they name."""
    links = b"".join(dags.field(0x12, dags.field(0x0A, cid) + dags.field(0x12, name.encode()) + b"\x18\x00") for name, cid in entries)
    block = links + dags.field(0x0A, b"\x08\x01")
    return dags.cid_bytes(1, dags.DAG_PB, block), block


with tempfile.TemporaryDirectory() as folder:
    where = pathlib.Path(folder)
    store, car, out = ["--store", where / "store"], where / "file.car", where / "out.car"

    # there and back
    car.write_bytes(FILE.car())
    size = sum(map(len, FILE.blocks.values()))
    done = veronnx("import", car, *store)
    equal((done.returncode, done.stdout, done.stderr), (0, f"root {FILE.text}\nblocks {len(FILE.blocks)} bytes {size}\n", ""), "import")
    done = veronnx("export", FILE.text, "-o", out, *store)
    equal((done.returncode, done.stdout, done.stderr), (0, f"blocks {len(FILE.blocks)} bytes {size}\n", ""), "export")
    equal(out.read_bytes(), FILE.car(), "the archive: depth first, each block once")
    piped = subprocess.run([BIN / "veronnx", "import", "-", "--store", where / "piped"], input=FILE.car(), capture_output=True)
    equal(piped.returncode, 0, "standard input")
    equal(sorted(p.name for p in (where / "piped").rglob("*")), sorted(p.name for p in (where / "store").rglob("*")), "the same blocks")

    # a directory: all that is in it, what stands there twice once
    inner, inner_block = directory([("small", SMALL.root)])
    top, top_block = directory([("a", SMALL.root), ("dir", inner), ("file", FILE.root)])
    dag = [(top, top_block), (SMALL.root, b"small"), (inner, inner_block)]
    dag += [(cid, FILE.blocks[cid]) for cid in dags.walk(FILE.root, FILE.blocks)]
    archive = dags.car_header(top) + b"".join(dags.section(cid, block) for cid, block in dag)
    car.write_bytes(archive)
    equal(veronnx("import", car, *store).returncode, 0, "import of a directory")
    equal(veronnx("export", dags.cid_text(top), "-o", out, *store).returncode, 0, "export of a directory")
    equal(out.read_bytes(), archive, "the archive of the directory")

    # what was before the fault is kept, the rest is not
    cids = list(FILE.blocks)
    for name, bad, code in (("wrong", dags.section(cids[1], b"wrong"), "BLOCK_MISMATCH"),
                            ("cut", dags.section(cids[1], FILE.blocks[cids[1]])[:-1], "CAR_TRUNCATED"),
                            ("identity", dags.section(b"\x01\x55\x00\x01x", b""), "CID_IDENTITY"), ("empty", b"\x00", "CAR_MALFORMED"),
                            ("sha512", dags.section(b"\x01\x55\x13\x40" + bytes(64), b"x"), "CID_UNSUPPORTED")):
        car.write_bytes(dags.car_header(FILE.root) + dags.section(SMALL.root, b"small") + bad)
        done = veronnx("import", car, "--store", where / name)
        equal((done.returncode, done.stdout), (1, f"root {FILE.text}\nblocks 1 bytes 5\n"), f"{name}: one block is in the store")
        check(done.stderr.startswith(f"veronnx import: {code}"), f"{name}: {done.stderr}")
        equal(len([p for p in (where / name).rglob("*") if p.is_file()]), 1, f"{name}: files in the store")
    done = veronnx("import", where / "nofile", *store)
    equal(done.returncode, 1, "no such archive")
    said(done, "nofile")

    # nothing wrong gets out, and what was there stays
    out.write_text("mine")
    victim = [p for p in (where / "store").rglob("*") if p.is_file() and p.stat().st_size > 60000][0]
    good = victim.read_bytes()
    victim.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    done = veronnx("export", FILE.text, "-o", out, *store)
    equal(done.returncode, 1, "a damaged block")
    said(done, "BLOCK_MISMATCH", "block ")
    victim.unlink()
    done = veronnx("export", FILE.text, "-o", out, *store)
    equal(done.returncode, 1, "a missing block")
    said(done, "MODEL_INCOMPLETE", "block ")
    done = veronnx("export", dags.Dag(b"unknown").text, "-o", out, *store)
    equal(done.returncode, 1, "an unknown CID")
    said(done, "MODEL_NOT_FOUND")
    equal((out.read_text(), sorted(p.name for p in where.glob("out*"))), ("mine", ["out.car"]), "what was there, and nothing else")

    # usage
    for words, part in ((["import"], "FILE"), (["import", car, car], "no option"), (["import", "--nope"], "--nope"),
                        (["export", "-o", out], "CID"), (["export", "Qmx", "-o", out], "CID"), (["export", FILE.text], "-o"),
                        (["export", FILE.text, "-o"], "-o"),
                        (["export", FILE.text, "-o", where / "no/such/folder"] + store, "--output")):
        done = veronnx(*words)
        equal(done.returncode, 2, f"{words}: {done.stderr}")
        said(done, part)
    for command in ("import", "export"):
        done = veronnx(command, "--help")
        equal((done.returncode, done.stderr), (0, ""), f"help of {command}")
        check("Exit status:" in done.stdout, f"help of {command}: {done.stdout}")
