#!/usr/bin/env python3
"""mixed.py [--seconds N] [--clients N] [--kills N] [--faults 0|1] [--seed N]: everything at once. Models of several sizes, not all of which
fit into memory, out of a store and over HTTP through a cache that is too small, asked for over HTTP/1.1 and HTTP/2 as /infer, as Open
Inference Protocol in JSON and in binary and over gRPC, while models are unloaded, documents are asked for, and processes are stopped for a
while (SIGSTOP); with --faults 1 (a node of test/shim) the cache's disk is also full now and then, and the clock of all but the security
module steps. With --kills N nothing of this happens, but processes are killed, N times in all, any but supervisor, keeper and NSM.

Every answer is right bit for bit and its receipt proves it, or it is 429, 503 or 504 with a code. A connection may be cut only by a kill
or for want of a keeper that was stopped, and after a kill the node answers again within a second. At the end no process, descriptor or
memory file is left over. In ten minutes and more without kills the memory of the processes that stay grows by less than 2 % after the
first sixth of the time."""
import argparse
import collections
import contextlib
import errno
import http.client
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "behaviour"), str(HERE.parent / "shim")]
from models import budget_for, make_model, run_threads  # noqa: E402  # before node, which has models of its own
from asker import FORMS, Asker, attested  # noqa: E402
from measure import MIB, anonymous, descriptors, memory, memory_files, started  # noqa: E402
from node import SLOW, Node, check, children, equal, program, veronnx, wait_for  # noqa: E402
from origin import Origin  # noqa: E402
from shim import ShimNode, install  # noqa: E402

SIZES = [1000, 1000, 50_000, 50_000, 300_000, 300_000, 1_000_000, 1_000_000]  # elements of the models' tables; the odd ones come over HTTP
HOLD, SAMPLE_S, BACK_S = 4, 0.5, 1.0
REST_S = 25  # between two kills of one permanent process, which rests the longer the more often it died of late
STOPPED = ("infer", "fetch", "front", "admin", "keeper", "nsm-sim", "super")
KILLED = ("infer", "fetch", "front", "admin")
STEPS_S = (0.3, 1.5, 10, 25, 40)  # of the clock, forwards and backwards; beyond 30 s nothing is signed
DEEDS = ("attest", "unload", "stop", "stop")
FAULTS = ("fill_disk", "step_clock")


class Soak:
    def __init__(self, node, models, kills, chance):
        self.node, self.models, self.chance, self.wanted = node, models, chance, kills
        self.stopped, self.lock = threading.Event(), threading.Lock()
        self.counts, self.forms, self.wrong, self.waits = collections.Counter(), collections.Counter(), [], []
        self.kills, self.cut_until = 0, 0.0
        self.did, self.last, self.samples, self.back = collections.Counter(), collections.Counter(), [], []
        self.begun = time.monotonic()

    # ── asking ──

    def client(self, seed):
        asker, chance = Asker(self.node, self.models, seed), random.Random(seed)
        while not self.stopped.is_set():
            form, begun = chance.choice([f for f in FORMS if not self.forms[f]] or FORMS), time.monotonic()
            outcome, fine, cut = asker.attempt(form, chance.randrange(len(self.models)))
            if cut:
                fine = begun < self.cut_until
                time.sleep(0.01)
            self.tell(form, outcome, fine, time.monotonic() - begun)
        asker.drop()

    def tell(self, form, outcome, fine, seconds):
        with self.lock:
            self.counts[outcome] += 1
            self.forms[form] += outcome == "200"
            self.waits.append(seconds)
            if not fine:
                self.wrong.append(outcome)

    def may_cut(self, seconds):
        """Connections that begin until then."""
        self.cut_until = max(self.cut_until, time.monotonic() + seconds)

    # ── what happens to the node ──

    def pick(self, roles):
        """(process, its role) of the node, any of these; the supervisor first of all."""
        everybody = [self.node.process.pid, *children(self.node.process.pid)]
        found = [(p, role_of(p)) for p in everybody]
        found = [(p, role) for p, role in found if role in roles]
        return self.chance.choice(found) if found else (None, None)

    def stop(self):
        victim, role = self.pick(STOPPED)
        if not victim:
            return
        self.did[f"stop {role}"] += 1
        if role == "keeper":  # who has no signature within 100 ms has no handshake
            self.may_cut(60)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGSTOP)
            self.stopped.wait(self.chance.uniform(0.05, 1))
            os.kill(victim, signal.SIGCONT)
        if role == "keeper":
            self.cut_until = time.monotonic() + BACK_S

    def kill(self):
        now = time.monotonic()
        victim, role = self.pick([r for r in KILLED if r == "infer" or now - self.last[r] > REST_S])
        if not victim:
            return
        self.last[role] = now
        self.may_cut(60)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            self.kills += 1
            self.did[f"kill {role}"] += 1
        self.wait_back(role)
        self.cut_until = time.monotonic() + BACK_S

    def wait_back(self, role):
        """Any answer with a status, over a new connection; of the administration where it was killed."""
        begun = time.monotonic()
        while not self.stopped.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                ask = self.node.admin if role == "admin" else self.node.ask
                equal(ask("GET", "/state" if role == "admin" else "/v2/health/live")[0], 200, "health")
                self.back.append(time.monotonic() - begun)
                return
            time.sleep(0.005)

    def unload(self):
        self.did["unload"] += 1
        rows = self.node.admin("GET", "/models")[1]["models"]
        if rows:
            self.node.admin("POST", "/models/unload", {"model": self.chance.choice(rows)["model"]})

    def attest(self):
        self.did["attest"] += 1
        with contextlib.suppress(OSError, http.client.HTTPException):
            attested(self.node, 30)

    def fill_disk(self):
        """Nothing can be written to the cache."""
        self.did["disk full"] += 1
        for call in ("write", "writev", "mkdirat", "renameat"):
            self.node.faults_of_system.add("fetch", call, errno.ENOSPC)
        self.stopped.wait(self.chance.uniform(0.2, 2))
        self.node.faults_of_system.off()

    def step_clock(self):
        """There and back; the keeper hears of it with the next document."""
        self.did["clock step"] += 1
        ms = int(1000 * self.chance.choice(STEPS_S) * self.chance.choice((1, -1)))
        for role in ("super", "keeper", "front", "admin", "infer", "fetch"):
            self.node.faults_of_system.add(role, "clock", amount=ms)
        self.attest()
        self.stopped.wait(self.chance.uniform(0.2, 1))
        self.node.faults_of_system.off()
        self.attest()

    def disturb(self, seconds, deeds):
        while not self.stopped.wait(self.chance.uniform(0.05, 0.3)):
            if not self.wanted:
                getattr(self, self.chance.choice(deeds))()
            elif self.kills < self.wanted and time.monotonic() - self.begun > self.kills * seconds / self.wanted:
                self.kill()

    # ── watching ──

    def sample(self):
        everybody = [self.node.process.pid, *children(self.node.process.pid)]
        steady = [p for p in everybody if program(p) != "veronnx-infer"]
        by_role = {role_of(p): anonymous(p) for p in steady}
        own, open_now = sum(by_role.values()), sum(map(descriptors_of, steady))
        self.samples.append((time.monotonic() - self.begun, memory(everybody), own, open_now, by_role))

    def run(self, clients, seconds, deeds):
        threads = [threading.Thread(target=self.client, args=(f"{self.chance.random()}",)) for _ in range(clients)]
        threads.append(threading.Thread(target=self.disturb, args=(seconds, deeds)))
        run_threads(threads, self.stopped, self.sample, seconds, SAMPLE_S)

    def sixths(self):
        """The samples of the second sixth of the time, and those of the last."""
        part = max(len(self.samples) // 6, 1)
        return self.samples[part:2 * part] or self.samples, self.samples[-part:]

    def growth(self):
        """The most in the second sixth of the time, and the most in the last."""
        return tuple(max(s[2] for s in rows) for rows in self.sixths())

    def growth_by_role(self):
        early, late = ({role: max(s[4].get(role, 0) for s in rows) for role in rows[-1][4]} for rows in self.sixths())
        return ", ".join(f"{role} {early.get(role, 0) / MIB:.2f} -> {late[role] / MIB:.2f}" for role in sorted(late))

    def report(self, seconds):
        self.waits.sort()
        done = sum(self.counts.values())
        failed = sum(n for what, n in self.counts.items() if what[0] in "45" and what[1:3].isdigit())
        cut = sum(n for what, n in self.counts.items() if " cut: " in what)
        bad_receipts = sum(n for what, n in self.counts.items() if "receipt" in what)
        print(f"{done} requests in {seconds} s: " + ", ".join(f"{n} x {what}" for what, n in self.counts.most_common()))
        print("answered: " + ", ".join(f"{n} {form}" for form, n in sorted(self.forms.items())))
        print("meanwhile: " + ", ".join(f"{n} x {what}" for what, n in sorted(self.did.items())))
        print("seconds to an answer: median %.3f, 99th percentile %.2f, most %.2f" % tuple(
            self.waits[min(int(done * p), done - 1)] for p in (0.5, 0.99, 1)))
        minutes = sorted({int(s[0] // 60) for s in self.samples})
        series = [max(s[2] for s in self.samples if s[0] // 60 == minute) for minute in minutes]
        early, late = self.growth()
        print("MiB of the processes that stay, by the minute: " + " ".join(f"{n / MIB:.1f}" for n in series))
        print(f"grown by {100 * (late - early) / early:+.2f} % since the first sixth; with models and their files at most "
              f"{max(s[1] for s in self.samples) / MIB:.0f} MiB; descriptors at most {max(s[3] for s in self.samples)}")
        print(f"of them MiB: {self.growth_by_role()}")
        print(f"kills {self.kills}, failed with a code {failed}, cut {cut}, " +
              (f"longest until it answers again {max(self.back):.3f} s, " if self.back else "") +
              f"neither right nor coded {len(self.wrong)}, invalid receipts {bad_receipts}", flush=True)


def role_of(pid):
    with contextlib.suppress(OSError):
        return "admin" if b"--admin" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() else program(pid).removeprefix("veronnx-")
    return "gone"


def descriptors_of(pid):
    with contextlib.suppress(OSError):
        return descriptors(pid)
    return 0


def links(pid):
    """What its descriptors are of."""
    with contextlib.suppress(OSError):
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(fd)


def holdings(node):
    """What a node holds that has no model: processes, their descriptors, memory files. The fetcher keeps connections to its sources."""
    pids = [node.process.pid, *children(node.process.pid)]
    tcp = {f"socket:[{line.split()[9]}]" for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]}
    counts = sorted((role_of(p), sum(role_of(p) != "fetch" or link not in tcp for link in links(p))) for p in pids)
    return counts, len(memory_files(pids))


def at_rest(node, keep=None):
    """What it holds when nothing changes any more, with this model or none."""
    for row in node.admin("GET", "/models")[1]["models"]:
        if row["model"] != keep:
            node.admin("POST", "/models/unload", {"model": row["model"]})
    wait_for("one process idles", lambda: len(node.processes("infer")) == 1 + (keep is not None))
    wait_for("it has started", lambda: started(node))
    before = None
    while before != (before := holdings(node)):
        time.sleep(0.2)
    return before


def add_models(node, origin):
    """[(CID, number, elements)]; the odd ones into the folder of a web server."""
    models = []
    for number, size in enumerate(SIZES):
        file = node.dir / f"m{number}.onnx"
        file.write_bytes(make_model(number, size))
        done = veronnx("add", "--store", origin if number % 2 else node.dir / "store", file)
        equal(done.returncode, 0, f"veronnx add: {done.stderr}")
        models.append((done.stdout.split()[0], number, size))
    return models


def judge(s, a, node, begun):
    check(not s.wrong, f"{len(s.wrong)} requests had neither a right answer nor a code: {collections.Counter(s.wrong).most_common(5)}")
    check(all(s.forms[form] > 0 for form in FORMS), "every way to ask was answered")
    check(max(s.back, default=0) < BACK_S * SLOW, f"answers again within {BACK_S} s: {sorted(s.back)[-3:]}")
    early, late = s.growth()
    if not a.kills:
        check(a.seconds < 600 or late < early * 1.02, f"memory grew from {early} to {late} bytes")
        equal(node.admin("GET", "/state")[1]["restarts"], 0, "no permanent process died")
    else:
        equal(s.kills, a.kills, "kills")
    equal(at_rest(node), begun, "what is left: (processes with their descriptors, memory files)")


def soak(a):
    chance = random.Random(a.seed)
    options = ["--model-memory", str(budget_for(HOLD, 4 * max(SIZES))), "--run-time", "20s"]
    with contextlib.ExitStack() as stack:
        if a.faults:
            node = ShimNode(*options, models=None, folder=stack.enter_context(install()))
        else:
            node = Node(*options, models=None, faults=a.kills > 0)
        origin = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veronnx-origin-")))
        server = Origin(origin)
        node.options += ["--source", server.source, "--cache", str(origin / "cache"), "--cache-size", str(4 * max(SIZES) * 5 // 4)]
        stack.enter_context(node)
        models = add_models(node, origin)
        equal(node.admin("POST", "/models/load", {"model": models[1][0]})[0], 200, "a first load")
        begun = at_rest(node)
        s = Soak(node, models, a.kills, chance)
        s.run(a.clients, a.seconds, DEEDS + (FAULTS if a.faults else ()))
        s.report(a.seconds)
        judge(s, a, node, begun)
        server.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"seconds": 60, "clients": 8, "kills": 0, "faults": 0, "seed": time.time_ns()}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    a = parser.parse_args()
    print(f"seed {a.seed}", flush=True)
    soak(a)


if __name__ == "__main__":
    main()
