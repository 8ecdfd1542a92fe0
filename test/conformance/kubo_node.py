#!/usr/bin/env python3
"""A node gets its models from a real Kubo: through the gateway, through the RPC, from the far end of a private swarm, and
across the death of the Kubo in the middle of a download.

Usage: kubo_node.py. Environment: VERONNX_BIN. Prints "passed: WHAT" or "failed: WHAT: why" for each;
"skipped: models" where there is no Kubo."""
import contextlib
import pathlib
import secrets
import sys
import tempfile
import threading
import traceback

import kubo
import relay as relays

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test/behaviour"), str(ROOT / "test/fault")]
from node import Node, check, equal, wait_for  # noqa: E402
from table import Table  # noqa: E402

SMALL, LARGE = 1 << 20, 48 << 20  # bytes of the table in a model
ADD = {"v0": [], "v1": ["--cid-version=1"]}
KIB = 1 << 10


class Model(Table):
    """A table in a file."""

    def __init__(self, file, size):
        super().__init__(size, secrets.randbits(64))
        self.file = file
        file.write_bytes(self.onnx)


@contextlib.contextmanager
def node_of(folder, *sources, load_time="60s"):
    options = [word for source in sources for word in ("--source", source)]
    with Node(*options, "--cache", str(folder / "cache"), "--load-time", load_time, models=None) as node:
        yield node


def small_model(folder):
    return Model(folder / "small.onnx", SMALL)


def one_kubo(kind):
    def run(ipfs, folder):
        model = small_model(folder)
        with kubo.Kubo(ipfs, folder / "kubo") as peer:
            url = peer.gateway if kind == "gateway" else peer.rpc
            with node_of(folder, f"{kind} {url}") as node:
                for options in ADD.values():
                    cid = peer.add(model.file, *options)
                    equal(model.ask(node, cid), "", "the node's code")
    return run


def private_swarm(ipfs, folder):
    model = small_model(folder)
    key = folder / "swarm.key"
    key.write_text(f"/key/swarm/psk/1.0.0/\n/base16/\n{secrets.token_hex(32)}\n")
    with kubo.Kubo(ipfs, folder / "far", key) as far:
        with kubo.Kubo(ipfs, folder / "near", key, [far.address()]) as near:
            cid = far.add(model.file)
            wait_for("the two know each other", lambda: near.run("swarm", "peers"), 20)
            equal((far.has(cid), near.has(cid)), (True, False), "who has the model before")
            with node_of(folder, f"gateway {near.gateway}") as node:
                equal(model.ask(node, cid), "", "the node's code")
            check(near.has(cid), "the near one has not fetched it")


def other_key(ipfs, folder):
    """Without the network's key there is no way to the model: what the test above shows is the swarm's work."""
    model = small_model(folder)
    keys = []
    for name in ("one", "other"):
        keys.append(folder / f"{name}.key")
        keys[-1].write_text(f"/key/swarm/psk/1.0.0/\n/base16/\n{secrets.token_hex(32)}\n")
    with kubo.Kubo(ipfs, folder / "far", keys[0]) as far, kubo.Kubo(ipfs, folder / "near", keys[1], [far.address()]) as near:
        cid = far.add(model.file)
        with node_of(folder, f"gateway {near.gateway}", load_time="3s") as node:
            code = model.ask(node, cid)
            check(code in ("MODEL_LOAD_TIMEOUT", "MODEL_NOT_FOUND", "SOURCE_DEAD"), f"the node's code: {code!r}")
        equal(near.run("swarm", "peers"), "", "peers of the one with another key")


def killed(leaf):
    """Kubo is killed in the middle of a download and started again, on another port behind the same relay; small leaves come
    in a CAR, large ones one by one. Nodes above the leaves are in every CAR again, and no more than a few."""
    def run(ipfs, folder):
        model = Model(folder / "large.onnx", LARGE)
        leaves = -(-model.file.stat().st_size // leaf)
        with kubo.Kubo(ipfs, folder / "kubo") as peer, relays.Relay(port(peer), 16 << 20) as relay:
            cid = peer.add(model.file, "--cid-version=1", f"--chunker=size-{leaf}")
            with node_of(folder, f"gateway {relay.url}") as node:
                first = []
                asking = threading.Thread(target=lambda: first.append(model.ask(node, cid)))
                asking.start()
                wait_for("a third of the leaves", lambda: relay.whole.total() > leaves // 3, 30)
                peer.kill()
                before = relay.whole.total()
                check(before < leaves * 3 // 4, f"{before} of {leaves} leaves were there before Kubo died: too late")
                wait_for("the fetcher finds nobody", lambda: relay.refused > 0)
                peer.start()
                relay.upstream = port(peer)
                asking.join()
                wait_for("the model is there", lambda: first[0] == "" or model.ask(node, cid) == "", 60)
                counts = {name: n for name, n in relay.whole.items() if name.startswith("bafkrei")}
                equal({name: n for name, n in counts.items() if n > 1}, {}, "leaves that were fetched twice")
                equal(len(counts), leaves, "leaves that went through the relay")
    return run


def port(peer):
    return int(peer.gateway.rpartition(":")[2])


CHECKS = {
    "model through Kubo's gateway": one_kubo("gateway"),
    "model through Kubo's RPC": one_kubo("kubo"),
    "model from the far end of a private swarm": private_swarm,
    "no model without the swarm's key": other_key,
    "Kubo killed in the middle of a download of small leaves": killed(256 * KIB),
    "Kubo killed in the middle of a download of large leaves": killed(1024 * KIB),
}


def main():
    ipfs = kubo.program()
    if ipfs is None:
        print("skipped: models")
        return
    for name, run in CHECKS.items():
        with tempfile.TemporaryDirectory(prefix="veronnx-kubo-") as folder:
            try:
                run(ipfs, pathlib.Path(folder))
                print(f"passed: {name}", flush=True)
            except Exception as e:  # every check is reported, whatever became of the one before
                traceback.print_exc()
                print(f"failed: {name}: {e}", flush=True)


if __name__ == "__main__":
    main()
