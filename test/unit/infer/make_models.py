"""make_models.py OUTDIR: the models that the tests of src/infer load, one file each."""
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))
import onnx_writer as ox  # noqa: E402

ML = (("", 17), ("ai.onnx.ml", 3))
DTYPES = {"float": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8, "bool": 9,
          "float16": 10, "double": 11, "uint32": 12, "uint64": 13, "bfloat16": 16}


def simple(nodes, inputs, outputs, initializers=(), **more):
    return ox.model(ox.graph("g", nodes, inputs, outputs, initializers), **more)


def identity(dtype):
    return simple([ox.node("Identity", ["x"], ["y"])], [ox.value("x", dtype, ["n"])], [ox.value("y", dtype, ["n"])])


def scalar():
    return simple([ox.node("Neg", ["x"], ["y"])], [ox.value("x", ox.FLOAT, [])], [ox.value("y", ox.FLOAT, [])])


def add():
    """y = x + w, where a request may give another w."""
    w = ox.value("w", ox.FLOAT, [3])
    return simple([ox.node("Add", ["x", "w"], ["y"])], [ox.value("x", ox.FLOAT, ["n", 3]), w],
                  [ox.value("y", ox.FLOAT, ["n", 3])], [ox.tensor("w", [3], ox.FLOAT, ox.floats(10, 20, 30))])


def endless():
    """A loop that nothing ends, over a body of one addition."""
    body = ox.graph("body",
                    [ox.node("Identity", ["cond_in"], ["cond_out"]), ox.node("Add", ["v_in", "one"], ["v_out"])],
                    [ox.value("i", ox.INT64, []), ox.value("cond_in", ox.BOOL, []), ox.value("v_in", ox.FLOAT, [])],
                    [ox.value("cond_out", ox.BOOL, []), ox.value("v_out", ox.FLOAT, [])],
                    [ox.tensor("one", [], ox.FLOAT, ox.floats(1))])
    return simple([ox.node("Loop", ["", "go", "x"], ["y"], ox.attribute("body", "g", body))],
                  [ox.value("x", ox.FLOAT, [])], [ox.value("y", ox.FLOAT, [])],
                  [ox.tensor("go", [], ox.BOOL, b"\1")])


def filled():
    """A float tensor of any shape that the request asks for."""
    return simple([ox.node("ConstantOfShape", ["shape"], ["y"])], [ox.value("shape", ox.INT64, ["rank"])],
                  [ox.value_info("y", ox.any_tensor(ox.FLOAT))])


def summed():
    """A tensor of any shape, made and thrown away: much memory, a small answer."""
    one = ox.attribute("value", "t", ox.tensor("", [1], ox.FLOAT, ox.floats(1)))
    return simple([ox.node("ConstantOfShape", ["shape"], ["all"], one),
                   ox.node("ReduceSum", ["all"], ["y"], ox.attribute("keepdims", "i", 0))],
                  [ox.value("shape", ox.INT64, ["rank"])], [ox.value_info("y", ox.any_tensor(ox.FLOAT))])


def hungry():
    """400 MB in each run, whatever x is."""
    return simple([ox.node("Add", ["x", "many"], ["shape"]), ox.node("ConstantOfShape", ["shape"], ["all"]),
                   ox.node("ReduceSum", ["all"], ["y"], ox.attribute("keepdims", "i", 0))],
                  [ox.value("x", ox.INT64, [1])], [ox.value_info("y", ox.any_tensor(ox.FLOAT))],
                  [ox.tensor("many", [1], ox.INT64, ox.int64s(100 * 1000 * 1000))])


def fat():
    """Constant folding makes 400 MB of it while it is loaded."""
    return simple([ox.node("ConstantOfShape", ["shape"], ["big"]), ox.node("Add", ["big", "x"], ["y"])],
                  [ox.value("x", ox.FLOAT, [])], [ox.value_info("y", ox.any_tensor(ox.FLOAT))],
                  [ox.tensor("shape", [1], ox.INT64, ox.int64s(100 * 1000 * 1000))])


def gather():
    """An index that is out of range fails in the operator."""
    return simple([ox.node("Gather", ["data", "i"], ["y"])], [ox.value("i", ox.INT64, ["n"])],
                  [ox.value("y", ox.FLOAT, ["n"])], [ox.tensor("data", [3], ox.FLOAT, ox.floats(1, 2, 3))])


def table():
    """16 MiB of weights that nobody packs."""
    return simple([ox.node("Gather", ["data", "i"], ["y"])], [ox.value("i", ox.INT64, ["n"])],
                  [ox.value("y", ox.FLOAT, ["n"])], [ox.tensor("data", [4 << 20], ox.FLOAT, bytes(16 << 20))])


def zipmap(**labels):
    [(kind, values)] = labels.items()
    key = ox.STRING if kind == "classlabels_strings" else ox.INT64
    label = ox.attribute(kind, "strings" if key == ox.STRING else "ints", values)
    return simple([ox.node("ZipMap", ["x"], ["y"], label, domain="ai.onnx.ml")], [ox.value("x", ox.FLOAT, ["n", 3])],
                  [ox.value_info("y", ox.sequence_of_maps(key, ox.FLOAT))], opsets=ML)


def split():
    """A sequence of the rows of x."""
    row = ox.field_bytes(4, ox.field_bytes(1, ox.any_tensor(ox.INT32)))
    return simple([ox.node("SplitToSequence", ["x"], ["y"], ox.attribute("keepdims", "i", 0))],
                  [ox.value("x", ox.INT32, ["n", 2])], [ox.value_info("y", row)])


def length():
    """Of a sequence."""
    row = ox.field_bytes(4, ox.field_bytes(1, ox.any_tensor(ox.FLOAT)))
    return simple([ox.node("SequenceLength", ["x"], ["y"])], [ox.value_info("x", row)], [ox.value("y", ox.INT64, [])])


def wide():
    """An input that no request can bring."""
    return simple([ox.node("ReduceSum", ["x"], ["y"], ox.attribute("keepdims", "i", 0))],
                  [ox.value("x", ox.FLOAT, [1 << 20, 1 << 20])], [ox.value("y", ox.FLOAT, [])])


def optional(present):
    """An optional tensor that is there, or not."""
    kind = ox.field_bytes(9, ox.field_bytes(1, ox.any_tensor(ox.FLOAT)))
    of = ox.field_bytes(1, "type") + ox.field_bytes(14, ox.any_tensor(ox.FLOAT)) + ox.field_int(20, 13)
    node = ox.node("Optional", ["x"], ["y"]) if present else ox.node("Optional", [], ["y"], of)
    return simple([node, ox.node("Identity", ["x"], ["z"])], [ox.value("x", ox.FLOAT, ["n"])],
                  [ox.value_info("y", kind), ox.value("z", ox.FLOAT, ["n"])])


def normalizer():
    return simple([ox.node("StringNormalizer", ["x"], ["y"], ox.attribute("case_change_action", "s", "UPPER"),
                           ox.attribute("is_case_sensitive", "i", 1))],
                  [ox.value("x", ox.STRING, ["n"])], [ox.value("y", ox.STRING, ["n"])])


def random_uniform():
    return simple([ox.node("RandomUniformLike", ["x"], ["y"])], [ox.value("x", ox.FLOAT, ["n"])],
                  [ox.value("y", ox.FLOAT, ["n"])])


def external(location, data_location=ox.field_int(14, 1)):
    extra = ox.field_bytes(13, ox.entry("location", location)) + data_location
    return simple([ox.node("Identity", ["w"], ["y"])], [], [ox.value("y", ox.UINT8, [16])],
                  [ox.tensor("w", [16], ox.UINT8, extra=extra)])


def external_merged():
    """The graph stands twice, each half harmless to who reads only one; protobuf merges them."""
    honest = ox.graph("g", [ox.node("Identity", ["w"], ["y"])], [], [ox.value("y", ox.UINT8, [16])])
    extra = ox.field_bytes(13, ox.entry("location", "etc/passwd")) + ox.field_int(14, 1)
    hidden = ox.field_bytes(5, ox.tensor("w", [16], ox.UINT8, extra=extra))
    return ox.model(honest, extra=ox.field_bytes(7, hidden))


def unknown_operator():
    return simple([ox.node("NoSuchOperator", ["x"], ["y"])], [ox.value("x", ox.FLOAT, ["n"])],
                  [ox.value("y", ox.FLOAT, ["n"])])


def contrib():
    return simple([ox.node("Gelu", ["x"], ["y"], domain="com.microsoft")], [ox.value("x", ox.FLOAT, ["n"])],
                  [ox.value("y", ox.FLOAT, ["n"])], opsets=(("", 17), ("com.microsoft", 1)))


def complex_output():
    return simple([ox.node("DFT", ["x"], ["y"])], [ox.value("x", ox.FLOAT, ["n"])], [ox.value("y", 14, ["n"])])


def mlp(*widths):
    """Relu layers and a softmax, with numbers that depend on their place alone."""
    nodes, weights, last = [], [], "x"
    for k, (rows, columns) in enumerate(zip(widths, widths[1:])):
        spread = 1 / rows ** 0.5
        w = [((i * 2654435761 + k) % 1000003 / 500001.5 - 1) * spread for i in range(rows * columns)]
        weights += [ox.tensor(f"w{k}", [rows, columns], ox.FLOAT, struct.pack(f"<{len(w)}f", *w)),
                    ox.tensor(f"b{k}", [columns], ox.FLOAT, ox.floats(*[0.01 * i for i in range(columns)]))]
        nodes += [ox.node("Gemm", [last, f"w{k}", f"b{k}"], [f"g{k}"]), ox.node("Relu", [f"g{k}"], [f"r{k}"])]
        last = f"r{k}"
    nodes[-1] = ox.node("Softmax", [f"g{len(widths) - 2}"], ["y"])
    return simple(nodes, [ox.value("x", ox.FLOAT, ["n", widths[0]])], [ox.value("y", ox.FLOAT, ["n", widths[-1]])],
                  weights)


def many_outputs():
    """Of any shape: with many dimensions they take more room in a result than one message has."""
    names = [f"output_{k:04}_{'x' * 60}" for k in range(600)]
    return simple([ox.node("Identity", ["x"], [name]) for name in names],
                  [ox.value_info("x", ox.any_tensor(ox.FLOAT))],
                  [ox.value_info(name, ox.any_tensor(ox.FLOAT)) for name in names])


def nested(depth):
    """If inside If: as many graphs inside each other as the scan allows."""
    inner = ox.graph("leaf", [ox.node("Add", ["x", "x"], ["y0"])], [], [ox.value("y0", ox.FLOAT, [1])])
    for k in range(1, depth):
        other = ox.graph("other", [ox.node("Neg", ["x"], [f"z{k}"])], [], [ox.value(f"z{k}", ox.FLOAT, [1])])
        node = ox.node("If", ["c"], [f"y{k}"], ox.attribute("then_branch", "g", inner),
                       ox.attribute("else_branch", "g", other))
        outer = [ox.value("x", ox.FLOAT, [1]), ox.value("c", ox.BOOL, [])] if k == depth - 1 else []
        inner = ox.graph("g", [node], outer, [ox.value(f"y{k}", ox.FLOAT, [1])])
    return ox.model(inner)


MODELS = {f"identity_{name}": identity(dtype) for name, dtype in DTYPES.items()} | {
    "scalar": scalar(), "add": add(), "endless": endless(), "filled": filled(), "summed": summed(), "fat": fat(),
    "hungry": hungry(), "length": length(), "wide": wide(),
    "gather": gather(), "table": table(), "zipmap_int": zipmap(classlabels_int64s=[7, -1, 300]),
    "zipmap_string": zipmap(classlabels_strings=["bird", "cat", "ox"]), "split": split(), "present": optional(True),
    "absent": optional(False), "normalizer": normalizer(), "random": random_uniform(),
    "external": external("etc/passwd"), "external_absolute": external("/etc/passwd"),
    "external_above": external("../etc/passwd"), "external_merged": external_merged(),
    "external_varint": external("etc/passwd", ox.field_int(14, (1 << 32) + 1)), "unknown": unknown_operator(),
    "contrib": contrib(), "complex": complex_output(),
    "tiny": mlp(4, 16, 3), "mlp": mlp(784, 512, 512, 512, 10), "many_outputs": many_outputs(), "nested": nested(16),
    "not_onnx": b"GIF89a, and so on",
}


def main(outdir):
    outdir.mkdir(parents=True, exist_ok=True)
    for name, model in MODELS.items():
        (outdir / f"{name}.onnx").write_bytes(model)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
