#!/usr/bin/env python3
"""A machine around the enclave that lies, dawdles, floods and vanishes: the node refuses by name or goes on serving."""
import concurrent.futures
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

from node import DOUBLE, SLOW, check, equal, wait_for
from parent import LOG_RECORD, POLICY, EnclaveNode, Parent, delivery, receive


# ── the configuration: each of these ends the start with a sentence that names what is wrong ──

class Deliverer(Parent):
    def config(self, stream):
        self.deliver(stream)


def refused(deliver, *words, seconds=20):
    with Deliverer() as parent, tempfile.TemporaryDirectory() as folder:
        parent.deliver = deliver
        node = EnclaveNode(parent)
        node.dir, node.ready_file = pathlib.Path(folder), pathlib.Path(folder) / "ready.json"
        done = subprocess.run([str(word) for word in node.command()], capture_output=True, text=True, timeout=seconds * SLOW, env={})
        equal(done.returncode, 2, f"exit status after {words}: {done.stderr}")
        for word in words:
            check(word in done.stderr, f"{word!r} does not stand in: {done.stderr}")
        check(not node.ready_file.exists() and not (node.dir / "state").exists(), "nothing of it was done")


GOOD = ("[node]\n" + POLICY).encode()
refused(lambda stream: None, "ends too early")
refused(lambda stream: stream.sendall(os.urandom(64)), "not well-formed")
refused(lambda stream: stream.sendall(GOOD), "not well-formed")  # a bare file
refused(lambda stream: stream.sendall(delivery(GOOD)[:-1]), "ends too early")
refused(lambda stream: stream.sendall(delivery(GOOD) + b"\n"), "not well-formed")
refused(lambda stream: stream.sendall(delivery(b"#" * 20000)), "exceeds its limit")
refused(lambda stream: stream.sendall(delivery(b"", 2**32 - 1)), "exceeds its limit")
refused(lambda stream: stream.sendall(delivery(b"[node]\nthreads = many\n" + GOOD)), ":2:", "threads")
refused(lambda stream: stream.sendall(delivery(b"[node]\nthreads = 1\n")), "models: must stand")
refused(lambda stream: stream.sendall(delivery(GOOD + b"[fetch]\nstore = /etc\n")), "store: belongs to this machine")
refused(lambda stream: stream.sendall(delivery(b"[node]\nstate = /etc\n" + GOOD)), "state: belongs to this machine")


def flood(stream):
    while True:
        stream.sendall(b"veronnx-config-1\n" * 4096)


refused(flood, "exceeds its limit")


def drip(stream):
    for byte in delivery(GOOD + b"#" * 2000):
        stream.sendall(bytes([byte]))
        time.sleep(0.05)


def nobody_delivers():
    with Parent() as parent, tempfile.TemporaryDirectory() as folder:
        parent.hang_up("config")
        node = EnclaveNode(parent)
        node.dir, node.ready_file = pathlib.Path(folder), pathlib.Path(folder) / "ready.json"
        done = subprocess.run([str(word) for word in node.command()], capture_output=True, text=True, timeout=30 * SLOW, env={})
        equal(done.returncode, 2, "exit status without a configuration")
        check("nobody delivers the configuration at unix:" in done.stderr, done.stderr)


with concurrent.futures.ThreadPoolExecutor() as together:  # ten seconds each
    for done in [together.submit(refused, lambda stream: time.sleep(30), "not all there after 10 s"),
                 together.submit(refused, drip, "not all there after 10 s"), together.submit(nobody_delivers)]:
        done.result()


# ── blocks and log ──

class Liar(Parent):
    """Its blocks are wrong in the way that `lie` says."""
    lie = None

    def blocks(self, stream):
        return self.lie(stream) if self.lie else super().blocks(stream)


def wrong_block(parent):
    def lie(stream):
        find = parent.find_block
        parent.find_block = lambda cid: b"\0" * len(find(cid) or b"\0")
        Parent.blocks(parent, stream)
        parent.find_block = find
    return lie


def garbage(stream):
    stream.sendall(os.urandom(1 << 16))
    stream.recv(1 << 16)


def close_at_once(stream):
    stream.close()


def close_in_between(stream):
    receive(stream, 4)
    stream.sendall(b"\x20\0\0\0")


with Liar() as parent, EnclaveNode(parent, "--load-time", "3s") as node:
    cid = node.cids["double"]
    for lie in (wrong_block(parent), garbage, close_at_once, close_in_between):
        parent.lie = lie
        status, _, answer = node.infer("double")
        check(status >= 500 or answer["code"] in ("MODEL_INCOMPLETE", "MODEL_NOT_FOUND"), f"{status} {answer}")
        node.admin("POST", "/models/unload", {"model": cid})  # forgets the failure
        equal(node.ask("GET", "/healthz")[0], 200, "the node is there")

    parent.lie = lambda stream: time.sleep(20)  # takes the wants and says nothing
    status, _, answer = node.infer("double")
    equal((status, answer["code"]), (504, "MODEL_LOAD_TIMEOUT"), "silence")
    node.admin("POST", "/models/unload", {"model": cid})

    parent.lie = None
    parent.hang_up("blocks")
    status, _, answer = node.infer("double")
    equal((status, answer["code"]), (503, "SOURCE_DEAD"), "nobody has blocks")
    node.admin("POST", "/models/unload", {"model": cid})
    parent.listen("blocks")
    equal(node.infer("double")[2]["output"], DOUBLE, "and then it does its work")

    # the log: a reader that stops, one that talks, one that goes
    parent.hang_up("log")
    for _ in range(20):
        equal(node.infer("double")[0], 200, "without a log")
    received = []
    parent.log = lambda stream: (stream.sendall(b"talk" * 1000), time.sleep(1))
    parent.listen("log")
    wait_for("the node dials again", lambda: parent.connections["log"] >= 2, 20)
    equal(node.infer("double")[0], 200, "a reader that talks")

    def read_one(stream):
        received.append(LOG_RECORD.unpack(receive(stream, LOG_RECORD.size)))

    parent.log = read_one
    wait_for("a record arrives", lambda: received, 30)
    check(received[0][2] < 64 and received[0][3] <= 6, f"in step after all that: {received[0]}")

    # connections to every listener that say nothing, and are many
    idle = []
    for name in ("node", "admin"):
        for _ in range(200):
            stream = socket.socket(socket.AF_UNIX)
            stream.connect(str(parent.dir / name))
            idle.append(stream)
    equal(node.infer("double")[2]["output"], DOUBLE, "among 200 silent connections")
    for stream in idle:
        stream.close()
    check(threading.active_count() < 300, "this script kept its threads in bounds")
