"""Requests that are refused: NAME.py ECHO_SERVER"""
import gzip
import socket

from echo_client import CLOSE, WithServer, answers, chunked, get, main, post, read_all, slowly


class BadRequests(WithServer):
    """Everything that two parsers could read differently, or that is just wrong: 400 and the connection ends."""

    def test_shapes(self):
        head = b'POST /echo HTTP/1.1\r\nHost: x\r\n'
        for data in [
            # framing
            head + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
            head + b'Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello',
            head + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
            head + b'Content-Length: 5, 5\r\n\r\nhello',
            head + b'Content-Length: +5\r\n\r\nhello',
            head + b'Content-Length: -5\r\n\r\nhello',
            head + b'Content-Length: 0x5\r\n\r\nhello',
            head + b'Content-Length: 5 5\r\n\r\nhello',
            head + b'Content-Length: five\r\n\r\nhello',
            head + b'Content-Length:\r\n\r\nhello',
            head + b'Content-Length: 18446744073709551616\r\n\r\n',
            head + b'Content-Length: 99999999999999999999999\r\n\r\n',
            head + b'Content-Length : 5\r\n\r\nhello',
            head + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: identity\r\n\r\n',
            head + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
            head + b'Transfer-Encoding:\r\n\r\n0\r\n\r\n',
            b'POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
            # chunks
            head + b'Transfer-Encoding: chunked\r\n\r\nx\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n-1\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nhello',
            head + b'Transfer-Encoding: chunked\r\n\r\n5 ;a\r\nhello\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\n\r\n',
            head + b'Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n',
            # line ends and field syntax
            b'GET /fixed HTTP/1.1\nHost: x\n\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\n\n',
            b'GET /fixed HTTP/1.1\rHost: x\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nX-Test: a\rb\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nX-Test: a\0b\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nX-Test: a\x7fb\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nX-Test: a\r\n folded\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\n\tX-Test: a\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\n Host: x\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nX Test: a\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nX-Test\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nX-T\xc3\xa4st: a\r\n\r\n',
            # fields that may stand once
            b'GET /fixed HTTP/1.1\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n',
            b'GET /fixed HTTP/1.1\r\nHost: x\r\nhOST: y\r\n\r\n',
            get('/fixed', 'Authorization: Bearer a', 'Authorization: Bearer b'),
            get('/fixed', 'Content-Type: a/b', 'Content-Type: c/d'),
            get('/fixed', 'Expect: 100-continue', 'Expect: 100-continue'),
            get('/fixed', 'Veronnx-Request-Id: 0123456789abcdef', 'Veronnx-Request-Id: 0123456789abcdef'),
            get('/fixed', 'Inference-Header-Content-Length: 1', 'Inference-Header-Content-Length: 2'),
            # the request line
            b'GET /fixed HTTP/1.1 \r\nHost: x\r\n\r\n',
            b'GET /fi xed HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET\t/fixed\tHTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /fixed\r\n\r\n',
            b'GET /fixed\r\nHost: x\r\n\r\n',
            b'GET /fixed HTTP/0.9\r\nHost: x\r\n\r\n',
            b'GET /fixed HTTP/1.2\r\nHost: x\r\n\r\n',
            b'GET /fixed HTTP/2.0\r\nHost: x\r\n\r\n',
            b'GET /fixed HTTP/1.10\r\nHost: x\r\n\r\n',
            b'GET /fixed http/1.1\r\nHost: x\r\n\r\n',
            b'FOO /fixed HTTP/1.1\r\nHost: x\r\n\r\n',
            b'get /fixed HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET http://x/fixed HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET * HTTP/1.1\r\nHost: x\r\n\r\n',
            b'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
            b'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET fixed HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET ?a HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /fixed#a HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /f\xc3\xa4xed HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /fixed\x01 HTTP/1.1\r\nHost: x\r\n\r\n',
            b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
            b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
            b'\0' * 100,
        ]:
            with self.subTest(data=data):
                before = self.server.counters()['gone']
                a = self.one(data + get('/fixed'))
                self.assertEqual((a.status, a.code, a.fields['connection']), (400, 'BAD_REQUEST', 'close'), a.body)
                counters = self.server.counters()
                self.assertLessEqual(counters['gone'] - before, 1)
                self.assertEqual(counters['used'], 0)

    def test_second_request_is_bad(self):
        found = answers(self.server.ask(get('/fixed') + b'nonsense\r\n\r\n' + get('/fixed')))
        self.assertEqual([a.status for a in found], [200, 400])

    def test_what_may_be_tolerated(self):
        """RFC 9112 §2.2 and §3: blank lines before a request, and several blanks between the words of its first line."""
        for data in (b'\r\n\r\n' + get('/fixed', CLOSE), get('/fixed', CLOSE).replace(b' ', b'  ')):
            self.assertEqual(self.one(data).status, 200)

    def test_content_is_not_echoed(self):
        a = self.one(b'GET /sEcReT\x01 HTTP/1.1\r\nHost: sEcReT\r\n\r\n')
        self.assertNotIn(b'sEcReT', a.body)


class Limits(WithServer):
    def test_head(self):
        def padded(total):
            fixed = get('/fixed', 'X-Pad: ', CLOSE)
            return fixed.replace(b'X-Pad: ', b'X-Pad: ' + b'x' * (total - len(fixed)))
        for data, status in [
            (padded(32 * 1024 - 1), 200),
            (padded(32 * 1024), 200),
            (padded(32 * 1024 + 1), 431),
            (padded(200 * 1024), 431),
            (get('/fixed', *[f'X-{i}: y' for i in range(62)], CLOSE), 200),
            (get('/fixed', *[f'X-{i}: y' for i in range(63)], CLOSE), 431),
            (get('/fixed', *['X:y'] * 5000), 431),
            (get('/fixed', 'X' * 40000 + ': y'), 431),
            (get('/fixed?' + 'x' * (8192 - 7), CLOSE), 200),
            (get('/fixed?' + 'x' * (8192 - 6), CLOSE), 414),
            (get('/fixed?' + 'x' * 40000), 431),
            (b'\r\n' * 20000, 431),
        ]:
            a = self.one(data)
            self.assertEqual(a.status, status, a.body)

    def test_head_byte_by_byte(self):
        with self.server.socket() as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            slowly(s, get('/fixed', 'X-Pad: ' + 'x' * 33000), piece=100)
            self.assertEqual(answers(read_all(s))[0].status, 431)

    def test_tiny_chunks(self):
        self.assertEqual(self.one(chunked('/echo', [b'x'] * 150000, CLOSE)).status, 200)
        a = self.one(chunked('/echo', [b'x'] * 300000))
        self.assertEqual((a.status, a.code), (400, 'BAD_REQUEST'))
        a = self.one(chunked('/echo', [], end=b'1;' + b'x' * 2000000))
        self.assertEqual((a.status, a.code), (400, 'BAD_REQUEST'))
        a = self.one(chunked('/echo', [], end=b'0\r\n' + b'X-T: y\r\n' * 200000))
        self.assertEqual((a.status, a.code), (400, 'BAD_REQUEST'))

    def test_gzip_bomb(self):
        bomb = gzip.compress(b'\0' * 200000000, 9)
        a = self.one(post('/echo', bomb, 'Content-Encoding: gzip'))
        self.assertEqual((a.status, a.code), (413, 'BODY_TOO_LARGE'))
        self.assertEqual(self.server.counters()['used'], 0)


if __name__ == '__main__':
    main()
