#!/usr/bin/env python3
"""The server of this folder does what its table says, seen by a client that shares nothing with it but the socket.

Every fault is judged by the bytes that came and how the connection ended; an honest server gives the right bytes on every
path that a source may have."""
import hashlib
import pathlib
import socket
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "behaviour")]
import dag as dags  # noqa: E402
from faults import BYTES, CODE, FAULTS  # noqa: E402
from node import check, equal  # noqa: E402
from server import Server  # noqa: E402

ENOUGH, PATIENCE = 12 << 20, 0.3  # bytes, seconds without one
SEEDS = (1, 1, 2, 3)

# What the client says of each fault. Where something is cut anywhere, it may be the head or the body.
VERDICTS = {
    "flood": "endless endless-chunks endless-small-chunks endless-head endless-line endless-status-line endless-continue"
             " endless-trailer endless-chunk-size length-enormous chunk-enormous car-endless car-endless-empty",
    "silent": "mute stall never-reads trickle answers-unasked",
    "reset": "reset reset-at-once car-text",
    "no http": "hang-up http09 garbage tls length-no-number length-twice length-and-chunks chunk-no-number"
               " status-no-number",
    "no http/incomplete": "cut cut-chunks",
    "no http/reset": "hang-up-at-once",
    "incomplete": "length-too-large",
    "excess": "length-too-small two-answers",
    "type": "html wrong-type other-codec other-kind",
    "encoded": "gzip gzip-bomb gzip-lie unknown-encoding",
    "wrong": "flip other-block nothing shorter longer too-large error-page http10-cut car-cut car-ends-between-blocks"
             " car-text-behind car-gap car-lie car-shuffled car-doubled car-foreign car-empty-root car-section-of-nothing"
             " car-section-enormous car-section-without-end car-section-too-large car-section-identity"
             " car-section-not-minimal car-section-no-cid car-2 car-header-enormous car-header-nothing"
             " car-header-many-roots car-header-garbage",
    "status": "redirect redirect-file 400 403 404 406 410 429 451 500 502 503 504 999 429-after-1 503-after-3600"
              " 504-after--1 429-after-Fri 503-after-9999 204 304 206 500-with-the-bytes 101",
    "right": "slow http10 continues many-fields long-field fields-of-trouble",
}
SLOW = (VERDICTS["flood"] + " " + VERDICTS["silent"]).split()
VERDICT = {name: verdict for verdict, names in VERDICTS.items() for name in names.split()}


def ask(port, target, method="GET", begun=lambda: True):
    """(what came, how it ended: closed, reset, silent, flood). It is not silent before it has `begun`: the machine may be busy."""
    got, silences = bytearray(), 0
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(PATIENCE)
        try:
            s.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            while len(got) < ENOUGH:
                try:
                    piece = s.recv(1 << 20)
                except TimeoutError:
                    silences += 1
                    if begun() or silences == 100:
                        return bytes(got), "silent"
                    continue
                if not piece:
                    return bytes(got), "closed"
                got += piece
        except (ConnectionResetError, BrokenPipeError):
            return bytes(got), "reset"
    return bytes(got), "flood"


def unchunk(data):
    """(body, is its last chunk there, what stands behind that)."""
    body = b""
    while True:
        line, found, rest = data.partition(b"\r\n")
        if not found:
            return body, False, b""
        n = int(line, 16)
        if n == 0:
            return body, rest[:2] == b"\r\n", rest[2:]
        if len(rest) < n + 2:
            return body + rest[:n], False, b""
        body, data = body + rest[:n], rest[n + 2:]


def parse(answer):
    """(status, fields, body, is it whole, what stands behind it); ValueError when it is no HTTP."""
    head, found, rest = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    version, status, _ = (lines[0] + "  ").split(" ", 2)
    if not found or version not in ("HTTP/1.1", "HTTP/1.0") or len(status) != 3 or not status.isdigit():
        raise ValueError("no head")
    if status == "100":
        return parse(rest)
    pairs = [line.split(": ", 1) for line in lines[1:]]
    fields = {key.lower(): value for key, value in pairs}
    if sum(key == "Content-Length" for key, _ in pairs) + ("transfer-encoding" in fields) > 1:
        raise ValueError("two lengths")
    if "transfer-encoding" in fields:
        return int(status), fields, *unchunk(rest)
    stated = fields.get("content-length", str(len(rest)))
    if not stated.isdigit() or len(stated) > 18:
        raise ValueError("no length")
    return int(status), fields, rest[:int(stated)], len(rest) >= int(stated), rest[int(stated):]


def judge(answer, end, body, kind):
    if end != "closed":
        return end
    try:
        status, fields, got, whole, behind = parse(answer)
    except ValueError:
        return "no http"
    verdicts = ((status != 200, "status"), (not whole, "incomplete"), (behind, "excess"), ("content-encoding" in fields, "encoded"),
                (f"vnd.ipld.{kind}" not in fields.get("content-type", ""), "type"), (got != body, "wrong"))
    return next((verdict for wrong, verdict in verdicts if wrong), "right")


def look(dag, name, kind, seed):
    with Server(dag.blocks, name, seed, begin=0) as server:
        answer, end = ask(server.port, f"/ipfs/{dag.text}?format={kind}", begun=lambda: server.hits > 0)
        check(server.hits > 0, f"{name}: it did not come")
        body = dag.blocks[dag.root] if kind == "raw" else dag.car()
        verdict = judge(answer, end, body, kind)
        check(verdict in VERDICT[name].split("/"), f"{name}, {kind}, seed {seed}: {verdict}, wanted {VERDICT[name]}: {answer[:200]}")
    return answer.replace(server.url.encode(), b"")


def honest(dag):
    with Server(dag.blocks) as server:
        for cid, block in dag.blocks.items():
            text = dags.cid_text(cid)
            equal(hashlib.sha256(block).digest(), cid[-32:], "a block's hash")
            for target, method in ((f"/ipfs/{text}?format=raw", "GET"), (f"/{text}", "GET"),
                                   (f"/api/v0/block/get?arg={text}", "POST")):
                equal(parse(ask(server.port, target, method)[0])[2:], (block, True, b""), f"{method} {target}")
        for target, method in ((f"/ipfs/{dag.text}?format=car", "GET"), (f"/api/v0/dag/export?arg={dag.text}", "POST")):
            equal(parse(ask(server.port, target, method)[0])[2:], (dag.car(), True, b""), f"{method} {target}")
        equal(parse(ask(server.port, "/ipfs/bafkqaaa?format=raw")[0])[0:3:2], (200, b""), "the probe")
        absent = dags.cid_text(dags.cid_bytes(1, dags.RAW, b"absent"))
        equal(parse(ask(server.port, f"/ipfs/{absent}")[0])[0], 404, "an absent block")
        equal((server.hits, server.strayed), (0, 0), "faults of an honest server")


def main():
    dag = dags.Dag(bytes(i * i >> 3 & 255 for i in range(5000)), chunk=400, links=5)
    equal(dags.cid_text(dags.build(0, b"hello\n")), "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN", "`ipfs add` of hello")
    equal(VERDICT.keys(), FAULTS.keys(), "faults")
    honest(dag)
    for name, row in FAULTS.items():
        check(row.ends != BYTES or VERDICT[name] == "right", f"{name} cannot end in the right bytes")
        for kind in row.kinds:
            answers = [look(dag, name, kind, seed) for seed in SEEDS[:1 if name in SLOW else 4]]
            check(name in SLOW or answers[0] == answers[1], f"{name}: the same seed twice")
    print(f"{len(FAULTS)} faults, each as its row says; {sum(row.ends == CODE for row in FAULTS.values())} that nobody can survive")


if __name__ == "__main__":
    main()
