"""The rows of the benchmark: what each measures, with which program, and on which cores."""
import json
import math
import random
import struct
from dataclasses import dataclass, field

import oip
from node import ox

# Placements. `one`: everything on one core, so that a wake-up costs the same in every row. `two`: the node has one
# core and the load generator another, on which it never sleeps. `free`: all may run on all cores.
ONE, TWO, FREE = "one", "two", "free"

MODELS = {  # input, its shape
    "mlp-tiny": ("x", [1, 4]),
    "mlp-784": ("x", [1, 784]),
    "resnet50": ("image", [1, 3, 224, 224]),
}
HUGE = "mlp-486m"  # has a benchmark of its own
INPUTS = {**MODELS, HUGE: ("x", [1, 2048])}


FORMS = ("oip", "binary", "grpc")  # of the Open Inference Protocol: JSON, binary data, gRPC
GRPC = {"grpc": "grpc"}  # what load says in place of a status

SMALL, LARGE = ("mlp-tiny", "mlp-784"), "resnet50"
LARGE_MS = 400  # shortest useful round of the large model
RECEIPT_MS = 1200  # of the rows that say what receipts cost: with ten rounds 100,000 requests

# Nodes: the real one, and one that proves nothing (bench/unproved.c).
PROVED, UNPROVED = "proved", "unproved"


@dataclass
class Row:
    key: str
    command: list
    cores: str = ONE
    node: str = ""  # the one that it loads, whose processor time then counts
    depth: int = 1
    least_ms: int = 0  # shortest useful round
    rounds: list = field(default_factory=list)
    cpu_us: dict = field(default_factory=dict)  # of each process of the node
    own_us: float = 0.0  # of the program's processes
    total: dict = field(default_factory=dict)


def numbers(model):
    """Numbers with four decimals, the same on every machine."""
    count = math.prod(INPUTS[model][1])
    generator = random.Random(model)
    return [generator.randrange(-9999, 10000) for _ in range(count)]


def body(model, cid):
    """The form that the OpenGradient network sends: a JSON document in a string, {value, decimals} for each number."""
    name, shape = INPUTS[model]
    values = [{"value": str(n), "decimals": "4"} for n in numbers(model)]
    inputs = {"numbers": [{"name": name, "values": values, "shape": shape}]}
    text = json.dumps(inputs, separators=(",", ":"))
    return json.dumps({"ipfs_hash": cid, "model_inputs": text}, separators=(",", ":")).encode()


def tensor(model):
    values = [n / 10000 for n in numbers(model)]
    return struct.pack(f"<{len(values)}f", *values)


def http(method, path, content=b"", fields=None):
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in (fields or {}).items())
    length = f"Content-Length: {len(content)}\r\n" if method == "POST" else ""
    return f"{head}{length}\r\n".encode() + content


def oip_body(model, binary):
    """The same numbers over the Open Inference Protocol: body and header fields. JSON is answered in JSON, binary in binary."""
    name, shape = INPUTS[model]
    values = [n / 10000 for n in numbers(model)]
    return oip.request([(name, "FP32", shape, values)], binary, parameters={"binary_data_output": binary})


def grpc_message(model, cid):
    """ModelInferRequest with its prefix; raw_input_contents."""
    name, shape = INPUTS[model]
    described = ox.field_bytes(1, name) + ox.field_bytes(2, "FP32") + ox.field_bytes(3, b"".join(map(ox.varint, shape)))
    message = ox.field_bytes(1, cid) + ox.field_bytes(5, described) + ox.field_bytes(7, tensor(model))
    return struct.pack(">BI", 0, len(message)) + message


def write_files(folder, cids):
    """What the programs read: requests, bodies, tensors."""
    for model, cid in cids.items():
        content = body(model, cid)
        (folder / f"{model}.body").write_bytes(content)
        (folder / f"{model}.http").write_bytes(http("POST", "/infer", content))
        (folder / f"{model}.tensor").write_bytes(tensor(model))
        for form, binary in (("oip", False), ("binary", True)):
            oip_content, fields = oip_body(model, binary)
            (folder / f"{model}.{form}.body").write_bytes(oip_content)
            (folder / f"{model}.{form}.http").write_bytes(http("POST", oip.path(cid, "/infer"), oip_content, fields))
        (folder / f"{model}.grpc.http").write_bytes(grpc_message(model, cid))
        # as long as a request, and answered as soon as it has been read: it names no model
        refused = b'{"no_model":"' + b"x" * (len(content) - 15) + b'"}'
        (folder / f"{model}.refused.http").write_bytes(http("POST", "/infer", refused))
    (folder / "fixed.http").write_bytes(http("GET", "/healthz"))


@dataclass
class Programs:
    """What makes rows. `places`: port and certificate of each node."""
    programs: object
    folder: object
    models: object
    places: dict

    def load(self, key, request, depth, cores, status=200, least_ms=0, node=PROVED):
        command = [self.programs / "bench-load", *self.places[node], depth, status, self.folder / f"{request}.http"]
        command += ["spin"] if cores == TWO else []
        return Row(key, command, cores, node, depth, least_ms)

    def receipts(self, depth, cores):
        """With receipts and without, one after the other."""
        key = f"{SMALL[0]} {depth}" + (f" {cores}" if depth > 1 else "")
        return [self.load(prefix + key, SMALL[0], depth, cores, 200, RECEIPT_MS, node)
                for prefix, node in (("", PROVED), (f"{UNPROVED} ", UNPROVED))]

    def bare(self, model, least_ms=0):
        command = [self.programs / "bench-bare", self.models / f"{model}.onnx", self.folder / f"{model}.tensor", *INPUTS[model][1]]
        return Row(f"bare {model}", command, least_ms=least_ms)

    def parse(self, part, model):
        name, shape = INPUTS[model]
        body = f"{model}.oip.body" if part == "oip" else f"{model}.body"
        return Row(f"parse {part} {model}", [self.programs / "bench-parse", part, self.folder / body, name, *shape])

    def chain(self, keeper, depth, cores):
        return Row(f"chain {depth} {cores}", [self.programs / "bench-chain", keeper, depth], cores, depth=depth)

    def alone(self, model):
        """A model of which one run takes long, and the readings of its input."""
        return [self.bare(model, LARGE_MS)] + [self.parse(part, model) for part in ("read", "convert", "front", "oip")]

    def form(self, form, model):
        return self.load(f"{form} {model} 2 {TWO}", f"{model}.{form}", 2, TWO, GRPC.get(form, 200), 3 * LARGE_MS)


def make(p, keeper):
    """All rows, in the order in which they take turns."""
    rows = [p.load("fixed 1", "fixed", 1, ONE), p.chain(keeper, 1, ONE)]
    for model in SMALL:
        rows += [p.bare(model), p.parse("front", model), p.load(f"refused {model} 1", f"{model}.refused", 1, ONE, 400)]
        rows += p.receipts(1, ONE) if model == SMALL[0] else [p.load(f"{model} 1", model, 1, ONE)]
    for cores in (TWO, FREE):
        for depth in (8, 64):
            rows.append(p.load(f"fixed {depth} {cores}", "fixed", depth, cores))
            for model in SMALL:
                pair = (model, depth) == (SMALL[0], 64)
                rows += p.receipts(depth, cores) if pair else [p.load(f"{model} {depth} {cores}", model, depth, cores)]
        rows.append(p.load(f"refused {SMALL[0]} 64 {cores}", f"{SMALL[0]}.refused", 64, cores, 400))
    rows.append(p.chain(keeper, 64, FREE))
    rows += p.alone(LARGE)
    for form in FORMS:
        rows += [p.load(f"{form} {SMALL[0]} 1", f"{SMALL[0]}.{form}", 1, ONE, GRPC.get(form, 200)), p.form(form, LARGE)]
    rows += [p.load(f"{LARGE} {depth} {cores}", LARGE, depth, cores, least_ms=LARGE_MS)
             for depth, cores in ((1, ONE), (1, TWO), (8, TWO), (8, FREE), (64, FREE))]
    return rows


def make_huge(p):
    return [*p.alone(HUGE), *(p.form(form, HUGE) for form in FORMS), p.load(f"{HUGE} 2 {TWO}", HUGE, 2, TWO, least_ms=3 * LARGE_MS)]
