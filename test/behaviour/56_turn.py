#!/usr/bin/env python3
"""`timeout` and `priority`, the parameters of the Open Inference Protocol about a request's turn: JSON, binary and gRPC mean the same by them."""
import contextlib
import json
import os
import re
import signal
import threading
import time

import oip
from counting import counting
from grpc_client import DEADLINE_EXCEEDED, INVALID_ARGUMENT, Grpc, field, frame, infer, one, tensor
from node import SLOW, Node, check, equal, freeze, wait_for

X = [("x", "FP32", [1], [1.5])]
UNAVAILABLE = 14
FAR = 60_000_000


def parameter(name, value, kind=5):
    """Of a gRPC request: kind is 2 for int64_param, 3 for string_param, 5 for uint64_param."""
    return field(4, field(1, name) + field(2, field(kind, value)))


class Asking(threading.Thread):
    """One request in flight, in the log under its number; after join() `answer` has its status and code."""
    def __init__(self, node, number, how, **parameters):
        super().__init__()
        self.node, self.number, self.how, self.parameters = node, number, how, parameters
        self.start()

    def run(self):
        cid, name = self.node.cids["double"], f"{self.number:016x}"
        head = {"Veronnx-Request-Id": name}
        if self.how == "infer":
            status, _, document = self.node.infer("double", head)
            self.answer = status, document.get("code")
        elif self.how == "grpc":
            with Grpc(self.node) as grpc:
                asked = infer(cid, tensor("x", "FP32", [1]), raw=[oip.pack("FP32", [1.5])])
                more = b"".join(parameter(key, value) for key, value in self.parameters.items())
                result = grpc.call("ModelInfer", asked + more, ("veronnx-request-id", name))
                self.answer = result.status or 200, result.code
        else:
            status, _, _, document = oip.infer(self.node, cid, X, self.how == "binary", head, parameters=self.parameters)
            self.answer = status, document.get("code")


def pending(node):
    return int(re.search(rb"^veronnx_pending_requests (\d+)", node.admin("GET", "/metrics")[1], re.M)[1])


@contextlib.contextmanager
def frozen(node):
    """Whatever runs models does nothing."""
    processes = node.processes("infer")
    freeze(*processes)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def order(node, requests):
    """In which order the node answers them; 0 is one that waits before all others, at the default level."""
    equal(node.infer("double")[0], 200, "the model is there")
    with frozen(node):
        threads = [Asking(node, 0, "json") for _ in range(3)]  # two are given to the process
        wait_for("the process has what it takes", lambda: pending(node) == 1)
        for number, (how, parameters) in enumerate(requests, 1):
            threads.append(Asking(node, number, how, **parameters))
            wait_for(f"request {number} waits", lambda: pending(node) == 1 + number)
        seen = len(node.log())
    for thread in threads:
        thread.join()
        equal(thread.answer, (200, None), f"request {thread.number}")
    wait_for("the log has them all", lambda: node.log()[seen:].count("REQUEST_DONE") >= len(threads))
    return [int(n, 16) for n in re.findall(r"REQUEST_DONE.* request=([0-9a-f]+)", node.log()[seen:])][2:]


def run(node, cid, n, **parameters):
    """Of the model that counts to n."""
    return oip.infer(node, cid, [("n", "INT64", [], [n]), ("x", "FP64", [], [0])], parameters=parameters)


def refused(node, parameters, code, word):
    status, _, _, answer = oip.infer(node, node.cids["double"], X, parameters=parameters)
    equal((status, answer["code"]), (400, code), f"{parameters}")
    check(word in answer["error"], answer["error"])


ALL = [("json", {"priority": 3}), ("infer", {}), ("binary", {"priority": 1}), ("json", {"priority": 0}), ("grpc", {"priority": 1}),
       ("binary", {"priority": 3, "timeout": FAR}), ("json", {"priority": 2, "timeout": 0}), ("grpc", {"priority": 3, "timeout": FAR})]

with Node("--workers", "1", "--priorities", "3") as node:
    check("schedule_policy" in json.loads(node.ask("GET", "/v2")[2])["extensions"], "the extension is not announced")
    equal(order(node, ALL), [3, 5, 0, 2, 4, 7, 1, 6, 8], "three levels, of which the second is the default")

    # A timeout ends the wait as well as the run; whoever has none is served.
    with frozen(node):
        threads = [Asking(node, 1, how, timeout=300_000) for how in ("json", "grpc", "binary", "grpc")]
        wait_for("two of them wait", lambda: pending(node) == 2)
        threads.append(Asking(node, 2, "json"))
        for thread in threads[:-1]:
            thread.join()
        check(threads[-1].is_alive(), "it has no timeout")
        for protocol, wanted in (False, [(503, "QUEUE_TIMEOUT"), (504, "TIMEOUT")]), \
                (True, [(DEADLINE_EXCEEDED, "TIMEOUT"), (UNAVAILABLE, "QUEUE_TIMEOUT")]):
            got = [t.answer for t in threads[:-1] if (t.how == "grpc") == protocol]
            check(set(got) <= set(wanted), f"over {'gRPC' if protocol else 'REST'}: {got}")
        codes = sorted(t.answer[1] for t in threads[:-1])
        equal(codes, ["QUEUE_TIMEOUT", "QUEUE_TIMEOUT", "TIMEOUT", "TIMEOUT"], "two ran, two waited")
    threads[-1].join()
    equal(threads[-1].answer, (200, None), "the one without")

    # The run itself ends, long before run-time: the only worker is free.
    cid = node.put("counting", counting())
    equal(run(node, cid, 2)[2]["y"][2], [2.0], "it counts")
    begun = time.monotonic()
    status, headers, _, answer = run(node, cid, 10**12, timeout=200_000)
    equal((status, answer["code"], headers.get("retry-after")), (504, "TIMEOUT", None), "a run that is too long")
    check("parameters.timeout" in answer["error"], answer["error"])
    equal(run(node, cid, 3, timeout=FAR)[2]["y"][2], [3.0], "the next one")
    check(0.2 <= time.monotonic() - begun < 5 * SLOW, f"after {time.monotonic() - begun} s")

    # No time at all: of a short request, of one whose tensor is received in its place, and of a message of a stream.
    for count in 1, 1 << 19:
        status, headers, _, answer = oip.infer(node, node.cids["double"], [("x", "FP32", [count], [0.0] * count)], True, parameters={"timeout": 1})
        equal((status, answer["code"]), (503, "QUEUE_TIMEOUT"), f"{count} numbers within a microsecond")
        check(int(headers["retry-after"]) >= 1 and "parameters.timeout" in answer["error"], answer["error"])
    with Grpc(node) as grpc:
        messages = [infer(node.cids["double"], tensor("x", "FP32", [1]), raw=[oip.pack("FP32", [1.5])]) + parameter("timeout", n, 2)
                    for n in (FAR, 1, FAR)]
        result = grpc.call("ModelStreamInfer", body=b"".join(map(frame, messages)))
        equal([one(m, 1)[:18] for m in result.messages], [b"", b"parameters.timeout", b""], "what the messages of a stream say")

    refused(node, {"timeout": -1}, "FIELD_VALUE", "parameters.timeout: a number from 0")
    refused(node, {"timeout": 86_400_000_001}, "FIELD_VALUE", "parameters.timeout: at most 86400000000")
    refused(node, {"timeout": "1"}, "FIELD_TYPE", "parameters.timeout")
    refused(node, {"priority": 4}, "FIELD_VALUE", "parameters.priority: at most 3")
    refused(node, {"priority": "high"}, "FIELD_TYPE", "parameters.priority")
    with Grpc(node) as grpc:
        asked = infer(node.cids["double"], tensor("x", "FP32", [1]), raw=[oip.pack("FP32", [1.5])])
        for more, code, word in ((parameter("timeout", -1, 2), "FIELD_VALUE", "parameters.timeout: an integer from 0 to 86400000000"),
                                 (parameter("timeout", "1", 3), "FIELD_TYPE", "parameters.timeout"),
                                 (parameter("priority", 4), "FIELD_VALUE", "parameters.priority: an integer from 0 to 3"),
                                 (parameter("priority", 4, 2), "FIELD_VALUE", "parameters.priority: an integer from 0 to 3")):
            result = grpc.call("ModelInfer", asked + more)
            equal((result.status, result.code), (INVALID_ARGUMENT, code), result.text)
            check(word in result.text, result.text)

with Node("--workers", "1") as node:
    equal(order(node, ALL), list(range(9)), "no levels: in the order of arrival, whatever is asked for")
    equal(oip.infer(node, node.cids["double"], X, parameters={"priority": "high"})[0], 200, "a priority that nobody reads")
