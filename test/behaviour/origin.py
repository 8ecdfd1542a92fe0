"""A web server that has the blocks of a store as files named by their CIDs."""
import http.server
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fault"))
from dag import cid_parse  # noqa: E402


class Origin(http.server.ThreadingHTTPServer):
    """`pause`: seconds before each block, one block after the other."""
    daemon_threads = True

    def __init__(self, store, pause=0):
        self.store, self.pause, self.turn = store, pause, threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def source(self):
        """As an option of `veronnx serve`."""
        return f"files http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        """A fetcher that was killed while it was served."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        digest = cid_parse(self.path.split("?")[0].rsplit("/", 1)[1])[-32:].hex()
        file = self.server.store / digest[:2] / digest
        data = file.read_bytes() if file.exists() else None
        if self.server.pause:
            with self.server.turn:
                time.sleep(self.server.pause)
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *_):
        pass
