#!/usr/bin/env python3
"""plans.py [--all] [--together N] [--seed N] [NAME...]: the system refuses, interrupts, does half of what it was asked for, or tells another time, to one
process of a node after the other (shim.c), while twenty requests of all kinds are asked, one of which loads a model over HTTP.

Each answer is right bit for bit with a receipt that proves it, or an error with a code that the plan allows; none takes more than five
seconds; and once the faults stop the node serves as before, with as many descriptors, memory files and processes. A plan that ends
the node says with which words. With --all also every call of every process at places drawn from the seed."""
import argparse
import collections
import concurrent.futures
import contextlib
import errno
import http.client
import os
import pathlib
import random
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "soak"), str(HERE)]
from models import budget_for, make_model  # noqa: E402  # before node, which has models of its own
from asker import FORMS, Asker, Refused, attested  # noqa: E402
from measure import started  # noqa: E402
from mixed import at_rest, holdings, role_of  # noqa: E402
from node import SLOW, check, children, equal, patiently, veronnx, wait_for  # noqa: E402
from origin import Origin  # noqa: E402
from shim import ShimNode, install  # noqa: E402

REQUESTS, LONGEST_S, BACK_S = 20, 5 * SLOW, 10 * SLOW
REST_S = 40 * SLOW  # a process that will idle stands behind all others and has 30 s to start
ALWAYS = 1 << 60
MAY, ENDS = "?", "so the node ends"  # instead of the words: the node may end, of the three processes that it cannot be without
BYTES, CODES = 1000, {400, 429, 500, 503, 504}
BROKEN = re.compile(r"PROCESS_ENDED role=(\S+) pid=\d+ status=\d+ signal=(4|7|8|11|31)\b")  # no memory and no libuv: 6
EVERYBODY_ELSE = ("super", "keeper", "front", "admin", "infer", "fetch")  # but the security module, whose clock is its own


@dataclass
class Plan:
    """`may`: codes that an answer may have; `cut`: connections may break, `kill`: a process that is killed when the faults have begun;
    `ends`: the words with which the node ends; `asks`: for a document, which tells the keeper the time, at both ends; `rare`: that no call
    comes to harm is no failure."""
    role: str
    call: str
    error: int = 0
    amount: int = 0
    first: int = 0
    every: int = 1
    most: int = ALWAYS
    may: tuple = ()
    cut: bool = False
    kill: str = ""
    ends: str = ""
    asks: bool = False
    rare: bool = False
    roles: tuple = field(default=())

    def __str__(self):
        return f"{self.role}.{self.call}.{errno.errorcode.get(self.error, self.amount)}" + (f"+kill.{self.kill}" if self.kill else "")

    def rules(self):
        for role in self.roles or (self.role,):
            yield dict(role=role, call=self.call, error=self.error, amount=self.amount, first=self.first, every=self.every, most=self.most)


DIED, BUSY, DEAD, NOMEM = "MODEL_DIED", "KEEPER_BUSY", "SOURCE_DEAD", "NOMEM"
PLANS = [
    # interrupted, or not yet
    Plan("super", "recvmsg", errno.EAGAIN, every=3),
    Plan("super", "poll", errno.EINTR, every=2),
    Plan("super", "epoll_wait", errno.EINTR, every=2),
    Plan("keeper", "recvmsg", errno.EAGAIN, every=3),
    Plan("keeper", "epoll_wait", errno.EINTR, every=2),
    Plan("front", "recvmsg", errno.EAGAIN, every=3),
    Plan("front", "recv", errno.EAGAIN, every=2),
    Plan("front", "send", errno.EAGAIN, every=2),  # what came with the end of a handshake was lost when its ticket had to wait
    Plan("front", "epoll_wait", errno.EINTR, every=2),
    Plan("infer", "recvmsg", errno.EINTR, every=2),
    Plan("infer", "sendmsg", errno.EINTR, every=2),
    Plan("infer", "poll", errno.EINTR, every=2),
    Plan("fetch", "epoll_wait", errno.EINTR, every=2),
    # half
    Plan("front", "recv", amount=9),
    Plan("front", "send", amount=9),
    # no room
    Plan("fetch", "writev", errno.ENOSPC),
    Plan("front", "write", errno.ENOSPC),  # records of the log
    Plan("infer", "ftruncate", errno.ENOSPC, most=1, may=("IO",)),
    # no descriptors, no processes, no threads
    Plan("front", "accept4", errno.EMFILE, first=1, most=3, cut=True),
    Plan("front", "accept4", errno.ECONNABORTED, every=2),
    Plan("infer", "memfd_create", errno.EMFILE, most=1, may=("IO",)),
    Plan("infer", "pthread_create", errno.EAGAIN, most=1),
    Plan("super", "socketpair", errno.EMFILE, first=2, most=1, may=(DEAD,)),
    Plan("super", "pipe2", errno.EMFILE, most=2),
    Plan("super", "fork", errno.EAGAIN, most=2, kill="front", cut=True, may=(DIED,)),  # the node ended with the first start that failed
    Plan("super", "socketpair", errno.EMFILE, most=2, kill="front", cut=True, may=(DIED,)),
    Plan("super", "fork", errno.EAGAIN, most=2, kill="fetch", may=(DEAD,)),
    Plan("infer", "sendmsg", errno.ETOOMANYREFS, first=9, every=7, may=(DIED, DEAD)),  # a lost answer was waited for until the run was overdue
    # no memory
    Plan("infer", "mmap", errno.ENOMEM, first=1, most=1, may=(NOMEM, DIED)),
    Plan("infer", "mem_alloc", errno.ENOMEM, first=20, every=11, most=2, may=(NOMEM, DIED, "RUN_OUT_OF_MEMORY")),
    Plan("front", "mmap", errno.ENOMEM, first=1, most=1, may=(DIED, NOMEM)),
    Plan("front", "mem_alloc", errno.ENOMEM, first=2000, most=1, may=(NOMEM,), cut=True),
    Plan("super", "mem_alloc", errno.ENOMEM, most=1, may=(NOMEM, DIED)),
    # nobody reads
    Plan("front", "sendmsg", errno.EAGAIN, first=2, every=7, may=(BUSY,), cut=True),
    Plan("keeper", "sendmsg", errno.EAGAIN, first=2, every=7, most=2, may=(BUSY,), cut=True),
    # time
    Plan("all", "clock", amount=10_000, roles=EVERYBODY_ELSE, asks=True),
    Plan("all", "clock", amount=-10_000, roles=EVERYBODY_ELSE, asks=True),
    # each answer without a receipt cost the model its process
    Plan("all", "clock", amount=40_000, roles=EVERYBODY_ELSE, asks=True, may=("CLOCK_WRONG",)),
    Plan("all", "clock", amount=-40_000, roles=EVERYBODY_ELSE, asks=True, may=("CLOCK_WRONG",)),
    # the end
    Plan("keeper", "epoll_wait", errno.ENOMEM, most=1, cut=True, ends="so the node ends"),
    Plan("nsm-sim", "recvmsg", errno.ENOMEM, most=1, cut=True, asks=True, ends="so the node ends"),
]
BOOT = [  # the faults begin with the node; `ends` "": it serves all the same
    # it said nothing; and veronnx-config's end came before its words
    Plan("super", "mem_alloc", errno.ENOMEM, most=1, ends="veronnx: cannot start: out of memory"),
    Plan("super", "fork", errno.EAGAIN, first=3, most=1, ends="veronnx: cannot start the node's processes"),
    Plan("super", "rename", errno.ENOSPC, most=1, ends="veronnx: cannot write cert.pem into the state folder"),
    Plan("config", "recvmsg", errno.ENOMEM, most=1, ends="veronnx: out of memory"),
    Plan("nsm-sim", "write", errno.ENOSPC, ends="so the node ends"),
    Plan("keeper", "mmap", errno.ENOMEM, ends="so the node ends"),
    Plan("infer", "pthread_create", errno.EAGAIN, ends="veronnx: veronnx-infer ends before it is ready"),
    Plan("front", "getrandom", errno.EIO, most=1),
]
ERRORS = {  # what --all tries of each call: errors, and 1 for one byte at a time
    "recvmsg": (errno.EAGAIN, errno.EINTR, errno.ENOMEM), "sendmsg": (errno.EAGAIN, errno.EINTR, errno.ENOBUFS, errno.ETOOMANYREFS),
    "recv": (errno.EAGAIN, errno.ECONNRESET, 1), "send": (errno.EAGAIN, errno.EPIPE, 1), "poll": (errno.EINTR, errno.ENOMEM),
    "epoll_wait": (errno.EINTR,), "accept4": (errno.EMFILE, errno.ENOMEM, errno.ECONNABORTED), "mem_alloc": (errno.ENOMEM,),
    "mmap": (errno.ENOMEM,), "memfd_create": (errno.EMFILE, errno.ENOMEM), "ftruncate": (errno.ENOSPC,), "fcntl": (errno.EMFILE,),
    "socketpair": (errno.EMFILE,), "socket": (errno.EMFILE,), "connect": (errno.ECONNREFUSED,), "pipe2": (errno.EMFILE,),
    "fork": (errno.EAGAIN,), "pthread_create": (errno.EAGAIN,), "eventfd": (errno.EMFILE,), "open": (errno.EMFILE,),
    "openat": (errno.EMFILE,), "write": (errno.ENOSPC, errno.EIO), "writev": (errno.ENOSPC, 1), "readv": (errno.EIO,),
    "renameat": (errno.ENOSPC,), "getrandom": (errno.EINTR,)}
ANY_CODE = (DIED, BUSY, DEAD, NOMEM, "IO", "RUN_OUT_OF_MEMORY", "MODEL_NOT_FOUND", "MODEL_INCOMPLETE", "OVERLOADED", "QUEUE_FULL")


def all_plans(chance):
    """Every error of every call of every process, once or twice, somewhere. The process may die of it, and with some the node."""
    for role in (*EVERYBODY_ELSE, "nsm-sim"):
        for call, errors in ERRORS.items():
            for error in errors:
                amount, error = (1, 0) if error == 1 else (0, error)
                yield Plan(role, call, error, amount, chance.choice((0, 0, 1, 3, 8)), chance.choice((1, 3, 7)), chance.choice((1, 2)), may=ANY_CODE,
                           cut=True, asks=True, rare=True, ends=MAY)


# ── one node for many plans ──

class World:
    """A node with one model that is there, and a web server for those that come."""

    def __init__(self, seed):
        self.chance, self.stack, self.node, self.serial, self.failed = random.Random(seed), None, None, 10, []

    def begin(self):
        if self.node:
            return
        self.stack = contextlib.ExitStack()
        origin = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="veronnx-origin-")))
        server = Origin(origin)
        self.stack.callback(server.shutdown)
        self.node = ShimNode("--model-memory", str(budget_for(4, 4 * BYTES)), "--source", server.source, "--cache", str(origin / "cache"),
                             models=None, folder=self.stack.enter_context(install()))
        self.stack.enter_context(self.node)
        self.origin, self.models = origin, []
        self.new_model()
        self.asker = Asker(self.node, self.models, self.chance.random(), busy=CODES, timeout=LONGEST_S)
        for form in FORMS:
            equal(self.asker.attempt(form, 0)[0], "200", f"{form} before all faults")
        self.asker.drop()
        self.resting = at_rest(self.node, keep=self.models[0][0])

    def new_model(self):
        file = self.origin / "new.onnx"
        file.write_bytes(make_model(self.serial, BYTES))
        done = veronnx("add", "--store", self.origin, file)
        equal(done.returncode, 0, f"veronnx add: {done.stderr}")
        self.models.append((done.stdout.split()[0], self.serial, BYTES))
        self.serial += 1

    def end(self, fine):
        """`fine`: the node must end well; else it has ended, or what it does no longer counts."""
        node, self.node = self.node, None
        if not fine and node.process.poll() is None:
            node.process.kill()
        if not fine:
            node.ended = node.process.wait()
        self.stack.close()

    # ── a plan ──

    def ask_all(self, plan):
        """What became of twenty requests, on new connections after each round."""
        outcomes, longest = collections.Counter(), 0.0
        for n in range(REQUESTS):
            form, begun = FORMS[n % len(FORMS)], time.monotonic()
            if n % len(FORMS) == 0:
                self.asker.drop()
            outcome, fine, cut = self.asker.attempt(form, -1 if n % 2 else 0)
            longest = max(longest, time.monotonic() - begun)
            allowed = outcome == "200" or fine and outcome.split()[-1] in plan.may or cut and plan.cut
            check(allowed or self.node.process.poll() is not None, f"{plan}: {outcome}")
            outcomes[outcome] += 1
            if self.node.process.poll() is not None:
                break
        self.asker.drop()
        return outcomes, longest

    def all_right(self):
        results = [self.asker.attempt(form, which)[0] for form in FORMS for which in (0, -1)]
        self.asker.drop()
        return results == ["200"] * len(results)

    def harmed(self):
        """Asks on: front writes no more than fifty records a second, and on a fast machine the plan before had all of them."""
        if self.node.faults_of_system.counts()[1] > 0:
            return True
        self.asker.attempt(FORMS[0], 0)
        return False

    def kill(self, role):
        victims = [p for p in children(self.node.process.pid) if role_of(p) == role]
        os.kill(victims[0], signal.SIGKILL)

    def tell_time(self, plan):
        """The answer itself is not what is asked for."""
        if plan.asks:
            with contextlib.suppress(OSError, http.client.HTTPException, Refused):
                patiently(lambda: attested(self.node, LONGEST_S))

    def settle(self, plan):
        """As many processes, descriptors and memory files as at the beginning."""
        for cid, _, _ in self.models[1:]:
            self.node.admin("POST", "/models/unload", {"model": cid})
        del self.models[1:]
        what = "what is left: (processes with their descriptors, memory files)"
        try:  # and not read again: a process that was half started for the first reading was further at the second
            wait_for(what, lambda: started(self.node) and holdings(self.node) == self.resting, REST_S)
        except AssertionError:
            equal(holdings(self.node), self.resting, f"{plan}: {what}")
            raise

    def run(self, plan):
        self.begin()
        log = len(self.node.log())
        self.new_model()
        for rule in plan.rules():
            self.node.faults_of_system.add(**rule)
        self.tell_time(plan)
        if plan.kill:
            self.kill(plan.kill)
        outcomes, longest = self.ask_all(plan)
        if plan.ends and plan.ends != MAY:
            wait_for(f"{plan}: the node ends", lambda: self.node.process.poll() is not None)
        if not plan.rare:  # the cache is written when there is time
            wait_for(f"{plan}: a call comes to harm", self.harmed)
        seen, struck = self.node.faults_of_system.off()
        log = self.node.log()[log:]
        print(f"{plan}: {struck} of {seen} calls; {dict(outcomes)}, {longest:.2f} s at most", flush=True)
        broken = BROKEN.search(log)
        check(not broken, f"{plan}: {broken and broken[0]}")
        if self.node.process.poll() is not None:
            equal(self.node.process.returncode, 1, f"{plan}: exit status")
            check((ENDS if plan.ends == MAY else plan.ends) in log and plan.ends, f"{plan}: {plan.ends!r} does not stand in {log[-1000:]}")
            return self.end(False)
        check(longest < LONGEST_S, f"{plan}: {longest:.2f} s")
        self.tell_time(plan)
        wait_for(f"{plan}: all is right again", self.all_right, BACK_S)
        wait_for(f"{plan}: the administration answers", lambda: self.node.admin("GET", "/state")[0] == 200, BACK_S)
        self.settle(plan)
        if re.search("BACKOFF role=(front|fetch)|CACHE_FULL", log):
            self.end(True)  # the next death would cost more time; the next block would not be written

    def boot(self, plan):
        """It serves, or ends at once with words; no process stays."""
        with install() as folder, tempfile.TemporaryDirectory(prefix="veronnx-test-") as name:
            node = ShimNode(folder=folder, plan=list(plan.rules()))
            node.dir = pathlib.Path(name)
            with contextlib.suppress(AssertionError):  # it ended
                node.start()
            equal(node.process.poll() is None, not plan.ends, f"{plan} at the start: does it serve?")
            status = node.process.returncode if plan.ends else node.stop()
            print(f"{plan} at the start: status {status}, {node.faults_of_system.counts()[1]} calls", flush=True)
            check(node.faults_of_system.counts()[1] > 0, f"{plan} at the start: no call came to harm")
            fine = status in (1, 2) and plan.ends in node.log() if plan.ends else status == 0
            check(fine, f"{plan} at the start: {status} {node.log()[-1000:]}")
            wait_for(f"{plan} at the start: all processes end", lambda: not list(running(folder)))

    def try_to_run(self, plan):
        try:
            (self.boot if plan in BOOT else self.run)(plan)
        except Exception as e:  # whatever it is, the others run
            self.failed.append(f"failed: {type(e).__name__}: {e}")
            print(self.failed[-1], flush=True)
            if self.node:
                self.node.show_log()
                self.end(False)


def running(folder):
    """Processes of this folder's executables."""
    for exe in pathlib.Path("/proc").glob("[0-9]*/exe"):
        with contextlib.suppress(OSError):
            if exe.readlink().parent == folder:
                yield exe


def run_all(plans, together, seed):
    """What failed. Each of the worlds takes the next plan; most of the time they wait."""
    rest, worlds = collections.deque(plans), [World(f"{seed}/{n}") for n in range(together)]

    def work(world):
        with contextlib.suppress(IndexError):
            while True:
                world.try_to_run(rest.popleft())
        if world.node:
            world.end(True)
        return world.failed
    with concurrent.futures.ThreadPoolExecutor(together) as pool:
        return [words for failed in pool.map(work, worlds) for words in failed]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--together", type=int, default=3)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    parser.add_argument("name", nargs="*")
    a = parser.parse_args()
    print(f"seed {a.seed}")
    plans = [*PLANS, *BOOT, *(all_plans(random.Random(a.seed)) if a.all else ())]
    chosen = [plan for plan in plans if not a.name or any(name in str(plan) for name in a.name)]
    failed = run_all(chosen, a.together, a.seed)
    print(*failed, f"{len(chosen)} plans, {len(failed)} failed", sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
