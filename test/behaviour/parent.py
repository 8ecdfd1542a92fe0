"""The machine around an enclave, played by this script over Unix sockets, and a node that has nothing but them.

    with Parent() as parent, EnclaveNode(parent) as node:
        status, headers, body = node.infer("double")

Every part of the parent can misbehave: its handlers are methods to be replaced."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

from node import SLOW, Node, check, patiently, wait_for

POLICY = "[policy]\nmodels = any\nisolation = shared\n"
LOG_RECORD = struct.Struct("<QHHI6q")
WANT, BLOCK, NOT_FOUND = 1, 3, 4
SHA2_256 = bytes.fromhex("1220")


def delivery(text, length=None):
    return b"veronnx-config-1\n" + struct.pack("<I", len(text) if length is None else length) + text


def receive(stream, n):
    data = b""
    while len(data) < n:
        part = stream.recv(n - len(data))
        if not part:
            return None
        data += part
    return data


class Parent:
    """Listens at config, blocks and log in its folder; each connection gets a thread."""
    services = ("config", "blocks", "log")

    def __init__(self, text="[node]\n" + POLICY):
        self.text = text.encode()
        self.records = []
        self.streams = {name: [] for name in self.services}
        self.connections = dict.fromkeys(self.services, 0)

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="veronnx-parent-"))
        self.listeners = {}
        for name in self.services:
            self.listen(name)
        return self

    def __exit__(self, *_):
        for name in list(self.listeners):
            self.hang_up(name)
        shutil.rmtree(self.dir)

    def address(self, name):
        return f"unix:{self.dir / name}"

    def listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.dir / name))
        listener.listen(64)
        self.listeners[name] = listener
        threading.Thread(target=self.accept, args=(name, listener), daemon=True).start()

    def hang_up(self, name):
        """Nobody listens there any more, and who was connected is not."""
        listener = self.listeners.pop(name)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        os.unlink(self.dir / name)
        for stream in self.streams[name]:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def accept(self, name, listener):
        while True:
            try:
                stream = listener.accept()[0]
            except OSError:
                return
            self.connections[name] += 1
            self.streams[name].append(stream)
            threading.Thread(target=self.serve, args=(name, stream), daemon=True).start()

    def serve(self, name, stream):
        try:
            getattr(self, name)(stream)
        except OSError:
            pass  # the node hung up
        stream.close()

    # ── what it does for a node ──

    def config(self, stream):
        stream.sendall(delivery(self.text))

    def log(self, stream):
        while record := receive(stream, LOG_RECORD.size):
            self.records.append(LOG_RECORD.unpack(record))

    def find_block(self, cid):
        """From the node's own test store: a file per block, named by the digest that ends the CID."""
        name = cid[-32:].hex()
        file = self.store / name[:2] / name
        return file.read_bytes() if SHA2_256 in cid and file.exists() else None

    def blocks(self, stream):
        while head := receive(stream, 4):
            frame = receive(stream, struct.unpack("<I", head)[0])
            if frame and frame[0] == WANT:
                self.answer(stream, frame[2:], self.find_block(frame[2:]))

    def answer(self, stream, cid, block):
        body = bytes([NOT_FOUND]) + cid if block is None else struct.pack("<BIB", BLOCK, 1, len(cid)) + cid + block
        stream.sendall(struct.pack("<I", len(body)) + body)


class UnixHTTPConnection(http.client.HTTPConnection):
    def __init__(self, path, context=None, timeout=30):
        super().__init__("localhost", timeout=timeout * SLOW)
        self.path = path
        self.context = context

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))
        if self.context:
            self.sock = self.context.wrap_socket(self.sock, server_hostname="localhost")


class EnclaveNode(Node):
    """A node with Unix sockets for everything that would be vsock."""

    def __init__(self, parent, *options, **more):
        super().__init__(*options, **more)
        self.parent = parent

    def command(self):
        at = self.parent.address
        return [self.folder / "veronnx", "serve", "--simulate", "--config", at("config"), "--listen", at("node"), "--admin-listen",
                at("admin"), "--blocks-from", at("blocks"), "--log-to", at("log"), "--state", self.dir / "state",
                "--ready-file", self.ready_file, *self.options]

    def start(self):
        self.parent.store = self.dir / "store"
        self.ready_file = self.dir / "ready.json"
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in self.command()], stdout=log, stderr=log, env={})
        self.known = set()
        wait_for("the node is ready", lambda: self.ready_file.exists() or self.process.poll() is not None, 10)
        check(self.process.poll() is None, f"the node ended at start with {self.process.returncode}")
        self.ready = json.loads(self.ready_file.read_text())
        self.remember()

    def connect(self, timeout=30):
        context = ssl.create_default_context(cafile=self.ready["cert"])

        def connected():
            connection = UnixHTTPConnection(self.parent.dir / "node", context, timeout)
            connection.connect()
            return connection
        return patiently(connected)

    def admin(self, method, path, document=None):
        connection = UnixHTTPConnection(self.parent.dir / "admin")
        connection.request(method, path, json.dumps(document) if document is not None else None)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content
