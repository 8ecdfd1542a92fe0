#!/usr/bin/env python3
"""With model-control clients load and unload over the public listener, REST and gRPC, as Triton's and KServe's clients ask; a request that is under
way is answered, and without it nobody may."""
import json
import threading

from grpc_client import NOT_FOUND, OK, PERMISSION_DENIED, Grpc, field, fields
from node import Node, check, equal, wait_for

with Node("--model-control", "--alias", "two QmWd3NJd28SgnmmrRRv6VBm5KrBwr1Nz8aTuMLBVugxyF6") as node:
    cid = node.cids["double"]

    def ask(name, verb, body=b""):
        status, _, content = node.ask("POST", f"/v2/repository/models/{name}/{verb}", body)
        return status, json.loads(content)

    def state():
        return json.loads(node.ask("POST", "/v2/repository/index", b"")[2])[0]["state"]

    def gone():
        return state() == "UNAVAILABLE" and node.admin("GET", f"/models?model={cid}")[1]["models"] == []

    equal(ask(cid, "unload")[1]["code"], "MODEL_NOT_FOUND", "unload what is not there")
    equal(ask("two", "load", b'{"parameters":{"config":"{}"}}'), (200, {"name": "two", "load": True}), "load")
    equal((state(), node.admin("GET", "/state")[1]["loads"]), ("READY", 1), "it is there")
    equal(ask(cid, "load"), (200, {"name": cid, "load": True}), "load what is there")
    equal(node.admin("GET", "/state")[1]["loads"], 1, "once")
    equal(ask("two", "unload"), (200, {"name": "two", "unload": True}), "unload")
    wait_for("it goes", gone)
    for verb in "load", "unload":
        equal(ask("nothing", verb)[1]["code"], "MODEL_NOT_PINNED", verb)
        equal(ask("Qm,", verb)[1]["code"], "MODEL_ID_INVALID", verb)
        equal(node.ask("GET", f"/v2/repository/models/two/{verb}")[0], 405, "GET")
    equal(ask("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", "load")[0], 404, "a model that nobody has")

    grpc = Grpc(node)
    for message in field(2, "two"), field(1, "two"):  # Triton's, KServe's
        for verb in "Load", "Unload":
            result = grpc.call(f"RepositoryModel{verb}", message)
            equal((result.status, fields(result.message)), (OK, [(1, b"two"), (2, 1)]), f"{verb} {message}")
        wait_for("it goes", gone)
    equal(grpc.call("RepositoryModelUnload", field(2, cid)).status, NOT_FOUND, "unload what is not there")
    equal(grpc.call("RepositoryModelLoad", field(2, "nothing")).code, "MODEL_NOT_PINNED", "a name of nothing")
    equal(grpc.call("RepositoryModelLoad", field(2, "x" * 600)).code, "MODEL_ID_INVALID", "a long name")

    # Whoever asks while others unload has an answer.
    outcomes = []

    def client():
        connection = node.connect()
        outcomes.extend(node.infer("double", connection=connection)[0] for _ in range(40))

    threads = [threading.Thread(target=client) for _ in range(3)]
    for thread in threads:
        thread.start()
    unloaded = 0
    while any(thread.is_alive() for thread in threads):
        unloaded += ask(cid, "unload")[0] == 200
    equal(set(outcomes), {200}, f"answers while the model was unloaded {unloaded} times")
    check(len(outcomes) == 120 and unloaded > 0, f"{len(outcomes)} answers, {unloaded} times")

with Node() as node:
    equal(Grpc(node).call("RepositoryModelLoad", field(2, "x" * 600)).status, PERMISSION_DENIED, "without it")
    equal(node.ask("POST", "/v2/repository/models/Qm,/unload", b"")[0], 403, "without it")
