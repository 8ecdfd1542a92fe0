"""An HTTP relay in front of a gateway: counts what went through whole, at a rate at which a test can interfere."""
import collections
import http.client
import http.server
import pathlib
import re
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fault"))
import dag as dags  # noqa: E402

PIECE = 32 * 1024


class Sections:
    """Reads a CAR as it passes and tells the CID of each block that has passed whole."""

    def __init__(self, tell):
        self.tell, self.data, self.in_header = tell, b"", True

    def take(self, piece):
        self.data += piece
        while len(self.data) > 10:
            size, head = varint(self.data)
            if len(self.data) < head + size:
                return
            section, self.data = self.data[head:head + size], self.data[head + size:]
            if not self.in_header:
                self.tell(dags.cid_text(section[:34 if section[0] == 0x12 else 36]))
            self.in_header = False


def varint(data):
    """A number and its length."""
    n = 0
    for i, byte in enumerate(data):
        n |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return n, i + 1
    raise ValueError("cut")


class Relay:
    """`with Relay(port) as relay`: relay.url. `upstream` may be changed at any time; `whole` counts the blocks that were
    passed on with their last byte, one by one or in a CAR, by their CID; `refused` the requests that ended otherwise."""

    def __init__(self, upstream, bytes_per_second=None):
        self.upstream, self.rate = upstream, bytes_per_second
        self.whole, self.bytes, self.refused = collections.Counter(), 0, 0
        self.lock, self.free_at = threading.Lock(), 0.0
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                relay.pass_on(self)

            do_POST = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 256

            def handle_error(self, *_):
                pass  # the client has gone

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def pass_on(self, handler):
        handler.close_connection = True  # unless all goes well
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in ("host", "connection")}
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        try:
            upstream.request(handler.command, handler.path, headers=headers)
            answer = upstream.getresponse()
            self.pass_answer(handler, answer)
            handler.close_connection = False
        except (OSError, http.client.HTTPException):
            with self.lock:
                self.refused += 1
        finally:
            upstream.close()

    def pass_answer(self, handler, answer):
        chunked = answer.headers.get("Transfer-Encoding") == "chunked"
        handler.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() != "connection":
                handler.send_header(name, value)
        handler.end_headers()
        found = re.search(r"\b(Qm\w{44}|b[a-z2-7]{58})\b", handler.path)
        car = Sections(self.count) if "vnd.ipld.car" in answer.headers.get("Content-Type", "") else None
        got = 0
        while piece := answer.read1(PIECE):
            self.wait(len(piece))
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            got += len(piece)
            if car:
                car.take(piece)
        if not chunked and handler.command != "HEAD" and got != int(answer.headers.get("Content-Length", got)):
            raise http.client.IncompleteRead(b"")
        handler.wfile.write(b"0\r\n\r\n" if chunked else b"")
        if found and not car and answer.status == 200:
            self.count(found[1])

    def count(self, cid):
        with self.lock:
            self.whole[cid] += 1

    def wait(self, size):
        with self.lock:
            self.bytes += size
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + (size / self.rate if self.rate else 0)
            pause = self.free_at - now
        time.sleep(pause)
