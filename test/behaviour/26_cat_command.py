#!/usr/bin/env python3
"""`veronnx cat`: from a store and from servers, to a file and to standard output; what is wrong goes nowhere."""
import http.server
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import threading
import time

from node import BIN, ROOT, check, equal, said, veronnx

sys.path.insert(0, str(ROOT / "test/fault"))
import dag as dags  # noqa: E402

DATA = bytes(i * 7 % 253 for i in range(1 << 20)) + b"end"
FILE = dags.Dag(DATA, version=1, chunk=1 << 16, links=3)
LAST = dags.cid_text(dags.leaf(1, b"end").cid)


class Server(http.server.ThreadingHTTPServer):
    """Files named by their CID; `lie` and `wait` are for the last leaf."""

    def __init__(self, blocks, lie=False, wait=0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.blocks, self.lie, self.wait, self.asked = {dags.cid_text(cid): block for cid, block in blocks.items()}, lie, wait, []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, cid = self.server, self.path[1:].partition("?")[0]
        server.asked.append(cid)
        block = server.blocks.get(cid)
        if cid == LAST:
            time.sleep(server.wait)
            block = b"END" if server.lie else block
        self.send_response(200 if block is not None else 404)
        self.send_header("Content-Length", str(len(block or b"")))
        self.end_headers()
        self.wfile.write(block or b"")

    def log_message(self, *_):
        pass


def cat(*words):
    return subprocess.run([BIN / "veronnx", "cat", *map(str, words)], capture_output=True)


def fails(done, codes, what):
    """Whatever came out is the beginning of the file."""
    equal((done.returncode, done.stderr.count(b"\n")), (1, 1), f"{what}: {done.stderr}")
    check(done.stderr.decode().split(": ")[1] in codes.split("|"), f"{what}: {done.stderr}")
    check(DATA.startswith(done.stdout) and len(done.stdout) < len(DATA), f"{what}: what came out")


with tempfile.TemporaryDirectory() as folder:
    where = pathlib.Path(folder)
    store, car, out = ["--store", where / "store"], where / "file.car", where / "out"
    car.write_bytes(FILE.car())
    equal(veronnx("import", car, *store).returncode, 0, "import")

    # from the store and from an archive
    for words in ([FILE.text, *store], ["--cid", FILE.text, *store], ["--car", car, "--cid", FILE.text], ["--car", car, FILE.text]):
        done = cat(*words)
        equal((done.returncode, done.stdout == DATA, done.stderr), (0, True, b""), f"{words}")
        equal(cat(*words, "-o", out).stdout, b"", "standard output with -o")
        equal(out.read_bytes(), DATA, f"{words} -o")
        out.unlink()
    empty = dags.Dag(b"")
    (where / "empty.car").write_bytes(empty.car())
    equal(veronnx("import", where / "empty.car", *store).returncode, 0, "import of an empty file")
    equal((cat(empty.text, *store).returncode, cat(empty.text, *store).stdout), (0, b""), "an empty file")
    os.environ["XDG_DATA_HOME"] = folder
    (where / "veronnx").mkdir()
    (where / "veronnx/store").symlink_to(where / "store")
    equal(cat(FILE.text).stdout, DATA, "the store where it usually is")
    os.environ["XDG_DATA_HOME"] = str(where / "nothing")

    # what is not there, and what is damaged: the file is not touched
    out.write_text("mine")
    victim = next(p for p in (where / "store").rglob("*") if p.is_file() and p.read_bytes() == b"end")
    for content, what in ((b"END", "a damaged block"), (None, "a missing block")):
        victim.unlink() if content is None else victim.write_bytes(content)
        fails(cat(FILE.text, *store), "MODEL_INCOMPLETE", what)
        fails(cat(FILE.text, *store, "-o", out), "MODEL_INCOMPLETE", what)
        equal((out.read_text(), [p.name for p in where.glob("out*")]), ("mine", ["out"]), "what was there, and nothing else")
    fails(cat(dags.Dag(b"unknown").text, *store), "MODEL_NOT_FOUND", "an unknown CID")

    # a server has what the store has not, and one that lies is found out
    honest = Server(FILE.blocks)
    equal(cat(FILE.text, *store, "--files", honest.url).stdout, DATA, "store and server")
    equal(honest.asked, [LAST], "what the server was asked for")
    os.environ["XDG_DATA_HOME"] = folder  # a URL and the usual store: the fetcher, which wants folders first, did not start
    for words in (["--files", honest.url], ["--files", honest.url, *store]):
        equal(cat(FILE.text, *words).stdout, DATA, f"{words}: the store comes first, wherever it stands")
    equal(honest.asked, [LAST] * 3, "what the server was asked for")
    os.environ["XDG_DATA_HOME"] = str(where / "nothing")
    liar = Server(FILE.blocks, lie=True)
    equal(cat(FILE.text, "--files", liar.url, "--files", honest.url).stdout, DATA, "one that lies and one that does not")
    check(LAST in liar.asked, "the one that lies was asked")
    fails(cat(FILE.text, "--files", liar.url), "SOURCE_DEAD|MODEL_INCOMPLETE", "one that lies")
    equal(veronnx("cat", dags.Dag(b"unknown").text, "--files", honest.url).returncode, 1, "nobody has it")

    # on a terminal it tells how far it is
    slow = Server(FILE.blocks, wait=3)
    ours, theirs = pty.openpty()
    done = subprocess.run([BIN / "veronnx", "cat", FILE.text, "--files", slow.url], stdout=subprocess.PIPE, stderr=theirs)
    shown = os.read(ours, 4096).decode()
    equal((done.returncode, done.stdout), (0, DATA), "on a terminal")
    for part in ("MiB of 1 MiB", "MiB/s", "1 source"):
        check(part in shown, f"{part!r} does not stand in {shown!r}")

    # usage
    for words, part in (([], "CID"), (["Qmx"], "CID"), ([FILE.text, FILE.text], "no option"), (["--nope"], "--nope"), (["--cid"], "--cid"),
                        ([f"{FILE.text}/../x", *store], "CID"), ([FILE.text], "no source"), ([FILE.text, "--store", where / "no"], "no"),
                        ([FILE.text, "--gateway", "ftp://x"], "gateway"), ([FILE.text, "--kubo", "http://u:p@x"], "kubo"),
                        ([FILE.text, *store, "-o", where / "no/such/folder"], "--output"), ([FILE.text, *store, "-o", where], "--output"),
                        (["--car", car, FILE.text, *store], "--car"),
                        (["--car", where / "nofile", FILE.text], "--car"), (["--car", where, FILE.text], "--car"),
                        ([FILE.text, *["--files", honest.url] * 17], "16")):
        done = veronnx("cat", *words)
        equal(done.returncode, 2, f"{words}: {done.stderr}")
        said(done, part)
    done = veronnx("cat", "--help")
    equal((done.returncode, done.stderr), (0, ""), "help")
    check("Exit status:" in done.stdout, f"help: {done.stdout}")
