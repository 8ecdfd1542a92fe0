#!/usr/bin/env python3
"""A machine around the enclave that sends without end: blocks that nobody asked for, connections, noise where TLS and HTTP are spoken, and a
log that it never reads. The node refuses by name, keeps its memory, and serves."""
import os
import pathlib
import random
import socket
import struct
import time

from node import DOUBLE, SLOW, check, children, equal, program, wait_for
from parent import LOG_RECORD, POLICY, EnclaveNode, Parent, receive

MIB = 1 << 20
BLOCK = 3
CONNECTIONS = 40
noise = random.Random(66)


class Flood(Parent):
    """Says `lie` where blocks are asked for, as long as there is one."""
    lie = None

    def blocks(self, stream):
        return self.lie(stream) if self.lie else super().blocks(stream)


def frame(body):
    return struct.pack("<I", len(body)) + body


def unasked(stream):
    """Well-formed blocks, each for a CID that nobody wants."""
    receive(stream, 4)
    while True:
        block = noise.randbytes(1024)
        cid = b"\x01\x55\x12\x20" + noise.randbytes(32)
        stream.sendall(frame(struct.pack("<BIB", BLOCK, 1, len(cid)) + cid + block))


def endless(stream):
    while True:
        stream.sendall(b"\x20\0\0\0" * (1 << 16))


def drip(stream):
    """The block that is wanted, a byte at a time."""
    want = receive(stream, struct.unpack("<I", receive(stream, 4))[0])
    for byte in frame(struct.pack("<BIB", BLOCK, 1, len(want) - 2) + want[2:] + b"x" * 1000):
        stream.sendall(bytes([byte]))
        time.sleep(0.1)


def memory(pid):
    return int(pathlib.Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) * 1024


def knock(node, name, *words, wait=False):
    """Connects, says something, and goes, with or without a look at what comes back."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(20 * SLOW)
        stream.connect(str(node.parent.dir / name))
        try:
            for word in words:
                stream.sendall(word)
            return stream.recv(4096) if wait else b""
        except ConnectionError:
            return b""


def permanent(node):
    """The processes whose death ends the node, and the fronts: they must all live through this."""
    return sorted(p for p in children(node.process.pid) if program(p) != "veronnx-infer")


with Flood(f"[node]\nconnections = {CONNECTIONS}\nheader-time = 1s\nload-time = 2s\n" + POLICY) as parent, EnclaveNode(parent) as node:
    cid = node.cids["double"]
    before = permanent(node)
    used = {pid: memory(pid) for pid in before}

    # blocks
    for lie, code in ((unasked, "BLOCK_UNWANTED"), (endless, "PROTOCOL"), (drip, "MODEL_LOAD_TIMEOUT")):
        parent.lie = lie
        status, _, answer = node.infer("double")
        equal((status // 100, answer["code"]), (5, code), lie.__name__)
        node.admin("POST", "/models/unload", {"model": cid})  # forgets the failure
    parent.lie = None
    equal(node.infer("double")[2]["output"], DOUBLE, "after all these blocks")

    # noise where TLS is spoken: garbage, another protocol, half a greeting, a greeting that never ends
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for words in ((os.urandom(4096),), (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",), (b"veronnx-config-1\n",), (b"\x16\x03\x01\xff\xff" + bytes(70000),)):
        knock(node, "node", *words, wait=True)
    for _ in range(500):
        knock(node, "node", hello)
    equal(node.infer("double")[2]["output"], DOUBLE, "after 500 half greetings")

    # noise where the administration is spoken
    for words in ((os.urandom(4096),), (hello,), (b"POST /models/load HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",),
                  (b"POST /models/load HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nnot json!",), (b"GET / HTTP/1.1\r\nX: " + b"a" * 100000,)):
        answer = knock(node, "admin", *words, wait=True)
        check(answer == b"" or answer.split()[1][:1] == b"4", f"refused: {answer[:100]}")
    equal(node.admin("GET", "/models")[0], 200, "the administration is there")

    # more connections than are taken: they wait outside, the silent ones are shown the door, and who is honest gets his turn
    silent = []
    for _ in range(CONNECTIONS * 3):
        stream = socket.socket(socket.AF_UNIX)
        stream.setblocking(False)
        try:
            stream.connect(str(parent.dir / "node"))
        except BlockingIOError:
            stream.close()
            continue
        silent.append(stream)
    check(len(silent) >= CONNECTIONS, f"{len(silent)} connections were made")
    begun = time.monotonic()
    equal(node.infer("double")[2]["output"], DOUBLE, "behind all the silent ones")
    check(time.monotonic() - begun < 20 * SLOW, "and soon")
    for stream in silent:
        stream.close()

    # a log that is not read, until there is no more room on the way
    parent.hang_up("log")
    stalled, released = [], []

    def stall(stream):
        stalled.append(stream)
        while not released:
            time.sleep(0.05)
        Parent.log(parent, stream)

    parent.log = stall
    parent.listen("log")
    wait_for("the node dials again", lambda: stalled, 20)
    connection = node.connect()
    begun, n = time.monotonic(), 0
    while n < 400 or time.monotonic() - begun < 3:
        equal(node.infer("double", connection=connection)[0], 200, "with a log that nobody reads")
        n += 1
        time.sleep(0.005)
    connection.close()
    parent.records.clear()
    released.append(True)
    wait_for("the log goes on", lambda: len(parent.records) > 100, 20)
    check(all(record[2] < 64 and record[3] <= 6 for record in parent.records), "and is in step")

    equal(permanent(node), before, "nobody had to be started again")
    for pid, bytes_before in used.items():
        grown = memory(pid) - bytes_before
        check(grown < 32 * MIB * SLOW, f"{program(pid)} grew by {grown / MIB:.1f} MiB")
check(LOG_RECORD.size == 64, "a record of the log")
