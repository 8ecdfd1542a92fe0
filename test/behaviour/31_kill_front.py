#!/usr/bin/env python3
"""kill -9 of the front: new connections work within a second, with the same key and models."""
import os
import signal
import time

from node import DOUBLE, SLOW, Node, check, equal, wait_for

with Node() as node:
    for _ in range(3):
        equal(node.infer("double")[0], 200, "before")
        wait_for("the model's process and one that idles", lambda: len(node.processes("infer")) == 2)
        infers = set(node.processes("infer"))
        os.kill(node.front(), signal.SIGKILL)
        begun = time.monotonic()
        while True:
            try:
                status, _, body = node.infer("double")
                break
            except OSError:
                check(time.monotonic() - begun < SLOW, "a connection within a second")
                time.sleep(0.02)
        equal((status, body["output"]), (200, DOUBLE), "after")
        equal(set(node.processes("infer")), infers, "the models stayed where they were")
