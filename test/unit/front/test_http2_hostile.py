"""HTTP/2 with clients that break its rules or strain them: NAME.py ECHO_SERVER"""
import unittest

from echo_client import Server, main
from h2_client import (ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GET_FIXED, GOAWAY, HEADERS, PING,
                       PREFACE, PRIORITY, REFUSED_STREAM, RST_STREAM, SETTINGS, WINDOW_UPDATE, Client, Raw, frame)

GET_LATER = b'\x82\x87' + b'\x04\x0c/later?60000' + b'\x01\x01x'
POST_ECHO = b'\x83\x87' + b'\x04\x05/echo' + b'\x01\x01x'


class Hostile(unittest.TestCase):
    def setUp(self):
        self.server = Server('tls', 'transfer_memory=33554432', 'header_ms=2000')
        self.addCleanup(self.after)

    def after(self):
        """Nobody else notices, and the server ends with nothing left over."""
        with Client(self.server) as client:
            self.assertEqual(client.get('/fixed').status, 200)
        self.server.stop()

    def flood(self, make, times, batch=100):
        """Sends make(n) until the server has had enough; its code."""
        with Raw(self.server) as raw:
            for n in range(0, times, batch):
                if not raw.send(b''.join(make(i) for i in range(n, n + batch))):
                    break
            return raw.code()

    def test_rapid_reset(self):
        def reset(n):
            return frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, GET_LATER) + frame(RST_STREAM, 0, 2 * n + 1, CANCEL.to_bytes(4, 'big'))
        self.assertIn(self.flood(reset, 10000), (ENHANCE_YOUR_CALM, 2, None))
        self.assertLess(self.server.counters()['bodies'], 1200)

    def test_settings_flood(self):
        self.assertIn(self.flood(lambda n: frame(SETTINGS, 0, 0), 20000), (ENHANCE_YOUR_CALM, None))

    def test_ping_flood(self):
        self.assertIn(self.flood(lambda n: frame(PING, 0, 0, b'12345678'), 20000), (ENHANCE_YOUR_CALM, None))

    def test_priority_flood(self):
        self.assertEqual(self.flood(lambda n: frame(PRIORITY, 0, 2 * n + 1, b'\0\0\0\0\1'), 20000), ENHANCE_YOUR_CALM)

    def test_window_update_flood(self):
        self.assertEqual(self.flood(lambda n: frame(WINDOW_UPDATE, 0, 0, b'\0\0\0\1'), 20000), ENHANCE_YOUR_CALM)

    def test_unknown_frames_are_skipped(self):
        with Raw(self.server) as raw:
            raw.send(frame(0xfa, 0xff, 7, b'x' * 100) + frame(HEADERS, END_HEADERS | END_STREAM, 1, GET_FIXED))
            self.assertIn(DATA, [raw.next()[0] for _ in range(5)])

    def test_empty_data(self):
        def data(n):
            begin = frame(HEADERS, END_HEADERS, 1, POST_ECHO) if n == 0 else b''
            return begin + frame(DATA, 0, 1)
        self.assertEqual(self.flood(data, 20000), ENHANCE_YOUR_CALM)

    def test_continuation_flood(self):
        def piece(n):
            return frame(HEADERS, END_STREAM, 1, GET_FIXED) if n == 0 else frame(CONTINUATION, 0, 1, b'\x00\x01a\x01b')
        self.assertNotEqual(self.flood(piece, 1000), 0)

    def test_few_pings_and_settings_are_answered(self):
        with Raw(self.server) as raw:
            raw.send(b''.join(frame(PING, 0, 0, n.to_bytes(8, 'big')) for n in range(50)) + frame(SETTINGS, 0, 0) * 20)
            acks = []
            while len(acks) < 50:
                kind, flags, _, payload = raw.next()
                if kind == PING and flags & ACK:
                    acks.append(int.from_bytes(payload, 'big'))
            self.assertEqual(acks, list(range(50)))

    def test_header_bomb(self):
        """One byte stands for four thousand: the head has its limit, whatever it was packed to."""
        first = b'\x40\x01a\x7f\xa1\x1e' + b'v' * 4000
        bomb = GET_FIXED + first + b'\xbe' * 12000
        before = self.server.resident_kib()
        with Raw(self.server) as raw:
            for stream in range(1, 41, 2):
                raw.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, bomb))
            statuses = []
            for kind, _, _, payload in raw.frames():
                if kind == HEADERS:
                    statuses.append(payload)
                if kind == GOAWAY or len(statuses) == 20:
                    break
            self.assertEqual(len(statuses), 20)
        self.assertLess(self.server.resident_kib() - before, 8192)

    def test_too_many_fields(self):
        with Client(self.server) as client:
            got = client.get('/fixed', *[(f'x-{n}', 'y') for n in range(64)])
            self.assertEqual((got.status, b'HEADERS_TOO_LARGE' in got.body), (431, True))
            got = client.get('/fixed', *[(f'x-{n}', 'y' * 3000) for n in range(12)])
            self.assertEqual(got.status, 431)
            self.assertEqual(client.get('/fixed', ('x-test', 'y' * 20000)).status, 200)

    def test_zero_windows(self):
        """Answers that nobody takes: their memory is bounded, and their time."""
        with Client(self.server, credit=False) as client:
            streams = [client.begin('/big?2000000') for _ in range(60)]
            while not all(client.answers[s].ended for s in streams) and client.receive():
                pass
            ends = [(client.answers[s].status, client.answers[s].reset) for s in streams]
            self.assertEqual(set(ends) - {(503, None)}, {(200, CANCEL), (503, CANCEL), (None, REFUSED_STREAM)})
            self.assertLessEqual([status for status, _ in ends].count(200), 16)
        with Client(self.server) as client:
            self.assertIn('used=3', client.get('/counters').body.decode())  # of this request alone

    def test_too_many_streams(self):
        with Raw(self.server) as raw:
            raw.send(b''.join(frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, GET_LATER) for n in range(200)))
            refused = 0
            while refused < 72:
                kind, _, _, payload = raw.next()
                refused += kind == RST_STREAM and int.from_bytes(payload, 'big') == 7

    def test_last_stream_expires_when_the_client_has_left(self):
        """The answer that says so ends the connection while its streams are searched."""
        with Raw(self.server) as raw:
            raw.send(frame(HEADERS, END_HEADERS, 1, POST_ECHO) + frame(GOAWAY, 0, 0, bytes(8)))
            got = [kind for kind, _, stream, _ in raw.frames() if stream == 1]
            self.assertEqual(got, [HEADERS, DATA, RST_STREAM])

    def test_bad_frames(self):
        cases = {
            'no preface': b'GET / HTTP/1.1\r\n\r\n' * 3,
            'half a preface': PREFACE[:-4] + b'xxxx',
            'first frame is not SETTINGS': PREFACE + frame(PING, 0, 0, b'12345678'),
            'a frame over 16 KiB': PREFACE + frame(SETTINGS, 0, 0) + frame(DATA, 0, 1, b'x' * 20000),
            'DATA on stream 0': PREFACE + frame(SETTINGS, 0, 0) + frame(DATA, 0, 0, b'x'),
            'HEADERS on an even stream': PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS | END_STREAM, 2, GET_FIXED),
            'HPACK that is none': PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS | END_STREAM, 1, b'\xff\xff\xff\xff\xff\xff'),
            'CONTINUATION of nothing': PREFACE + frame(SETTINGS, 0, 0) + frame(CONTINUATION, END_HEADERS, 1, b''),
            'a window over 2^31': PREFACE + frame(SETTINGS, 0, 0) + frame(WINDOW_UPDATE, 0, 0, b'\x7f\xff\xff\xff') * 2,
            'a setting out of range': PREFACE + frame(SETTINGS, 0, 0, b'\0\4\xff\xff\xff\xff'),
            'SETTINGS of five bytes': PREFACE + frame(SETTINGS, 0, 0, b'12345'),
            'PING of seven bytes': PREFACE + frame(SETTINGS, 0, 0) + frame(PING, 0, 0, b'1234567'),
        }
        for what, data in cases.items():
            with self.subTest(what), Raw(self.server, greet=False) as raw:
                raw.send(data)
                self.assertNotEqual(raw.code(), 0)

    def test_bad_heads(self):
        """Each ends its stream alone."""
        cases = {
            'no path': b'\x82\x87\x01\x01x',
            'two paths': GET_FIXED[:10] + b'\x04\x02/a' + b'\x01\x01x',
            'upper case': GET_FIXED + b'\x00\x01A\x01b',
            'a pseudo field behind others': b'\x82\x00\x01a\x01b' + GET_FIXED[1:],
            'connection': GET_FIXED + b'\x00\x0aconnection\x05close',
            'transfer-encoding': GET_FIXED + b'\x00\x11transfer-encoding\x07chunked',
            'a line end in a value': GET_FIXED + b'\x00\x01a\x03b\r\n',
            'a content-length that is none': GET_FIXED + b'\x00\x0econtent-length\x02-1',
        }
        for what, block in cases.items():
            with self.subTest(what), Raw(self.server) as raw:
                raw.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block) +
                         frame(HEADERS, END_HEADERS | END_STREAM, 3, GET_FIXED))
                seen = []
                for kind, _, stream, _ in raw.frames():
                    seen += [(kind, stream)] * (stream != 0)
                    if (DATA, 3) in seen:
                        break
                self.assertIn((RST_STREAM, 1), seen)
                self.assertNotIn((HEADERS, 1), seen)

    def test_body_that_differs_from_its_length(self):
        for sent in (b'x' * 9, b'x' * 11):
            with self.subTest(len(sent)), Raw(self.server) as raw:
                head = POST_ECHO + b'\x00\x0econtent-length\x0210'
                raw.send(frame(HEADERS, END_HEADERS, 1, head) + frame(DATA, END_STREAM, 1, sent))
                kinds = []
                while RST_STREAM not in kinds:
                    kinds.append(raw.next()[0])
                self.assertNotIn(DATA, kinds)


if __name__ == '__main__':
    main()
