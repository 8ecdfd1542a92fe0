"""Limits in time and number, and TLS: NAME.py ECHO_SERVER"""
import gzip
import os
import socket
import ssl
import time
import unittest

from echo_client import CLOSE, Server, answers, chunked, client_context, get, main, post, read_all, read_answer, slowly


class Memory(unittest.TestCase):
    def wait_until_used(self, server, size):
        end = time.monotonic() + 10
        while (used := server.counters()['used']) != size and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(used, size)

    def test_transfer_memory(self):
        with Server('transfer_memory=1000000', 'body_max=900000') as server:
            with server.socket() as a, server.socket() as b:
                a.sendall(post('/echo', b'x' * 600000)[:-1])
                self.wait_until_used(server, 600000)
                b.sendall(post('/echo', b'y' * 500000))
                refused = read_answer(b)
                self.assertEqual((refused.status, refused.code, refused.fields['connection']), (503, 'OVERLOADED', 'close'))
                self.assertEqual(refused.fields['retry-after'], '1')
                a.sendall(b'x')
                self.assertEqual(len(read_answer(a).body), 600000)
            for data in (chunked('/echo', [b'x' * 100000] * 8, CLOSE), post('/echo', gzip.compress(b'y' * 800000), 'Content-Encoding: gzip', CLOSE)):
                self.assertEqual(len(answers(server.ask(data))[0].body), 800000)
            with server.socket() as a:
                a.sendall(post('/echo', b'x' * 300000)[:-1])
                self.wait_until_used(server, 300000)
                for data in (chunked('/echo', [b'x' * 100000] * 8), post('/echo', gzip.compress(b'y' * 800000), 'Content-Encoding: gzip')):
                    self.assertEqual(answers(server.ask(data))[0].code, 'OVERLOADED')
            self.assertEqual(server.counters()['used'], 0)

    def test_announced_bodies_hold_nothing(self):
        with Server('transfer_memory=33554432', 'body_max=33554432') as server:
            with server.socket() as a, server.socket() as b:
                for s in (a, b):
                    s.sendall(post('/echo', b'x' * (16 << 20))[:-(16 << 20)])
                time.sleep(0.05)
                self.assertEqual(server.counters()['used'], 0)
                self.assertEqual(answers(server.ask(post('/echo', b'y' * 1000, CLOSE)))[0].body, b'y' * 1000)
                a.sendall(b'x' * (16 << 20))
                self.assertEqual(len(read_answer(a).body), 16 << 20)

    def test_idle_connections_are_small(self):
        with Server() as server:
            first = server.resident_kib()
            idle = []
            for _ in range(300):
                s = server.socket()
                s.sendall(get('/fixed'))
                read_answer(s)
                idle.append(s)
            self.assertLess(server.resident_kib() - first, 2000)
            for s in idle:
                s.close()


class Times(unittest.TestCase):
    def timed(self, server, pieces, pause):
        """Sends the pieces with pauses; returns the answers and the seconds until the server closed."""
        begin = time.monotonic()
        with server.socket() as s:
            s.settimeout(0.001)
            data = b''
            for piece in pieces:
                if data:
                    break
                try:
                    s.sendall(piece)
                    time.sleep(pause)
                    data += s.recv(65536)
                except (TimeoutError, ssl.SSLWantReadError):
                    continue
                except (ConnectionResetError, BrokenPipeError):
                    break
            s.settimeout(5)
            data += read_all(s)
        return answers(data), time.monotonic() - begin

    def check(self, *mode):
        with Server(*mode, 'header_ms=400', 'idle_ms=700', 'body_rate=10000') as server:
            found, seconds = self.timed(server, [b'GET /fixed'], 0)
            self.assertEqual([a.code for a in found], ['HEADER_TIMEOUT'])
            self.assertTrue(0.4 <= seconds < 5, seconds)
            found, seconds = self.timed(server, [bytes([b]) for b in get('/fixed', 'X: ' + 'y' * 100)], 0.02)
            self.assertEqual([(a.status, a.code) for a in found], [(408, 'HEADER_TIMEOUT')])
            self.assertTrue(0.4 <= seconds < 5, seconds)
            found, seconds = self.timed(server, [b'\r\n'], 0)
            self.assertEqual([a.code for a in found], ['HEADER_TIMEOUT'])
            found, seconds = self.timed(server, [post('/echo', b'x' * 1000)[:-1]], 0)
            self.assertEqual([(a.status, a.code) for a in found], [(408, 'BODY_TIMEOUT')])
            self.assertTrue(0.4 <= seconds < 5, seconds)
            body = post('/echo', b'x' * 1000, CLOSE)
            found, seconds = self.timed(server, [body[i:i + 50] for i in range(0, len(body), 50)], 0.1)
            self.assertEqual([a.code for a in found], ['BODY_TIMEOUT'], 'a body at 500 bytes a second is too slow')
            body = post('/echo', b'x' * 20000, CLOSE)
            found, seconds = self.timed(server, [body[i:i + 2500] for i in range(0, len(body), 2500)], 0.1)
            self.assertEqual([a.status for a in found], [200], 'a body at 25000 bytes a second is not')
            self.assertGreater(seconds, 0.75)
            self.assertEqual(server.counters()['used'], 0)
            found, seconds = self.timed(server, [get('/fixed')], 0)
            self.assertEqual([a.status for a in found], [200])
            self.assertTrue(0.7 <= seconds < 5, seconds)
            found, seconds = self.timed(server, [get('/later?1500', CLOSE)], 0)
            self.assertEqual([a.body for a in found], [b'later'], 'a request that is worked on has no deadline here')

    def test_plain(self):
        self.check()

    def test_tls(self):
        self.check('tls')

    def test_handshake(self):
        with Server('tls', 'header_ms=400') as server:
            for data in (b'', b'\x16\x03\x01'):
                begin = time.monotonic()
                with socket.create_connection(('127.0.0.1', server.port), timeout=5) as s:
                    s.sendall(data)
                    self.assertEqual(read_all(s), b'')
                self.assertTrue(0.4 <= time.monotonic() - begin < 5)

    def test_slow_reader(self):
        with Server('header_ms=400', 'body_rate=1000000', 'transfer_memory=100000000') as server:
            with server.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10000)
                begin = time.monotonic()
                s.sendall(get('/big?30000000'))
                while server.counters()['used'] < 30000000 and time.monotonic() - begin < 10:
                    time.sleep(0.01)
                while server.counters()['used'] > 0 and time.monotonic() - begin < 10:
                    s.recv(1000)
                    time.sleep(0.02)
                self.assertTrue(0.4 <= time.monotonic() - begin < 10)
            with server.socket() as s:
                s.sendall(get('/big?30000000', CLOSE))
                parts = []
                while part := s.recv(400000):
                    parts.append(part)
                    time.sleep(0.01)
                self.assertEqual(len(answers(b''.join(parts))[0].body), 30000000)


class Connections(unittest.TestCase):
    def test_limit(self):
        with Server('connections=3') as server:
            busy = [server.socket() for _ in range(3)]
            for s in busy:
                s.sendall(get('/later?3000'))
            time.sleep(0.5)
            waiting = server.socket()
            waiting.sendall(get('/fixed', CLOSE))
            waiting.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                waiting.recv(1)
            for s in busy:
                self.assertEqual(read_answer(s).body, b'later')
            waiting.settimeout(5)
            self.assertEqual(answers(read_all(waiting))[0].status, 200)
            # idle ones give way, the one that has been idle for longest first
            self.assertEqual(busy[0].recv(1), b'')
            busy[1].sendall(get('/fixed'))
            self.assertEqual(read_answer(busy[1]).status, 200)
            for s in [*busy, waiting]:
                s.close()

    def test_no_descriptors_left(self):
        with Server(files=24) as server:
            sockets = [server.socket() for _ in range(40)]
            for s in sockets[:5]:
                s.sendall(get('/later?400'))
            time.sleep(0.2)
            before = server.cpu_seconds()
            time.sleep(0.5)
            self.assertLess(server.cpu_seconds() - before, 0.2, 'the server must not spin')
            for s in sockets[:5]:
                self.assertEqual(read_answer(s).body, b'later')
            for s in sockets:
                s.close()
            self.assertEqual(server.get('/fixed'), '{"ok":true}')

    def test_drain(self):
        with Server() as server:
            idle, working, half = server.socket(), server.socket(), server.socket()
            idle.sendall(get('/fixed'))
            read_answer(idle)
            working.sendall(get('/later?2000') + get('/fixed'))
            half.sendall(get('/fixed')[:-2])
            time.sleep(0.3)
            self.assertEqual(server.get('/drain'), 'draining')
            self.assertEqual(read_all(idle), b'')
            with self.assertRaises(ConnectionRefusedError):
                server.socket()
            half.sendall(b'\r\n')
            for s, body in ((half, b'{"ok":true}'), (working, b'later')):
                found = answers(read_all(s))
                self.assertEqual([(a.body, a.fields['connection']) for a in found], [(body, 'close')])
            for s in (idle, working, half):
                s.close()
            server.process.wait(10)
            self.assertEqual(server.stop(), 'drained')


class Tls(unittest.TestCase):
    def test_transfers(self):
        with Server('tls') as server:
            body = os.urandom(3000000)
            with server.socket() as s:
                s.sendall(post('/echo', body))
                self.assertEqual(read_answer(s).body, body)
                s.sendall(chunked('/echo', [body[:100000]] * 3))
                self.assertEqual(read_answer(s).body, body[:100000] * 3)
            self.assertIn(b'secure=1', answers(server.ask(get('/facts', CLOSE)))[0].body)

    def test_pipelining(self):
        with Server('tls') as server:
            with server.socket() as s:
                for i in range(300):  # a record each
                    s.sendall(get('/later?1') if i % 10 == 0 else post('/echo', b'%d' % i))
                s.sendall(get('/fixed', CLOSE))
                found = answers(read_all(s))
            self.assertEqual([a.body for a in found],
                             [b'later' if i % 10 == 0 else b'%d' % i for i in range(300)] + [b'{"ok":true}'])

    def test_pipelining_large_answers(self):
        """The next request was not looked at when an answer had more than the 256 KiB that are sent at once."""
        with Server('tls') as server:
            for size in (200000, 300000, 400000, 500000, 600000):
                found = answers(server.ask(get(f'/big?{size}') * 2 + get('/later?1') + get(f'/big?{size}') + get('/fixed', CLOSE)))
                self.assertEqual([len(a.body) for a in found], [size, size, 5, size, 11])

    def test_pieces(self):
        with Server('tls') as server, server.socket() as s:
            slowly(s, post('/echo', b'hello', CLOSE))
            self.assertEqual(answers(read_all(s))[0].body, b'hello')

    def test_versions_and_protocols(self):
        with Server('tls') as server:
            for settings, refused in [({}, False), ({'highest': ssl.TLSVersion.TLSv1_2}, True),
                                      ({'protocols': ['http/1.1']}, False), ({'protocols': ['h3', 'http/1.1']}, False),
                                      ({'protocols': ['h3']}, True)]:
                with self.subTest(settings=settings):
                    if refused:
                        with self.assertRaises(ssl.SSLError):
                            server.socket(**settings)
                    else:
                        with server.socket(**settings) as s:
                            self.assertEqual(s.version(), 'TLSv1.3')
                            self.assertEqual(s.selected_alpn_protocol(), 'http/1.1' if 'protocols' in settings else None)

    def test_resumption(self):
        with Server('tls') as server:
            context = client_context()
            session = None
            for expected in (False, True, True):
                s = context.wrap_socket(socket.create_connection(('127.0.0.1', server.port)), session=session)
                s.sendall(get('/fixed'))
                self.assertEqual(read_answer(s).status, 200)
                self.assertEqual(s.session_reused, expected)
                session = s.session
                self.assertLess(len(session.id), 33)
                s.close()

    def test_garbage(self):
        with Server('tls') as server:
            for data in (get('/fixed'), b'\0' * 1000, b'\x16\x03\x01\xff\xff' + b'x' * 70000, os.urandom(5000)):
                with socket.create_connection(('127.0.0.1', server.port), timeout=10) as s:
                    s.sendall(data)
                    self.assertNotIn(b'HTTP', read_all(s))
            self.assertEqual(server.get('/fixed'), '{"ok":true}')

    def test_cut_connections(self):
        with Server('tls') as server:
            for data in (get('/later?5000'), post('/echo', b'x' * 1000)[:-10], get('/big?50000000')):
                s = server.socket()
                s.sendall(data)
                time.sleep(0.05)
                s.close()
            end = time.monotonic() + 10
            while (counters := server.counters())['gone'] < 2 or counters['used'] > 0:
                self.assertLess(time.monotonic(), end, counters)
                time.sleep(0.01)
            self.assertEqual(counters['gone'], 2)

    def test_close_notify(self):
        with Server('tls') as server:
            s = server.socket()
            s.sendall(get('/fixed', CLOSE))
            read_all(s)
            s.unwrap()  # fails when the server has not said that it ends
            s.close()


if __name__ == '__main__':
    main()
