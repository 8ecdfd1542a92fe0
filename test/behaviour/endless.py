"""For servers of tests: an answer whose trailer has no end."""
import contextlib

LINE = b"X-More: " + b"x" * 1000 + b"\r\n"
SENT_MAX = 64 << 20
TAKEN_MAX = 16 << 20  # with what lies in sockets


def trailer(handler):
    """Sends it through a http.server handler, until the client hangs up or there was enough of it; how many bytes."""
    sent = 0
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    with contextlib.suppress(OSError):
        handler.wfile.write(b"2\r\n{}\r\n0\r\n")
        while sent < SENT_MAX:
            sent += handler.wfile.write(LINE * 64)
    return sent
