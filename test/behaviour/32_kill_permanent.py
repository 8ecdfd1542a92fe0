#!/usr/bin/env python3
"""kill -9 of the supervisor, the keeper or the security module's process: the whole node ends within a second, with a non-zero status."""
import os
import signal

from node import Node, alive, check, wait_for

for victim in ("super", "keeper", "nsm-sim"):
    with Node() as node:
        node.infer("double")
        node.remember()
        os.kill(node.process.pid if victim == "super" else node.processes(victim)[0], signal.SIGKILL)
        status = node.wait(20)  # what a machine takes that is busy with tests
        check(status != 0, f"{victim}: exit status {status}")
        wait_for(f"{victim}: all processes are gone", lambda: not any(alive(p) for p in node.known))
