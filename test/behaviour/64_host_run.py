#!/usr/bin/env python3
"""`veronnx host run`, describe, switch and stop, with a script in the place of nitro-cli: it writes down how it was called, prints what
the real one prints, and its enclaves are nodes with Unix sockets for everything that would be vsock."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading

from kernel import bzimage
from node import BIN, ROOT, alive, check, equal, patiently, program, said, veronnx, wait_for
from parent import POLICY

DIR = pathlib.Path(tempfile.mkdtemp(prefix="host-run-"))
RUN, CALLS = DIR / "run", DIR / "calls"
ADMIN = f"127.64.{os.getpid() >> 8 & 255}.{os.getpid() % 254 + 1}:9001"  # no other test's
ENVIRONMENT = os.environ | {"PATH": f"{DIR}/bin:/usr/bin:/bin", "TMPDIR": str(DIR), "HOME": str(DIR)}

NITRO_CLI = f"""#!{sys.executable}
import json, os, pathlib, signal, subprocess, sys, time
DIR = pathlib.Path({str(DIR)!r})
with open(DIR / "calls", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
action, words = sys.argv[1], sys.argv[2:]
value = lambda name: words[words.index(name) + 1]
enclaves = DIR / "enclaves"
def lives(e):
    try:
        return pathlib.Path(f"/proc/{{e['ProcessID']}}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
known = [json.loads(f.read_text()) for f in sorted(enclaves.iterdir())]
if action == "run-enclave":
    cid = int(value("--enclave-cid"))
    print("Start allocating memory...", flush=True)
    at = lambda name: f"unix:{{DIR}}/{{name}}"
    node = [{str(BIN / "veronnx")!r}, "serve", "--simulate", "--config", at("config"), "--listen", at(f"{{cid}}-443"), "--admin-listen",
            at(f"{{cid}}-9001"), "--blocks-from", at("blocks"), "--log-to", at("log"), "--state", str(DIR / f"state-{{cid}}")]
    if "bad" in value("--eif-path"):
        node = ["sleep", "1"]
    if "slow" in value("--eif-path") or "mute" in value("--eif-path"):
        node = ["sleep", "60"]
    pid = subprocess.Popen(node, stdin=subprocess.DEVNULL, stdout=None if "mute" in value("--eif-path") else open(DIR / "node.txt", "a"),
                           stderr=subprocess.STDOUT, start_new_session=True).pid  # a mute one holds on to the output
    e = {{"EnclaveName": value("--enclave-name"), "EnclaveID": f"i-0123456789abcdef0-enc{{cid:016x}}", "ProcessID": pid, "EnclaveCID": cid,
         "NumberOfCPUs": int(value("--cpu-count")), "CPUIDs": [1, 3], "MemoryMiB": int(value("--memory"))}}
    (DIR / "enclave").write_text(json.dumps(e))
    (DIR / "enclave").rename(enclaves / str(cid))
    if "mute" in value("--eif-path"):
        os.kill(os.getpid(), signal.SIGKILL if (DIR / "killed").exists() else 0)
        print("{{}}")
        sys.exit(0)
    print(f"Started enclave with enclave-cid: {{cid}}, memory: {{e['MemoryMiB']}} MiB, cpu-ids: [1, 3]")
    print(json.dumps(e, indent=2))
elif action == "describe-enclaves":
    if (DIR / "slow").exists():
        time.sleep(2)
    if (DIR / "deaf").exists():
        sys.exit(1)
    print(json.dumps([{{**e, "State": "RUNNING", "Flags": "NONE"}} for e in known if lives(e)], indent=2))
elif action == "terminate-enclave":
    if (DIR / "stubborn").exists():
        sys.exit(1)
    key = {{"--enclave-id": "EnclaveID", "--enclave-name": "EnclaveName"}}[words[0]]
    e = next(e for e in known if e[key] == words[1])
    os.kill(e["ProcessID"], signal.SIGKILL)
    print(f"Successfully terminated enclave {{e['EnclaveID']}}.")
    print(json.dumps({{"EnclaveName": e["EnclaveName"], "EnclaveID": e["EnclaveID"], "Terminated": True}}, indent=2))
"""


def host(action, *words):
    return veronnx("host", action, *words, "--run-dir", RUN, env=ENVIRONMENT)


def run_words(image, *words):
    return [image, "--listen", "127.0.0.1:0", "--reach", f"unix:{DIR}/{{cid}}-{{port}}", "--config", DIR / "node.conf", "--store",
            DIR / "store", "--config-at", f"unix:{DIR}/config", "--blocks-at", f"unix:{DIR}/blocks", "--log-at", f"unix:{DIR}/log", *words]


def run(image, *words):
    return host("run", *run_words(image, *words))


def calls(action):
    return [words[1:] for words in map(json.loads, CALLS.read_text().splitlines()) if words[0] == action]


def said_at_start(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


def describe():
    return json.loads(host("describe").stdout)


class Asker:
    """Asks all the time, with a connection for each request, while it is entered."""

    def __init__(self, url, request):
        self.port, self.request, self.answers, self.over = int(url.rsplit(":", 1)[1]), request, [], threading.Event()
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def ask(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.context)
        try:
            patiently(connection.connect)
            connection.request("POST", "/infer", self.request)
            return connection.getresponse().status
        except OSError as e:
            return repr(e)
        finally:
            connection.close()

    def go_on(self):
        while not self.over.is_set():
            self.answers.append(self.ask())

    def __enter__(self):
        self.thread = threading.Thread(target=self.go_on)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def prepare():
    for name in ("bin", "enclaves", "root"):
        (DIR / name).mkdir()
    (DIR / "bin/nitro-cli").write_text(NITRO_CLI)
    (DIR / "bin/nitro-cli").chmod(0o755)
    (DIR / "node.conf").write_text("[node]\nthreads = 1\n" + POLICY)
    (DIR / "policy.conf").write_text(POLICY)
    (DIR / "kernel").write_bytes(bzimage())
    (DIR / "init").write_text("init")
    (DIR / "init").chmod(0o755)
    for name in ("old", "new", "bad", "slow", "mute"):
        (DIR / "root/file").write_text(name)
        done = veronnx("image", "build", "--kernel", DIR / "kernel", "--cmdline", "panic=1", "--init", DIR / "init", "--root", DIR / "root",
                       "--out", DIR / f"{name}.eif")
        equal(done.returncode, 0, f"image build: {done.stderr}")
        (DIR / f"{name}.json").write_text(done.stdout)
    subprocess.run([sys.executable, ROOT / "tools/models.py", DIR / "models", "--set", "demo"], check=True)
    added = veronnx("add", "--store", DIR / "store", DIR / "models/double.onnx").stdout
    return (DIR / "models/double.request.json").read_text().replace("@CID@", added.split()[0])


def main():
    request = prepare()

    # ── what does not begin ──
    said(host("run"), "IMAGE.eif")
    said(host("run", DIR / "none.eif"), "No such file", "none.eif")
    equal(run(DIR / "kernel").returncode, 1, "an image that is none")
    for words, option in ((("--cpus", "0"), "--cpus"), (("--memory", "63"), "--memory"), (("--cid", "3"), "--cid"),
                          (("--debug=1",), "--debug"), (("--cpus",), "--cpus"), (("--no-such", "1"), "--no-such"), (("--reach", "tcp:x"), "--reach"),
                          (("--listen", "nowhere"), "--forward")):
        done = run(DIR / "old.eif", *words)
        equal(done.returncode, 2, f"exit status of {words}: {done.stderr}")
        check(option in done.stderr, f"{option}: {done.stderr}")
    for action in ("describe", "stop"):
        said(host(action), "nothing runs")
        equal(host(action).returncode, 1, f"{action} of nothing")
    said(host("switch", DIR / "new.eif"), "nothing runs")
    said(host("stop", "--cpus", "1"), "--cpus", "stop")
    RUN.chmod(0o770)
    said(run(DIR / "old.eif"), "--run-dir", "nobody else")
    RUN.chmod(0o700)
    said(veronnx("host", "run", DIR / "old.eif", "--run-dir", DIR / ("x" * 65), env=ENVIRONMENT), "--run-dir", "at most 64")
    check(not CALLS.exists(), "nitro-cli was not called")

    # ── what nitro-cli does not do ──
    done = veronnx("host", "run", *run_words(DIR / "old.eif"), "--run-dir", RUN, env=ENVIRONMENT | {"PATH": str(DIR / "root")})
    check("cannot start nitro-cli" in done.stderr and "may still run" not in done.stderr, done.stderr)
    equal([f.name for f in RUN.glob("*.json")], [], "nothing is left")
    for killed, sentence in (False, "no EnclaveID"), (True, "signal 9"):  # the second left its enclave, of which nobody knew
        if killed:
            (DIR / "killed").touch()
        done = run(DIR / "mute.eif")
        equal(done.returncode, 1, sentence)
        check(sentence in done.stderr, done.stderr)
        name = calls("run-enclave")[-1][1]
        equal(calls("terminate-enclave"), [["--enclave-name", name]], "what it started all the same is ended")
        check(name.startswith("veronnx-16-") and not alive(enclave_process()), name)
        equal([f.name for f in RUN.glob("*.json")], [], "nothing is left")
        CALLS.unlink()

    # ── run ──
    done = run(DIR / "old.eif", "--cpus", "3", "--memory", "512", "--admin", ADMIN)
    equal(done.returncode, 0, f"run: {done.stderr}")
    equal([words[2:] for words in calls("run-enclave")], [["--eif-path", str(DIR / "old.eif"), "--cpu-count", "3", "--memory", "512",
                                                           "--enclave-cid", "16"]], "the command line")
    built = json.loads((DIR / "old.json").read_text())
    equal(json.loads((RUN / "16.pcrs.json").read_text()), built, "the registers")
    state = describe()
    url, enclave = state["urls"][0], state["enclaves"][0]
    equal((enclave["state"], enclave["id"], enclave["lives"]), ("ready", "i-0123456789abcdef0-enc0000000000000010", True), "described")
    check(not enclave["document_matches"] and "OTHERS" in done.stdout, "what plays the enclave does not have the image's registers")
    check(f"url      {url}\n" in done.stdout and f"PCR0     {built['Measurements']['PCR0']}\n" in done.stdout, "printed")
    said(run(DIR / "old.eif"), "something runs")

    asker = Asker(url, request)
    equal(asker.ask(), 200, "a request")
    verified = veronnx("verify", "node", url, "--allow-simulated", "--root", RUN / "16.root.pem", "--policy", DIR / "policy.conf")
    equal(verified.returncode, 0, f"verify node: {verified.stderr}")
    side = next(p for p in pathlib.Path("/proc").glob("[0-9]*") if program(p.name) == "veronnx-host" and str(RUN) in said_at_start(p))
    check(f"--heartbeat-from\0http://{ADMIN}/heartbeat\0" in said_at_start(side), "heartbeats are had where the administration is")
    wait_for("the log arrives", lambda: "REQUEST_DONE" in (RUN / "log.txt").read_text())

    # an enclave that wrote its log for long enough filled the host's memory, where the folder is
    full = 64 << 20
    os.truncate(RUN / "log.txt", full)
    equal(asker.ask(), 200, "a request")
    wait_for("the log begins again", lambda: (RUN / "log.txt").stat().st_size < full)
    wait_for("and goes on", lambda: "REQUEST_DONE" in (RUN / "log.txt").read_text())
    check((RUN / "log.txt").read_text().startswith("veronnx host: this file was full"), "and says so")

    # ── switch ──
    done = host("switch", DIR / "bad.eif")
    equal(done.returncode, 1, "an enclave that does not get ready")
    check("ended before" in done.stderr, done.stderr)
    equal([e["cid"] for e in describe()["enclaves"]], [16], "the old one stays")
    equal(asker.ask(), 200, "and serves")

    with asker:
        done = host("switch", DIR / "new.eif", "--memory", "600", "--debug")
        equal(done.returncode, 0, f"switch: {done.stderr}")
    equal(set(asker.answers), {200}, "nobody noticed")
    check("nitro-cli console --enclave-id i-0123456789abcdef0-enc0000000000000011" in done.stdout, "the console in debug mode")
    equal(calls("run-enclave")[-1][2:], ["--eif-path", str(DIR / "new.eif"), "--cpu-count", "3", "--memory", "600", "--enclave-cid", "17",
                                         "--debug-mode"], "the command line")
    equal(calls("terminate-enclave"), [], "the old one ended by itself")
    state = describe()
    equal([(e["cid"], e["image"]) for e in state["enclaves"]], [(17, str(DIR / "new.eif"))], "the new one alone")
    equal(state["urls"], [url], "under the same URL")
    verified = veronnx("verify", "node", url, "--allow-simulated", "--root", RUN / "17.root.pem", "--policy", DIR / "policy.conf")
    equal(verified.returncode, 0, f"verify node: {verified.stderr}")

    # ── veronnx-host does nothing: the command waited for its answer for ever ──
    pid = state["host"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    said(host("switch", DIR / "old.eif"), "veronnx-host does not take")
    os.kill(pid, signal.SIGCONT)

    # ── stop ──
    equal(program(pid), "veronnx-host", "the process beside it")
    equal(host("stop", "--now").returncode, 0, "stop")
    equal(calls("terminate-enclave"), [["--enclave-id", "i-0123456789abcdef0-enc0000000000000011"]], "ended at once")
    wait_for("nothing is left", lambda: not alive(pid))
    equal([f.name for f in RUN.glob("*.json")], [], "nor a file")

    # ── in the foreground ──
    ends = (("old", "ready", signal.SIGTERM, 0), ("old", "ready", None, 1), ("slow", "starting", signal.SIGINT, 1))
    for image, state, end, status in ends:
        with staying(image) as stays:
            wait_for(state, lambda p=stays, s=state: p.poll() is not None or s in written(), 20)
            if end:
                stays.send_signal(end)
            else:
                os.kill(enclave_process(), signal.SIGKILL)
            _, errors = stays.communicate(timeout=60)
            equal(stays.returncode, status, f"exit status in the foreground: {errors}")
        equal([f.name for f in RUN.glob("*.json")], [], "nothing is left")
        check(not alive(enclave_process()), "nor the enclave")

    not_asked(request)
    killed_at_work()


def killed_at_work():
    """A closed ssh session killed `switch`, whose new enclave then ran for ever: the next one took another number."""
    equal(run(DIR / "old.eif").returncode, 0, "run")
    for end, status, left in (signal.SIGHUP, 1, [16]), (signal.SIGKILL, -signal.SIGKILL, [16, 17]):
        (DIR / "enclaves/17").unlink()
        with started("switch", DIR / "slow.eif") as switch:
            wait_for("the new one is there", lambda p=switch: p.poll() is not None or (DIR / "enclaves/17").exists())
            switch.send_signal(end)
            _, errors = switch.communicate(timeout=60)
            equal(switch.returncode, status, f"switch after {end}: {errors}")
        equal([e["cid"] for e in describe()["enclaves"]], left, f"after {end}")
        equal(alive(enclave_process(17)), len(left) == 2, f"the new enclave after {end}")
    done = host("switch", DIR / "new.eif")
    equal(done.returncode, 0, f"switch: {done.stderr}")
    equal([e["cid"] for e in describe()["enclaves"]], [18], "what was left has ended")
    check(not alive(enclave_process(17)), "nor does it run")
    equal(host("stop", "--now").returncode, 0, "stop")


def not_asked(request):
    """A nitro-cli that failed once counted as an enclave that had ended: it was forgotten while it ran."""
    deaf, stubborn, slow = DIR / "deaf", DIR / "stubborn", DIR / "slow"
    equal(run(DIR / "old.eif").returncode, 0, "run")
    deaf.touch()
    equal(describe()["enclaves"][0]["lives"], None, "nobody knows")
    said(run(DIR / "old.eif"), "something runs")
    stubborn.touch()
    done = host("stop", "--now")
    equal(done.returncode, 1, f"an enclave that cannot be ended: {done.stderr}")
    check("i-0123456789abcdef0-enc0000000000000010" in done.stderr, f"and is named: {done.stderr}")
    check((RUN / "16.json").exists() and alive(enclave_process()), "nor is it forgotten")
    stubborn.unlink()
    equal(host("stop", "--now").returncode, 0, "the next one ends it, though nobody knows whether it runs")
    wait_for("the enclave has ended", lambda: not alive(enclave_process()))
    equal([f.name for f in RUN.glob("*.json")], [], "and forgets it")
    deaf.unlink()

    with staying("old") as stays:
        wait_for("ready", lambda: stays.poll() is not None or written() == "ready", 20)
        deaf.touch()
        next_look()
        next_look()
        deaf.unlink()
        next_look()
        equal(stays.poll(), None, "it stays")
        equal(Asker(describe()["urls"][0], request).ask(), 200, "and the enclave serves")
        slow.touch()
        next_look()
        os.killpg(stays.pid, signal.SIGINT)  # as a terminal does
        slow.unlink()
        _, errors = stays.communicate(timeout=60)
        equal(stays.returncode, 0, f"Ctrl-C: {errors}")
    equal(errors.count("taken to run"), 1, f"once is enough, and nitro-cli did not get the signal: {errors}")
    check(not alive(enclave_process()), "the enclave has ended")


def staying(image):
    return started("run", *run_words(DIR / f"{image}.eif", "--foreground"))


def started(*words):
    command = [BIN / "veronnx", "host", *words, "--run-dir", RUN]
    return subprocess.Popen([str(word) for word in command], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True)


def next_look():
    so_far = len(calls("describe-enclaves"))
    wait_for("nitro-cli is asked", lambda: len(calls("describe-enclaves")) > so_far)


def enclave_process(cid=16):
    return json.loads((DIR / "enclaves" / str(cid)).read_text())["ProcessID"]


def written():
    """The enclave's state, which is a file as a whole at any time."""
    try:
        return json.loads((RUN / "16.json").read_text())["state"]
    except FileNotFoundError:
        return ""


try:
    main()
finally:
    host("stop", "--now")
    shutil.rmtree(DIR)
