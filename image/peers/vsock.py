#!/usr/bin/env python3
"""vsock.py DEVICE HOST: the vsock of one emulated enclave. DEVICE is the Unix socket of a vhost-user device for QEMU.

What the guest connects to at CID 3 (its parent), port P, is the Unix socket HOST_P of whoever listens there; port 9000 is answered
here when nobody does: one byte back, what nitro-cli does with a heartbeat. HOST itself is listened on: who connects there says
"CONNECT P" and a newline, and is told "OK" with a port and a newline when it is connected to the guest's port P. Ends when QEMU does. Vhost-user and virtio 1.2, section
5.10; no feature beyond VERSION_1, no trust in the guest's addresses: what lies outside its memory ends the program.
"""
import mmap
import os
import selectors
import socket
import struct
import sys
from collections import deque

GUEST, PARENT = 4, 3
HEARTBEAT = 9000
HEADER = struct.Struct("<QQIIIHHIII")  # source and destination CID and port, length, type, op, flags, room, forwarded
REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST = range(1, 8)
STREAM = 1
ROOM = 256 * 1024  # what is kept for a slow host socket, per connection
FEATURES = 1 << 30 | 1 << 32  # vhost-user protocol features, VIRTIO_F_VERSION_1
PROTOCOL_FEATURES = 1 << 9  # configuration space
GREETING_MAX = 20
NEXT = 1


class Memory:
    """The guest's memory: regions by its physical and by QEMU's addresses."""

    def __init__(self):
        self.regions = []

    def set(self, rows, fds):
        for *_, area in self.regions:
            area.release()
        self.regions = []
        for (guest, size, user, offset), fd in zip(rows, fds):
            self.regions.append((guest, user, size, memoryview(mmap.mmap(fd, size + offset))[offset:]))
            os.close(fd)

    def at(self, address, size, users=False):
        for guest, user, length, area in self.regions:
            start = address - (user if users else guest)
            if 0 <= start and start + size <= length:
                return area[start:start + size]
        sys.exit(f"vsock: the guest names memory that it does not have: {address:#x}")


class Queue:
    """A split virtqueue."""

    def __init__(self, memory):
        self.memory, self.size, self.seen, self.done = memory, 0, 0, 0
        self.kick = self.call = -1
        self.descriptors = self.available = self.used = None

    def place(self, descriptors, used, available):
        at = self.memory.at
        self.descriptors = at(descriptors, 16 * self.size, True)
        self.available = at(available, 4 + 2 * self.size, True)
        self.used = at(used, 4 + 8 * self.size, True)
        self.done = struct.unpack_from("<H", self.used, 2)[0]

    def is_live(self):
        return self.used is not None and self.kick >= 0

    def peek(self):
        """The first waiting chain: its head and its buffers; None when there is none."""
        if not self.is_live() or struct.unpack_from("<H", self.available, 2)[0] == self.seen & 0xFFFF:
            return None
        head = i = struct.unpack_from("<H", self.available, 4 + 2 * (self.seen % self.size))[0]
        buffers = []
        while len(buffers) < self.size:
            address, size, flags, follows = struct.unpack_from("<QIHH", self.descriptors, 16 * (i % self.size))
            buffers.append(self.memory.at(address, size))
            if not flags & NEXT:
                break
            i = follows
        return head, buffers

    def finish(self, head, size):
        struct.pack_into("<II", self.used, 4 + 8 * (self.done % self.size), head, size)
        self.seen, self.done = self.seen + 1, (self.done + 1) & 0xFFFF
        struct.pack_into("<H", self.used, 2, self.done)

    def notify(self):
        if self.call >= 0:
            os.write(self.call, struct.pack("<Q", 1))


class Connection:
    def __init__(self, bridge, guest_port, host_port, sock, answered):
        self.bridge, self.ports, self.sock = bridge, (guest_port, host_port), sock
        self.answered = answered
        self.to_host = bytearray()
        self.forwarded = self.told = self.sent = self.room = self.taken = 0
        self.host_ended = self.guest_ended = False

    def credit(self):
        return self.room - ((self.sent - self.taken) & 0xFFFFFFFF)

    def packet(self, op, data=b"", flags=0):
        self.told = self.forwarded
        self.bridge.outbox.append((self, op, flags, data))

    def watch(self):
        """What the host's socket is waited for."""
        events = selectors.EVENT_WRITE if self.to_host else 0
        if self.answered and not self.host_ended and self.credit() > 0 and len(self.bridge.outbox) < 64:
            events |= selectors.EVENT_READ
        self.bridge.watch(self.sock, events, self.on_host)

    def on_host(self, events):
        if events & selectors.EVENT_READ:
            try:
                data = self.sock.recv(min(self.credit(), 65536))
            except OSError:
                return self.end()
            self.sent = (self.sent + len(data)) & 0xFFFFFFFF
            if data:
                self.packet(RW, data)
            else:
                self.host_ended = True
                self.packet(SHUTDOWN, flags=3 if self.guest_ended else 2)
        if events & selectors.EVENT_WRITE:
            self.write()
        return None

    def write(self):
        if self.to_host:
            try:
                n = self.sock.send(self.to_host)
            except BlockingIOError:
                return
            except OSError:
                self.end()
                return
            del self.to_host[:n]
            self.forwarded = (self.forwarded + n) & 0xFFFFFFFF
            if (self.forwarded - self.told) & 0xFFFFFFFF > ROOM // 2:
                self.packet(CREDIT_UPDATE)
        if self.guest_ended and not self.to_host:
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            if self.host_ended:
                self.end()

    def on_guest(self, op, flags, data):
        if op == RESPONSE:
            self.answered = True
            self.sock.send(b"OK %d\n" % self.ports[1])  # the first bytes of a new socket, which takes them
        elif op == RW:
            if len(self.to_host) + len(data) > ROOM:
                self.end()
                return
            self.to_host += data
        elif op == CREDIT_REQUEST:
            self.packet(CREDIT_UPDATE)
        elif op == SHUTDOWN:
            self.guest_ended |= bool(flags & 2)
            if flags & 1:
                self.host_ended = True
        elif op == RST:
            self.bridge.drop(self)
            return
        self.write()

    def end(self):
        if self.bridge.drop(self):
            self.packet(RST)


class Bridge:
    """Packets on one side, Unix sockets on the other."""

    def __init__(self, host):
        self.host = host
        self.memory = Memory()
        self.queues = [Queue(self.memory), Queue(self.memory)]  # to the guest, from the guest
        self.outbox = deque()
        self.connections = {}
        self.watched = {}
        self.selector = selectors.DefaultSelector()
        self.next_port = 1 << 20
        self.listen()

    def watch(self, thing, events, callback):
        fd = thing if isinstance(thing, int) else thing.fileno()
        if self.watched.get(fd) == events:
            return
        if fd in self.watched:
            self.selector.unregister(fd)
            del self.watched[fd]
        if events:
            self.selector.register(fd, events, callback)
            self.watched[fd] = events

    def drop(self, connection):
        if self.connections.pop(connection.ports, None) is None:
            return False
        self.watch(connection.sock, 0, None)
        connection.sock.close()
        return True

    def listen(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.host)
        listener.listen(128)
        listener.setblocking(False)
        self.watch(listener, selectors.EVENT_READ, lambda _: self.accept(listener))

    def accept(self, listener):
        sock, _ = listener.accept()
        sock.setblocking(False)
        self.watch(sock, selectors.EVENT_READ, lambda _: self.on_greeting(sock))

    def on_greeting(self, sock):
        line, end, _ = sock.recv(GREETING_MAX, socket.MSG_PEEK).partition(b"\n")
        if not end and 0 < len(line) < GREETING_MAX:
            return
        self.watch(sock, 0, None)
        word, _, port = line.partition(b" ")
        if not end or word != b"CONNECT" or not port.isdigit() or int(port) >= 1 << 32:
            sock.close()
            return
        sock.recv(len(line) + 1)
        self.next_port += 1
        self.add(Connection(self, int(port), self.next_port, sock, False), REQUEST)

    def add(self, connection, op):
        self.connections[connection.ports] = connection
        connection.packet(op)

    def connect(self, guest_port, host_port):
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(f"{self.host}_{host_port}")
        except OSError:
            sock.close()
            if host_port != HEARTBEAT:
                return None
            sock, other = socket.socketpair()
            self.watch(other, selectors.EVENT_READ, lambda _: self.echo(other))
        sock.setblocking(False)
        return Connection(self, guest_port, host_port, sock, True)

    def echo(self, sock):
        data = sock.recv(1)
        if data:
            sock.send(data)
        else:
            self.watch(sock, 0, None)
            sock.close()

    def take(self, head, data):
        """One packet of the guest."""
        source, target, source_port, target_port, _, kind, op, flags, room, forwarded = head
        known = self.connections.get((source_port, target_port))
        if kind != STREAM or source != GUEST or target != PARENT or (known is None and op != REQUEST):
            known = None
            if op == RST:
                return
        elif op == REQUEST and known is None:
            known = self.connect(source_port, target_port)
            if known is not None:
                self.add(known, RESPONSE)
        if known is None:
            self.outbox.append((Connection(self, source_port, target_port, None, True), RST, 0, b""))
            return
        known.room, known.taken = room, forwarded
        known.on_guest(op, flags, data)

    def from_guest(self):
        queue = self.queues[1]
        while (chain := queue.peek()) is not None:
            index, buffers = chain
            data = b"".join(buffers)
            if len(data) >= HEADER.size:
                head = HEADER.unpack_from(data)
                self.take(head, data[HEADER.size:HEADER.size + head[4]])
            queue.finish(index, 0)
            queue.notify()

    def to_guest(self):
        queue, sent = self.queues[0], False
        while self.outbox and (chain := queue.peek()) is not None:
            index, buffers = chain
            connection, op, flags, data = self.outbox.popleft()
            room = sum(len(buffer) for buffer in buffers) - HEADER.size
            if len(data) > room:
                self.outbox.appendleft((connection, op, flags, data[room:]))
                data = data[:room]
            guest_port, host_port = connection.ports
            packet = HEADER.pack(PARENT, GUEST, host_port, guest_port, len(data), STREAM, op, flags, ROOM,
                                 connection.forwarded) + data
            at = 0
            for buffer in buffers:
                part = packet[at:at + len(buffer)]
                buffer[:len(part)] = part
                at += len(part)
            queue.finish(index, len(packet))
            sent = True
        if sent:
            queue.notify()

    def turn(self):
        for connection in list(self.connections.values()):
            connection.watch()
        ready = self.selector.select()
        for key, events in ready:
            if self.watched.get(key.fd):
                key.data(events)
        self.from_guest()
        self.to_guest()


class Device:
    """The vhost-user protocol on QEMU's socket."""

    def __init__(self, bridge, sock):
        self.bridge, self.sock = bridge, sock
        bridge.watch(sock, selectors.EVENT_READ, self.on_message)

    def reply(self, request, payload):
        self.sock.sendall(struct.pack("<III", request, 1 | 4, len(payload)) + payload)

    def on_message(self, _):
        head, fds, _, _ = socket.recv_fds(self.sock, 12, 16)
        if not head:
            sys.exit(0)
        request, _, size = struct.unpack("<III", head)
        payload = b""
        while len(payload) < size:
            payload += self.sock.recv(size - len(payload))
        handler = getattr(self, f"on_{request}", None)
        if handler is not None:
            handler(payload, fds)

    def on_1(self, _payload, _fds):  # GET_FEATURES
        self.reply(1, struct.pack("<Q", FEATURES))

    def on_5(self, payload, fds):  # SET_MEM_TABLE
        count = struct.unpack_from("<I", payload)[0]
        self.bridge.memory.set([struct.unpack_from("<QQQQ", payload, 8 + 32 * i) for i in range(count)], fds)

    def on_8(self, payload, _fds):  # SET_VRING_NUM
        index, size = struct.unpack("<II", payload)
        self.bridge.queues[index].size = size

    def on_9(self, payload, _fds):  # SET_VRING_ADDR
        index, _, descriptors, used, available, _ = struct.unpack("<IIQQQQ", payload)
        self.bridge.queues[index].place(descriptors, used, available)

    def on_10(self, payload, _fds):  # SET_VRING_BASE
        index, base = struct.unpack("<II", payload)
        self.bridge.queues[index].seen = base

    def on_11(self, payload, _fds):  # GET_VRING_BASE: the queue stops
        index = struct.unpack_from("<I", payload)[0]
        queue = self.bridge.queues[index]
        self.bridge.watch(queue.kick, 0, None)
        os.close(queue.kick)
        queue.kick = -1
        self.reply(11, struct.pack("<II", index, queue.seen & 0xFFFF))

    def on_12(self, payload, fds):  # SET_VRING_KICK
        queue = self.bridge.queues[payload[0]]
        queue.kick = fds[0]
        self.bridge.watch(queue.kick, selectors.EVENT_READ, lambda _: os.read(queue.kick, 8))

    def on_13(self, payload, fds):  # SET_VRING_CALL
        queue = self.bridge.queues[payload[0]]
        if queue.call >= 0:
            os.close(queue.call)
        queue.call = fds[0] if fds else -1

    def on_14(self, _payload, fds):  # SET_VRING_ERR
        for fd in fds:
            os.close(fd)

    def on_15(self, _payload, _fds):  # GET_PROTOCOL_FEATURES
        self.reply(15, struct.pack("<Q", PROTOCOL_FEATURES))

    def on_24(self, payload, _fds):  # GET_CONFIG
        offset, size, flags = struct.unpack_from("<III", payload)
        space = struct.pack("<Q", GUEST)[offset:offset + size]
        self.reply(24, struct.pack("<III", offset, size, flags) + space.ljust(size, b"\0"))


def main():
    device, host = sys.argv[1:]
    bridge = Bridge(host)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(device)
    listener.listen(1)
    sock, _ = listener.accept()
    Device(bridge, sock)
    while True:
        bridge.turn()


main()
