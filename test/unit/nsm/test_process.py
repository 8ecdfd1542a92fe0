#!/usr/bin/env python3
"""veronnx-nsm-sim and veronnx-nsm as processes, seen from their two channels; documents are checked by Python's cryptography, not by us."""
import array
import datetime
import fcntl
import hashlib
import os
import pathlib
import re
import signal
import socket
import struct
import sys
import tempfile
import unittest

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils
except ImportError:
    print("skipped: no Python module cryptography")
    sys.exit(77)

BIN = pathlib.Path(os.environ["VERONNX_BIN"])
ROOT = pathlib.Path(__file__).resolve().parents[3]
NAMES = re.findall(r"^    X\((\w+), CHAN_", (ROOT / "src/wire/msg.h").read_text(), re.M)
TYPE = {name: number for number, name in enumerate(NAMES, 1)}
ZERO = bytes(48)
OPS = ["DESCRIBE_NSM", "DESCRIBE_PCR", "EXTEND_PCR", "LOCK_PCR", "LOCK_PCRS", "ATTEST", "GET_RANDOM"]
ANSWERS = ["DESCRIBED_NSM", "DESCRIBED_PCR", "EXTENDED_PCR", "LOCKED_PCR", "LOCKED_PCRS", "ATTESTED", "RANDOM"]
INVALID_INDEX, READ_ONLY_INDEX = 2, 4


def cbor(b, i=0):
    """One item as Python value, and where it ends; for the few types of a document."""
    major, n = b[i] >> 5, b[i] & 31
    i += 1
    if 24 <= n <= 27:
        size = 1 << (n - 24)
        n, i = int.from_bytes(b[i:i + size], "big"), i + size
    if major == 0 or major == 7:
        return (n if major == 0 else None), i
    if major in (2, 3):
        return (b[i:i + n] if major == 2 else b[i:i + n].decode()), i + n
    items, open_end = [], n == 31
    while (b[i] != 0xFF) if open_end else (len(items) < n * (major - 3)):
        item, i = cbor(b, i)
        items.append(item)
    i += open_end
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), i


def send(sock, name, fixed, tail=b"", fds=()):
    data = struct.pack("=HHI", TYPE[name], len(fds), len(fixed) + len(tail)) + fixed + tail
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])


def receive(sock):
    data = sock.recv(65536)
    if not data:
        return None, b""
    number, _, length = struct.unpack_from("=HHI", data)
    assert length == len(data) - 8
    return NAMES[number - 1], data[8:]


class Process:
    def __init__(self, exe="veronnx-nsm-sim"):
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(3)]
        (self.control, control), (self.log, log), (self.module, self.theirs) = pairs
        high = [fcntl.fcntl(s, fcntl.F_DUPFD_CLOEXEC, 10) for s in (control, log)]
        self.empty = tempfile.TemporaryDirectory()
        here = os.open(".", os.O_RDONLY)
        os.chdir(self.empty.name)
        actions = [(os.POSIX_SPAWN_DUP2, fd, 3 + i) for i, fd in enumerate(high)]
        self.pid = os.posix_spawn(BIN / exe, [exe], {}, file_actions=actions)
        os.fchdir(here)
        for fd in [here, *high]:
            os.close(fd)
        for s in (self.control, self.module):
            s.settimeout(20)
        control.close()
        log.close()
        self.ids = iter(range(1, 1 << 32))

    def give(self, name, fd):
        send(self.control, name, bytes(8), fds=[fd])

    def start(self, state=None, device=None):
        if state is not None:
            fd = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
            self.give("NSM_STATE", fd)
            os.close(fd)
        if device is not None:
            fd = os.open(device, os.O_RDWR)
            self.give("NSM_DEVICE", fd)
            os.close(fd)
        self.give("NSM_START", self.theirs.fileno())
        self.theirs.close()
        return self

    def ready(self):
        assert receive(self.control) == ("NSM_READY", bytes(8))
        return self

    def ask(self, op, index=0, data=b"", claims=(b"", b"", b"")):
        """(error, locked, locked_pcrs, max_pcrs, version, tail)"""
        number = next(self.ids)
        fixed = struct.pack("=IHHHHI", number, index, *map(len, claims), 0)
        send(self.module, "MODULE_" + op, fixed, data + b"".join(claims))
        name, body = receive(self.module)
        assert name == "MODULE_" + ANSWERS[OPS.index(op)], name
        answered, error, locked, zero, locked_pcrs, max_pcrs, *version = struct.unpack_from("=IHBBIH3H", body)
        assert answered == number and zero == 0 and body[22:24] == bytes(2)
        return error, locked, locked_pcrs, max_pcrs, tuple(version), body[24:]

    def pcr(self, index):
        error, locked, *_, value = self.ask("DESCRIBE_PCR", index)
        assert error == 0
        return locked, value

    def end(self):
        _, status = os.waitpid(self.pid, 0)
        for s in (self.control, self.log, self.module, self.theirs):
            s.close()
        self.empty.cleanup()
        return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def check_document(document, root):
    """The payload of a document, after everything about it was verified."""
    (protected, unprotected, payload, signature), end = cbor(document)
    assert end == len(document) and protected == bytes.fromhex("a1013822") and unprotected == {} and len(signature) == 96
    p, end = cbor(payload)
    assert end == len(payload)
    ders = p["cabundle"] + [p["certificate"]]
    certs = [x509.load_der_x509_certificate(der) for der in ders]
    assert certs[0] == root and len(certs) == 5
    now = datetime.datetime.utcfromtimestamp(p["timestamp"] / 1000)
    for above, below in zip(certs[:1] + certs, certs):
        assert below.issuer == above.subject and below.not_valid_before <= now <= below.not_valid_after
        assert below.signature_hash_algorithm.name == "sha384"
        above.public_key().verify(below.signature, below.tbs_certificate_bytes, ec.ECDSA(hashes.SHA384()))
        constraints = below.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical and constraints.value.ca == (below is not certs[-1])
    text = b"\x84\x6aSignature1\x44" + protected + b"\x40\x59" + len(payload).to_bytes(2, "big") + payload
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    certs[-1].public_key().verify(utils.encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA384()))
    return p, payload[0]


def measured(*names):
    content = b"".join((BIN / f"veronnx-{name}").read_bytes() for name in names)
    return hashlib.sha384(ZERO + hashlib.sha384(content).digest()).digest()


class Simulator(unittest.TestCase):
    def setUp(self):
        self.state = tempfile.TemporaryDirectory()
        self.addCleanup(self.state.cleanup)

    def root(self):
        path = pathlib.Path(self.state.name)
        self.assertEqual(os.stat(path / "sim-root.key").st_mode & 0o777, 0o600)
        self.assertNotIn(b"PRIVATE", (path / "sim-root.pem").read_bytes())
        return x509.load_pem_x509_certificate((path / "sim-root.pem").read_bytes())

    def test_boot(self):
        p = Process().start(self.state.name).ready()
        error, _, locked_pcrs, max_pcrs, version, module_id = p.ask("DESCRIBE_NSM")
        self.assertEqual((error, locked_pcrs, max_pcrs, version), (0, 0xFFFF, 32, (1, 0, 0)))
        self.assertRegex(module_id.decode(), r"^sim-[0-9a-f]{17}-enc[0-9a-f]{16}$")
        trusted, serving = ["super", "config", "keeper", "nsm-sim"], ["front", "infer"]
        self.assertEqual([p.pcr(i) for i in range(3)],
                         [(1, measured(*trusted, *serving)), (1, measured(*trusted)), (1, measured(*serving))])
        self.assertEqual(p.pcr(4), (1, hashlib.sha384(ZERO + module_id[:21]).digest()))
        self.assertEqual(len(p.ask("GET_RANDOM")[-1]), 256)
        for index, data in (16, b"configuration"), (17, b"keyset"), (18, b"policy"):
            self.assertEqual(p.pcr(index), (0, ZERO))
            value = hashlib.sha384(ZERO + data).digest()
            self.assertEqual(p.ask("EXTEND_PCR", index, data), (0, 0, 0, 0, (0, 0, 0), value))
        self.assertEqual(p.ask("LOCK_PCR", 16)[0], 0)
        self.assertEqual(p.ask("LOCK_PCR", 16)[0], READ_ONLY_INDEX)
        self.assertEqual(p.ask("LOCK_PCRS", 33)[0], INVALID_INDEX)
        self.assertEqual(p.ask("LOCK_PCRS", 32)[0], 0)
        self.assertEqual(p.ask("EXTEND_PCR", 17, b"again")[0], READ_ONLY_INDEX)
        maps = set()
        for i in range(4):
            claims = (b"user data %d" % i, b"nonce %d" % i, b"key %d" % i)
            error, *_, document = p.ask("ATTEST", claims=claims)
            payload, first = check_document(document, self.root())
            maps.add(first)
            self.assertEqual((payload["user_data"], payload["nonce"], payload["public_key"]), claims)
            self.assertEqual(payload["module_id"].encode(), module_id)
            self.assertEqual(payload["digest"], "SHA384")
            self.assertEqual(sorted(payload["pcrs"]), list(range(32)))
            self.assertEqual(payload["pcrs"][18], hashlib.sha384(ZERO + b"policy").digest())
        self.assertEqual(maps, {0xA9, 0xBF})
        payload, _ = check_document(p.ask("ATTEST")[-1], self.root())
        self.assertEqual([payload[key] for key in ("user_data", "nonce", "public_key")], [None] * 3)
        p.module.close()
        self.assertEqual(p.end(), 0)

    def test_second_start(self):
        seen = []
        for _ in range(2):
            p = Process().start(self.state.name).ready()
            payload, _ = check_document(p.ask("ATTEST")[-1], self.root())
            seen.append((self.root(), payload["pcrs"][0], payload["module_id"]))
            p.control.close()
            self.assertEqual(p.end(), 0)
        self.assertEqual(seen[0][:2], seen[1][:2])
        self.assertNotEqual(seen[0][2], seen[1][2])

    def test_a_device_that_is_none(self):
        p = Process().start(self.state.name, "/dev/null").ready()
        self.assertEqual(p.pcr(1), (1, measured("super", "config", "keeper", "nsm-sim")))
        p.module.close()
        self.assertEqual(p.end(), 0)

    def test_broken_starts(self):
        self.assertEqual(Process().start().end(), 1)  # no state folder
        (pathlib.Path(self.state.name) / "sim-root.pem").write_text("not a certificate\n")
        self.assertEqual(Process().start(self.state.name).end(), 1)
        p = Process()
        fd = os.open(self.state.name, os.O_RDONLY)
        p.give("NSM_STATE", fd)
        p.give("NSM_STATE", fd)
        os.close(fd)
        self.assertEqual(p.end(), 1)
        p = Process()
        p.control.close()
        self.assertEqual(p.end(), 0)

    def hostile(self, act):
        p = Process().start(self.state.name).ready()
        act(p)
        status = p.end()
        self.assertEqual(status, 1)

    def test_broken_requests(self):
        request = struct.Struct("=IHHHHI")
        tails = [(request.pack(1, 0, 0, 0, 0, 0), b"x"), (request.pack(1, 0, 1, 0, 0, 0), b""),
                 (request.pack(1, 0, 513, 0, 0, 0), bytes(513)), (request.pack(1, 0, 0, 513, 0, 0), bytes(513)),
                 (request.pack(1, 0, 0, 0, 1025, 0), bytes(1025)), (request.pack(1, 0, 1, 1, 1, 0), b"xx")]
        for fixed, tail in tails:
            self.hostile(lambda p, f=fixed, t=tail: send(p.module, "MODULE_ATTEST", f, t))
        fixed = request.pack(1, 16, 0, 0, 0, 0)
        self.hostile(lambda p: send(p.module, "MODULE_EXTEND_PCR", fixed, bytes(513)))
        self.hostile(lambda p: send(p.module, "MODULE_LOCK_PCR", fixed, b"x"))
        self.hostile(lambda p: send(p.module, "MODULE_LOCKED_PCR", bytes(24)))
        self.hostile(lambda p: send(p.module, "REPORT", bytes(216)))
        self.hostile(lambda p: p.module.send(b"x"))
        self.hostile(lambda p: send(p.module, "MODULE_GET_RANDOM", fixed, fds=[0]))
        self.hostile(lambda p: send(p.control, "NSM_START", bytes(8), fds=[0]))


class Kernel(unittest.TestCase):
    def test_without_a_module(self):
        self.assertEqual(Process("veronnx-nsm").start().end(), 1)
        self.assertEqual(Process("veronnx-nsm").start(device="/dev/null").end(), 1)

    def test_not_for_people(self):
        for exe in "veronnx-nsm", "veronnx-nsm-sim":
            null = os.open("/dev/null", os.O_RDWR)
            pid = os.posix_spawn(BIN / exe, [exe], {}, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (2, 3)])
            os.close(null)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 2)


if __name__ == "__main__":
    signal.alarm(55)
    unittest.main()
