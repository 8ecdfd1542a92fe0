#!/usr/bin/env python3
"""A node and its host: configuration, a model by its CID, requests over TLS through the forwarder, the log, administration; both ends
are verified, and neither has more processes than it should."""
import os
import signal
import time

from host import Enclave
from node import DOUBLE, check, children, equal, program, veronnx, wait_for
from parent import POLICY

TEXT = "[node]\nthreads = 2\nheader-time = 5s\n" + POLICY

with Enclave(text=TEXT) as enclave:
    status, headers, answer = enclave.infer("double")
    equal((status, answer["output"]), (200, DOUBLE), "an answer through the forwarder")
    page = enclave.ask("GET", "/.well-known/veronnx")[2].decode()
    check("threads = 2" in page and "header-time = 5000ms" in page, "the delivered configuration is the node's")
    equal([program(p) for p in children(enclave.host.process.pid)], ["veronnx-fetch"], "children of the host")
    equal(enclave.admin("GET", "/models")[1]["models"][0]["state"], "ready", "administration through the host")

    url = f"https://127.0.0.1:{enclave.port}"
    done = veronnx("verify", "node", url, "--allow-simulated", "--root", enclave.dir / "state/sim-root.pem", "--any-policy")
    equal(done.returncode, 0, f"verify node through the forwarder: {done.stderr}{done.stdout}")

    wait_for("the log arrives", lambda: "REQUEST_DONE" in enclave.host.printed())
    lines = [line for line in enclave.log().splitlines() if " MODEL_READY " in line]
    check(all(line in enclave.host.printed() for line in lines) and lines, "the same lines on both sides")

    connection = enclave.connect()
    for _ in range(200):
        equal(enclave.infer("double", connection=connection)[0], 200, "one of 200 requests")
    connection.close()

    fetcher = children(enclave.host.process.pid)[0]
    os.kill(fetcher, signal.SIGKILL)
    wait_for("another fetcher", lambda: [p for p in children(enclave.host.process.pid) if p != fetcher and program(p) == "veronnx-fetch"], 10)
    other = next(name for name in enclave.cids if name != "double")


    def loaded():
        if enclave.admin("POST", "/models/load", {"model": enclave.cids[other]})[0] == 200:
            return True
        enclave.admin("POST", "/models/unload", {"model": enclave.cids[other]})  # forgets the failure
        return time.sleep(0.2)

    wait_for("which serves", loaded, 20)
