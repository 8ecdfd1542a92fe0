#!/usr/bin/env python3
"""Clients that break rules or strain them, all from one address, as behind a proxy: each meets its limit, an honest client beside them gets
every answer, the front neither dies nor grows."""
import contextlib
import json
import pathlib
import socket
import ssl
import struct
import sys
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "unit/front"))
import h2_client  # noqa: E402
from h2_client import (CANCEL, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, PING, REFUSED_STREAM, RST_STREAM, SETTINGS,  # noqa: E402
                       WINDOW_UPDATE, frame)
from measure import MIB, anonymous  # noqa: E402
from node import DOUBLE, SLOW, Node, check, equal  # noqa: E402

INTERNAL_ERROR = 2
INITIAL_WINDOW_SIZE = 4
GET, POST, HTTPS, AUTHORITY, STATUS_200 = b"\x82", b"\x83", b"\x87", b"\x01\x01x", b"\x88"  # HPACK


def context_of(protocol):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context


CONTEXTS = {protocol: context_of(protocol) for protocol in ("http/1.1", "h2")}


def open_tls(node, protocol="http/1.1"):
    for _ in range(20):  # the keeper has 100 ms for a signature
        try:
            return CONTEXTS[protocol].wrap_socket(socket.create_connection(("127.0.0.1", node.port), 20 * SLOW))
        except ssl.SSLError:
            time.sleep(0.15)
    raise AssertionError("no handshake in twenty tries")


def read_all(stream):
    data = b""
    with contextlib.suppress(OSError):
        while part := stream.recv(65536):
            data += part
    return data


def path(text):
    return b"\x04" + bytes([len(text)]) + text.encode()


class Http2(h2_client.Raw):
    """One connection of raw frames."""

    def __init__(self, node, settings=b""):
        self.socket, self.unread = open_tls(node, "h2"), b""
        self.send(h2_client.PREFACE + frame(SETTINGS, 0, 0, settings))

    def flood(self, make, count, batch=200):
        """Sends make(0), make(1), ... until the node has had enough, which it must, and ends the connection: its error code, or None."""
        for first in range(0, count, batch):
            if not self.send(b"".join(make(n) for n in range(first, min(first + batch, count)))):
                break
        self.socket.settimeout(60 * SLOW)
        return next((int.from_bytes(payload[4:8], "big") for kind, _, _, payload in self.frames() if kind == GOAWAY), None)


# ── what they do ──

def handshakes(node):
    """A new connection for everything, many at a time: each costs a signature of the keeper."""
    def many():
        for _ in range(40):
            open_tls(node).close()
    threads = [threading.Thread(target=many) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def half_handshakes(node):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    streams = [socket.create_connection(("127.0.0.1", node.port), 20 * SLOW) for _ in range(300)]
    for number, stream in enumerate(streams):
        stream.sendall(hello[:number % len(hello)])
    for stream in streams:
        equal(read_all(stream), b"", "half a greeting ends without a word, after header-time")
        stream.close()


def rapid_resets(node):
    """Inferences that are taken back as soon as they are asked for: at most 200 at once and 20 a second."""
    body = node.request("double").encode()

    def reset(n):
        stream = 2 * n + 1
        return (frame(HEADERS, END_HEADERS, stream, POST + HTTPS + path("/infer") + AUTHORITY) + frame(DATA, END_STREAM, stream, body) +
                frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big")))
    with Http2(node) as client:
        check(client.flood(reset, 5000) in (INTERNAL_ERROR, ENHANCE_YOUR_CALM, None), "that is enough")


def frame_floods(node):
    for one in (frame(SETTINGS, 0, 0), frame(PING, 0, 0, b"12345678"), frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1")):
        with Http2(node) as client:
            check(client.flood(lambda _, one=one: one, 20000) in (ENHANCE_YOUR_CALM, None), "enough")


def many_streams(node):
    """100,000 on one connection, whose bodies never come: 128 are taken. (One thread: Python's TLS reads an end where there is none while
    another thread writes.)"""
    def begin(n):
        return frame(HEADERS, END_HEADERS, 2 * n + 1, POST + HTTPS + path("/infer") + AUTHORITY)
    refused = 0
    with Http2(node) as client:
        client.socket.settimeout(60 * SLOW)
        frames = client.frames()
        for first in range(0, 100000, 2000):
            client.send(b"".join(map(begin, range(first, first + 2000))))
            while refused < first + 2000 - 128:
                kind, _, _, payload = next(frames)
                check(kind != GOAWAY, "it goes on for all of them")
                refused += kind == RST_STREAM and int.from_bytes(payload, "big") == REFUSED_STREAM
    equal(refused, 100000 - 128, "streams were refused")


def tiny_windows(node):
    """A window of one byte, opened by one byte at a time: the answer, or the end when that goes on for too long."""
    body = node.request("double").encode()
    with Http2(node, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1)) as client:
        client.send(frame(HEADERS, END_HEADERS, 1, POST + HTTPS + path("/infer") + AUTHORITY) + frame(DATA, END_STREAM, 1, body))
        got, wanted = b"", None
        for kind, flags, stream, payload in client.frames():
            if kind == DATA and stream == 1:
                check(len(payload) <= 1, "no more than the window")
                got += payload
                if flags & END_STREAM:
                    wanted = json.loads(got)["output"]
                    break
                client.send(frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"))
            if kind == GOAWAY:
                break
    equal(wanted, DOUBLE, "an answer a byte at a time")


def header_bombs(node):
    """One byte stands for four thousand, 12,000 times: each such head is refused by its size when unpacked."""
    bomb = GET + HTTPS + path("/healthz") + AUTHORITY + b"\x40\x01a\x7f\xa1\x1e" + b"v" * 4000 + b"\xbe" * 12000
    statuses = []
    with Http2(node) as client:
        for stream in range(1, 21, 2):
            client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, bomb))
        client.socket.settimeout(60 * SLOW)
        for kind, _, _, payload in client.frames():
            if kind == HEADERS:
                statuses.append(payload)
            if kind == GOAWAY or len(statuses) == 10:
                break
    check(len(statuses) == 10 and b"431" in statuses[0], f"the first of ten: {statuses}")
    check(all(status[:1] != STATUS_200 for status in statuses), f"and the others: {statuses}")


def smuggling(node):
    """A request in which two readers could see different ends, and what one of them would take for a second one: one 400, and no more."""
    head, hidden = b"POST /infer HTTP/1.1\r\nHost: x\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    for shape in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                  b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"Content-Length: 5, 5\r\n\r\nhello",
                  b"Content-Length: +5\r\n\r\nhello",
                  b"Content-Length : 5\r\n\r\nhello", b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                  b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                  b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
                  b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\n\r\n",
                  b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
                  b"X: a\r\n Content-Length: 5\r\n\r\nhello", b"X: a\nContent-Length: 5\r\n\r\nhello"):
        with open_tls(node) as stream:
            stream.sendall(head + shape + hidden)
            got = read_all(stream)
            check(got.startswith(b"HTTP/1.1 400 ") and got.count(b"HTTP/1.1 ") == 1, f"{shape}: {got[:200]}")


def half_closed(node):
    """Who closes its side has left, wherever it does; what was on its way may still come, and nothing waits for it."""
    body = node.request("double").encode()
    request = b"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for part in (0, 1, len(request) - len(body), len(request) - 1, len(request)):
        stream = open_tls(node)
        stream.sendall(request[:part])
        socket.socket.shutdown(stream, socket.SHUT_WR)  # of the connection below TLS
        begun = time.monotonic()
        got = read_all(stream)
        check(time.monotonic() - begun < SLOW, "it ends at once")
        right = part == len(request) and json.loads(got.partition(b"\r\n\r\n")[2] or b"{}").get("output") == DOUBLE
        check(right or got == b"", f"after {part} bytes: {got[:200]}")
        stream.close()


def no_readers(node):
    """Ask without end and never read: the node stops reading."""
    streams = []
    for _ in range(8):
        stream = open_tls(node)
        stream.settimeout(0.3)
        with contextlib.suppress(OSError):
            for _ in range(200):
                stream.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        streams.append(stream)
    for stream in streams:
        stream.close()


def one_address(node):
    """Behind a proxy everybody has its address: nobody is refused for it."""
    connections = [node.connect() for _ in range(150)]
    for connection in connections:
        equal(node.infer("double", connection=connection)[0], 200, "one of many from one address")
        connection.close()


ATTACKS = (handshakes, half_handshakes, rapid_resets, frame_floods, many_streams, tiny_windows, header_bombs, smuggling, half_closed,
           no_readers, one_address)


class Honest:
    """Asks all the time, over one connection; every answer is to come and to be right."""

    def __init__(self, node):
        self.node, self.stop, self.answers, self.longest = node, threading.Event(), [], 0.0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        with contextlib.closing(self.node.connect()) as connection:
            while not self.stop.wait(0.005):
                begun = time.monotonic()
                try:
                    status, _, answer = self.node.infer("double", connection=connection)
                    self.answers.append((status, answer.get("output") == DOUBLE))
                except Exception as e:  # noqa: BLE001
                    self.answers.append(repr(e))
                    return
                self.longest = max(self.longest, time.monotonic() - begun)

    def end(self):
        self.stop.set()
        self.thread.join()


with Node("--header-time", "2s", "--transfer-memory", "64M") as node:
    equal(node.infer("double")[2]["output"], DOUBLE, "an answer")
    front, honest = node.front(), Honest(node)
    before, told = anonymous(front), []
    try:
        for attack in ATTACKS:
            begun = time.monotonic()
            attack(node)
            told.append(f"{attack.__name__} {time.monotonic() - begun:.1f} s")
    finally:
        honest.end()
    equal(set(honest.answers), {(200, True)}, "beside them")
    check(honest.longest < 5 * SLOW, f"and without long waits: {honest.longest:.2f} s")
    equal(node.front(), front, "the front lives")
    grown = anonymous(front) - before
    check(grown < 48 * MIB * SLOW, f"the front grew by {grown / MIB:.1f} MiB")
    equal(node.admin("GET", "/state")[1]["restarts"], 0, "restarts")
    print(f"{', '.join(told)}; beside them {len(honest.answers)} answers, the longest took {honest.longest * 1000:.0f} ms; "
          f"the front grew by {grown / MIB:.1f} MiB")
