#!/usr/bin/env python3
"""ONNX's own backend cases: whatever ONNX Runtime alone can run gives the same bits through a node.

A case belongs to B when bare_run succeeds on it. The same inputs then go to a node over TLS, in one of the three forms of
a request; every element of the answer is compared with what bare_run computed, and so are the digests of the receipt. Where all inputs
and outputs are tensors they go over the Open Inference Protocol too: in binary and over gRPC always, in JSON (both ways) unless there are
types among them that it has no form for.
exceptions.txt lists the cases of B for which that cannot be, each with a reason, which is checked: a case that would pass
is no exception.
Usage: backend.py FOLDER [--every N] [--engine TEXT]
  FOLDER has the cases, SET/CASE/model.onnx and SET/CASE/test_data_set_0/; of each N (1) cases one is taken
  TEXT must stand at the beginning of the engine id of every receipt
Prints "passed: CASE" or "failed: CASE: why" for each case of B, then the count of B. Exit status 0: it could do so."""
import argparse
import base64
import collections
import concurrent.futures
import http.client
import os
import pathlib
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "behaviour"))
import grpc_client as grpc  # noqa: E402
import node as nodes  # noqa: E402
import oip  # noqa: E402
import values  # noqa: E402

SETS = ("node", "pytorch-converted", "pytorch-operator", "simple")
RANDOM, POLICY, FORM = "random operator", "domain refused by policy", "not carried by the request JSON"
EXCEPTIONS_MAX = 60
WAYS = ("JSON", "binary", "gRPC")  # of the Open Inference Protocol
RETRIES = 4  # how often random outputs may be equal by chance
TOGETHER = 2  # cases at the same time

DATATYPES = {1: "FP32", 2: "UINT8", 3: "INT8", 4: "UINT16", 5: "INT16", 6: "INT32", 7: "INT64", 8: "BYTES", 9: "BOOL", 10: "FP16",
             11: "FP64", 12: "UINT32", 13: "UINT64", 16: "BF16"}
RAN, _, NOT_RUN, NOT_CARRIED = range(4)  # exit status of bare_run
BARE_RUN = nodes.BIN.parent / "test/conformance/bare_run"
ENVIRONMENT = {"ORT_DISABLE_TELEMETRY": "1", "ONNXRUNTIME_ROOT": str(nodes.BIN / "lib/libonnxruntime.so.1"),
               "LOCPATH": str(nodes.BIN / "lib/locale")} | os.environ


def read_exceptions(path):
    lines = path.read_text().splitlines()
    exceptions = dict(line.split(" ", 1) for line in lines)
    nodes.check(len(lines) <= EXCEPTIONS_MAX, f"{path.name}: more than {EXCEPTIONS_MAX} lines")
    nodes.equal(len(exceptions), len(lines), f"{path.name}: number of different cases")
    for case, reason in exceptions.items():
        nodes.check(reason in (RANDOM, POLICY, FORM), f"{path.name}: {case}: no such reason")
    return exceptions


# ── receipts ──

ENGINE, INPUT, OUTPUT = 12, 15, 16  # keys of the statement (docs/receipts.md)


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
        if self.status == RAN:
            self.bare = values.Bare(done.stdout)
            self.inputs = [self.read_input(i, value) for i, value in enumerate(self.bare.inputs)]
            self.carried = all(value.is_tensor for value in self.bare.inputs)
            tensors = [v for v in self.bare.inputs + self.bare.outputs if v.is_tensor]
            self.has_small_floats = any(DATATYPES[v.kind[0]] in ("FP16", "BF16") for v in tensors)

    def read_input(self, i, value):
        """(name, dtype, dimensions, elements); something in the place of what is no tensor."""
        if not value.is_tensor:
            return value.name, values.FLOAT, [1], [0.0]
        data = (self.folder / f"test_data_set_0/input_{i}.pb").read_bytes()
        return value.name, value.kind[0], *values.read_proto(data, value.kind[0])


class Answer:
    """What the node said: `verdict` is the code of its error, or what differs, or "equal"."""

    def __init__(self, case, status, headers, body):
        self.refused, self.engine = status != 200, ""
        self.verdict = body["code"] if self.refused else self.compare(case.bare, headers, body)

    def compare(self, bare, headers, body):
        said = statement(headers["veronnx-receipt"])
        self.engine = said[ENGINE]
        try:
            values.check_answer(bare, body)
            values.expect(b"".join(said[INPUT]) == bare.digests[0], "the receipt's digests of the inputs")
            values.expect(b"".join(said[OUTPUT]) == bare.digests[1], "the receipt's digests of the outputs")
        except values.Differs as e:
            return f"differs in {e}"
        return "equal"

    @property
    def is_random(self):
        return not self.refused and self.verdict != "equal" and self.engine.endswith(";random=1")


def pack_plain(datatype, xs):
    """Of elements as JSON has them, or could have them: of the bits it loses those of a NaN alone."""
    return oip.pack(datatype, [values.number(x) if datatype in ("FP32", "FP64") else x for x in xs])


# ── all of them ──

class Trial:
    """The cases at one node. Methods may be called by several threads."""

    def __init__(self, node, exceptions, engine):
        self.node, self.exceptions, self.engine = node, exceptions, engine
        self.kept = threading.local()  # each thread's connection
        self.lock, self.members, self.excepted = threading.Lock(), 0, collections.Counter()
        self.oip = collections.Counter()  # answers that were equal, by the way they were carried

    def ask(self, case):
        if not hasattr(self.kept, "connection"):
            self.kept.connection = self.node.connect()
        try:
            body = values.request(case.form, case.cid, case.inputs)
            return Answer(case, *self.node.post(body, connection=self.kept.connection))
        except BaseException:
            self.kept.connection.close()  # the next request opens it again
            raise

    def ask_rest(self, case, binary):
        inputs = [(name, DATATYPES[dtype], dims, xs if binary else [values.plain(x) for x in xs]) for name, dtype, dims, xs in case.inputs]
        body, fields = oip.request(inputs, binary, parameters={"binary_data_output": binary})
        status, headers, content = self.node.ask("POST", oip.path(case.cid, "/infer"), body, fields, self.kept.connection)
        if status != 200:
            return content.decode(), {}, {}
        got, _ = oip.answer(headers, content)
        pack = oip.pack if binary else pack_plain
        return None, headers, {name: (datatype, shape, pack(datatype, xs)) for name, (datatype, shape, xs) in got.items()}

    def ask_grpc(self, case):
        if not hasattr(self.kept, "grpc"):
            self.kept.grpc = grpc.Grpc(self.node)
        tensors = [grpc.tensor(name, DATATYPES[dtype], dims) for name, dtype, dims, _ in case.inputs]
        raw = [oip.pack(DATATYPES[dtype], xs) for _, dtype, _, xs in case.inputs]
        try:
            result = self.kept.grpc.call("ModelInfer", grpc.infer(case.cid, *tensors, raw=raw))
        except BaseException:
            del self.kept.grpc
            raise
        if result.status != grpc.OK:
            return f"{result.code}: {result.text}", {}, {}
        return None, result.head, grpc.outputs(result.message)

    def ask_oip(self, case, way):
        """None, or what is wrong with the bits of the outputs or the digests."""
        refused, headers, got = self.ask_grpc(case) if way == "gRPC" else self.ask_rest(case, way == "binary")
        if refused:
            return refused
        said = statement(headers["veronnx-receipt"])
        if (b"".join(said[INPUT]), b"".join(said[OUTPUT])) != (case.bare.digests[0], case.bare.digests[1]):
            return "the receipt's digests"
        wanted = {value.name: (DATATYPES[value.kind[0]], value.dims, value.payload) for value in case.bare.outputs}
        if way == "JSON":
            wanted = {name: (datatype, dims, pack_plain(datatype, oip.unpack(datatype, data))) for name, (datatype, dims, data) in wanted.items()}
        return next((f"output {name}" for name in wanted if got.get(name) != wanted[name]), None)

    def judge_oip(self, case, random):
        """None, or what is wrong with one of the ways. A `random` model's generator begins anew for each."""
        if not all(v.is_tensor for v in case.bare.inputs + case.bare.outputs):
            return None
        for way in ("binary", "gRPC") if case.has_small_floats else WAYS:
            if random:
                self.unload(case)
            wrong = self.ask_oip(case, way)
            if wrong:
                return f"OIP, {way}: {wrong}"
            with self.lock:
                self.oip[way] += 1
        return None

    def judge(self, case):
        """None when the answer is as it must be, else what is wrong with it."""
        answer = self.ask(case)
        if answer.verdict != "equal":
            return answer.verdict
        wrong = self.judge_oip(case, answer.engine.endswith(";random=1"))
        if wrong:
            return wrong
        return None if answer.engine.startswith(self.engine) else f"engine {answer.engine}"

    def judge_exception(self, case, reason):
        """None when the reason holds, else what speaks against it."""
        if case.status == NOT_CARRIED:
            return None if reason == FORM else case.said
        answer = self.ask(case)
        for _ in range(RETRIES):
            if reason == RANDOM and answer.verdict == "equal":
                self.unload(case)  # a generator with a fixed seed begins anew
                answer = self.ask(case)
        holds = {RANDOM: answer.is_random, POLICY: answer.verdict == "MODEL_DOMAIN_REFUSED",
                 FORM: not case.carried and answer.verdict == "DTYPE_UNSUPPORTED"}[reason]
        return None if holds else f"no exception: {answer.verdict}"

    def what_is_wrong(self, case):
        reason = self.exceptions.get(case.name)
        if case.status == NOT_RUN:
            return "no exception: not in B"
        if case.status not in (RAN, NOT_CARRIED):
            return f"bare_run ended with {case.status} {case.said}"
        if reason is not None:
            return self.judge_exception(case, reason)
        return self.judge(case) if case.status == RAN else case.said

    def take(self, case):
        reason = self.exceptions.get(case.name)
        case.run_bare()
        if case.status == NOT_RUN and reason is None:
            return
        try:
            wrong = self.what_is_wrong(case)
        except (OSError, ValueError, http.client.HTTPException) as e:
            wrong = f"{type(e).__name__} {e}"
        with self.lock:
            self.members += case.status != NOT_RUN
            if reason is not None and wrong is None:
                self.excepted[reason] += 1
            note = wrong or reason and f"exception, {reason}"
            print("failed:" if wrong else "passed:", case.name + (f": {note}" if note else ""))

    def unload(self, case):
        self.node.admin("POST", "/models/unload", {"model": case.cid})

    def take_all(self, same):
        """Cases of one and the same model."""
        for case in same:
            self.take(case)
        self.unload(same[0])


def find_cases(root, every):
    cases = [Case(root, model.parent) for s in SETS for model in sorted((root / s).glob("*/model.onnx"))][::every]
    nodes.check(cases, f"{root}: no cases there")
    for number, case in enumerate(cases):
        case.form = number % 3
    return cases


def add(node, cases):
    """All models into the store; returns the cases of each."""
    done = nodes.veronnx("add", "--store", node.dir / "store", *(c.model for c in cases))
    nodes.equal(done.returncode, 0, f"veronnx add: {done.stderr}")
    by_cid = {}
    for case, line in zip(cases, done.stdout.splitlines()):
        case.cid, _, name = line.split(" ", 2)
        nodes.equal(name, str(case.model), "order of veronnx add")
        by_cid.setdefault(case.cid, []).append(case)
    return list(by_cid.values())


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
    with nodes.Node(models=None) as node, concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        trial = Trial(node, exceptions, options.engine)
        list(pool.map(trial.take_all, add(node, cases)))
    nodes.check(trial.members > 0, "not one case ran")
    because = ", ".join(f"{n} {reason}" for reason, n in trial.excepted.most_common())
    print(f"B has {trial.members} of {len(cases)} cases; exceptions: {because or 'none'}")
    print("over the Open Inference Protocol: " + ", ".join(f"{trial.oip[way]} {way}" for way in WAYS))


if __name__ == "__main__":
    main()
