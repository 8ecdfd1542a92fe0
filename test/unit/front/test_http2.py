"""HTTP/2 with clients that keep its rules: NAME.py ECHO_SERVER"""
import gzip
import subprocess
import time
import unittest
import zlib

import h2.settings

from echo_client import Server, main
from h2_client import CANCEL, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_ERROR, Client, Raw, frame

GET = b'\x82\x87\x01\x01x'  # HPACK: method, scheme, authority


class Requests(unittest.TestCase):
    def test_forms(self):
        with Server('tls') as server, Client(server) as client:
            got = client.get('/fixed')
            self.assertEqual((got.status, bytes(got.body), got.trailers), (200, b'{"ok":true}', None))
            self.assertEqual((got.fields['content-type'], got.fields['content-length']), ('text/plain', '11'))
            self.assertRegex(got.fields['veronnx-request-id'], '^[0-9a-f]{16}$')
            facts = client.get('/facts?a=b', ('x-test', 'one'), ('veronnx-request-id', '00000000000000ff')).body.decode()
            for part in ('method=0', 'path=/facts', 'query=a=b', 'id=00000000000000ff', 'secure=1', '[one]'):
                self.assertIn(part, facts)
            head = client.wait(client.begin('/fixed', 'HEAD'))
            self.assertEqual((head.status, bytes(head.body), head.fields['content-length']), (200, b'', '11'))
            self.assertEqual(client.get('/nowhere').status, 404)
            self.assertEqual(client.get('/fields').fields['x-answer'], 'good')
            self.assertEqual(client.get('/split').status, 500)

    def test_bodies(self):
        with Server('tls') as server, Client(server) as client:
            text = bytes(range(256)) * 4000
            self.assertEqual(bytes(client.post('/echo', text).body), text)
            self.assertEqual(bytes(client.post('/echo', text, ('content-length', str(len(text)))).body), text)
            self.assertEqual(bytes(client.post('/echo', gzip.compress(text), ('content-encoding', 'gzip')).body), text)
            self.assertEqual(client.post('/echo', b'').body, b'')
            small = client.post('/small', b'x' * 101)
            self.assertEqual((small.status, small.fields['content-type']), (413, 'application/json'))
            self.assertEqual(client.post('/echo', b'no gzip', ('content-encoding', 'gzip')).status, 400)
            self.assertEqual(client.post('/echo', b'', ('content-encoding', 'br')).status, 415)
            self.assertEqual(bytes(client.post('/into', b'y' * 1000).body), b'y' * 1000)
            self.assertEqual(client.post('/into', b'y' * 1001).status, 413)

    def test_large_bodies_and_windows(self):
        text = bytes(range(251)) * 160000  # 40 MB: ten windows of a stream
        with Server('tls') as server, Client(server) as client:
            got = client.post('/echo', text)
            self.assertEqual(client.h2.remote_settings.initial_window_size, 4 << 20)
            self.assertEqual(client.h2.remote_settings.max_concurrent_streams, 128)
            self.assertEqual((len(got.body), bytes(got.body) == text), (len(text), True))

    def test_small_windows_of_the_client(self):
        with Server('tls') as server, Client(server, settings={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 100}) as client:
            self.assertEqual(len(client.get('/big?30000').body), 30000)

    def test_many_at_a_time(self):
        with Server('tls') as server, Client(server) as client:
            streams = [client.begin(f'/later?{100 - n}') for n in range(100)]
            self.assertEqual({bytes(client.wait(s).body) for s in streams}, {b'later'})
            slow = client.begin('/later?300')
            self.assertEqual(client.get('/fixed').status, 200)
            self.assertIsNone(client.answers[slow].status)
            self.assertEqual(client.wait(slow).status, 200)

    def test_answer_before_the_body(self):
        with Server('tls') as server, Client(server) as client:
            stream = client.begin('/early', 'POST', end=False)
            got = client.wait(stream)
            self.assertEqual((got.status, bytes(got.body)), (200, b'early'))
            while got.reset is None and client.receive():
                pass
            self.assertEqual(got.reset, NO_ERROR)
            self.assertEqual(client.get('/fixed').status, 200)

    def test_cancel(self):
        with Server('tls') as server, Client(server) as client:
            stream = client.begin('/later?60000')
            client.h2.reset_stream(stream, CANCEL)
            client.flush()
            self.assertIn('gone=1', client.get('/counters').body.decode())
            client.begin('/later?60000')
            client.begin('/later?60000')
            client.socket.close()
            time.sleep(0.1)
            self.assertEqual(server.counters()['gone'], 3)

    def test_trailers(self):
        with Server('tls') as server, Client(server) as client:
            got = client.get('/trailers')
            self.assertEqual((bytes(got.body), got.trailers), (b'body', {'x-first': '1', 'x-second': 'two'}))
            self.assertNotIn('content-length', got.fields)
            alone = client.get('/trailers?alone')
            self.assertEqual((bytes(alone.body), alone.trailers), (b'', None))
            self.assertEqual((alone.fields['x-first'], alone.fields['x-second']), ('1', 'two'))

    def test_trailers_behind_a_full_head(self):
        with Server('tls') as server, Client(server) as client:
            full = client.get('/full')
            self.assertEqual((full.status, full.fields['x-field'], full.fields['x-trailer']), (503, 'f', 't'))
            self.assertEqual(full.fields['veronnx-request-id'], '%016x' % int(full.fields['veronnx-request-id'], 16))

    def test_parts(self):
        with Server('tls') as server, Client(server) as client:
            stream = client.begin('/parts', 'POST', end=False)
            whole = b''
            for part in (b'one', b'two', b'x' * 100000, b'three'):
                client.send(stream, part, end=False)
                whole += part
                while len(client.answers[stream].body) < len(whole):
                    self.assertTrue(client.receive())
                self.assertEqual(bytes(client.answers[stream].body), whole)
            client.send(stream, b'')
            self.assertEqual(client.wait(stream).trailers, {'x-end': 'yes'})

    def test_parts_of_a_client_that_falls_silent(self):
        """Once answered, a stream of which nothing more came had no deadline, and kept its memory for ever."""
        with Server('tls', 'idle_ms=2000') as server:
            with Client(server) as client:
                streams = [client.begin('/parts', 'POST', end=False) for _ in range(3)]
                for stream in streams:
                    client.send(stream, b'one', end=False)
                for stream in streams:
                    self.assertEqual((client.wait(stream).reset, bytes(client.answers[stream].body)), (CANCEL, b'one'))
            self.assertEqual(server.counters()['gone'], 3)

    def test_parts_of_a_body_that_turns_out_wrong(self):
        """The stream stayed open for ever: what is refused was told only to who had got nothing yet."""
        with Server('tls', 'header_ms=60000') as server, Client(server) as client:
            packer = zlib.compressobj(wbits=31)
            stream = client.begin('/parts', 'POST', ('content-encoding', 'gzip'), end=False)
            client.send(stream, packer.compress(b'one') + packer.flush(zlib.Z_SYNC_FLUSH), end=False)
            while len(client.answers[stream].body) < 3:
                self.assertTrue(client.receive())
            client.send(stream, b'\xff' * 100, end=False)
            self.assertEqual((client.wait(stream).reset, bytes(client.answers[stream].body)), (CANCEL, b'one'))
            self.assertEqual(client.get('/fixed').status, 200)

    def test_parts_that_are_not_taken(self):
        """The end of the body took the deadline from the part that waited for a window."""
        no_window = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0}
        with Server('tls', 'header_ms=2000') as server, Client(server, settings=no_window) as client:
            stream = client.begin('/parts', 'POST', end=False)
            client.send(stream, b'one', end=False)
            while client.answers[stream].status is None:
                self.assertTrue(client.receive())
            client.send(stream, b'')
            self.assertEqual((client.wait(stream).reset, client.answers[stream].body), (CANCEL, b''))

    def test_parts_wait_for_the_client(self):
        """A client that does not take what it is sent cannot send more than a window and what is on its way."""
        with Server('tls') as server, Client(server, credit=False) as client:
            stream = client.begin('/parts', 'POST', end=False)
            sent = 0
            client.socket.settimeout(1)
            while sent < 40 << 20:
                room = min(client.h2.local_flow_control_window(stream), 16384)
                if room == 0 and not client.receive():
                    break
                client.h2.send_data(stream, b'z' * room)
                client.flush()
                sent += room
            self.assertLess(sent, 10 << 20)

    def test_host(self):
        with Server('tls') as server, Client(server) as client:
            self.assertEqual(client.get('/fixed', ('host', 'x')).status, 200)
            self.assertEqual(client.get('/fixed', ('host', 'y')).status, 400)

    def test_curl(self):
        with Server('tls') as server:
            done = subprocess.run(['curl', '-sk', '--http2', '-w', '%{http_version}', f'https://127.0.0.1:{server.port}/fixed'],
                                  capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout, '{"ok":true}2')
            done = subprocess.run(['curl', '-sk', '--http1.1', '-w', '%{http_version}', f'https://127.0.0.1:{server.port}/fixed'],
                                  capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout, '{"ok":true}1.1')


class Ends(unittest.TestCase):
    def test_drain(self):
        server = Server('tls')
        with Raw(server) as raw, Client(server) as idle:
            self.assertEqual(idle.get('/fixed').status, 200)
            raw.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + b'\x04\x0a/later?300') +
                     frame(HEADERS, END_HEADERS | END_STREAM, 3, GET + b'\x04\x06/drain'))
            self.assertEqual(idle.until_closed(), NO_ERROR)
            got = [(kind, stream) for kind, _, stream, _ in raw.frames()]
            self.assertLess(got.index((GOAWAY, 0)), got.index((HEADERS, 1)))
            self.assertIn((DATA, 1), got)
            self.assertIn((DATA, 3), got)
        self.assertEqual(server.stop(), 'drained')

    def test_idle(self):
        with Server('tls', 'idle_ms=300') as server, Client(server) as client:
            self.assertEqual(client.get('/later?600').status, 200)
            begin = time.monotonic()
            self.assertEqual(client.until_closed(), NO_ERROR)
            self.assertLess(time.monotonic() - begin, 5)

    def test_no_greeting(self):
        with Server('tls', 'header_ms=300') as server, Client(server) as client:
            self.assertEqual(client.get('/fixed').status, 200)
        with Server('tls', 'header_ms=300') as server:
            with Raw(server, greet=False) as raw:
                begin = time.monotonic()
                self.assertIsNone(raw.code())
                self.assertLess(time.monotonic() - begin, 5)

    def test_slow_body(self):
        with Server('tls', 'header_ms=300') as server, Client(server) as client:
            stream = client.begin('/echo', 'POST', end=False)
            other = client.begin('/later?1000')
            client.send(stream, b'x', end=False)
            got = client.wait(stream)
            self.assertEqual((got.status, b'BODY_TIMEOUT' in got.body), (408, True))
            self.assertEqual(bytes(client.wait(other).body), b'later')

    def test_answer_not_taken(self):
        with Server('tls', 'header_ms=300') as server, Client(server, credit=False) as client:
            big = client.begin('/big?1000000')
            self.assertEqual(client.wait(big).reset, CANCEL)
            self.assertEqual(server.counters()['used'], 0)


if __name__ == '__main__':
    main()
