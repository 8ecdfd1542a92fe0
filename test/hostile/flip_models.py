"""Small honest models of many kinds, and what becomes of them on a bad disk: cut short, bits turned over, bytes replaced.

    MODELS       {name: (the file's bytes, a request's inputs)}; all of their operators are allowed with operator-domain = DOMAIN
    damaged(...) an endless, repeatable sequence of broken ones
"""
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import onnx_writer as ox  # noqa: E402

DOMAIN = "example.org"
ML = (("", 17), ("ai.onnx.ml", 3))
INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0xFF)


def numbers(**tensors):
    """name = (shape, values)"""
    return {"numbers": [{"name": n, "shape": list(s), "values": list(v)} for n, (s, v) in tensors.items()]}


def floats(name, *dims, start=0.0):
    count = 1
    for dim in dims:
        count *= dim
    return ox.tensor(name, dims, ox.FLOAT, ox.floats(*(start + (7 * n % 11 - 5) / 8 for n in range(count))))


def ints(name, *values, dims=None):
    return ox.tensor(name, [len(values)] if dims is None else dims, ox.INT64, ox.int64s(*values))


def model(nodes, inputs, outputs, tensors=(), opsets=(("", 17),), extra=b"", **more):
    """`inputs` and `outputs`: {name: (type, dims)}; outputs of unknown shape have no dims."""
    def values(sides):
        return [ox.value(n, *of) if len(of) == 2 else ox.value_info(n, ox.any_tensor(*of)) for n, of in sides.items()]

    return ox.model(ox.graph("g", nodes, values(inputs), values(outputs), tensors, extra), opsets, **more)


def attributes(**named):
    """Integers, lists of them, texts and floats as attributes."""
    kinds = {int: "i", list: "ints", str: "s", float: "f"}
    return [ox.attribute(name, kinds[type(content)], content) for name, content in named.items()]


def convolution():
    nodes = [ox.node("Conv", ["x", "k", "b"], ["c"], *attributes(pads=[1, 1, 1, 1], group=2, strides=[1, 1])),
             ox.node("BatchNormalization", ["c", "s", "b", "b", "s"], ["n"]), ox.node("Relu", ["n"], ["r"]),
             ox.node("MaxPool", ["r"], ["p"], *attributes(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)),
             ox.node("ConvTranspose", ["p", "k"], ["t"], *attributes(group=2, output_padding=[0, 0])),
             ox.node("Flatten", ["t"], ["f"]), ox.node("Gemm", ["f", "w"], ["y"], *attributes(transB=1, alpha=0.5))]
    tensors = [floats("k", 4, 2, 3, 3), floats("b", 4), floats("s", 4, start=1.0), floats("w", 3, 4 * 5 * 5)]
    return (model(nodes, {"x": (ox.FLOAT, ["n", 4, 6, 6])}, {"y": (ox.FLOAT, ["n", 3])}, tensors),
            numbers(x=((1, 4, 6, 6), [n % 5 for n in range(144)])))


def loop():
    body = ox.graph("body", [ox.node("Identity", ["c"], ["c2"]), ox.node("Add", ["v", "one"], ["v2"]), ox.node("Mul", ["v2", "v2"], ["s"])],
                    [ox.value("i", ox.INT64, []), ox.value("c", ox.BOOL, []), ox.value("v", ox.FLOAT, [2])],
                    [ox.value("c2", ox.BOOL, []), ox.value("v2", ox.FLOAT, [2]), ox.value("s", ox.FLOAT, [2])],
                    [floats("one", 2, start=1.0)])
    nodes = [ox.node("Loop", ["trips", "go", "x"], ["y", "all"], ox.attribute("body", "g", body))]
    return (model(nodes, {"x": (ox.FLOAT, [2])}, {"y": (ox.FLOAT, [2]), "all": (ox.FLOAT,)},
                  [ints("trips", 5, dims=[]), ox.tensor("go", [], ox.BOOL, b"\1")]), numbers(x=((2,), [1, 2])))


def scan():
    body = ox.graph("body", [ox.node("Add", ["state", "row"], ["sum"]), ox.node("Identity", ["sum"], ["out"])],
                    [ox.value("state", ox.FLOAT, [2]), ox.value("row", ox.FLOAT, [2])],
                    [ox.value("sum", ox.FLOAT, [2]), ox.value("out", ox.FLOAT, [2])])
    nodes = [ox.node("Scan", ["zero", "x"], ["last", "y"], ox.attribute("body", "g", body), *attributes(
        num_scan_inputs=1, scan_input_axes=[0], scan_input_directions=[1], scan_output_axes=[0]))]
    return (model(nodes, {"x": (ox.FLOAT, ["n", 2])}, {"y": (ox.FLOAT, ["n", 2]), "last": (ox.FLOAT, [2])}, [floats("zero", 2)]),
            numbers(x=((3, 2), range(6))))


def branches():
    def graph(op_type):
        return ox.graph(op_type, [ox.node(op_type, ["x"], ["b"])], [], [ox.value("b", ox.FLOAT, [3])])

    nodes = [ox.node("ReduceMax", ["x"], ["m"], *attributes(keepdims=0)), ox.node("Greater", ["m", "zero"], ["c"]),
             ox.node("If", ["c"], ["y"], ox.attribute("then_branch", "g", graph("Exp")), ox.attribute("else_branch", "g", graph("Abs")))]
    return (model(nodes, {"x": (ox.FLOAT, [3])}, {"y": (ox.FLOAT, [3])}, [ox.tensor("zero", [], ox.FLOAT, ox.floats(0.0))]),
            numbers(x=((3,), [-1, 0.5, 2])))


def strings():
    keys, values = ox.attribute("keys_strings", "strings", ["ONE", "TWO"]), ox.attribute("values_int64s", "ints", [1, 2])
    nodes = [ox.node("StringNormalizer", ["x"], ["up"], *attributes(case_change_action="UPPER", is_case_sensitive=1),
                     ox.attribute("stopwords", "strings", ["and"])),
             ox.node("LabelEncoder", ["up"], ["y"], keys, values, ox.attribute("default_int64", "i", -1), domain="ai.onnx.ml"),
             ox.node("TfIdfVectorizer", ["up"], ["z"], *attributes(
                 max_gram_length=2, min_gram_length=1, max_skip_count=1, mode="TF", ngram_counts=[0, 2], ngram_indexes=[0, 1, 2]),
                     ox.attribute("pool_strings", "strings", ["ONE", "TWO", "ONE", "TWO"]))]
    return (model(nodes, {"x": (ox.STRING, ["n"])}, {"y": (ox.INT64,), "z": (ox.FLOAT,)}, opsets=ML),
            {"strings": [{"name": "x", "shape": [3], "values": ["one", "and", "two"]}]})


def sparse():
    weights = ox.sparse_tensor(ox.tensor("w", [3], ox.FLOAT, ox.floats(1.0, 2.0, 3.0)), ints("", 0, 5, 10), [4, 3])
    return (model([ox.node("MatMul", ["x", "w"], ["y"])], {"x": (ox.FLOAT, ["n", 4])}, {"y": (ox.FLOAT, ["n", 3])},
                  extra=ox.field_bytes(15, weights)), numbers(x=((1, 4), [1, 2, 3, 4])))


def trees():
    named = {"nodes_treeids": [0] * 5, "nodes_nodeids": list(range(5)), "nodes_featureids": [0, 1, 0, 0, 0],
             "nodes_truenodeids": [1, 3, 0, 0, 0], "nodes_falsenodeids": [2, 4, 0, 0, 0], "class_treeids": [0] * 3,
             "class_nodeids": [2, 3, 4], "class_ids": [0, 1, 2], "classlabels_int64s": [10, 20, 30]}
    modes = ox.attribute("nodes_modes", "strings", ["BRANCH_LEQ", "BRANCH_LT", "LEAF", "LEAF", "LEAF"])
    weights = [ox.attribute("nodes_values", "floats", [0.5, 1.5, 0.0, 0.0, 0.0]), ox.attribute("class_weights", "floats", [1.0] * 3)]
    nodes = [ox.node("Scaler", ["x"], ["s"], ox.attribute("offset", "floats", [0.0, 1.0]), ox.attribute("scale", "floats", [1.0, 2.0]),
                     domain="ai.onnx.ml"),
             ox.node("TreeEnsembleClassifier", ["s"], ["y", "z"], *attributes(**named), modes, *weights, domain="ai.onnx.ml"),
             ox.node("ZipMap", ["z"], ["p"], ox.attribute("classlabels_int64s", "ints", [10, 20, 30]), domain="ai.onnx.ml")]
    graph = ox.graph("g", nodes, [ox.value("x", ox.FLOAT, ["n", 2])],
                     [ox.value("y", ox.INT64, ["n"]), ox.value_info("p", ox.sequence_of_maps(ox.INT64, ox.FLOAT))])
    return ox.model(graph, ML), numbers(x=((2, 2), [0.2, 3, 0.7, 0]))


def quantised():
    scale, zero = ox.tensor("s", [], ox.FLOAT, ox.floats(0.5)), ox.tensor("z", [], ox.UINT8, b"\3")
    kernel = ox.tensor("k", [2, 2, 3, 3], ox.UINT8, bytes(range(36)))
    nodes = [ox.node("QuantizeLinear", ["x", "s", "z"], ["q"]),
             ox.node("QLinearConv", ["q", "s", "z", "k", "s", "z", "s", "z"], ["c"], *attributes(kernel_shape=[3, 3], dilations=[1, 1])),
             ox.node("DequantizeLinear", ["c", "s", "z"], ["d"]), ox.node("DynamicQuantizeLinear", ["d"], ["e", "f", "h"]),
             ox.node("MatMulInteger", ["e", "m", "h"], ["y"])]
    return (model(nodes, {"x": (ox.FLOAT, [1, 2, 4, 4])}, {"y": (ox.INT32,)},
                  [scale, zero, kernel, ox.tensor("m", [2, 2], ox.INT8, b"\1\2\3\xfc")]),
            numbers(x=((1, 2, 4, 4), [n / 4 for n in range(32)])))


def recurrent():
    nodes = [ox.node("LSTM", ["x", "w", "r", "b"], ["h", "hn", "cn"], *attributes(hidden_size=2, direction="bidirectional")),
             ox.node("GRU", ["x", "w3", "r3"], ["g"], *attributes(hidden_size=2, linear_before_reset=1)),
             ox.node("Transpose", ["h"], ["t"], *attributes(perm=[0, 2, 1, 3])),
             ox.node("ReduceSum", ["t"], ["y"], *attributes(keepdims=1))]
    tensors = [floats("w", 2, 8, 3), floats("r", 2, 8, 2), floats("b", 2, 16), floats("w3", 1, 6, 3), floats("r3", 1, 6, 2)]
    return (model(nodes, {"x": (ox.FLOAT, ["t", 1, 3])}, {"y": (ox.FLOAT,), "g": (ox.FLOAT,)}, tensors),
            numbers(x=((4, 1, 3), [n / 6 for n in range(12)])))


def attention():
    nodes = [ox.node("Gather", ["table", "x"], ["e"], *attributes(axis=0)),
             ox.node("Split", ["e", "parts"], ["q", "k"], *attributes(axis=-1)),
             ox.node("Einsum", ["q", "k"], ["s"], ox.attribute("equation", "s", "id,jd->ij")),
             ox.node("Softmax", ["s"], ["p"], *attributes(axis=-1)), ox.node("MatMul", ["p", "e"], ["v"]),
             ox.node("LayerNormalization", ["v", "one"], ["l"], *attributes(axis=-1)),
             ox.node("Slice", ["l", "a", "b", "axes", "steps"], ["c"]), ox.node("Shape", ["c"], ["shape"]),
             ox.node("Concat", ["shape", "more"], ["wide"], *attributes(axis=0)), ox.node("Expand", ["c", "wide"], ["y"])]
    tensors = [floats("table", 6, 4), ints("parts", 2, 2), floats("one", 4, start=1.0), ints("a", 0), ints("b", 3), ints("axes", 1),
               ints("steps", 2), ints("more")]
    return model(nodes, {"x": (ox.INT64, ["n"])}, {"y": (ox.FLOAT,)}, tensors), numbers(x=((3,), [0, 5, 2]))


def sequences():
    row = ox.value_info("s", ox.field_bytes(4, ox.field_bytes(1, ox.any_tensor(ox.FLOAT))))
    nodes = [ox.node("SplitToSequence", ["x", "parts"], ["s"], *attributes(axis=0)), ox.node("SequenceAt", ["s", "at"], ["y"]),
             ox.node("ConcatFromSequence", ["s"], ["z"], *attributes(axis=0)), ox.node("SequenceLength", ["s"], ["n"])]
    graph = ox.graph("g", nodes, [ox.value("x", ox.FLOAT, ["n", 2])],
                     [row, ox.value_info("y", ox.any_tensor(ox.FLOAT)), ox.value_info("z", ox.any_tensor(ox.FLOAT)),
                      ox.value("n", ox.INT64, [])],
                     [ints("parts", 1, 2), ints("at", 1, dims=[])])
    return ox.model(graph), numbers(x=((3, 2), range(6)))


def functions():
    opsets = (("", 17), (DOMAIN, 1))
    square = ox.function("Square", [ox.node("Mul", ["a", "a"], ["b"])], ["a"], ["b"], DOMAIN)
    body = [ox.node("Square", ["a"], ["s"], domain=DOMAIN), ox.node("Mul", ["s", "a"], ["b"])]
    cube = ox.function("Cube", body, ["a"], ["b"], DOMAIN, opsets)
    return (model([ox.node("Cube", ["x"], ["y"], domain=DOMAIN)], {"x": (ox.FLOAT, ["n"])}, {"y": (ox.FLOAT, ["n"])}, opsets=opsets,
                  functions=[square, cube]), numbers(x=((2,), [2, 3])))


def indices():
    """Operators whose sizes and places come from the data."""
    nodes = [ox.node("TopK", ["x", "k"], ["t", "at"], *attributes(axis=-1)),
             ox.node("GatherElements", ["x", "at"], ["e"], *attributes(axis=1)),
             ox.node("ScatterElements", ["x", "at", "e"], ["s"], *attributes(axis=1)), ox.node("Pad", ["s", "pads"], ["p"]),
             ox.node("OneHot", ["at", "depth", "values"], ["o"]), ox.node("NonZero", ["o"], ["z"]),
             ox.node("ConstantOfShape", ["size"], ["w"]), ox.node("Range", ["first", "last", "step"], ["r"]),
             ox.node("Tile", ["p", "times"], ["y"]), ox.node("CumSum", ["y", "axis"], ["c"])]
    tensors = [ints("k", 2), ints("pads", 0, 1, 1, 0), ints("depth", 4), ints("values", 0, 1), ints("size", 2, 3),
               ints("first", 0, dims=[]), ints("last", 9, dims=[]), ints("step", 2, dims=[]), ints("times", 2, 1), ints("axis", 1, dims=[])]
    return (model(nodes, {"x": (ox.FLOAT, [2, 3])}, {"c": (ox.FLOAT,), "z": (ox.INT64,), "w": (ox.FLOAT,), "r": (ox.INT64,)}, tensors),
            numbers(x=((2, 3), [3, 1, 2, 6, 4, 5])))


def pictures():
    nodes = [ox.node("Resize", ["x", "", "scales"], ["big"], *attributes(mode="linear", coordinate_transformation_mode="half_pixel")),
             ox.node("RoiAlign", ["big", "boxes", "which"], ["a"], *attributes(output_height=2, output_width=2, sampling_ratio=1)),
             ox.node("GridSample", ["x", "grid"], ["s"], *attributes(mode="bilinear", align_corners=1)),
             ox.node("NonMaxSuppression", ["b3", "scores", "most"], ["n"], *attributes(center_point_box=0)),
             ox.node("DepthToSpace", ["four"], ["d"], *attributes(blocksize=2)),
             ox.node("ReduceMean", ["a"], ["y"], *attributes(axes=[1, 2, 3]))]
    tensors = [ox.tensor("scales", [4], ox.FLOAT, ox.floats(1, 1, 2, 2)), ox.tensor("boxes", [1, 4], ox.FLOAT, ox.floats(0, 0, 3, 3)),
               ints("which", 0), floats("grid", 1, 2, 2, 2), floats("b3", 1, 2, 4), floats("scores", 1, 1, 2), ints("most", 2),
               floats("four", 1, 4, 1, 2)]
    outputs = {"y": (ox.FLOAT,), "s": (ox.FLOAT,), "n": (ox.INT64,), "d": (ox.FLOAT,)}
    return (model(nodes, {"x": (ox.FLOAT, [1, 1, 3, 3])}, outputs, tensors),
            numbers(x=((1, 1, 3, 3), range(9))))


MODELS = {make.__name__: make() for make in (
    convolution, loop, scan, branches, strings, sparse, trees, quantised, recurrent, attention, sequences, functions, indices, pictures)}


def damage(data, chance, kinds):
    """By kind: the end is missing; two places of the file the other way round; a byte that numbers like to have; one bit; a few bits."""
    out, kind = bytearray(data), chance.randrange(kinds)
    if kind == 0:
        return bytes(out[:chance.randrange(len(out))])
    if kind == 1:
        first, second = (chance.randrange(len(out) - 4) for _ in range(2))
        out[first:first + 4], out[second:second + 4] = data[second:second + 4], data[first:first + 4]
    elif kind == 2:
        out[chance.randrange(len(out))] = chance.choice(INTERESTING)
    else:
        for _ in range(1 if kind < 6 else chance.randrange(2, 9)):
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def damaged(seed, cut_only=False):
    """(name of the model that it was, its bytes now), the models in turn."""
    chance = random.Random(seed)
    while True:
        for name, (data, _) in MODELS.items():
            yield name, damage(data, chance, 1 if cut_only else 8)
