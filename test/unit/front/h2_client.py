"""A client of HTTP/2 for echo_server: python3-h2 for what is right, raw frames for what is wrong."""
import collections
import socket
import struct

import h2.config
import h2.connection
import h2.events
import h2.settings

from echo_client import client_context

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 7, 8, 11
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'


class Answer:
    def __init__(self):
        self.status, self.fields, self.body, self.trailers, self.ended, self.reset = None, {}, bytearray(), None, False, None


class Client:
    """One connection; requests are numbered by their streams."""

    def __init__(self, server, credit=True, settings=None):
        self.socket = client_context(protocols=['h2']).wrap_socket(socket.create_connection(('127.0.0.1', server.port), timeout=20))
        assert self.socket.selected_alpn_protocol() == 'h2'
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body go one after the other
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding='utf-8', validate_outbound_headers=False,
                                                                      normalize_outbound_headers=False))
        self.credit = credit
        self.answers = collections.defaultdict(Answer)
        self.goaway = None
        self.closed = False
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings(settings)
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def begin(self, path, method='GET', *fields, end=True, authority='x'):
        stream = self.h2.get_next_available_stream_id()
        head = [(':method', method), (':scheme', 'https'), (':path', path), (':authority', authority), *fields]
        self.h2.send_headers(stream, head, end_stream=end)
        self.flush()
        return stream

    def send(self, stream, body, end=True):
        """All of it, as the server's windows allow."""
        body = memoryview(body)
        while len(body):
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            if room == 0:
                if not self.receive() or self.answers[stream].ended:
                    return
                continue
            self.h2.send_data(stream, bytes(body[:room]))
            body = body[room:]
            self.flush()
        if end:
            self.h2.end_stream(stream)
            self.flush()

    def receive(self):
        """What one read brings; False when the server has closed."""
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            data = b''
        if not data:
            self.closed = True
            return False
        for event in self.h2.receive_data(data):
            self.note(event)
        self.flush()
        return True

    def note(self, event):
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
            return
        stream = getattr(event, 'stream_id', None)
        if not stream:
            return
        answer = self.answers[stream]
        if isinstance(event, h2.events.ResponseReceived):
            answer.fields = dict(event.headers)
            answer.status = int(answer.fields.pop(':status'))
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if self.credit:
                self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = event.error_code
            answer.ended = True

    def wait(self, stream):
        while not self.answers[stream].ended and self.receive():
            pass
        return self.answers[stream]

    def until_closed(self):
        while self.receive():
            pass
        return self.goaway

    def get(self, path, *fields):
        return self.wait(self.begin(path, 'GET', *fields))

    def post(self, path, body, *fields):
        stream = self.begin(path, 'POST', *fields, end=False)
        self.send(stream, body)
        return self.wait(stream)


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + payload


# HPACK by hand: indexed static fields and literals without indexing
GET_FIXED = b'\x82\x87' + b'\x04\x06/fixed' + b'\x01\x01x'


class Raw:
    """Frames without rules."""

    def __init__(self, server, greet=True):
        self.socket = client_context(protocols=['h2']).wrap_socket(socket.create_connection(('127.0.0.1', server.port), timeout=20))
        self.unread = b''
        if greet:
            self.send(PREFACE + frame(SETTINGS, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False when the server has gone."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def next(self):
        """(kind, flags, stream, payload), None at the end."""
        while len(self.unread) < 9 or len(self.unread) < 9 + int.from_bytes(self.unread[:3], 'big'):
            try:
                data = self.socket.recv(65536)
            except TimeoutError: # is no end
                raise
            except OSError:
                data = b''
            if not data:
                return None
            self.unread += data
        n = int.from_bytes(self.unread[:3], 'big')
        head, payload, self.unread = self.unread[:9], self.unread[9:9 + n], self.unread[9 + n:]
        return head[3], head[4], int.from_bytes(head[5:9], 'big'), payload

    def frames(self):
        while (got := self.next()) is not None:
            yield got

    def code(self):
        """Reads to the end: the last GOAWAY's error, or None when the connection was just closed."""
        code = None
        for kind, _, _, payload in self.frames():
            if kind == GOAWAY:
                code = int.from_bytes(payload[4:8], 'big')
        return code
