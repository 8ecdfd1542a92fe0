"""A model that gives back a tensor of each type of the Open Inference Protocol, and values at the ends of each. Needs numpy."""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import onnx_writer as ox  # noqa: E402

TYPES = {  # ONNX's number, values
    "BOOL": (9, np.array([True, False])), "BYTES": (8, np.array([b"three", "zw\u00f6lf".encode()], np.object_)),
    "FP16": (10, np.array([1.5, -65504], np.float16)), "FP32": (1, np.array([0.1, -1e-45], np.float32)), "FP64": (11, np.array([0.1, 5e-324])),
    **{name.upper(): (number, np.array([np.iinfo(name).min, np.iinfo(name).max], name)) for name, number in (
        ("uint8", 2), ("int8", 3), ("uint16", 4), ("int16", 5), ("int32", 6), ("int64", 7), ("uint32", 12), ("uint64", 13))},
}


def with_bf16():
    """Those with the one that numpy has not."""
    import ml_dtypes
    return {**TYPES, "BF16": (16, np.array([1.5, -2], ml_dtypes.bfloat16))}


def same(types):
    """A model that gives back a tensor of each type."""
    inputs, outputs = ([ox.value(f"{t}{end}", number, ["n"]) for t, (number, _) in types.items()] for end in ("", " again"))
    return ox.model(ox.graph("same", [ox.node("Identity", [t], [f"{t} again"]) for t in types], inputs, outputs))
