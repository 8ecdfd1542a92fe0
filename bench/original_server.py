"""The server of the original node as far as `/infer` needs it, and in its way: FastAPI on uvicorn, one worker, and for each request the model
hashed again, a session of its own and a run that lets nothing else happen. Left out is what would make it slower: IPFS (models are files
here) and the printing of inputs. original_server.py PORT FOLDER [KEY CERTIFICATE]; the folder's files are named by their CIDs."""
import decimal
import hashlib
import json
import pathlib
import sys

import fastapi
import numpy as np
import onnxruntime
import pydantic
import uvicorn

DECIMALS_MAX = 18
FLOATS = {"tensor(float)": np.float32, "tensor(double)": np.float64}

app = fastapi.FastAPI()
folder = pathlib.Path(sys.argv[2])


class Request(pydantic.BaseModel):
    ipfs_hash: str
    model_inputs: str


def quotient(number):
    value, decimals = decimal.Decimal(number["value"]), int(number["decimals"])
    if decimals > DECIMALS_MAX:
        raise ValueError("greater than precision limit")
    return value / 10**decimals


def tensor(kind, described):
    numbers = [quotient(n) for n in described["values"]]
    if kind in FLOATS:
        values = np.array([float(n) for n in numbers], np.float64).astype(FLOATS[kind])
    else:
        values = np.array([int(n) for n in numbers], np.int64)
    return values.reshape(described["shape"])


def answer(described, value):
    return {"name": described.name, "shape": list(value.shape), "result": value.tolist(), "type": "number"}


@app.post("/infer")
async def infer(request: Request):
    path = folder / request.ipfs_hash
    given = {numbers["name"]: numbers for numbers in json.loads(request.model_inputs).get("numbers", [])}
    session = onnxruntime.InferenceSession(path)
    inputs = {i.name: tensor(i.type, given[i.name]) for i in session.get_inputs()}
    outputs = [answer(*pair) for pair in zip(session.get_outputs(), session.run(None, inputs))]
    return {"output": outputs, "model_hash": hashlib.sha256(path.read_bytes()).hexdigest()}


if __name__ == "__main__":
    key, certificate = sys.argv[3:] or (None, None)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), ssl_keyfile=key, ssl_certfile=certificate,
                timeout_keep_alive=600)  # connections rest while others are measured
