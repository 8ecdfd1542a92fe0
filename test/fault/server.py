#!/usr/bin/env python3
"""A source of blocks that lies, stalls, cuts and floods: a trustless gateway, Kubo's RPC and a folder of blocks in one.

    with Server({"cut": 40}, dag.blocks) as source: ... source.url ...

answers `/ipfs/CID?format=raw|car`, `POST /api/v0/block/get?arg=`, `POST /api/v0/dag/export?arg=` and `/CID` as an honest
source does, until the fault begins: with the n-th answer that it fits, n and every place where something is cut being drawn
from the seed. The faults are rows of faults.py.
Usage: server.py --fault NAME [--seed N] [--port N] FILE   serves FILE as `ipfs add --cid-version=1` cuts it; prints URL, CID"""
import argparse
import collections
import contextlib
import random
import re
import socket
import struct
import threading
import urllib.parse

import dag as dags
import faults

RAW, CAR, ANY = "application/vnd.ipld.raw", "application/vnd.ipld.car; version=1; order=dfs; dups=n", "application/octet-stream"
HEAD_MAX = 64 * 1024
PROBE = bytes([1, 0x55, 0, 0])  # bafkqaaa, the empty identity CID


class Gone(Exception):
    """This connection has ended."""


class Request:
    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, target, self.version = lines[0].split(" ")
        self.headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if line)}
        path, _, query = target.partition("?")
        self.path, self.query = urllib.parse.unquote(path), dict(urllib.parse.parse_qsl(query))
        self.rpc = self.path.startswith("/api/v0/")
        self.strays = not (self.rpc or re.fullmatch("/(ipfs/)?[A-Za-z0-9]+", self.path))
        self.kind = self.wanted()
        self.cid = self.wanted_cid()

    def wanted(self):
        """Is it a block or a CAR that is asked for?"""
        if self.rpc:
            return {"/api/v0/block/get": "raw", "/api/v0/dag/export": "car"}.get(self.path)
        accept = self.headers.get("accept", "")
        return self.query.get("format") or ("car" if "vnd.ipld.car" in accept and "vnd.ipld.raw" not in accept else "raw")

    def wanted_cid(self):
        text = self.query.get("arg", "") if self.rpc else self.path.rpartition("/")[2]
        with contextlib.suppress(ValueError):
            return dags.cid_parse(text)
        return None


class Link:
    """A connection, as a fault works with it."""

    def __init__(self, server, connection, rng):
        self.server, self.connection, self.rng = server, connection, rng

    def send(self, data):
        try:
            self.connection.sendall(data)
        except OSError as e:
            raise Gone from e

    def close(self):
        raise Gone

    def reset(self):
        """RST instead of FIN; what the peer has not read yet may be lost."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def hang(self, read=True):
        """Says nothing more until the peer gives up."""
        self.connection.settimeout(0.05)
        while not self.server.stopping.is_set():
            try:
                if not self.connection.recv(4096, 0 if read else socket.MSG_PEEK):
                    raise Gone
                self.pause(0 if read else 0.05)
            except TimeoutError:
                pass
            except OSError as e:
                raise Gone from e
        raise Gone

    def pause(self, seconds):
        if self.server.stopping.wait(seconds):
            raise Gone


class Call(Link):
    """One request for a block that is there, and its answer."""

    def __init__(self, server, connection, rng, request):
        super().__init__(server, connection, rng)
        self.request, self.kind, self.cid, self.blocks = request, request.kind, request.cid, server.blocks
        self.type = {"raw": RAW, "car": CAR}[self.kind] if not self.plain else ANY
        self.body = self.blocks[self.cid] if self.kind == "raw" else self.car(dags.walk(self.cid, self.blocks))

    @property
    def plain(self):
        """Nothing in the request says "IPFS": a web server with a folder of blocks."""
        return not self.request.rpc and not self.request.path.startswith("/ipfs/")

    def car(self, cids):
        return dags.car_header(self.cid) + b"".join(dags.section(cid, self.blocks[cid]) for cid in cids)

    def cut(self, data):
        """A place inside the bytes, neither before the first nor behind the last; 0 when there is none."""
        return self.rng.randrange(1, len(data)) if len(data) > 1 else 0

    def other(self):
        """Another block of the same file, or of none."""
        others = [cid for cid in self.blocks if cid != self.cid]
        return self.blocks[self.rng.choice(others)] if others else b"another block"

    # ── the answer ──

    def head(self, status="200 OK", length=None, version="HTTP/1.1", **fields):
        named = {"Content-Type": self.type, "Content-Length": length} | {k.replace("_", "-"): v for k, v in fields.items()}
        lines = [f"{version} {status}"] + [f"{name}: {value}" for name, value in named.items() if value is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def whole(self, body=None, **options):
        """Head and body as an honest server would frame them."""
        body = self.body if body is None else body
        if self.kind == "car" and not options:
            return self.head(Transfer_Encoding="chunked") + self.chunks(body) + b"0\r\n\r\n"
        return self.head(length=len(body), **options) + body

    def chunks(self, body, size=64 * 1024):
        parts = (body[i:i + size] for i in range(0, len(body), size))
        return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)

    def honest(self):
        self.send(self.whole())

    def refuse(self, status, **fields):
        self.type = "text/plain"
        text = f"{status}\n".encode()
        self.send(self.head(status, len(text), **fields) + text)


class Server:
    """Serves `blocks`; `fault` is a name of faults.FAULTS, or None for an honest source.

    `asked` counts the requests of each (CID, kind), `sent` the honest answers, `hits` those with the fault, `car_hits` the CARs
    among them, `strayed` requests for what no honest answer has named."""

    def __init__(self, blocks, fault=None, seed=0, port=0, begin=None, offers=("raw", "car")):
        """`begin`: how many answers that the fault fits are honest ones, drawn when not given; `offers`: what it answers."""
        self.blocks, self.row, self.seed, self.offers = blocks, faults.FAULTS[fault] if fault else None, seed, offers
        self.begin = random.Random(f"{seed} begin").randrange(min(len(blocks), 8)) if begin is None else begin
        self.asked, self.calls, self.fitting, self.sent, self.hits, self.strayed = collections.Counter(), 0, 0, 0, 0, 0
        self.car_hits = 0
        self.lock, self.stopping, self.connections, self.threads = threading.Lock(), threading.Event(), set(), []
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
            with self.lock:
                self.connections.add(connection)
                self.threads = [t for t in self.threads if t.is_alive()] + [thread]
                thread.start()

    def serve(self, connection):
        try:
            if self.row and self.row.greets:
                self.greet(connection)
            pending = b""
            while True:
                head, pending = self.read_head(connection, pending)
                request = Request(head)
                self.answer(connection, request)
                if request.headers.get("connection", "").lower() == "close":
                    return
        except Gone:
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
                connection.close()

    def read_head(self, connection, data):
        while b"\r\n\r\n" not in data:
            try:
                more = connection.recv(65536)
            except OSError as e:
                raise Gone from e
            if not more or len(data) > HEAD_MAX:
                raise Gone
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def greet(self, connection):
        """The fault needs no request."""
        with self.lock:
            self.hits += 1
            rng = random.Random(f"{self.seed} {self.hits}")
        self.row.run(Link(self, connection, rng))
        raise Gone

    def answer(self, connection, request):
        with self.lock:
            faulty = self.count(request)
            rng = random.Random(f"{self.seed} {self.calls}")
        if request.cid not in self.blocks or request.kind not in self.offers or request.strays:
            return self.answer_other(Link(self, connection, rng), request)
        call = Call(self, connection, rng, request)
        if request.method == "HEAD":
            return call.send(call.head(length=len(call.body)))
        return self.row.run(call) if faulty else call.honest()

    def count(self, request):
        """Does the fault come now?"""
        self.calls += 1
        self.strayed += request.strays
        if request.cid not in self.blocks or request.kind not in self.offers:
            return False
        fits = self.row is not None and request.kind in self.row.kinds
        faulty = fits and self.fitting >= self.begin
        self.asked[request.cid, request.kind] += 1
        self.fitting += fits
        self.hits += faulty
        self.car_hits += faulty and request.kind == "car"
        self.sent += not faulty
        return faulty

    def answer_other(self, link, request):
        """What is not there, and the question whether this is a gateway at all."""
        status, kind = ("200 OK", RAW) if request.cid == PROBE else ("404 Not Found", "text/plain")
        status = "406 Not Acceptable" if request.cid in self.blocks and request.kind not in self.offers else status
        link.send(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: 0\r\n\r\n".encode())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", choices=[*faults.FAULTS, "none"], default="none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("file")
    options = parser.parse_args()
    with open(options.file, "rb") as file:
        dag = dags.Dag(file.read())
    with Server(dag.blocks, None if options.fault == "none" else options.fault, options.seed, options.port) as server:
        print(server.url, dag.text, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
