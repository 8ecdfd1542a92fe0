"""A node for a behaviour test: its own folders, a free port, the demonstration models in its store.

    with Node() as node:
        status, headers, body = node.infer("double")

The test fails when the node leaves a process behind or ends otherwise than asked for. Needs VERONNX_BIN (Meson sets it)."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import onnx_writer as ox  # noqa: E402

BIN = pathlib.Path(os.environ.get("VERONNX_BIN", ROOT / "build/bin"))
FAULT = re.compile(r"PROCESS_ENDED.* (status=[1-9]\d*|signal=(4|5|6|7|8|11|31))\b")  # SIGILL ... SIGSEGV, SIGSYS
SLOW = 8 if "asan" in str(BIN.resolve()) else 1  # sanitizers take their time


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def wait_for(what, condition, seconds=20.0):
    """Polls, because what is waited for is another process, of a machine that may be busy with tests."""
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {seconds * SLOW} s")


LATE = "alert internal error"  # for a handshake the keeper has 100 ms, which are too few on a machine that is busy with tests
REST = 0.15  # seconds; so long the front lets it rest


def run_patiently(command, **options):
    """Once more as long as that is why it fails: then it has asked for nothing yet."""
    end = time.monotonic() + 20 * SLOW
    while True:
        done = subprocess.run(command, text=True, check=False, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})
        if LATE not in done.stderr or time.monotonic() > end:
            return done
        time.sleep(REST)


def veronnx(*args, **options):
    return run_patiently([BIN / "veronnx", *map(str, args)], **options)


def said(done, *words):
    """The one line that a command printed about an error has these words, and nothing came out."""
    equal(done.stderr.count("\n"), 1, f"lines of {done.args[1:]}: {done.stderr!r}")
    for word in words:
        check(word in done.stderr, f"{done.args[1:]}: {word!r} does not stand in: {done.stderr}")
    equal(done.stdout, "", f"output of {done.args[1:]}")


def patiently(connect):
    """What it returns, though the keeper may be late for some handshakes."""
    end = time.monotonic() + 20 * SLOW
    while True:
        try:
            return connect()
        except ssl.SSLError as e:
            if e.reason != "TLSV1_ALERT_INTERNAL_ERROR" or time.monotonic() > end:
                raise
            time.sleep(REST)


def children(pid):
    """Process ids of the direct children, the oldest first. While one of them ends, the kernel may leave out the next: two readings agree."""
    before = None
    with contextlib.suppress(OSError):
        while (now := pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()) != before:
            before = now
        return [int(p) for p in now.split()]
    return []


def program(pid):
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    return ""


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def freeze(*pids):
    """SIGSTOP, until every thread stands still: the signal wakes one of them, and till that one is scheduled another may do a whole job."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
        wait_for(f"process {pid} is stopped", lambda: all(
            stat.read_text().rsplit(")", 1)[1].split()[0] == "T" for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")))


class Node:
    def __init__(self, *options, models="demo", simulate=True, exit_status=0, wrap=(), environment=None, faults=False, folder=BIN):
        """`wrap` is a command that runs the node, in the same process; `environment` replaces ours; with `faults` its processes may
        die of their own mistakes, or of the jail; `folder` has its executables."""
        self.options = list(options)
        self.wrap = list(wrap)
        self.environment = environment
        self.faults = faults
        self.folder = folder
        self.models = models
        self.simulate = simulate
        self.exit_status = exit_status
        self.cids = {}
        self.process = None
        self.ended = None

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="veronnx-test-"))
        try:
            if self.models:
                subprocess.run([sys.executable, ROOT / "tools/models.py", self.dir / "models", "--set", self.models], check=True)
                self.add(*sorted((self.dir / "models").glob("*.onnx")))
            self.start()
        except BaseException:
            self.show_log()
            if self.process:
                self.process.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.ended is None:
                equal(self.stop(), self.exit_status, "exit status after SIGTERM")
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if kind is not None:
                self.show_log()
        wait_for("all processes of the node end", lambda: not any(alive(p) for p in self.known))
        if kind is None and not self.faults:
            if FAULT.search(self.log()):
                self.show_log()
            check(not FAULT.search(self.log()), "processes of the node died by themselves")
        shutil.rmtree(self.dir)

    # ── before and after ──

    def add(self, *files, version=0):
        done = veronnx("add", "--store", self.dir / "store", "--cid-version", version, *files)
        equal(done.returncode, 0, f"veronnx add: {done.stderr}")
        for line in done.stdout.splitlines():
            cid, _, name = line.split(" ", 2)
            self.cids[pathlib.Path(name).stem] = cid
        return self.cids

    def put(self, name, data):
        """A model of these bytes; returns its CID."""
        file = self.dir / f"{name}.onnx"
        file.write_bytes(data)
        return self.add(file)[name]

    def start(self):
        self.ready_file = self.dir / "ready.json"
        self.ready_file.unlink(missing_ok=True)  # of a node that was killed
        command = [self.folder / "veronnx", "serve", "--listen", "127.0.0.1:0", "--store", self.dir / "store",
                   "--state", self.dir / "state", "--ready-file", self.ready_file]
        command += ["--simulate"] if self.simulate else []
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen([*map(str, [*self.wrap, *command]), *self.options], stdout=log, stderr=log,
                                            env=self.environment)
        self.known = set()
        wait_for("the node is ready", lambda: self.ready_file.exists() or self.process.poll() is not None, 10)
        check(self.process.poll() is None, f"the node ended at start with {self.process.returncode}")
        self.ready = json.loads(self.ready_file.read_text())
        self.port = int(re.search(r":(\d+)$", self.ready["url"]).group(1))
        self.admin_port = int(re.search(r":(\d+)$", self.ready["admin_url"]).group(1))
        self.remember()

    def remember(self):
        self.known.update(children(self.process.pid))

    def stop(self, number=signal.SIGTERM, seconds=10):
        self.remember()
        self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=10):
        self.ended = self.process.wait(seconds * SLOW)
        return self.ended

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def show_log(self):
        with contextlib.suppress(OSError):
            print("--- log of the node ---", self.log(), sep="\n", file=sys.stderr)

    # ── its processes ──

    def processes(self, name):
        self.remember()
        return [p for p in children(self.process.pid) if program(p) == f"veronnx-{name}"]

    def front(self):
        """The public front is the one without --admin."""
        return next(p for p in self.processes("front") if b"--admin" not in pathlib.Path(f"/proc/{p}/cmdline").read_bytes())

    # ── asking ──

    def connect(self, timeout=30, trust=None):
        """A connection whose handshake is done, with the node's certificate or one that `trust` has issued."""
        context = ssl.create_default_context(cafile=trust or self.ready["cert"])
        if not trust:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be a root

        def connected():
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout * SLOW, context=context)
            connection.connect()
            return connection
        return patiently(connected)

    def ask(self, method, path, body=None, headers=None, connection=None):
        own = connection is None
        connection = connection or self.connect()
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        if own:
            connection.close()
        return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), content

    def post(self, document, headers=None, connection=None):
        text = document if isinstance(document, (bytes, str)) else json.dumps(document)
        body = text.encode() if isinstance(text, str) else text
        status, headers, content = self.ask("POST", "/infer", body, headers, connection)
        return status, headers, json.loads(content)

    def request(self, model):
        text = (self.dir / "models" / f"{model}.request.json").read_text()
        return text.replace("@CID@", self.cids[model])

    def infer(self, model, headers=None, connection=None):
        return self.post(self.request(model), headers, connection)

    def kill_infers(self):
        """All of them, until the supervisor knows: it could give a model to one that is about to die."""
        victims = self.processes("infer")
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        wait_for("the infer processes are gone", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in victims))

    def admin(self, method, path, document=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=60 * SLOW)
        body = document if isinstance(document, (bytes, str)) or document is None else json.dumps(document)
        connection.request(method, path, body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        is_json = answer.getheader("content-type") == "application/json"
        return answer.status, json.loads(content) if is_json else content


DOUBLE = [{"name": "y", "shape": [3], "result": [0.20000000298023224, -5.0, 6.0], "type": "number"}]
