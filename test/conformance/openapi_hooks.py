"""Schemathesis's hook of openapi.py: every other request names a model that is there, and every other inference tensors that fit it, so that
what is behind the first refusal is reached as well. Environment: VERONNX_CIDS, models that double x."""
import os
import random

import schemathesis

CIDS = os.environ["VERONNX_CIDS"].split()
GOOD = [{"name": "x", "datatype": "FP32", "shape": [3], "data": [0.1, -2.5, 3]}]
NETWORK = {"numbers": [{"name": "x", "values": ["0.1", "-2.5", "3"], "shape": [3]}]}


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters, body = case.path_parameters, case.body
    if parameters and "model" in parameters and random.random() < 0.5:
        parameters["model"] = random.choice(CIDS)
    if parameters and "version" in parameters and random.random() < 0.5:
        parameters["version"] = "1"
    if isinstance(body, dict) and "inputs" in body and random.random() < 0.5:
        body["inputs"] = GOOD
    if isinstance(body, dict) and "ipfs_hash" in body and random.random() < 0.5:
        body.update(ipfs_hash=random.choice(CIDS), **({"model_inputs": NETWORK} if random.random() < 0.5 else {}))
    wanted = body.get("parameters") if isinstance(body, dict) else None
    if isinstance(wanted, dict) and isinstance(wanted.get("timeout"), int) and wanted["timeout"] > 0:
        wanted["timeout"] = max(wanted["timeout"], 60_000_000)  # what passes at once is answered with 503, and rightly
