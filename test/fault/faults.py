"""The table of faults: what a source may do instead of answering, and what may come of it when nobody else has the blocks.

Each is a function of a server.Call (or of a server.Link, where it greets: then it needs no request)."""
import dataclasses
import functools
import gzip

import dag as dags

CODE, BYTES, EITHER = "code", "bytes", "either"
FAULTS = {}
PIECE = 64 * 1024
ERROR_PAGE = b"<html><head><title>504 Gateway Time-out</title></head><body>no</body></html>\n"
GATEWAY_ERROR = b"\n\n[Gateway Error: Response truncated due to timeout while retrieving blocks]"  # what boxo appends


@dataclasses.dataclass
class Fault:
    run: callable
    ends: str  # what comes of it alone, asked for single blocks: CODE, BYTES, or EITHER
    kinds: tuple = ("raw", "car")
    greets: bool = False
    waits: bool = False  # it lasts as long as the client's patience


def fault(ends, *args, name=None, **options):
    """Decorates a function, with further arguments if given, as a row of the table."""
    def add(run):
        row = name or run.__name__.replace("_", "-")
        FAULTS[row] = Fault(functools.partial(run, **dict(args)), ends, **options)
        return run
    return add


def flipped(call, data):
    place = call.rng.randrange(len(data)) if data else 0
    return data[:place] + bytes([data[place] ^ 1 << call.rng.randrange(8)]) + data[place + 1:] if data else b"\0"


# ── lies ──

@fault(CODE)
def flip(call):
    call.send(call.whole(flipped(call, call.body)))


@fault(CODE)
def other_block(call):
    call.send(call.whole(call.other()))


@fault(CODE)
def nothing(call):
    call.send(call.whole(b""))


@fault(CODE)
def shorter(call):
    call.send(call.whole(call.body[:call.cut(call.body)]))


@fault(CODE)
def longer(call):
    call.send(call.whole(call.body + call.rng.randbytes(call.rng.randrange(1, 4096))))


@fault(CODE)
def too_large(call):
    """More than a block may have, which a client must not even read to its end."""
    call.send(call.whole(call.body + bytes(2 * 1024 * 1024)))


@fault(CODE)
def error_page(call):
    call.send(call.whole(ERROR_PAGE))


@fault(CODE)
def html(call):
    call.type = "text/html; charset=utf-8"
    call.send(call.whole(ERROR_PAGE))


@fault(EITHER)
def wrong_type(call):
    """The right bytes, announced as something else."""
    call.type = call.rng.choice(["text/html", "application/json", "application/vnd.ipld.dag-cbor", ""])
    call.send(call.whole())


@fault(CODE)
def other_codec(call):
    """The same node as another codec would write it."""
    call.type = "application/vnd.ipld.dag-json"
    call.send(call.whole(b'{"Data":{"/":{"bytes":"CAE"}},"Links":[]}'))


@fault(CODE)
def other_kind(call):
    """A CAR for a block, a block for a CAR."""
    raw = call.kind == "raw"
    body = call.car(dags.walk(call.cid, call.blocks)) if raw else call.blocks[call.cid]
    call.type = "application/vnd.ipld.car; version=1" if raw else "application/vnd.ipld.raw"
    call.send(call.whole(body))


# ── silence ──

@fault(CODE, waits=True)
def mute(call):
    call.hang()


@fault(CODE, waits=True)
def stall(call):
    """Somewhere in head or body."""
    answer = call.whole()
    call.send(answer[:call.cut(answer)])
    call.hang()


@fault(CODE, waits=True, greets=True)
def never_reads(link):
    link.hang(read=False)


@fault(CODE, waits=True)
def trickle(call):
    """So slowly that it never ends, yet never silent for long."""
    for byte in call.whole():
        call.send(bytes([byte]))
        call.pause(0.4)


@fault(BYTES)
def slow(call):
    """In pieces, with pauses: no fault, but no pleasure either."""
    answer = call.whole()
    for place in range(0, len(answer), len(answer) // 4 + 1):
        call.send(answer[place:place + len(answer) // 4 + 1])
        call.pause(0.01)


# ── no end ──

def for_ever(call, piece):
    data = piece * max(1, PIECE // len(piece))
    while True:
        call.send(data)
        call.pause(0.002)


@fault(CODE)
def endless(call):
    call.send(call.head() + call.body)
    for_ever(call, b"\xa5")


@fault(CODE)
def endless_chunks(call):
    call.send(call.head(Transfer_Encoding="chunked") + call.chunks(call.body))
    for_ever(call, call.chunks(bytes(1000)))


@fault(CODE)
def endless_small_chunks(call):
    call.send(call.head(Transfer_Encoding="chunked"))
    for_ever(call, b"1\r\nx\r\n")


@fault(CODE)
def endless_head(call):
    call.send(call.head()[:-2])
    for_ever(call, b"X-Flood: and another one\r\n")


@fault(CODE)
def endless_line(call):
    call.send(call.head()[:-2] + b"X-Long: ")
    for_ever(call, b"x")


@fault(CODE)
def endless_status_line(call):
    call.send(b"HTTP/1.1 200 ")
    for_ever(call, b"OK")


@fault(CODE)
def endless_continue(call):
    for_ever(call, b"HTTP/1.1 100 Continue\r\n\r\n")


@fault(EITHER)
def endless_trailer(call):
    call.send(call.head(Transfer_Encoding="chunked") + call.chunks(call.body) + b"0\r\n")
    for_ever(call, b"X-Trailer: and another one\r\n")


@fault(CODE)
def endless_chunk_size(call):
    call.send(call.head(Transfer_Encoding="chunked"))
    for_ever(call, b"0")


# ── the end too early ──

@fault(CODE)
def cut(call):
    """Closed at a byte of head or body."""
    answer = call.whole()
    call.send(answer[:call.cut(answer)])
    call.close()


@fault(CODE)
def reset(call):
    answer = call.whole()
    call.send(answer[:call.cut(answer)])
    call.reset()


@fault(CODE)
def cut_chunks(call):
    answer = call.head(Transfer_Encoding="chunked") + call.chunks(call.body, call.rng.randrange(1, 4096))
    call.send(answer[:call.cut(answer)])
    call.close()


@fault(CODE)
def hang_up(call):
    call.close()


@fault(CODE, greets=True)
def hang_up_at_once(link):
    link.close()


@fault(CODE, greets=True)
def reset_at_once(link):
    link.reset()


# ── lengths ──

@fault(CODE)
def length_too_small(call):
    """What is left of the body then stands where the next answer should."""
    call.send(call.head(length=call.cut(call.body)) + call.body)


@fault(EITHER)
def length_too_large(call):
    call.send(call.head(length=len(call.body) + call.rng.randrange(1, 1000)) + call.body)
    call.close()


@fault(CODE)
def length_enormous(call):
    call.send(call.head(length=call.rng.choice([2**31, 2**32 + len(call.body), 2**63 - 1])) + call.body)
    for_ever(call, b"\x5a")


@fault(EITHER)
def length_no_number(call):
    call.send(call.head(length=call.rng.choice(["-1", "0x10", "12abc", "", "99999999999999999999999"])) + call.body)
    call.close()


@fault(EITHER)
def length_twice(call):
    size = len(call.body)
    call.send(call.head(length=size)[:-2] + b"Content-Length: %d\r\n\r\n" % (size - 1) + call.body)
    call.close()


@fault(EITHER)
def length_and_chunks(call):
    call.send(call.head(length=call.cut(call.body), Transfer_Encoding="chunked") + call.chunks(call.body) + b"0\r\n\r\n")
    call.close()


@fault(CODE)
def chunk_enormous(call):
    call.send(call.head(Transfer_Encoding="chunked") + b"7fffffffffffffff\r\n" + call.body)
    for_ever(call, b"\x5a")


@fault(CODE)
def chunk_no_number(call):
    call.send(call.head(Transfer_Encoding="chunked") + b"size\r\n" + call.body + b"\r\n0\r\n\r\n")


# ── statuses ──

@fault(CODE)
def redirect(call):
    """To where the right bytes are: nobody may go there."""
    status = call.rng.choice(["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
    call.refuse(status, Location=f"{call.server.url}/redirected/{dags.cid_text(call.cid)}?format={call.kind}")


@fault(CODE)
def redirect_file(call):
    call.refuse("302 Found", Location="file:///etc/passwd")


def status(call, line, **fields):
    call.refuse(line, **fields)


for line in ("400 Bad Request", "403 Forbidden", "404 Not Found", "406 Not Acceptable", "410 Gone", "429 Too Many Requests",
             "451 Unavailable For Legal Reasons", "500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable",
             "504 Gateway Timeout", "999 ?"):
    fault(CODE, ("line", line), name=line[:3])(status)
for line, after in (("429 Too Many Requests", "1"), ("503 Service Unavailable", "3600"), ("504 Gateway Timeout", "-1"),
                    ("429 Too Many Requests", "Fri, 31 Dec 9999 23:59:59 GMT"), ("503 Service Unavailable", "9" * 30)):
    fault(CODE, ("line", line), ("Retry_After", after), name=f"{line[:3]}-after-{after[:4].strip(', ')}")(status)


@fault(CODE, name="204")
def no_content(call):
    call.send(call.head("204 No Content"))


@fault(CODE, name="304")
def not_modified(call):
    call.send(call.head("304 Not Modified"))


@fault(CODE, name="206")
def part(call):
    """A part that nobody asked for."""
    end = call.cut(call.body)
    call.send(call.head("206 Partial Content", end, Content_Range=f"bytes 0-{end - 1}/{len(call.body)}") + call.body[:end])


@fault(CODE, name="500-with-the-bytes")
def error_with_bytes(call):
    call.send(call.head("500 Internal Server Error", len(call.body)) + call.body)


@fault(CODE, name="101")
def switch(call):
    call.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + call.body)
    call.close()


# ── encodings ──

def encoded(call, body):
    call.send(call.whole(body, Content_Encoding="gzip"))


@fault(EITHER, name="gzip")
def compressed(call):
    """The right bytes, compressed though nobody asked for that."""
    encoded(call, gzip.compress(call.body, 1))


@functools.cache
def bomb_bytes():
    return gzip.compress(bytes(16 * 1024 * 1024), 6)


@fault(CODE)
def gzip_bomb(call):
    encoded(call, bomb_bytes())


@fault(EITHER)
def gzip_lie(call):
    encoded(call, call.body)


@fault(CODE)
def unknown_encoding(call):
    call.send(call.whole(flipped(call, call.body), Content_Encoding="aes128gcm"))


# ── other protocols ──

@fault(BYTES, kinds=("raw",))
def http10(call):
    """No length, no keep-alive: the end of the connection ends the body."""
    call.send(call.head(version="HTTP/1.0") + call.body)
    call.close()


@fault(CODE, kinds=("raw",))
def http10_cut(call):
    """Looks whole."""
    call.send(call.head(version="HTTP/1.0") + call.body[:call.cut(call.body)])
    call.close()


@fault(CODE)
def http09(call):
    call.send(call.body)
    call.close()


@fault(CODE)
def garbage(call):
    call.send(call.rng.randbytes(call.rng.randrange(1, 20000)))
    call.close()


@fault(CODE)
def tls(call):
    """A fatal alert, as a port of HTTPS answers plain HTTP."""
    call.send(b"\x15\x03\x01\x00\x02\x02\x16")
    call.close()


@fault(CODE)
def status_no_number(call):
    call.send(call.whole().replace(b" 200 ", b" " + call.rng.choice([b"2OO", b"20", b"-200", b"4294967496", b""]) + b" ", 1))
    call.close()


@fault(EITHER)
def two_answers(call):
    """The second stands where the answer to the next request should."""
    call.send(call.whole() + call.whole(call.other()))


@fault(CODE, greets=True)
def answers_unasked(link):
    link.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ipld.raw\r\nContent-Length: 7\r\n\r\nnothing" * 3)
    link.hang()


# ── floods that end ──

@fault(EITHER)
def many_fields(call):
    call.send(call.whole().replace(b"\r\n", b"\r\n" + b"X-Field: value\r\n" * 100_000, 1))


@fault(EITHER)
def long_field(call):
    call.send(call.whole().replace(b"\r\n", b"\r\nX-Field: " + b"v" * (8 << 20) + b"\r\n", 1))


@fault(BYTES)
def continues(call):
    call.send(b"HTTP/1.1 100 Continue\r\n\r\n" * call.rng.randrange(1, 4) + call.whole())


@fault(EITHER)
def fields_of_trouble(call):
    """Cookies, upgrades, other ways, authentication: nothing that a fetcher has to follow."""
    call.send(call.whole().replace(
        b"\r\n", b"\r\nSet-Cookie: a=b\r\nAlt-Svc: h3=\":1\", clear\r\nUpgrade: h2c\r\nWWW-Authenticate: Negotiate\r\n"
        b"Refresh: 0; url=http://127.0.0.1:9/\r\nLink: <http://127.0.0.1:9/>; rel=preload\r\n"
        b"Strict-Transport-Security: max-age=99999999\r\n", 1))


# ── CARs ──

def sections(call):
    return [dags.section(cid, call.blocks[cid]) for cid in dags.walk(call.cid, call.blocks)]


def car_of(call, parts):
    call.send(call.whole(dags.car_header(call.cid) + b"".join(parts)))


car_fault = functools.partial(fault, kinds=("car",))


@car_fault(EITHER)
def car_cut(call):
    """Somewhere, and HTTP says that this is all."""
    call.send(call.whole(call.body[:call.cut(call.body)]))


@car_fault(EITHER)
def car_ends_between_blocks(call):
    parts = sections(call)
    car_of(call, parts[:call.rng.randrange(len(parts))])


@car_fault(EITHER)
def car_text(call):
    """What a gateway does that runs out of time: text instead of blocks, then RST."""
    body = call.body[:call.cut(call.body)] + GATEWAY_ERROR
    call.send(call.head(Transfer_Encoding="chunked") + call.chunks(body))
    call.reset()


@car_fault(EITHER)
def car_text_behind(call):
    """All blocks, then text."""
    call.send(call.whole(call.body + GATEWAY_ERROR))


@car_fault(EITHER)
def car_gap(call):
    parts = sections(call)
    parts.pop(call.rng.randrange(len(parts)))
    car_of(call, parts)


@car_fault(EITHER)
def car_lie(call):
    """A section has the bytes of another block."""
    cids = dags.walk(call.cid, call.blocks)
    place = call.rng.randrange(len(cids))
    car_of(call, [dags.section(cid, call.other() if i == place else call.blocks[cid]) for i, cid in enumerate(cids)])


@car_fault(EITHER)
def car_shuffled(call):
    parts = sections(call)
    call.rng.shuffle(parts)
    car_of(call, parts)


@car_fault(EITHER)
def car_doubled(call):
    """As `dups=y` allows."""
    car_of(call, [part for part in sections(call) for _ in range(2)])


def foreign(call):
    block = call.rng.randbytes(1000)
    return dags.section(dags.cid_bytes(1, dags.RAW, block), block)


@car_fault(EITHER)
def car_foreign(call):
    """Blocks among the others that nobody asked for."""
    car_of(call, [piece for part in sections(call) for piece in (foreign(call), part)])


@car_fault(CODE)
def car_endless(call):
    """Valid sections of other blocks, for ever."""
    call.send(call.head(Transfer_Encoding="chunked") + call.chunks(dags.car_header(call.cid)))
    for_ever(call, call.chunks(b"".join(foreign(call) for _ in range(60))))


@car_fault(CODE)
def car_endless_empty(call):
    """Sections of the same empty block, for ever."""
    empty = dags.section(dags.cid_bytes(1, dags.RAW, b""), b"")
    call.send(call.head(Transfer_Encoding="chunked") + call.chunks(dags.car_header(call.cid)))
    for_ever(call, call.chunks(empty * 1000))


@car_fault(EITHER)
def car_empty_root(call):
    """As boxo answers when there is no such path."""
    call.send(call.whole(dags.car_header(bytes([1, 0x55, 0, 0]))))


CAR_BROKEN = {
    "car-section-of-nothing": b"\0",
    "car-section-enormous": b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    "car-section-without-end": b"\xff" * 40,
    "car-section-too-large": dags.varint(36 + 2 * 1024 * 1024 + 1) + bytes([1, 0x55, 0x12, 0x20]) + bytes(32 + 2 * 1024 * 1024 + 1),
    "car-section-identity": dags.section(bytes([1, 0x55, 0, 5]) + b"hello", b"hello"),
    "car-section-not-minimal": b"\x81\x00\x00",
    "car-section-no-cid": dags.varint(40) + bytes(40),
}


def car_with(call, piece):
    """The piece between two sections."""
    parts = sections(call)
    parts.insert(call.rng.randrange(len(parts)), piece)
    car_of(call, parts)


CAR_HEADERS = {
    "car-2": b"\x0a\xa1\x67version\x02",
    "car-header-enormous": b"\xff\xff\xff\xff\x0f",
    "car-header-nothing": b"\0",
    "car-header-many-roots": dags.varint(4096) + b"\xa2\x65roots\x9a\xff\xff\xff\xff" + bytes(4081),
    "car-header-garbage": b"\x10" + bytes(range(16)),
}


def car_headed(call, header):
    call.send(call.whole(header + b"".join(sections(call))))


for row, piece in CAR_BROKEN.items():
    car_fault(EITHER, ("piece", piece), name=row)(car_with)
for row, header in CAR_HEADERS.items():
    car_fault(EITHER, ("header", header), name=row)(car_headed)
