#!/usr/bin/env python3
"""ONNX's own backend cases: whatever ONNX Runtime alone can run gives the same bits through a node.

A case belongs to B when bare_run succeeds on it. The same inputs then go to a node over TLS, in one of the three request forms;
every element of the answer is compared with what bare_run computed, and so are the digests of the receipt. exceptions.txt
lists the cases of B for which that cannot be, with a reason that is checked too: a case that would pass is no exception.
Usage: backend.py FOLDER [--every N] [--engine TEXT]
  FOLDER has the cases, SET/CASE/model.onnx and SET/CASE/test_data_set_0/; of each N (1) cases one is taken
  TEXT must stand at the begin of the engine id of every receipt
Prints a line for each case of B, and the count of B."""
import argparse
import base64
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "behaviour"))
import node as nodes  # noqa: E402
import values  # noqa: E402

SETS = ("node", "pytorch-converted", "pytorch-operator", "simple")
RAN, BROKEN, NOT_RUN, NOT_CARRIED = range(4)  # exit status of bare_run
RANDOM, POLICY, FORM = "random operator", "domain refused by policy", "not carried by the request JSON"
REASONS = (RANDOM, POLICY, FORM)
EXCEPTIONS_MAX = 60
ENGINE, INPUT, OUTPUT = 12, 15, 16  # keys of the statement (docs/receipts.md)
RETRIES = 4  # how often random outputs may be equal by chance


def read_exceptions(path):
    lines = path.read_text().splitlines()
    nodes.check(len(lines) <= EXCEPTIONS_MAX, f"{path.name}: more than {EXCEPTIONS_MAX} lines")
    exceptions = dict(line.split(" ", 1) for line in lines)
    nodes.equal(len(exceptions), len(lines), f"{path.name}: different cases")
    for case, reason in exceptions.items():
        nodes.check(reason in REASONS, f"{path.name}: {case}: no such reason")
    return exceptions


BARE_RUN = nodes.BIN.parent / "test/conformance/bare_run"
ENVIRONMENT = {"ORT_DISABLE_TELEMETRY": "1", "ONNXRUNTIME_ROOT": str(nodes.BIN / "lib/libonnxruntime.so.1"),
               "LOCPATH": str(nodes.BIN / "lib/locale")} | os.environ


# ── receipts ──

def cbor(r):
    """One item of the CBOR that receipts consist of (RFC 8949)."""
    first = r.number("B")
    kind, n = first >> 5, first & 31
    if n >= 24:
        n = int.from_bytes(r.take(1 << n - 24), "big")
    if kind in (2, 3):
        return r.take(n) if kind == 2 else r.take(n).decode()
    if kind == 4:
        return [cbor(r) for _ in range(n)]
    if kind == 5:
        return {cbor(r): cbor(r) for _ in range(n)}
    return (n, -1 - n)[kind] if kind < 2 else cbor(r) if kind == 6 else None


def statement(header):
    whole = cbor(values.Reader(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))))
    return cbor(values.Reader(whole[0]))


# ── one case ──

class Case:
    def __init__(self, root, folder):
        self.name, self.folder = str(folder.relative_to(root)), folder
        self.model = folder / "model.onnx"

    def run_bare(self):
        done = subprocess.run([BARE_RUN, self.folder], capture_output=True, env=ENVIRONMENT)
        self.status, self.said = done.returncode, done.stderr.decode().strip()
        self.bare = values.Bare(done.stdout) if self.status == RAN else None

    def read_inputs(self):
        """What a request can carry: (name, dtype, dimensions, elements)."""
        inputs = []
        for i, value in enumerate(self.bare.inputs):
            if len(value.kind) == 1:
                data = (self.folder / f"test_data_set_0/input_{i}.pb").read_bytes()
                inputs.append((value.name, value.kind[0], *values.read_proto(data, value.kind[0])))
        return inputs


class Answer:
    """What the node said: the code of an error or None, what differs or None, and the engine id."""

    def __init__(self, case, status, headers, body):
        self.code = body.get("code") if status != 200 else None
        self.engine, self.difference = "", None
        if status != 200:
            return
        said = statement(headers["veronnx-receipt"])
        self.engine = said[ENGINE]
        try:
            values.check_answer(case.bare, body)
            values.expect(b"".join(said[INPUT]) == case.bare.digests[0], "the receipt's digests of the inputs")
            values.expect(b"".join(said[OUTPUT]) == case.bare.digests[1], "the receipt's digests of the outputs")
        except values.Differs as e:
            self.difference = str(e)

    @property
    def random(self):
        return self.engine.endswith(";random=1")

    def __str__(self):
        return self.code or self.difference or "equal"


class Asker:
    """A thread's own kept connection to the node."""

    kept = threading.local()

    def __init__(self, node):
        self.node = node

    def ask(self, case, form):
        if not hasattr(self.kept, "connection"):
            self.kept.connection = self.node.connect()
        body = values.request(form, case.cid, case.inputs)
        return Answer(case, *self.node.post(body, connection=self.kept.connection))


# ── verdicts ──

def excepted(case, reason, ask):
    """None when the reason holds, else what speaks against it."""
    if case.status == NOT_CARRIED:
        return None if reason == FORM else f"{case.said}, so the reason is another"
    answer = ask()
    if reason == RANDOM:
        for _ in range(RETRIES):
            if str(answer) != "equal":
                break
            answer = ask()
        holds = answer.random and answer.difference is not None
    elif reason == POLICY:
        holds = answer.code == "MODEL_DOMAIN_REFUSED"
    else:
        holds = len(case.inputs) < len(case.bare.inputs) and answer.code == "DTYPE_UNSUPPORTED"
    return None if holds else f"is no exception, {answer}"


def judge(case, form, reason, asker, engine):
    """None when the case is as it must be, else what is wrong."""
    if case.status == BROKEN:
        return f"bare_run: {case.said}"
    case.inputs = case.read_inputs() if case.bare else []
    if reason is not None:
        return excepted(case, reason, lambda: asker.ask(case, form))
    if case.status == NOT_CARRIED:
        return case.said
    answer = asker.ask(case, form)
    if str(answer) != "equal":
        return str(answer)
    return None if answer.engine.startswith(engine) else f"engine {answer.engine}"


# ── all of them ──

def find_cases(root, every):
    cases = [Case(root, m.parent) for s in SETS for m in sorted((root / s).glob("*/model.onnx"))]
    nodes.check(cases, f"{root}: no cases there")
    return cases[::every]


def add(node, cases):
    """All models into the store; those that are equal are one model."""
    done = nodes.veronnx("add", "--store", node.dir / "store", *(c.model for c in cases))
    nodes.equal(done.returncode, 0, f"veronnx add: {done.stderr}")
    same = {}
    for case, line in zip(cases, done.stdout.splitlines()):
        case.cid, _, name = line.split(" ", 2)
        nodes.equal(name, str(case.model), "order of veronnx add")
        same.setdefault(case.cid, []).append(case)
    return list(same.values())


class Tally:
    def __init__(self, exceptions, engine):
        self.exceptions, self.engine = exceptions, engine
        self.lock, self.members, self.failed, self.excepted = threading.Lock(), 0, 0, {}

    def count(self, case, form, asker):
        reason = self.exceptions.get(case.name)
        case.run_bare()
        if case.status == NOT_RUN and reason is None:
            return
        wrong = "is no exception, not of B" if case.status == NOT_RUN else judge(case, form, reason, asker, self.engine)
        with self.lock:
            self.members += case.status != NOT_RUN
            self.failed += wrong is not None
            if wrong is None and reason is not None:
                self.excepted[reason] = self.excepted.get(reason, 0) + 1
            print(f"failed: {case.name}: {wrong}" if wrong else f"passed: {case.name}" + (f" (exception: {reason})" if reason else ""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--engine", default="")
    options = parser.parse_args()
    exceptions = read_exceptions(HERE / "exceptions.txt")
    cases = find_cases(options.folder, options.every)
    unknown = exceptions.keys() - {c.name for c in cases}
    nodes.check(options.every > 1 or not unknown, f"exceptions.txt: no such case: {sorted(unknown)}")
    tally = Tally(exceptions, options.engine)
    with nodes.Node(models=None) as node, concurrent.futures.ThreadPoolExecutor(2) as pool:
        asker = Asker(node)

        def work(numbered):
            number, group = numbered
            for case in group:
                tally.count(case, number % 3, asker)
            node.admin("POST", "/models/unload", {"model": group[0].cid})

        list(pool.map(work, enumerate(add(node, cases))))
    because = ", ".join(f"{n} {reason}" for reason, n in sorted(tally.excepted.items()))
    print(f"B has {tally.members} of {len(cases)} cases; exceptions: {because or 'none'}")
    return 1 if tally.failed or not tally.members else 0


if __name__ == "__main__":
    sys.exit(main())
