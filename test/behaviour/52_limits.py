#!/usr/bin/env python3
"""Bombs and half requests: bounded memory, a code or a closed connection, and nobody else notices."""
import gzip
import json
import pathlib
import socket
import ssl
import time
import zlib

from node import DOUBLE, SLOW, Node, check, equal, patiently

MIB = 1 << 20


def memory(pid):
    return int(pathlib.Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) * 1024


def open_raw(node):
    context = ssl.create_default_context(cafile=node.ready["cert"])
    return patiently(lambda: context.wrap_socket(socket.create_connection(("127.0.0.1", node.port), 30 * SLOW), server_hostname="localhost"))


def closed_within(connection, seconds):
    begun = time.monotonic()
    connection.settimeout(seconds * SLOW)
    try:
        while connection.recv(4096):
            pass
    except (ssl.SSLError, ConnectionError):
        pass
    return time.monotonic() - begun


with Node("--body-max", "8M", "--header-time", "1s", "--idle-time", "2s", "--transfer-memory", "64M") as node:
    node.infer("double")
    front = node.front()
    base = memory(front)

    def refused(body, code, what, headers=None):
        status, _, answer = node.post(body, headers)
        equal(answer["code"], code, what)
        check(400 <= status < 600, f"{what}: {status}")

    refused(gzip.compress(b" " * 200 * MIB), "BODY_TOO_LARGE", "a gzip bomb", {"Content-Encoding": "gzip"})
    refused(zlib.compress(b" " * 200 * MIB), "BODY_TOO_LARGE", "a deflate bomb", {"Content-Encoding": "deflate"})
    refused(b"\x1f\x8b nonsense", "BAD_ENCODING", "damaged gzip", {"Content-Encoding": "gzip"})
    refused(b"{}", "MEDIA_TYPE", "an unknown encoding", {"Content-Encoding": "br"})
    refused(b"[" * 8 * MIB, "JSON_TOO_DEEP", "8 MiB of nested arrays")
    keys = "{" + ",".join(f'"{i}":1' for i in range(10**6 // 2)) + "}"
    status, _, answer = node.post(keys)
    equal(status // 100, 4, f"half a million keys: {answer}")
    equal(node.post(gzip.compress(node.request("double").encode()), {"Content-Encoding": "gzip"})[2]["output"], DOUBLE, "honest gzip")
    equal(node.post(zlib.compress(node.request("double").encode()), {"Content-Encoding": "deflate"})[2]["output"], DOUBLE, "honest deflate")

    with open_raw(node) as raw:
        raw.sendall(b"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        check(raw.recv(4096).startswith(b"HTTP/1.1 413 "), "too large is said before the body")
    with open_raw(node) as raw:
        raw.sendall(b"POST /infer HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40000)
        check(raw.recv(4096).startswith(b"HTTP/1.1 431 "), "a head over its limit")
    with open_raw(node) as raw:
        raw.sendall(b"POST /infer HT")
        check(closed_within(raw, 6) < 5 * SLOW, "half a head is closed by its deadline")
    with open_raw(node) as raw:
        raw.sendall(b"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        check(closed_within(raw, 20) < 19 * SLOW, "half a body is closed by its rate")
    with open_raw(node) as raw:
        raw.sendall(b"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        check(raw.recv(4096).startswith(b"HTTP/1.1 400 "), "both framings at once")

    grown = memory(front) - base
    check(grown < 64 * MIB * SLOW, f"the front grew by {grown / MIB:.1f} MiB")
    equal(node.infer("double")[2]["output"], DOUBLE, "the node is unaffected")
