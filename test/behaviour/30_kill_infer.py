#!/usr/bin/env python3
"""kill -9 of an infer process under load: only requests in flight on its model fail, with a code, and the next one works."""
import os
import signal
import threading
import time

from node import DOUBLE, Node, check, equal

with Node() as node:
    node.infer("double")
    node.infer("mnist-mlp")
    stop = threading.Event()
    seen = {"double": [], "mnist-mlp": []}

    def load(model):
        connection = node.connect()
        while not stop.is_set():
            status, _, body = node.infer(model, connection=connection)
            seen[model].append((status, body.get("code")))
        connection.close()

    threads = [threading.Thread(target=load, args=(m,)) for m in ("double", "double", "mnist-mlp")]
    for t in threads:
        t.start()
    time.sleep(0.3)
    # the process that serves y = 2x is the one that got its model first: the oldest
    victim = node.processes("infer")[0]
    os.kill(victim, signal.SIGKILL)
    time.sleep(0.7)
    stop.set()
    for t in threads:
        t.join()
    codes = {s for s in seen["double"] if s[0] != 200}
    check(codes <= {(503, "MODEL_DIED")}, f"failures have their code: {codes}")
    check(len([s for s in seen["double"] if s[0] != 200]) <= 2, "only what was in flight failed")
    equal({s for s in seen["mnist-mlp"]}, {(200, None)}, "the other model saw nothing")
    equal(node.infer("double")[2].get("output"), DOUBLE, "the next request")
