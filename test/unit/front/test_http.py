"""Requests that are in order: NAME.py ECHO_SERVER"""
import gzip
import http.client
import json
import os
import socket
import struct
import zlib

from echo_client import CLOSE, Answer, WithServer, answers, chunked, get, main, post, read_all, read_answer, slowly


class Basics(WithServer):
    def test_answer(self):
        a = self.one(get('/fixed', CLOSE))
        self.assertEqual((a.version, a.status, a.reason, a.body), ('HTTP/1.1', 200, 'OK', b'{"ok":true}'))
        self.assertEqual(a.fields['content-type'], 'text/plain')
        self.assertEqual(a.fields['connection'], 'close')
        self.assertRegex(a.fields['veronnx-request-id'], '^[0-9a-f]{16}$')

    def test_facts(self):
        for line, fields, expected in [
            ('/facts', [], 'path=/facts query= '),
            ('/facts?', [], 'path=/facts query= '),
            ('/facts?a=1&b=%20?', [], 'path=/facts query=a=1&b=%20? '),
            ('/facts', ['X-Test: one', 'X-Test: two'], 'x-test=[one]'),
            ('/facts', ['X-Test:   one two \t '], 'x-test=[one two]'),
            ('/facts', ['X-Test:'], 'x-test=[]'),
            ('/facts', ['x-TEST: y'], 'x-test=[y]'),
            ('/facts', [], 'x-test=absent'),
            ('/facts', ['Veronnx-Request-Id: 0123456789ABCDEF'], 'id=0123456789abcdef'),
        ]:
            with self.subTest(line=line, fields=fields):
                self.assertIn(expected, self.one(get(line, *fields, CLOSE)).body.decode())

    def test_methods(self):
        for method, number in [('GET', 0), ('POST', 2), ('PUT', 3), ('DELETE', 4), ('OPTIONS', 5), ('PATCH', 6), ('TRACE', 6)]:
            a = self.one(f'{method} /facts HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n\r\n'.encode())
            self.assertTrue(a.body.startswith(b'method=%d ' % number), a.body)

    def test_head(self):
        with self.server.socket() as s:
            s.sendall(b'HEAD /fixed HTTP/1.1\r\nHost: x\r\n\r\n' + get('/fixed', CLOSE))
            head, _, rest = read_all(s).partition(b'\r\n\r\n')
        self.assertEqual(Answer(head, b'').fields['content-length'], '11')
        self.assertEqual(answers(rest)[0].body, b'{"ok":true}')

    def test_request_ids(self):
        seen = set()
        for fields in [[], [], ['Veronnx-Request-Id: 123'], ['Veronnx-Request-Id: 0123456789abcdeg'],
                       ['Veronnx-Request-Id: 0123456789abcdef0']]:
            seen.add(self.one(get('/fixed', *fields, CLOSE)).fields['veronnx-request-id'])
        self.assertEqual(len(seen), 5)
        self.assertEqual(self.one(get('/nothing', 'Veronnx-Request-Id: 00000000deadbeef', CLOSE)).fields['veronnx-request-id'],
                         '00000000deadbeef')

    def test_error_form(self):
        a = self.one(post('/forbidden', b'', CLOSE))
        self.assertEqual((a.status, a.fields['content-type']), (403, 'application/json'))
        self.assertEqual(json.loads(a.body), {'error': 'a "quoted" text?', 'code': 'MODEL_NOT_ALLOWED'})
        a = self.one(get('/nothing', CLOSE))
        self.assertEqual((a.status, json.loads(a.body)), (404, {'error': 'no such path', 'code': 'NOT_FOUND'}))

    def test_added_fields(self):
        self.assertEqual(self.one(get('/fields', CLOSE)).fields['x-answer'], 'good')
        a = self.one(get('/split', CLOSE))
        self.assertEqual((a.status, a.code, 'set-cookie' in a.fields), (500, 'INTERNAL', False))
        tried = [(3, byte) for byte in range(1, 256)] + [(place, byte) for place in range(27) for byte in (0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xff)]
        found = answers(self.server.ask(b''.join(get('/byte?%02x%02x' % pair) for pair in tried) + get('/fixed', CLOSE)))
        for pair, a in zip(tried, found, strict=False):
            self.assertEqual(a.status, 200 if 0x20 <= pair[1] <= 0x7e else 500, pair)
        self.assertEqual(len(found), len(tried) + 1)

    def test_versions(self):
        for data, count, connection in [
            (b'GET /fixed HTTP/1.0\r\n\r\n', 1, 'close'),
            (b'GET /fixed HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /fixed HTTP/1.0\r\n\r\n', 2, 'keep-alive'),
            (get('/fixed') + get('/fixed', CLOSE), 2, None),
        ]:
            with self.subTest(data=data):
                found = answers(self.server.ask(data))
                self.assertEqual([a.body for a in found], [b'{"ok":true}'] * count)
                self.assertEqual(found[0].fields.get('connection'), connection)
                self.assertEqual(found[-1].fields.get('connection'), 'close')

    def test_upgrade_is_ignored(self):
        self.assertEqual(self.one(get('/fixed', 'Connection: Upgrade, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk')).status, 200)
        found = answers(self.server.ask(get('/fixed', 'Connection: upgrade', 'Upgrade: websocket') + get('/fixed', CLOSE)))
        self.assertEqual([a.status for a in found], [200, 200])

    def test_pieces(self):
        data = post('/echo', b'hello', 'X-Test: y', 'Expect: 100-continue') + chunked('/echo', [b'ab', b'c'], CLOSE)
        for piece in (1, 2, 3, 7):
            with self.server.socket() as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                slowly(s, data, 0.0002, piece)
                found = answers(read_all(s))
            self.assertEqual([(a.status, a.body) for a in found], [(100, b''), (200, b'hello'), (200, b'abc')])

    def test_http_client(self):
        c = http.client.HTTPConnection('127.0.0.1', self.server.port)
        for n in (0, 1, 1000, 70000, 5000000):
            body = os.urandom(n)
            c.request('POST', '/echo', body)
            a = c.getresponse()
            self.assertEqual((a.status, a.read()), (200, body))
        c.request('POST', '/echo', iter([b'one', b'two' * 10000]), encode_chunked=True, headers={'Transfer-Encoding': 'chunked'})
        self.assertEqual(c.getresponse().read(), b'one' + b'two' * 10000)
        c.close()

    def test_pipelining(self):
        data = b''.join(post('/echo', b'%d' % i) for i in range(500)) + get('/fixed', CLOSE)
        self.assertEqual([a.body for a in answers(self.server.ask(data))], [b'%d' % i for i in range(500)] + [b'{"ok":true}'])

    def test_pipelining_behind_a_slow_answer(self):
        data = b''.join(get('/later?20') + post('/echo', b'%d' % i) for i in range(5))
        found = answers(self.server.ask(data + get('/fixed', CLOSE)))
        self.assertEqual([a.body for a in found], [b for i in range(5) for b in (b'later', b'%d' % i)] + [b'{"ok":true}'])

    def test_pipelining_is_bounded(self):
        with self.server.socket() as s:
            s.settimeout(0.5)
            s.sendall(get('/later?60000'))
            with self.assertRaises(TimeoutError):
                for _ in range(1000):
                    s.sendall(get('/fixed') * 1000)
        self.assertLess(self.server.resident_kib(), 30000)

    def test_after_close_nothing_is_read(self):
        self.assertEqual(len(answers(self.server.ask(get('/fixed', CLOSE) + get('/fixed')))), 1)


class Bodies(WithServer):
    def test_chunks(self):
        for data, body in [
            (chunked('/echo', [], CLOSE), b''),
            (chunked('/echo', [b'a'] * 3000, CLOSE), b'a' * 3000),
            (chunked('/echo', [b'x' * 100000, b'y'], CLOSE), b'x' * 100000 + b'y'),
            (chunked('/echo', [], CLOSE, end=b'5;a=b;c="d"\r\nhello\r\n0\r\n\r\n'), b'hello'),
            (chunked('/echo', [b'abc'], CLOSE, end=b'0\r\nX-Trailer: 1\r\nHost: y\r\nHost: z\r\n\r\n'), b'abc'),
            (chunked('/echo', [], CLOSE, end=b'00005\r\nhello\r\n000\r\n\r\n'), b'hello'),
        ]:
            a = self.one(data)
            self.assertEqual((a.status, a.body), (200, body))

    def test_expect(self):
        with self.server.socket() as s:
            s.sendall(post('/echo', b'hello', 'Expect: 100-Continue')[:-5])
            self.assertEqual(read_answer(s).status, 100)
            s.sendall(b'hello')
            self.assertEqual(read_answer(s).body, b'hello')
            s.sendall(post('/small', b'x' * 101, 'Expect: 100-continue')[:-101])
            a = read_answer(s)
            self.assertEqual((a.status, a.fields['connection']), (413, 'close'))
        with self.server.socket() as s:
            s.sendall(post('/forbidden', b'hello', 'Expect: 100-continue')[:-5])
            a = read_answer(s)
            self.assertEqual((a.status, a.fields['connection']), (403, 'close'))
        self.assertEqual(self.one(post('/echo', b'', 'Expect: 100-continue', CLOSE)).status, 200)
        self.assertEqual(self.one(post('/echo', b'x', 'Expect: something', CLOSE)).status, 400)
        self.assertEqual(self.one(b'POST /echo HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx').status, 200)

    def test_codings(self):
        text = os.urandom(1000) * 300
        for coding, body in [('gzip', gzip.compress(text)), ('x-gzip', gzip.compress(text)), ('GZIP', gzip.compress(text)),
                             ('deflate', zlib.compress(text)), ('identity', text)]:
            a = self.one(post('/echo', body, f'Content-Encoding: {coding}', CLOSE))
            self.assertEqual((a.status, a.body == text), (200, True), coding)
            a = self.one(chunked('/echo', [body[i:i + 1000] for i in range(0, len(body), 1000)], f'Content-Encoding: {coding}', CLOSE))
            self.assertEqual((a.status, a.body == text), (200, True), coding)
        self.assertEqual(self.one(post('/echo', gzip.compress(b''), 'Content-Encoding: gzip', CLOSE)).body, b'')

    def test_wrong_codings(self):
        good = gzip.compress(b'hello' * 1000)
        raw = zlib.compressobj(wbits=-15)
        for fields, body, status, code in [
            (['Content-Encoding: br'], b'x', 415, 'MEDIA_TYPE'),
            (['Content-Encoding: gzip, gzip'], good, 415, 'MEDIA_TYPE'),
            (['Content-Encoding: gzip', 'Content-Encoding: gzip'], good, 415, 'MEDIA_TYPE'),
            (['Content-Encoding:'], b'x', 415, 'MEDIA_TYPE'),
            (['Content-Encoding: gzip'], b'x' * 100, 400, 'BAD_ENCODING'),
            (['Content-Encoding: gzip'], good[:-1], 400, 'BAD_ENCODING'),
            (['Content-Encoding: gzip'], good[:20], 400, 'BAD_ENCODING'),
            (['Content-Encoding: gzip'], b'', 400, 'BAD_ENCODING'),
            (['Content-Encoding: gzip'], good[:-8] + b'\0' + good[-7:], 400, 'BAD_ENCODING'),
            (['Content-Encoding: gzip'], good + b'x', 400, 'BAD_ENCODING'),
            (['Content-Encoding: gzip'], good + good, 400, 'BAD_ENCODING'),
            (['Content-Encoding: deflate'], raw.compress(b'x' * 1000) + raw.flush(), 400, 'BAD_ENCODING'),
            (['Content-Encoding: deflate'], good, 400, 'BAD_ENCODING'),
        ]:
            with self.subTest(fields=fields, body=body[:30]):
                a = self.one(post('/echo', body, *fields))
                self.assertEqual((a.status, a.code, a.fields['connection']), (status, code, 'close'))
        self.assertEqual(self.server.counters()['used'], 0)

    def test_limits(self):
        for path, limit in (('/small', 100), ('/into', 1000)):
            for data, status in [
                (post(path, b'x' * limit, CLOSE), 200),
                (chunked(path, [b'x' * (limit // 2)] * 2, CLOSE), 200),
                (post(path, gzip.compress(b'x' * limit), 'Content-Encoding: gzip', CLOSE), 200),
                (chunked(path, [bytes([b]) for b in gzip.compress(b'x' * limit)], 'Content-Encoding: gzip', CLOSE), 200),
                (post(path, b'x' * (limit + 1)), 413),
                (chunked(path, [b'x' * (limit // 2)] * 2 + [b'x']), 413),
                (post(path, gzip.compress(b'x' * (limit + 1)), 'Content-Encoding: gzip'), 413),
                (post(path, gzip.compress(os.urandom(2 * limit)), 'Content-Encoding: gzip'), 413),
                (f'POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n'.encode(), 413),
            ]:
                a = self.one(data)
                self.assertEqual(a.status, status, data[:200])
                if status == 413:
                    self.assertEqual(json.loads(a.body), {'error': f'the request body may have {limit} bytes', 'code': 'BODY_TOO_LARGE'})
        counters = self.server.counters()
        self.assertEqual((counters['used'], counters['gone']), (0, 10))

    def test_lent_area(self):
        self.assertEqual(self.one(post('/into', b'abc' * 300, CLOSE)).body, b'abc' * 300)

    def test_answer_before_the_body(self):
        found = answers(self.server.ask(post('/forbidden', b'x' * 60000) + post('/early', b'y' * 3) + get('/fixed', CLOSE)))
        self.assertEqual([a.status for a in found], [403, 200, 200])
        for data in (post('/forbidden', b'x' * 70000), chunked('/forbidden', [b'x'])):
            a = self.one(data + get('/fixed'))
            self.assertEqual((a.status, a.fields['connection']), (403, 'close'))

    def test_answer_meanwhile(self):
        with self.server.socket() as s:
            s.sendall(post('/meanwhile?30', b'x' * 10)[:-5])
            self.assertEqual(read_answer(s).body, b'later')
            s.sendall(b'x' * 5 + get('/fixed', CLOSE))
            self.assertEqual(answers(read_all(s))[0].body, b'{"ok":true}')
        a = self.one(post('/meanwhile?30', b'x' * 100000)[:-70000])
        self.assertEqual((a.body, a.fields['connection']), (b'later', 'close'))

    def test_413_reaches_a_client_that_only_sends(self):
        with self.server.socket() as s:
            s.sendall(b'POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n' + b'x' * 30000000)
            self.assertEqual(answers(read_all(s))[0].status, 413)

    def test_big_answers(self):
        for n in (0, 1, 16000, 16384, 16385, 100000, 20000000):
            a = self.one(get(f'/big?{n}', CLOSE))
            self.assertEqual((a.status, a.body), (200, (b'abcdefghijklmnopqrstuvw' * (n // 23 + 1))[:n]))
        self.assertEqual(self.server.counters()['used'], 0)
        a = self.one(get(f'/big?{1 << 30}', CLOSE))
        self.assertEqual((a.status, a.code, a.fields['retry-after']), (503, 'OVERLOADED', '7'))

    def test_client_leaves(self):
        for data in (get('/later?5000'), post('/echo', b'x' * 1000)[:-10], post('/later?5000', b'x'), get('/big?50000000'),
                     post('/echo', gzip.compress(os.urandom(100000)), 'Content-Encoding: gzip')[:-10], b'GET /'):
            with self.server.socket() as s:
                s.sendall(data)
                self.server.counters()  # by now the server has seen the data
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        for data in (get('/later?5000'), post('/echo', b'x' * 1000)[:-10]):
            with self.server.socket() as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                self.assertEqual(read_all(s), b'')
        counters = self.server.counters()
        self.assertEqual((counters['gone'], counters['used']), (6, 0))

    def test_half_closed_client_gets_its_answer(self):
        with self.server.socket() as s:
            s.sendall(get('/big?5000000'))
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(len(answers(read_all(s))[0].body), 5000000)


if __name__ == '__main__':
    main()
