"""The benchmark of fetching: a file of 1 GiB from nginx on this machine, through the real veronnx-fetch, checked, hashed
and sealed as a node does it; beside it, in turn, one thread that does nothing but hash the same bytes in memory.
docs/performance.md says what the rows mean. Environment: BUILD (build), the Meson folder."""
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "bench"), str(ROOT / "test/fault"), str(ROOT / "test/behaviour")]

import dag as dags  # noqa: E402
import machine  # noqa: E402
import options  # noqa: E402
from bench import BUILD, Program  # noqa: E402
from node import check, wait_for  # noqa: E402
from report import NOISE  # noqa: E402

OPTIONS = options.parse(__doc__, mib=("FETCH_MIB", 1024, "size of the file in MiB"),
                        rounds=("ROUNDS", 3, "times that each row is measured"))
SIZE, ROUNDS = OPTIONS.mib << 20, OPTIONS.rounds
KIB, MIB = 1 << 10, 1 << 20
LAYOUTS = {  # CID version, bytes in a leaf, links in a node, the aim for the rate over that of hashing
    "1 MiB raw": (1, 1 * MIB, 1024, 0.65),
    "256 KiB dag-pb": (0, 256 * KIB, 174, 0.5),
}
DELAY_MS, DELAYED_LEAST = 10, 400e6  # each way; bytes a second
MEMORY_MOST = 64 * MIB

NGINX = """
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000; default_type application/vnd.ipld.raw;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    server {{ listen 127.0.0.1:{port} backlog=512; root .; }}
}}
"""


class Files:
    """Takes each block as dag.build makes it, puts it into a file named by its CID and forgets it."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)

    def append(self, subtree):
        (self.folder / dags.cid_text(subtree.cid)).write_bytes(subtree.block)
        subtree.block = None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Nginx:
    """`with Nginx(program, folder) as (port, pid)`: serves the files of a folder."""

    def __init__(self, program, folder):
        self.program, self.folder, self.port = program, folder, free_port()

    def __enter__(self):
        """The port and the process."""
        (self.folder / "nginx.conf").write_text(NGINX.format(port=self.port))
        self.process = subprocess.Popen([self.program, "-p", self.folder, "-c", "nginx.conf", "-e", "stderr"])
        wait_for("nginx listens", lambda: f":{self.port:04X} " in pathlib.Path("/proc/net/tcp").read_text())
        return self.port, self.process.pid

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Memory:
    """The most that a process had of its own while this was looking, twenty times a second."""

    def __init__(self, pid):
        self.pid, self.most, self.over = pid, 0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self):
        while not self.over.wait(0.05):
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            sizes = dict(line.split(":", 1) for line in status.splitlines())
            own = sum(int(sizes[key].split()[0]) << 10 for key in ("RssAnon", "RssShmem"))
            self.most = max(self.most, own)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def one(program):
    """Seconds of one time round."""
    return program.tell("go 0")["p50_us"] / 1e6


def hash_once(program, noise):
    """Seconds; adds what share of the machine others took meanwhile, which one thread leaves idle but for itself."""
    begun, (busy, stolen), own = time.monotonic(), machine.busy_us(), machine.cpu_us(program.process.pid)
    seconds = one(program)
    elapsed_us, (busy_after, stolen_after) = (time.monotonic() - begun) * 1e6, machine.busy_us()
    others = busy_after - busy - (machine.cpu_us(program.process.pid) - own) + stolen_after - stolen
    noise.append(others / elapsed_us / os.cpu_count())
    return seconds


class Pull:
    """One fetch by a fresh fetcher: its seconds, the seconds of a second one out of the cache or None, the most memory that
    the fetcher had, and the processor time of each process in the first."""

    def __init__(self, folder, cid, port, cached, nginx):
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            command = [BUILD / "bench/bench-pull", cid, BUILD / "bin/veronnx-fetch", "--source",
                       f"gateway=http://127.0.0.1:{port}", *(["--cache", cache] if cached else [])]
            program = Program(command)
            pids = {"nginx": nginx, "fetch": int(program.about), "pull": program.process.pid}
            before = {name: machine.cpu_us(pid) for name, pid in pids.items()}
            with Memory(pids["fetch"]) as memory:
                self.seconds = one(program)
            self.cpu_ns = {name: (machine.cpu_us(pid) - before[name]) * 1e3 / SIZE for name, pid in pids.items()}
            self.again = one(program) if cached else None
            self.memory = memory.most
            program.end()


def middle(values):
    return sorted(values)[len(values) // 2]


def measure(folder, name, file, nginx):
    version, leaf, links, least = LAYOUTS[name]
    print(f"\r{name}: writing blocks ", end="", file=sys.stderr, flush=True)
    cid = dags.cid_text(dags.build(version, file.read_bytes(), leaf, links, Files(folder / "ipfs")))
    found = {row: [] for row in ("hash", "fetch", "fetch, cache", "from the cache", "fetch, 20 ms")}
    pulls, noise = {row: [] for row in found}, []
    with Nginx(nginx, folder) as (port, pid):
        hashing = Program([BUILD / "bench/bench-hash", file, leaf])
        delay = Program([BUILD / "bench/bench-delay", port, DELAY_MS])
        one(hashing)  # its pages are there from now on
        for turn in range(ROUNDS):
            print(f"\r{name}: round {turn + 1}       ", end="", file=sys.stderr, flush=True)
            for row, at, cached in (("fetch", port, False), ("fetch, cache", port, True), ("fetch, 20 ms", delay.about, False)):
                found["hash"].append(hash_once(hashing, noise))
                done = Pull(folder, cid, at, cached, pid)
                found[row].append(done.seconds)
                found["from the cache"] += [done.again] if cached else []
                pulls[row].append(done)
        delay.process.stdin.close()
        hashing.end()
    print("\r", end="", file=sys.stderr)
    rates = {row: SIZE / middle(seconds) for row, seconds in found.items()}
    memory = max(done.memory for row in pulls.values() for done in row)
    cpu = {name: middle([done.cpu_ns[name] for done in pulls["fetch"]]) for name in ("nginx", "fetch", "pull")}
    aims = [{"aim": f"{name}: fetch over hash", "least": least, "got": rates["fetch"] / rates["hash"]},
            {"aim": f"{name}: MB/s with 20 ms", "least": DELAYED_LEAST / 1e6, "got": rates["fetch, 20 ms"] / 1e6},
            {"aim": f"{name}: MiB that the fetcher had", "most": MEMORY_MOST / MIB, "got": memory / MIB}]
    return {"layout": name, "seconds": found, "rates": rates, "cpu_ns": cpu, "memory": memory, "noise": max(noise), "aims": aims}


def show(facts, layouts):
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['memory_mib']} MiB, Linux {facts['kernel']}; "
          f"load average before {facts['load_average']:.1f}; a file of {SIZE / MIB:.0f} MiB, median of {ROUNDS} rounds")
    noise = max(layout["noise"] for layout in layouts)
    if noise > NOISE:
        print(f"NOISY: something else took up to {noise:.0%} of the processor time, which rates and ratios do not survive")
    print(f"{'MB/s':24}" + "".join(f"{layout['layout']:>16}" for layout in layouts))
    for row in layouts[0]["rates"]:
        print(f"{row:24}" + "".join(f"{layout['rates'][row] / 1e6:16.0f}" for layout in layouts))
    for process in layouts[0]["cpu_ns"]:
        print(f"{'fetch: ns/byte of ' + process:24}" + "".join(f"{layout['cpu_ns'][process]:16.2f}" for layout in layouts))
    for aim in (aim for layout in layouts for aim in layout["aims"]):
        met = aim["got"] >= aim["least"] if "least" in aim else aim["got"] <= aim["most"]
        limit = f"at least {aim['least']}" if "least" in aim else f"at most {aim['most']}"
        print(f"{'yes' if met else 'NO ':4}{aim['aim']}: {aim['got']:.2f} ({limit})")


def main():
    found = subprocess.run([ROOT / "tools/peers.sh", "nginx"], stdout=subprocess.PIPE, text=True)
    if found.returncode == 77:
        print("skipped: fetching (there is no nginx)")
        return
    check(found.returncode == 0, "tools/peers.sh failed")
    facts, layouts = machine.facts(), []
    with tempfile.TemporaryDirectory(prefix="veronnx-bench-") as where:
        file = pathlib.Path(where) / "file"
        generator = random.Random(1)
        with open(file, "wb") as out:
            for _ in range(SIZE // MIB):
                out.write(generator.randbytes(MIB))
        for number, name in enumerate(LAYOUTS):
            folder = pathlib.Path(where) / str(number)
            layouts.append(measure(folder, name, file, found.stdout.strip()))
            subprocess.run(["rm", "-rf", folder], check=True)
    path = ROOT / "bench/results" / time.strftime("fetch-%Y%m%d-%H%M%S.json", time.gmtime())
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": facts, "bytes": SIZE, "layouts": layouts}, indent=1) + "\n")
    show(facts, layouts)
    print(f"\nwritten to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
