"""The benchmark: starts a node and all measuring programs, lets each row measure for a short time in turn, round
after round, and writes what came out; docs/performance.md says what the rows mean. Environment: BUILD (build), the
Meson folder."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
os.environ["VERONNX_BIN"] = str(BUILD / "bin")
sys.path += [str(ROOT / "bench"), str(ROOT / "test/behaviour")]

import machine  # noqa: E402
import options  # noqa: E402
import report  # noqa: E402
import rows as table  # noqa: E402
from node import Node, check, equal, wait_for  # noqa: E402

ROUND_MS, WARM_MS = 400, 40
COLD_STARTS = 3
FROM_FILE = "--prepared=never"  # runs take 2 % longer from the prepared form, and whether a start finds one depends on the time before
CORES = sorted(os.sched_getaffinity(0))
PLACES = {  # cores of the node, cores of the load generator
    table.ONE: ({CORES[0]}, {CORES[0]}),
    table.TWO: ({CORES[0]}, {CORES[-1]}),
    table.FREE: (set(CORES), set(CORES)),
}
ENVIRONMENT = {
    **os.environ,
    "ORT_DISABLE_TELEMETRY": "1",
    "LOCPATH": str(BUILD / "bin/lib/locale"),
    "ONNXRUNTIME_ROOT": os.environ.get("ONNXRUNTIME_ROOT", str(BUILD / "bin/lib/libonnxruntime.so.1")),
}


class Program:
    """One of the measuring programs: a line in, a line out."""

    def __init__(self, command):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=ENVIRONMENT)
        self.about = self.answer()["ready"]

    def answer(self):
        line = self.process.stdout.readline()
        check(line != "", f"{' '.join(self.command)} ended with {self.process.poll()}")
        return json.loads(line)

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(10), 0, f"{self.command[0]}: exit status")


def spent(pids):
    return {pid: machine.cpu_us(pid) for pid in pids}


def take_turn(row, program, nodes):
    node = nodes[row.node or table.PROVED]
    node_cores, load_cores = PLACES[row.cores]
    node_pids, own_pids = machine.family(node.process.pid), machine.family(program.process.pid)
    for pid in node_pids:
        machine.pin(pid, node_cores)
    for pid in own_pids:
        machine.pin(pid, load_cores)
    program.tell(f"warm {max(WARM_MS, row.least_ms // 4)}")
    node_before, own_before = spent(node_pids), spent(own_pids)
    result = program.tell(f"go {max(ROUND_MS, row.least_ms)}")
    row.rounds.append(result)
    row.own_us += sum(spent(own_pids).values()) - sum(own_before.values())
    for pid, after in spent(node_pids).items():
        process = machine.name(pid)
        row.cpu_us[process] = row.cpu_us.get(process, 0) + after - node_before[pid]


def log_numbers(node, event, seen):
    """The integers of the newest line of this event behind `seen` bytes of the log."""
    def found():
        return [line for line in node.log()[seen:].splitlines(True) if f" {event} " in line and line.endswith("\n")]

    lines = wait_for(f"{event} in the log", found)
    return {key: int(n) for key, n in re.findall(r"(\w+)=(\d+)", lines[-1])}


def cold_start(node, folder, model, programs):
    """Unloads the model, loads it, and asks it for the first time: milliseconds of each."""
    command = [programs / "bench-load", node.port, node.ready["cert"], 1, 200, folder / f"{model}.http"]
    node.admin("POST", "/models/unload", {"model": node.cids[model]})
    time.sleep(0.5)  # the next process is getting ready
    seen, start = len(node.log()), time.monotonic()
    equal(node.admin("POST", "/models/load", {"model": node.cids[model]})[0], 200, f"load {model}")
    whole = (time.monotonic() - start) * 1e3
    parts = log_numbers(node, "MODEL_READY", seen)
    program = Program(command)
    first = program.tell("go 0")["p50_us"] / 1e3
    program.end()
    split = {part: parts[f"{part}_us"] / 1e3 for part in ("verify", "scan", "load")}
    return {**split, "rest": whole - sum(split.values()), "first_run": first}


def cold_starts(node, folder, programs, models):
    for pid in machine.family(node.process.pid):
        machine.pin(pid, set(CORES))
    found = {}
    for model in models:
        runs = [cold_start(node, folder, model, programs) for _ in range(COLD_STARTS)]
        found[model] = {part: sorted(run[part] for run in runs)[COLD_STARTS // 2] for part in runs[0]}
    return found


def check_answers(nodes, folder):
    """What is measured is the whole work: an answer with its receipt; or the same answer without."""
    for model in table.MODELS:
        answers = {}
        for name, node in nodes.items():
            status, headers, answers[name] = node.ask("POST", "/infer", (folder / f"{model}.body").read_bytes())
            equal((status, "veronnx-receipt" in headers), (200, name == table.PROVED), f"{model}: status, and a receipt")
        equal(answers[table.UNPROVED], answers[table.PROVED], f"{model}: the answer without a receipt")


def memory(node):
    found = []
    for pid in machine.family(node.process.pid):
        peak, share = machine.memory_kib(pid)
        found.append({"process": machine.name(pid), "peak_kib": peak, "share_kib": share})
    return found


@contextlib.contextmanager
def unproved(programs):
    """The folder of a node with another front and another infer."""
    with tempfile.TemporaryDirectory(prefix="veronnx-bench-") as name:
        folder = pathlib.Path(name)
        for exe in [*(BUILD / "bin").glob("veronnx*"), programs / "veronnx-front", programs / "veronnx-infer"]:
            if exe.is_file():
                shutil.copy(exe, folder)
        (folder / "lib").symlink_to((BUILD / "bin/lib").resolve())
        yield folder


def spent_by_all(nodes, programs):
    """By nodes and programs, warm-ups included, and by this one."""
    pids = [pid for one in [*nodes.values(), *programs.values()] for pid in machine.family(one.process.pid)]
    return sum(spent(pids).values()) + time.process_time() * 1e6


def measure(nodes, rows, seconds):
    """Rounds of all rows in turn; what the rest of the machine did meanwhile."""
    programs = {row.key: Program(row.command) for row in rows}
    start, (busy, stolen), ours = time.monotonic(), machine.busy_us(), spent_by_all(nodes, programs)
    for number in range(max(1, round(seconds * 1000 / ROUND_MS))):
        print(f"\rround {number + 1}", end="", file=sys.stderr, flush=True)
        for row in rows:
            take_turn(row, programs[row.key], nodes)
    print("\r", end="", file=sys.stderr)
    elapsed_us = (time.monotonic() - start) * 1e6
    (busy_after, stolen_after), ours = machine.busy_us(), spent_by_all(nodes, programs) - ours
    for row in rows:
        row.total = programs[row.key].tell("sum")
    version = next(p.about for key, p in programs.items() if key.startswith("bare"))
    return programs, {
        "onnxruntime": version,
        "seconds": elapsed_us / 1e6,
        "busy": (busy_after - busy) / elapsed_us / len(CORES),
        "ours": ours / elapsed_us / len(CORES),
        "stolen": (stolen_after - stolen) / elapsed_us / len(CORES),
    }


def keep(result):
    """Writes it and shows it."""
    results = ROOT / "bench/results"
    results.mkdir(exist_ok=True)
    path = results / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime())
    path.write_text(json.dumps(result, indent=1) + "\n")
    report.show(result)
    print(f"\nwritten to {path.relative_to(ROOT)}")


def main():
    seconds = options.parse(__doc__, seconds=("BENCH_SECONDS", 4.0, "seconds for each row")).seconds
    facts = machine.facts()
    with unproved(BUILD / "bench") as other, Node(FROM_FILE, models="bench") as node, \
            Node(FROM_FILE, "--receipts=false", models="bench", folder=other) as plain:
        folder = node.dir / "bench"
        folder.mkdir()
        table.write_files(folder, {model: node.cids[model] for model in table.MODELS})
        cold = cold_starts(node, folder, BUILD / "bench", table.MODELS)
        wait_for("nothing is made beside the measuring", lambda: len(node.processes("infer")) == len(table.MODELS) + 1, 30)
        nodes = {table.PROVED: node, table.UNPROVED: plain}
        check_answers(nodes, folder)
        places = {name: (n.port, n.ready["cert"]) for name, n in nodes.items()}
        rows = table.make(table.Programs(BUILD / "bench", folder, node.dir / "models", places), BUILD / "bin/veronnx-keeper")
        programs, noise = measure(nodes, rows, seconds)
        result = report.collect({**facts, **noise}, rows, cold, memory(node))
        for program in programs.values():
            program.end()
    keep(result)


if __name__ == "__main__":
    main()
