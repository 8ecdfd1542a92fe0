#!/usr/bin/env python3
"""A node that lies in its answers writes nothing to a terminal but text: no control character comes through, of ASCII or C1, by whatever the
answers hold, and what people want to read does. Nor does it fill the memory of who asks: a trailer without an end is cut off."""
import http.server
import json
import threading

import endless
from node import check, equal, veronnx, wait_for

EVIL = "\x1b[2J\x07\x7f\u009b31m\r\né"
ANSWERS = {
    "/models": {"models": [{"model": EVIL, "state": "failed", "code": EVIL, "file_bytes": 7}, {"state": EVIL}, {"model": 5}]},
    "/infer": {"output": [{"name": EVIL, "shape": [1], "result": [EVIL], "type": "string"}], "model_hash": EVIL},
}


class Liar(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status = 200
    endless = False
    sent = []

    def answer(self):
        if self.endless:
            self.sent.append(endless.trailer(self))
            return
        self.rfile.read(int(self.headers.get("content-length", 0)))
        document = ANSWERS[self.path] if self.status == 200 else {"error": EVIL, "code": EVIL}
        text = json.dumps(document, ensure_ascii=False).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def controls(text):
    return [c for c in text if (ord(c) < 0x20 and c != "\n") or 0x7f <= ord(c) < 0xa0]


def plain(done, status, lines):
    equal(done.returncode, status, f"exit status: {done.stderr}")
    equal((controls(done.stdout), controls(done.stderr)), ([], []), f"control characters of {done.args[1:]}")
    equal((done.stdout + done.stderr).count("\n"), lines, f"lines: {done.stdout}{done.stderr}")
    return done.stdout


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
infer = ["infer", "--node", url, "--insecure", "--model", "m", "--input", "x=[1]"]

shown = plain(veronnx("models", "--admin", url), 0, 3)
check("           7  \\x1b[2J" in shown, shown)
shown = plain(veronnx(*infer), 0, 2)
check('["\\u001B[2J\\u0007\\u007F\\u009B31m\\r\\né"]' in shown, shown)
Liar.status = 500
plain(veronnx(*infer), 1, 1)
plain(veronnx("models", "--admin", url), 1, 1)
Liar.endless = True
plain(veronnx("models", "--admin", url), 1, 1)
wait_for("the trailer is cut off", lambda: Liar.sent)
check(Liar.sent[0] < endless.TAKEN_MAX, f"{Liar.sent[0]} bytes of the trailer were taken")
server.shutdown()
