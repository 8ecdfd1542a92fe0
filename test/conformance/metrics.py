#!/usr/bin/env python3
"""The metrics of a node: the linter of `promtool check metrics` has nothing to say about them, but for Triton's names, which are as they are;
and requests with random ids, models and paths add none.
Usage: metrics.py [--requests 100000]. Prints "passed: WHAT", "failed: WHAT: why" or "skipped: WHAT"."""
import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/behaviour"))
from node import FAULT, Node, check, equal  # noqa: E402

BATCH = 200  # requests that are sent before their answers are read
GOOD = [{"name": "x", "datatype": "FP32", "shape": [3], "data": [0.1, -2.5, 3]}]
LOG_MAX = 64 << 20


class Absent(Exception):
    """There is no linter here."""


def lint(text):
    """None, or what is wrong."""
    peer = subprocess.run([ROOT / "tools/peers.sh", "promlint"], stdout=subprocess.PIPE, text=True)
    if peer.returncode != 0:
        raise Absent
    done = subprocess.run([peer.stdout.strip()], input=text.encode(), stdout=subprocess.PIPE)
    return None if done.returncode == 0 else done.stdout.decode()


def names(text):
    """Every series, by its name and labels."""
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


def word(draw):
    return f"{draw.getrandbits(64):x}"


def request(draw, cid):
    """One request whose names nobody has used before."""
    kind = draw.randrange(40)
    if kind == 0:
        method, path, body = "POST", f"/v2/models/{cid}/infer", json.dumps({"id": word(draw), "inputs": GOOD})
    elif kind == 1:
        method, path, body = "POST", "/infer", json.dumps({"ipfs_hash": word(draw), "model_inputs": word(draw)})
    elif kind == 2:
        method, path, body = "POST", f"/v2/models/{word(draw)}/infer", json.dumps({"id": word(draw), "inputs": GOOD})
    else:
        form = draw.choice(("/{}", "/v2/{}", "/v2/models/{}", "/v2/models/{}/stats", "/v2/models/{}/versions/{}", "/v2/models/{}/{}",
                            "/v2/repository/models/{}/load", "/infer?{}", "/enclave/attestation?nonce={}z", "/healthz?{}"))
        method, path, body = draw.choice(("GET", "HEAD", "POST", "PUT", "DELETE")), form.format(word(draw), word(draw)), ""
    return (f"{method} {path} HTTP/1.1\r\nHost: {word(draw)}\r\nVeronnx-Request-Id: {draw.getrandbits(64):016x}\r\n"
            f"User-Agent: {word(draw)}\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


def read_answers(sock, wanted):
    """A status line can stand in no body, whose line ends are those of JSON."""
    start, rest, seen = b"HTTP/1.1 ", b"", 0
    while seen < wanted:
        data = sock.recv(1 << 18)
        check(data, "the node closed a connection")
        data = rest + data
        seen += data.count(start)
        rest = data[-(len(start) - 1):]
    # what is unread of the last answer comes with the next batch


def storm(node, count, seed, errors):
    try:
        draw, sock = random.Random(seed), node.connect(timeout=60).sock
        for _ in range(count // BATCH):
            sock.sendall(b"".join(request(draw, node.cids["double"]) for _ in range(BATCH)))
            read_answers(sock, BATCH)
    except Exception as e:  # noqa: BLE001: told by the thread that waits
        errors.append(e)


def storms(node, count, seed):
    errors = []
    threads = [threading.Thread(target=storm, args=(node, count // 2, seed + n, errors)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(1)
            if os.stat(node.dir / "log").st_size > LOG_MAX:  # each request has its line
                check(not FAULT.search(node.log()), "a process died")
                os.truncate(node.dir / "log", 0)
    if errors:
        raise errors[0]


def step(name, work):
    try:
        work()
        print(f"passed: {name}")
    except Absent:
        print(f"skipped: {name}")
    except Exception as e:  # noqa: BLE001: every failure is one line
        print(f"failed: {name}: {type(e).__name__}: {e}")


def own(text):
    return "".join(line for line in text.splitlines(True) if not re.match(r"(# (HELP|TYPE) )?nv_", line))


def lint_all(node):
    wrong = lint(own(metrics(node)))
    check(wrong is None, wrong)
    check(lint(metrics(node) + "veronnx_nobody 1\n") is not None, "the linter takes what has no help")


def metrics(node):
    return node.admin("GET", "/metrics")[1].decode()


def bounded(node, wanted, seed):
    storms(node, 4000, seed)
    before, start = metrics(node), time.monotonic()
    storms(node, wanted, seed + 2)
    after, seconds = metrics(node), time.monotonic() - start
    equal(names(after) - names(before), set(), f"new series (seed {seed})")
    first, last = (sum(float(n) for n in re.findall(r"^veronnx_http_requests_total\{.*\} (\S+)$", text, re.M)) for text in (before, after))
    check(last - first >= wanted, f"{last - first} requests were counted")
    print(f"{wanted} requests, {wanted / seconds:.0f} a second; {len(names(after))} series")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100_000)
    wanted, seed = parser.parse_args().requests // (2 * BATCH) * 2 * BATCH, random.getrandbits(32)
    with Node() as node:
        step("random requests", lambda: bounded(node, wanted, seed))
        step("promlint", lambda: lint_all(node))
    with Node("--triton-metrics=false") as node:
        step("promlint, without Triton's names", lambda: equal(lint(metrics(node)), None, "linter"))


if __name__ == "__main__":
    main()
