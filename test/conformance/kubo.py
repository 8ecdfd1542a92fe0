"""A Kubo daemon for a test: its repository is made by contrib/kubo-setup.sh, as docs/operations.md says; loopback only."""
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 60
ANY_PORT = "/ip4/127.0.0.1/tcp/0"


def program():
    """The executable, or None after a line that says why there is none."""
    done = subprocess.run([ROOT / "tools/peers.sh", "kubo"], stdout=subprocess.PIPE, text=True)
    if done.returncode == 77:
        return None
    done.check_returncode()
    return pathlib.Path(done.stdout.strip())


class Kubo:
    """`with Kubo(program(), folder) as kubo`: kubo.gateway and kubo.rpc are its URLs while it runs."""

    def __init__(self, ipfs, folder, swarm_key=None, peers=()):
        self.ipfs, self.folder, self.process = ipfs, pathlib.Path(folder), None
        self.environment = os.environ | {
            "IPFS_PATH": str(self.folder), "IPFS_TELEMETRY": "off", "PATH": f"{ipfs.parent}:{os.environ['PATH']}",
            "SWARM": ANY_PORT, "API": ANY_PORT, "GATEWAY": ANY_PORT}
        if swarm_key:
            self.environment["LIBP2P_FORCE_PNET"] = "1"
        setup = [ROOT / "contrib/kubo-setup.sh", *([swarm_key, *peers] if swarm_key else ())]
        subprocess.run(setup, env=self.environment, check=True, stdout=subprocess.DEVNULL)
        if not swarm_key:  # it knows nobody at all: the public network is no part of a test
            self.run("config", "--json", "AutoConf.Enabled", "false")
            for key, value in (("Bootstrap", "[]"), ("Routing", '{"Type": "none"}'), ("DNS.Resolvers", "{}"),
                               ("Ipns.DelegatedPublishers", "[]")):
                self.run("config", "--json", key, value)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        if kind is not None:
            print("--- Kubo ---", (self.folder / "log").read_text(), sep="\n", file=sys.stderr)

    def run(self, *args):
        return subprocess.run([self.ipfs, *map(str, args)], env=self.environment, check=True, capture_output=True, text=True).stdout

    def start(self):
        for name in ("api", "gateway"):  # what a killed one has left
            (self.folder / name).unlink(missing_ok=True)
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([self.ipfs, "daemon"], env=self.environment, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while b"Daemon is ready" not in (self.folder / "log").read_bytes():
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError("Kubo did not start:\n" + (self.folder / "log").read_text())
            time.sleep(0.05)
        port = re.fullmatch(r"/ip4/127\.0\.0\.1/tcp/(\d+)", (self.folder / "api").read_text().strip())[1]
        self.rpc = f"http://127.0.0.1:{port}"
        self.gateway = (self.folder / "gateway").read_text().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def address(self):
        """Where other members of its swarm reach it."""
        return self.run("id", "-f", "<addrs>").split()[0]

    def add(self, file, *options):
        return self.run("add", "-Q", *options, file).strip()

    def has(self, cid):
        """Without asking anybody else."""
        with contextlib.suppress(subprocess.CalledProcessError):
            return bool(self.run("block", "stat", "--offline", cid))
        return False
