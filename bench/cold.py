#!/usr/bin/env python3
"""How long a model takes to be there, and what it leaves behind: from the local store, from its prepared form, and as ONNX
Runtime alone takes it; memory of its process and of the node. Rounds in turn; a figure is the median of them, `best` the least.
Ends with 1 when an aim is missed."""
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bench import BUILD, ENVIRONMENT, Program, log_numbers  # noqa: E402; says where everything is
import machine  # noqa: E402
import options  # noqa: E402
import rows as table  # noqa: E402
from node import Node, equal, wait_for  # noqa: E402

ROUNDS = options.parse(__doc__, rounds=("ROUNDS", 5, "rounds")).rounds
PROGRAMS = BUILD / "bench"
BLOCK = 256 << 10  # of `veronnx add`
SMALL, LARGE = table.SMALL[0], table.LARGE
REST = 0.4  # the process that idles is getting ready


# ── what the system says ──

def status_kib(pid, *keys):
    found = dict.fromkeys(keys, 0)
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            key, _, value = line.partition(":")
            if key in found:
                found[key] = int(value.split()[0])
    return sum(found.values())


def resident_kib(pid):
    return status_kib(pid, "RssAnon", "RssFile", "RssShmem")


def memory_files_kib(pids):
    """Of all processes together, each file once; None where only the administrator may look."""
    files = {}
    try:
        for pid in pids:
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                if os.readlink(entry).startswith("/memfd:"):
                    found = entry.stat()
                    files[found.st_ino] = found.st_blocks // 2
    except OSError:
        return None
    return sum(files.values())


def node_kib(node):
    pids = machine.family(node.process.pid)
    files = memory_files_kib(pids)
    return None if files is None else files + sum(status_kib(pid, "RssAnon") for pid in pids)


# ── what is asked of the node ──

def settle(node):
    """One process idles; nobody starts, prepares or ends."""
    def quiet():
        models = node.admin("GET", "/models")[1]["models"]
        return len(node.processes("infer")) == len([m for m in models if m["state"] == "ready"]) + 1

    wait_for("the node is quiet", quiet, 20)
    time.sleep(REST)


def load(node, model):
    """Times of a load, in ms: `whole` as the administrator sees it."""
    seen, start = len(node.log()), time.monotonic()
    equal(node.admin("POST", "/models/load", {"model": node.cids[model]})[0], 200, f"load {model}")
    whole = (time.monotonic() - start) * 1e3
    parts = log_numbers(node, "MODEL_READY", seen)
    return {"whole": whole, "verify": parts["verify_us"] / 1e3, "load": parts["load_us"] / 1e3, "prepared": parts["prepared"]}


def first_run(node, folder, model):
    program = Program([PROGRAMS / "bench-load", node.port, node.ready["cert"], 1, 200, folder / f"{model}.http"])
    took = program.tell("go 0")["p50_us"] / 1e3
    program.end()
    return took


def server(node):
    """The process that has the model is the oldest: the next one idles, and a third may be making the prepared form, in more memory."""
    return node.processes("infer")[0]


# ── the rows ──

def bare(folder, models, model):
    command = [PROGRAMS / "bench-cold", models / f"{model}.onnx", str(BLOCK)]
    done = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    found = {key.removesuffix("_us"): us / 1e3 for key, us in json.loads(done.stdout).items()}
    program = Program([PROGRAMS / "bench-bare", models / f"{model}.onnx", folder / f"{model}.tensor", *table.MODELS[model][1]])
    found["first_run"] = program.tell("go 0")["p50_us"] / 1e3
    found["mib"] = resident_kib(program.process.pid) / 1024
    program.end()
    return found


def from_store(node, folder, model):
    node.admin("POST", "/models/unload", {"model": node.cids[model]})
    settle(node)
    found = load(node, model)
    found["first_run"] = first_run(node, folder, model)
    found["mib"] = resident_kib(server(node)) / 1024
    return found


def from_prepared(node, folder, model):
    """Into the process that idles; and, `spawned`, from the end of that one and of the one that idles to an answer by a new one, whose
    processor time until then is `cpu`."""
    wait_for("its prepared form", lambda: "prepared_bytes" in node.admin("GET", "/models")[1]["models"][0], 30)
    settle(node)
    os.kill(server(node), signal.SIGKILL)
    wait_for("one process idles", lambda: len(node.processes("infer")) == 1)
    time.sleep(REST)
    found = load(node, model)
    equal(found["prepared"], 1, "loaded from the prepared form")
    found["first_run"] = first_run(node, folder, model)
    found["mib"] = resident_kib(server(node)) / 1024
    settle(node)
    start = time.monotonic()
    node.kill_infers()
    equal(load(node, model)["prepared"], 1, "loaded from the prepared form")
    found["spawned"] = (time.monotonic() - start) * 1e3
    found["cpu"] = machine.cpu_us(server(node)) / 1e3
    return found


def measure(node, folder, models):
    """One round; an unload at its end, after which there is as much memory as before."""
    found = {}
    for model in table.MODELS:
        found[f"bare {model}"] = bare(folder, models, model)
        settle(node)
        before = node_kib(node)
        found[f"store {model}"] = from_store(node, folder, model)
        if model == LARGE:
            answer = node.ask("POST", "/infer", (folder / f"{model}.body").read_bytes())[2]
            found[f"prepared {model}"] = from_prepared(node, folder, model)
            equal(node.ask("POST", "/infer", (folder / f"{model}.body").read_bytes())[2] == answer, True, "the same bits")
        held = node_kib(node)
        node.admin("POST", "/models/unload", {"model": node.cids[model]})
        settle(node)
        after = node_kib(node)
        for what, kib in (("held", held), ("left", after)):
            found[f"store {model}"][what] = None if kib is None else (kib - before) / 1024
    return found


# ── figures ──

def collect(rounds):
    """{row: {what: (median, best)}}"""
    found = {}
    for row, first in rounds[0].items():
        found[row] = {}
        for what in first:
            values = [r[row][what] for r in rounds if r[row][what] is not None]
            found[row][what] = (statistics.median(values), min(values)) if values else None
    return found


def aims(f, file_mib):
    def median(row, what):
        return f[row][what][0]

    bare_mib = median(f"bare {LARGE}", "mib") + file_mib
    yield (f"{LARGE} from the store, over bare CreateSession + hashes on two threads + 25 ms",
           median(f"store {LARGE}", "whole") / (median(f"bare {LARGE}", "create") + median(f"bare {LARGE}", "hash") + 25), 1.3)
    yield f"{LARGE} prepared, from the end of its process, by one that is started then, ms", median(f"prepared {LARGE}", "spawned"), 40
    yield f"{SMALL} by a process that idles, ms", median(f"store {SMALL}", "whole"), 6
    for way in ("store", "prepared"):
        yield (f"{LARGE}, {way}: its process and the sealed file, over a bare process and the sealed file",
               (median(f"{way} {LARGE}", "mib") + file_mib) / bare_mib, 1.15)
    for model in table.MODELS:
        left = f[f"store {model}"]["left"]
        if left:
            yield f"{model}: memory that is left after an unload, MiB", left[0], 2


COLUMNS = ("whole", "spawned", "cpu", "verify", "load", "hash", "create", "first_run", "mib", "held", "left")


def show(found):
    print(f"{'median / best':18}" + "".join(f"{name:>14}" for name in COLUMNS))
    for row, figures in found.items():
        cells = (figures.get(name) for name in COLUMNS)
        print(f"{row:18}" + "".join(f"{'-' if c is None else f'{c[0]:.1f} / {c[1]:.1f}':>14}" for c in cells))


def main():
    begun, busy = time.monotonic(), machine.busy_us()[0]
    with Node("--warm-up=false", models="bench") as node:
        folder, models = node.dir / "bench", node.dir / "models"
        folder.mkdir()
        table.write_files(folder, {model: node.cids[model] for model in table.MODELS})
        measure(node, folder, models)  # what is made once is there
        found = collect([measure(node, folder, models) for _ in range(ROUNDS)])
        file_mib = (models / f"{LARGE}.onnx").stat().st_size / (1 << 20)
    show(found)
    busy = (machine.busy_us()[0] - busy) / (time.monotonic() - begun) / 1e6 / os.cpu_count()
    print("\nms; MiB of the process (`mib`) and of the node, above what it was, with the model (`held`) and without (`left`)")
    print(f"the machine was busy {busy:.0%} of the time, with this; load average {os.getloadavg()[0]:.1f}")
    missed = 0
    for text, got, most in aims(found, file_mib):
        missed += got > most
        print(f"{'yes' if got <= most else 'NO ':4}{text}: {got:.2f} (at most {most})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
