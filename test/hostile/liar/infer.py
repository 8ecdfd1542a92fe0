#!/usr/bin/env python3
"""An infer that lies hurts its own model: no receipt for what it made up, and front, keeper, supervisor and the other models go on."""
import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import ssl
import threading
import time

import liars
from measure import started
from node import SLOW, Node, check, equal, veronnx, wait_for

# What the first request on a lying model gets: status and code, or None for an answer whose receipt verifies. An honest process gives
# one in the place of a liar that was ended before it was handed the job.
KILLED = (None, (503, "MODEL_DIED"))
ACCUSED = (*KILLED, (500, "PROTOCOL")) # read before it has its model: who waits hears why
EARLY = {"report-early", "hoard-report"}
LIVES = {("nothing", 0): (None,), ("result", 10): ((500, "INTERNAL"),), ("result", 11): ((400, "RUN_FAILED"),)}
DIES = [
    ("report-early", 0), ("report-next", 0), ("report-last", 0), ("report-nonce", 0), ("report-garbage", 0),
    ("hoard-report", 0), # to the keeper
    *(("meta", n) for n in range(6)), *(("result", n) for n in (*range(10), 12)), # to front
    *(("size", n) for n in range(3)), *(("sealed", n) for n in range(8)), *(("scanned", n) for n in range(3)), ("loaded-twice", 0),
    ("progress-early", 0), *(("progress", n) for n in range(2)), ("back-sized", 0), ("back-loaded", 0), *(("log", n) for n in range(4)), # to the supervisor
]


class Stage:
    def __init__(self, node):
        self.node = node
        self.count = itertools.count()
        self.local = threading.local()
        self.state = node.dir / "state"
        self.verdict = self.state / "verdict"
        self.liars = set()

    def add(self, kind="double", **more):
        name = f"{kind}-{next(self.count)}"
        content = liars.double_model(name) if kind == "double" else liars.slow_model(name, **more)
        (self.node.dir / f"{name}.onnx").write_bytes(content)
        return self.node.add(self.node.dir / f"{name}.onnx")[name]

    def connection(self):
        """The thread's own, because a busy machine does not always give the keeper its turn in a handshake's 100 ms."""
        connection = getattr(self.local, "connection", None)
        if connection is None or connection.sock is None:
            connection = self.local.connection = wait_for("a connection", self.connect)
        return connection

    def post(self, request):
        return self.node.post(request, connection=self.connection())

    def connect(self):
        with contextlib.suppress(ssl.SSLError):
            return self.node.connect()
        time.sleep(0.1)
        return None

    def ask(self, cid, x=1.5):
        """None for a true answer, else status and code; and the answer's header fields."""
        request = {"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "x", "values": [x], "shape": [1]}]}}
        status, headers, body = self.post(request)
        if status != 200:
            return (status, body["code"]), headers
        equal(body["output"][0]["result"], [2 * x], "y = 2x")
        return None, headers

    def infer(self, cid, x=1.5):
        """None for a true answer whose receipt verifies, else status and code."""
        refused, headers = self.ask(cid, x)
        if not refused:
            self.verify(cid, x, headers)
        return refused

    def verify(self, cid, x, headers):
        done = veronnx("verify", "receipt", "--receipt", headers["veronnx-receipt"], "--key", self.node.ready["receipt_key"],
                       "--allow-simulated", "--model", cid, "--input", f"x=[{x}]", "--output", f"y=[{2 * x}]")
        equal(done.returncode, 0, f"verify: {done.stderr}")

    def idle(self):
        """The idle process is jailed and waits: it has read what it will be."""
        return len(self.node.admin("GET", "/models")[1]["models"]) + 1 == len(self.node.processes("infer"))

    def not_honest(self):
        """The liars, and who has not read yet what it will be."""
        found = set()
        for pid in self.node.processes("infer"):
            with contextlib.suppress(OSError): # it has ended
                if "/honest/" not in os.readlink(f"/proc/{pid}/exe"):
                    found.add(pid)
        return found

    def liar(self, lie, variant=0):
        """The CID of a model that the next load gives to a liar. The idle process is always one ahead."""
        wait_for("the idle one is honest", lambda: self.not_honest() <= self.liars)
        self.verdict.unlink(missing_ok=True)
        (self.state / "lie").write_text(f"{lie} {variant}\n")
        spare = self.add()
        equal(self.infer(spare), None, "a model to move on with")
        wait_for("a liar is idle", lambda: self.verdict.exists())
        self.liars = self.not_honest()
        (self.state / "lie").unlink()
        self.node.admin("POST", "/models/unload", {"model": spare})
        return self.add()

    def noted(self):
        return self.verdict.read_text().splitlines()[1:]


def permanent(node):
    """Descriptors of supervisor, keeper and front."""
    pids = [node.process.pid, *node.processes("keeper"), node.front()]
    return [len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())) for pid in pids]


def unload_all_but(node, honest):
    """Kept files of processes that have just ended come to the list late."""
    for model in node.admin("GET", "/models")[1]["models"]:
        if model["model"] != honest:
            node.admin("POST", "/models/unload", {"model": model["model"]})


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def one_lie(stage, honest, lie, variant, wanted, lives):
    time.sleep(0.2)  # on a fast machine the supervisor would have more to say in a second than it says: the end was not in the log
    node, before = stage.node, len(stage.node.log())
    cid = stage.liar(lie, variant)
    got = stage.infer(cid)
    print(lie, variant, got, *stage.noted(), flush=True)
    check(got in wanted, f"{lie} {variant}: {got}, wanted one of {wanted}")
    if lives:
        check("PROCESS_KILLED" not in node.log()[before:], f"{lie} {variant}: it lives")
    else:
        wait_for(f"{lie} {variant}: its end", lambda: "PROCESS_KILLED role=infer" in node.log()[before:], 20)
    check(not any(line.startswith("FAIL") for line in stage.noted()), f"{lie} {variant}: {stage.noted()}")
    equal(stage.infer(honest), None, f"another model after {lie} {variant}")
    node.admin("POST", "/models/unload", {"model": cid})


def twice(stage):
    """The first report is true, and answered; the second one costs the process its life."""
    cid = stage.liar("report-twice")
    check(stage.infer(cid) in KILLED, "report-twice")
    equal(wait_for("an honest one", lambda: stage.infer(cid) is None), True, "afterwards")


def somebody_elses(stage):
    """While A runs, B reports A's job: B ends, and A's receipt is true."""
    slow = stage.add("slow", turns=4000000)
    equal(stage.node.admin("POST", "/models/load", {"model": slow})[0], 200, "the slow one")
    cid = stage.liar("report-last")
    stage.node.admin("POST", "/models/load", {"model": cid})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(stage.connection).result()
        answer = pool.submit(stage.infer, slow, 7.0)
        time.sleep(0.1)
        refused, headers = stage.ask(cid)
        check(not answer.done(), "the owner was still running")
        check(refused in KILLED, "the thief")
        if not refused:
            stage.verify(cid, 1.5, headers)
        equal(answer.result(), None, "the owner")


def asks_the_host(stage):
    """After SEALED the host cannot be asked for anything, with or without a client's data at hand."""
    cid = stage.liar("want")
    equal(stage.infer(cid), None, "want")
    equal(stage.noted(), ["sealed: write Broken pipe, read 0", "with data: write Broken pipe, read 0"], "what came of it")


def nothing_lies_in_cancel(stage):
    cid = stage.liar("cancel")
    equal(stage.infer(cid), None, "cancel")
    equal(stage.noted(), ["cancel: Broken pipe"], "what came of it")


def hoards_descriptors(stage):
    """What lies unread in a channel counts against all processes of infer."""
    cid, before = stage.liar("hoard-job"), len(stage.node.log())
    for n in range(40):
        check(stage.infer(cid) is None, f"job {n}")
    wait_for("it hoards", lambda: stage.noted(), 20)
    wait_for("its end", lambda: "PROCESS_KILLED role=infer" in stage.node.log()[before:], 20)
    equal(stage.noted(), ["hoards"], "what came of it")
    equal(stage.infer(stage.add()), None, "another model is loaded")


def never_reports(stage, honest):
    """More answers without a report than the keeper keeps tickets: this process ends, and nobody else notices."""
    cid = stage.liar("report-nothing")
    before = len(stage.node.log())

    def ask(_):
        return "reason=OVERLOADED" in stage.node.log()[before:] or stage.infer(cid)

    with concurrent.futures.ThreadPoolExecutor(60) as pool: # no more than the queue of a model holds
        answers = [pool.submit(ask, n) for n in range(1500)]
        while not all(a.done() for a in answers):
            equal(stage.infer(honest), None, "another model meanwhile")
    print("report-nothing", {a.result() for a in answers}, flush=True)
    check(True in (a.result() for a in answers), "it was ended for its tickets")


def strings_that_change(stage, honest):
    cid = stage.liar("strings")
    request = {"ipfs_hash": cid, "model_inputs": {"numbers": [{"name": "x", "values": [1.0] * 20000, "shape": [20000]}]}}
    front = stage.node.front()
    codes = set()
    for _ in range(20):
        status, _, body = stage.post(request)
        codes.add((status, body.get("code")))
    print("strings", codes)
    check(codes <= {(200, None), (400, "OUTPUT_UNSUPPORTED")}, f"strings: {codes}") # each of them is JSON all the same
    equal(stage.node.front(), front, "the front")
    equal(stage.infer(honest), None, "another model")


def floods(stage, honest):
    """The others are served, and the log grows by so much a second only."""
    node = stage.node
    for lie in ("flood-control", "flood-log"):
        cid = stage.liar(lie)
        node.admin("POST", "/models/load", {"model": cid})
        wait_for("the flood", lambda: "flooding" in stage.noted())
        begin, before = time.monotonic(), len(node.log().splitlines()) # in this order: the seconds are all in which lines came
        for _ in range(20):
            equal(stage.infer(honest), None, f"another model during {lie}")
        lines, seconds = node.log().splitlines()[before:], time.monotonic() - begin
        own = [line for line in lines if " infer " in line]
        print(lie, f"{len(lines)} lines in {seconds:.1f} s, {len(own)} of infer", flush=True)
        check(len(own) <= 20 * (seconds + 2), f"{lie}: {len(own)} lines of infer in {seconds} s")
        check(all(" PEER_REFUSED " in line and line.count("=") == 3 for line in own), f"{lie}: {own[:3]}")
        wait_for(f"{lie}: somebody counts", lambda: lie != "flood-log" or "RECORDS_REFUSED role=infer" in node.log())
        check(seconds < 20 * SLOW, f"{lie}: {seconds} s for 20 requests")
        node.admin("POST", "/models/unload", {"model": cid}) # if it is still there


def closed_log(stage):
    cid = stage.liar("close-log")
    equal(stage.infer(cid), None, "close-log")
    before = cpu_seconds(stage.node.process.pid)
    time.sleep(0.5)
    check(cpu_seconds(stage.node.process.pid) - before < 0.25, "the supervisor does not spin")
    equal(stage.infer(cid), None, "close-log")
    stage.node.admin("POST", "/models/unload", {"model": cid})


def odd_engines(stage, honest):
    """A process that introduces itself with what cannot stand in a receipt never gets a model."""
    for lie in ("engine-empty", "engine-control"):
        cid = stage.liar(lie)
        equal(stage.infer(cid), None, f"{lie}: the next process is honest")
    equal(stage.infer(honest), None, "another model")


def run(folder):
    # no warm-up runs: a model whose liar dies in one is loaded again, for which the idle process is taken that should have gone to another
    with Node("--workers", "2", "--prepared", "never", "--warm-up=false", models=None, faults=True, folder=folder) as node:
        stage = Stage(node)
        honest = stage.add()
        equal(stage.infer(honest), None, "the truth")
        keeper, front = node.processes("keeper"), node.front()
        wait_for("idle", lambda: stage.idle() and started(node))
        before = permanent(node)
        for (lie, variant), wanted in LIVES.items():
            one_lie(stage, honest, lie, variant, wanted, lives=True)
        for lie, variant in DIES:
            one_lie(stage, honest, lie, variant, ACCUSED if lie in EARLY else KILLED, lives=False)
        twice(stage)
        somebody_elses(stage)
        asks_the_host(stage)
        nothing_lies_in_cancel(stage)
        hoards_descriptors(stage)
        strings_that_change(stage, honest)
        floods(stage, honest)
        closed_log(stage)
        odd_engines(stage, honest)
        never_reports(stage, honest)
        equal(node.processes("keeper"), keeper, "the keeper")
        equal(node.front(), front, "the front")
        wait_for("idle", lambda: unload_all_but(node, honest) or stage.idle())
        wait_for(f"descriptors as before: {before}", lambda: unload_all_but(node, honest) or permanent(node) == before)


with liars.install("infer") as liar_folder:
    run(liar_folder)
