"""Clients for echo_server: raw sockets, plain or through ssl."""
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import time
import unittest
import warnings

PROGRAM = None  # echo_server


class Server:
    """echo_server with options such as header_ms=400; 'tls' comes first."""

    def __init__(self, *options, files=None):
        def limit():
            if files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        self.tls = 'tls' in options
        self.process = subprocess.Popen([PROGRAM, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=limit)
        self.port = int(self.process.stdout.readline())
        self.output = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.stop()

    def stop(self):
        """It checks itself that nothing is left over."""
        if not self.output:
            self.output, _ = self.process.communicate(timeout=20)
            assert self.process.returncode == 0, f'echo_server ended with {self.process.returncode}'
        return self.output.strip()

    def socket(self, **settings):
        s = socket.create_connection(('127.0.0.1', self.port), timeout=10)
        return client_context(**settings).wrap_socket(s) if self.tls else s

    def ask(self, data, **settings):
        """Sends bytes, and returns all answers until the server closes."""
        with self.socket(**settings) as s:
            s.sendall(data)
            return read_all(s)

    def resident_kib(self):
        with open(f'/proc/{self.process.pid}/statm') as file:
            return int(file.read().split()[1]) * resource.getpagesize() // 1024

    def cpu_seconds(self):
        with open(f'/proc/{self.process.pid}/stat') as file:
            user, kernel = file.read().rsplit(')', 1)[1].split()[11:13]
        return (int(user) + int(kernel)) / os.sysconf('SC_CLK_TCK')

    def counters(self):
        text = self.get('/counters')
        return {name: int(value) for name, value in (pair.split('=') for pair in text.split())}

    def get(self, path):
        with self.socket() as s:
            s.sendall(get(path, 'Connection: close'))
            return answers(read_all(s))[0].body.decode()


def client_context(session=None, protocols=None, highest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    if highest:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = highest
    return context


def read_all(s):
    data = b''
    try:
        while part := s.recv(65536):
            data += part
    except (ConnectionResetError, ssl.SSLError, BrokenPipeError):
        pass
    return data


def read_answer(s):
    """One answer with Content-Length from a socket that stays open."""
    data = b''
    while b'\r\n\r\n' not in data:
        part = s.recv(1)
        assert part, f'closed after {data!r}'
        data += part
    length = int(answers(data, partial=True)[0].fields.get('content-length', 0))
    body = b''
    while len(body) < length:
        part = s.recv(length - len(body))
        assert part, 'closed in the body'
        body += part
    return answers(data + body)[0]


class Answer:
    def __init__(self, head, body):
        lines = head.decode().split('\r\n')
        self.version, status, self.reason = (lines[0].split(' ', 2) + [''])[:3]
        self.status = int(status)
        self.fields = {}
        for line in lines[1:]:
            name, value = line.split(': ', 1)
            assert name.lower() not in self.fields, f'{name} stands twice'
            self.fields[name.lower()] = value
        self.body = body

    @property
    def code(self):
        return json.loads(self.body)['code']


def answers(data, partial=False):
    """Splits what came over a connection; every answer must have its whole body."""
    found = []
    while data:
        head, blank, rest = data.partition(b'\r\n\r\n')
        assert blank, f'no end of the head in {data!r}'
        if head.startswith(b'HTTP/1.1 100 '):
            found.append(Answer(head, b''))
            data = rest
            continue
        answer = Answer(head, b'')
        length = int(answer.fields['content-length'])
        assert partial or len(rest) >= length, 'a body is cut'
        answer.body, data = rest[:length], rest[length:]
        found.append(answer)
    return found


def get(path, *fields):
    return '\r\n'.join([f'GET {path} HTTP/1.1', 'Host: x', *fields, '', '']).encode()


def post(path, body, *fields):
    return '\r\n'.join([f'POST {path} HTTP/1.1', 'Host: x', f'Content-Length: {len(body)}', *fields, '', '']).encode() + body


def chunked(path, chunks, *fields, end=b'0\r\n\r\n'):
    head = '\r\n'.join([f'POST {path} HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked', *fields, '', '']).encode()
    return head + b''.join(b'%x\r\n%s\r\n' % (len(c), c) for c in chunks) + end


def slowly(s, data, pause=0.0, piece=1):
    for i in range(0, len(data), piece):
        s.sendall(data[i:i + piece])
        if pause:
            time.sleep(pause)


CLOSE = 'Connection: close'


class WithServer(unittest.TestCase):
    """A plain echo_server for each test."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)

    def one(self, data):
        """The one answer to some bytes."""
        found = answers(self.server.ask(data))
        self.assertEqual(len(found), 1, found)
        return found[0]


def main():
    global PROGRAM
    PROGRAM = sys.argv.pop(1)
    unittest.main()
