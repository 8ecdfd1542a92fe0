#!/usr/bin/env python3
"""mixed.py [--seconds N] [--clients N] [--kills N] [--seed N]: everything at once: models of several sizes, not all of which fit, asked for as
/infer, as Open Inference Protocol in JSON and in binary and over gRPC, while models are unloaded, documents are asked for, and processes
are stopped for a while (SIGSTOP); with --kills N also killed, N times in all, any but supervisor, keeper and NSM.

Every answer is right bit for bit and its receipt proves it, or it is 429, 503 or 504 with a code. A request may be cut only by a kill, and after one the
node answers again within a second. In ten minutes and more without kills the node's memory grows by less
than 2 % after the first sixth of the time."""
import argparse
import collections
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import random
import signal
import ssl
import struct
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "behaviour"), str(HERE.parents[1] / "clients/python")]
from models import budget_for, make_model, run_threads  # noqa: E402  # before node, which has models of its own
import grpc_client  # noqa: E402
import oip  # noqa: E402
import veronnx_verify as proof  # noqa: E402
from measure import MIB, descriptors, memory  # noqa: E402
from node import Node, check, children, equal, program, wait_for  # noqa: E402

SIZES = [1000, 1000, 50_000, 50_000, 300_000, 300_000, 1_000_000, 1_000_000]  # elements of the models' tables
HOLD, SAMPLE_S, BACK_S = 4, 0.5, 1.0
REST_S = 25  # between two kills of one permanent process, which rests the longer the more often it died of late
FORMS = ("infer", "oip", "oip-binary", "grpc")
STOPPED = ("infer", "fetch")  # may be stopped; what waits for them ends by its deadline
KILLED = ("infer", "fetch", "front")
BUSY = (429, 503, 504)


def digest(name_values):
    """Of a side: docs/receipts.md, "Tensor digest"."""
    described = struct.pack("<H", len(name_values))
    for name, dtype, data in name_values:
        described += struct.pack("<H", len(name)) + name.encode() + bytes([dtype, 1]) + struct.pack("<Q", 1)
    sides = hashlib.sha256(described).digest()
    return hashlib.sha256(sides + b"".join(struct.pack("<Q", len(data)) + data for _, _, data in name_values)).digest()


class Asker:
    """One client with a connection for each way to ask."""

    def __init__(self, soak, seed):
        self.soak, self.node, self.chance = soak, soak.node, random.Random(seed)
        self.rest, self.grpc, self.point = None, None, None

    def connect(self):
        self.rest = self.rest or self.node.connect(timeout=60)
        self.grpc = self.grpc or grpc_client.Grpc(self.node)
        self.point = self.point or self.soak.point()

    def drop(self):
        for connection in filter(None, (self.rest, self.grpc and self.grpc.socket)):
            with contextlib.suppress(OSError):
                connection.close()
        self.rest = self.grpc = None

    def send(self, form, cid, x, i):
        """(status, code, y, z, receipt)"""
        if form == "infer":
            numbers = [{"name": "x", "values": [x], "shape": [1]}, {"name": "i", "values": [i], "shape": [1]}]
            status, head, answer = self.node.post({"ipfs_hash": cid, "model_inputs": {"numbers": numbers}}, None, self.rest)
            values = [o["result"][0] for o in answer["output"]] if status == 200 else [None, None]
        elif form == "grpc":
            raw = [struct.pack("<f", x), struct.pack("<q", i)]
            result = self.grpc.call("ModelInfer", grpc_client.infer(
                cid, grpc_client.tensor("x", "FP32", [1]), grpc_client.tensor("i", "INT64", [1]), raw=raw))
            status, head = (200 if result.status == grpc_client.OK else 503), result.head
            answer = {"code": result.code if result.status in (4, 8, 14) else None, "grpc": (result.status, result.text)}
            got = grpc_client.outputs(result.message) if status == 200 else {}
            values = [struct.unpack("<f", got[name][2])[0] if got else None for name in "yz"]
        else:
            inputs = [("x", "FP32", [1], [x]), ("i", "INT64", [1], [i])]
            more = {"parameters": {"binary_data_output": True}} if form == "oip-binary" else {}
            body, fields = oip.request(inputs, form == "oip-binary", **more)
            status, head, content = self.node.ask("POST", oip.path(cid, "/infer"), body, fields, self.rest)
            got, answer = oip.answer(head, content) if status == 200 else ({}, json.loads(content))
            values = [got[name][2][0] if got else None for name in "yz"]
        return status, answer, values, head.get("veronnx-receipt")

    def ask(self, form, number):
        """(what came, whether it is as it should be)"""
        cid, i, x = self.soak.cids[number], self.chance.randrange(SIZES[number]), float(self.chance.randrange(1000))
        status, answer, values, receipt = self.send(form, cid, x, i)
        if status != 200:
            return f"{status} {answer.get('code')}", status in BUSY and bool(answer.get("code"))
        y, z = (number + 1) * x, float(1000 * number + i)
        if values != [y, z]:
            return f"wrong answer {values} for {[y, z]}", False
        statement, *_ = proof.verify_receipt(proof.unpack_receipt(receipt), self.point, allow_simulated=True)
        sides = [digest([("x", 1, struct.pack("<f", x)), ("i", 7, struct.pack("<q", i))]),
                 digest([("y", 1, struct.pack("<f", y)), ("z", 1, struct.pack("<f", z))])]
        proved = statement[8] == proof.binary_cid(cid) and [statement[15][1], statement[16][1]] == sides
        return ("200" if proved else "a receipt of something else"), proved

    def run(self):
        while not self.soak.stop.is_set():
            form, kills, begun = self.chance.choice(FORMS), self.soak.kills, time.monotonic()
            try:
                self.connect()
                outcome, fine = self.ask(form, self.chance.randrange(len(SIZES)))
            except (OSError, ValueError, AssertionError, http.client.HTTPException, proof.Refused) as e:
                cut = isinstance(e, (OSError, http.client.HTTPException)) or self.grpc is not None and self.grpc.closed
                outcome, fine = f"{form} cut: {type(e).__name__}" if cut else f"{form}: {e!r}", cut and self.soak.killed_since(kills, begun)
                self.drop()
                time.sleep(0.01)
            self.soak.tell(form, outcome, fine, time.monotonic() - begun)
        self.drop()


class Soak:
    def __init__(self, node, cids, kills, seed):
        self.node, self.cids, self.chance = node, cids, random.Random(seed)
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.counts, self.forms, self.wrong, self.waits = collections.Counter(), collections.Counter(), [], []
        self.kills, self.killed_at, self.wanted = 0, 0.0, kills
        self.did, self.last, self.samples, self.back = collections.Counter(), collections.Counter(), [], []

    def tell(self, form, outcome, fine, seconds):
        with self.lock:
            self.counts[outcome] += 1
            self.forms[form] += outcome == "200"
            self.waits.append(seconds)
            if not fine:
                self.wrong.append(outcome)

    def killed_since(self, kills, begun):
        return self.kills > kills or self.killed_at > begun - BACK_S

    def attested(self):
        """The keyset of a document that answers our nonce over this connection."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        root = ssl.PEM_cert_to_DER_cert((self.node.dir / "state/sim-root.pem").read_text())
        asker = proof.Node(self.node.ready["url"], any_policy=True, root=root, allow_simulated=True, any_image=True)
        connection = http.client.HTTPSConnection("127.0.0.1", self.node.port, timeout=30, context=context)
        try:
            connection.connect()
            return proof.read_keyset(asker.attest(connection)[1])
        finally:
            connection.close()

    def point(self):
        return self.attested()[3]

    # ── what happens to the node ──

    def pause(self):
        found = [p for p in children(self.node.process.pid) if program(p).removeprefix("veronnx-") in STOPPED]
        if found:
            victim = self.chance.choice(found)
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGSTOP)
                self.stop.wait(self.chance.uniform(0.05, 1))
                os.kill(victim, signal.SIGCONT)

    def kill(self):
        now = time.monotonic()
        found = [(p, role_of(p)) for p in children(self.node.process.pid) if program(p).removeprefix("veronnx-") in KILLED]
        found = [(p, role) for p, role in found if role == "infer" or now - self.last[role] > REST_S]
        if not found:
            return
        victim, role = self.chance.choice(found)
        self.last[role] = now
        self.kills, self.killed_at = self.kills + 1, time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        self.did[f"kill {role}"] += 1
        self.wait_back()
        self.killed_at = time.monotonic()

    def wait_back(self):
        """Any answer with a status, over a new connection."""
        begun = time.monotonic()
        while not self.stop.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                equal(self.node.ask("GET", "/v2/health/live")[0], 200, "health")
                self.back.append(time.monotonic() - begun)
                return
            time.sleep(0.005)

    def unload(self):
        rows = self.node.admin("GET", "/models")[1]["models"]
        if rows:
            self.node.admin("POST", "/models/unload", {"model": self.chance.choice(rows)["model"]})

    def attest(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.attested()

    def disturb(self, seconds):
        """Kills are spread evenly; the rest comes as it comes."""
        every = seconds / self.wanted if self.wanted else None
        begun = time.monotonic()
        while not self.stop.wait(self.chance.uniform(0.05, 0.3)):
            if every and self.kills < self.wanted and (time.monotonic() - begun) > self.kills * every:
                self.kill()
                continue
            deed = self.chance.choice(("attest", "attest", "unload", "pause"))
            self.did[deed] += 1
            getattr(self, deed)()

    def sample(self):
        everybody = [self.node.process.pid, *children(self.node.process.pid)]
        steady = [p for p in everybody if program(p) not in ("veronnx-infer",)]
        self.samples.append((memory(everybody), memory(steady), sum(map(descriptors_of, steady))))

    def run(self, clients, seconds):
        threads = [threading.Thread(target=Asker(self, f"{self.chance.random()}").run) for _ in range(clients)]
        threads.append(threading.Thread(target=self.disturb, args=(seconds,)))
        run_threads(threads, self.stop, self.sample, seconds, SAMPLE_S)

    def report(self, seconds):
        self.waits.sort()
        done = sum(self.counts.values())
        print(f"{done} requests in {seconds} s: " + ", ".join(f"{n} x {what}" for what, n in self.counts.most_common()))
        print("answered: " + ", ".join(f"{n} {form}" for form, n in sorted(self.forms.items())))
        print("meanwhile: " + ", ".join(f"{n} x {what}" for what, n in sorted(self.did.items())) +
              (f"; back after at most {max(self.back):.2f} s" if self.back else ""))
        print("seconds to an answer: median %.3f, 99th percentile %.2f, most %.2f" % tuple(
            self.waits[min(int(done * p), done - 1)] for p in (0.5, 0.99, 1)))
        early, late = self.growth()
        print(f"memory of the processes that stay: {early / MIB:.1f} MiB, then {late / MIB:.1f} MiB; of all at most "
              f"{max(s[0] for s in self.samples) / MIB:.0f} MiB; descriptors at most {max(s[2] for s in self.samples)}")

    def growth(self):
        """The most in the second sixth of the time, and the most in the last."""
        n = len(self.samples)
        part = max(n // 6, 1)
        return tuple(max(s[1] for s in rows) for rows in (self.samples[part:2 * part] or self.samples, self.samples[-part:]))


def role_of(pid):
    with contextlib.suppress(OSError):
        return "admin" if b"--admin" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() else program(pid).removeprefix("veronnx-")
    return "gone"


def descriptors_of(pid):
    with contextlib.suppress(OSError):
        return descriptors(pid)
    return 0


def soak(a):
    budget = budget_for(HOLD, 4 * max(SIZES))
    with Node("--model-memory", str(budget), "--run-time", "20s", models=None, faults=a.kills > 0) as node:
        cids = [node.put(f"m{n}", make_model(n, size)) for n, size in enumerate(SIZES)]
        s = Soak(node, cids, a.kills, a.seed)
        s.run(a.clients, a.seconds)
        s.report(a.seconds)
        check(not s.wrong, f"{len(s.wrong)} requests had neither a right answer nor a code: {collections.Counter(s.wrong).most_common(5)}")
        check(all(s.forms[form] > 0 for form in FORMS), "every way to ask was answered")
        check(max(s.back, default=0) < BACK_S, f"answers again within {BACK_S} s: {sorted(s.back)[-3:]}")
        early, late = s.growth()
        if not a.kills:
            check(a.seconds < 600 or late < early * 1.02, f"memory grew from {early} to {late} bytes")
            equal(node.admin("GET", "/state")[1]["restarts"], 0, "no permanent process died")
        else:
            equal(s.kills, a.kills, "kills")
        for row in node.admin("GET", "/models")[1]["models"]:
            node.admin("POST", "/models/unload", {"model": row["model"]})
        wait_for("one process idles", lambda: len(node.processes("infer")) == 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"seconds": 60, "clients": 8, "kills": 0, "seed": time.time_ns()}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    a = parser.parse_args()
    print(f"seed {a.seed}", flush=True)
    soak(a)


if __name__ == "__main__":
    main()
