"""make_models.py OUTDIR: writes every hostile model and OUTDIR/manifest.

A line of the manifest: FILE, the code that the scan gives (OK: it lets the model through), and what happens to a node
built without the scan:
  failed  ONNX Runtime refuses to load or to run it, and the process lives
  jailed  it names a file or an address; not one byte of it is read, whether an error or the jail ends it
  killed  it has to be ended by a budget: time, or memory
  runs    it answers, or fails, and harms nothing either way
Where the answer depends on the budget there are two words. Each model has at most the one input x, float [1].
"""
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import onnx_writer as ox  # noqa: E402

X, Y = ox.value("x", ox.FLOAT, [1]), ox.value("y", ox.FLOAT, [1])
ONE = ox.tensor("w", [1], ox.FLOAT, ox.floats(1.0))
TRUE = ox.tensor("true", [], ox.BOOL, b"\1")
ADD = ox.node("Add", ["x", "w"], ["y"])
HUGE = (1 << 32) + 1

cases = {}


def case(name, scan, unscanned, data):
    assert name not in cases and set(unscanned.split()) <= {"failed", "jailed", "killed", "runs"}, name
    cases[name] = (scan, unscanned, data)


def adding(initializer=ONE, extra=b"", **more):
    """y = x + w, the honest model that most cases change in one place."""
    return ox.model(ox.graph("g", [ADD], [X], [Y], [initializer], extra), **more)


def of_nodes(nodes, initializers=(), outputs=(Y,), inputs=(X,), opsets=(("", 17),), **more):
    return ox.model(ox.graph("g", nodes, inputs, outputs, initializers), opsets, **more)


def of_constant(*attributes):
    return of_nodes([ox.node("Constant", [], ["w"], *attributes), ADD])


def branch(nodes, initializers=()):
    return ox.graph("branch", nodes, [], [ox.value("b", ox.FLOAT, [1])], initializers)


def choosing(then):
    """If(true) with the graph `then`."""
    other = branch([ox.node("Constant", [], ["b"], ox.attribute("value", "t", ONE))])
    branches = [ox.attribute("then_branch", "g", then), ox.attribute("else_branch", "g", other)]
    return of_nodes([ox.node("If", ["true"], ["y"], *branches)], [TRUE])


def looping(body, trips, outputs=(Y,)):
    """Loop over `body`, which has the inputs i and c, and the outputs c2 and perhaps a carried value."""
    nodes = [ox.node("Loop", ["trips", "true", "x"], ["y"], ox.attribute("body", "g", body))]
    return of_nodes(nodes, [ox.tensor("trips", [], ox.INT64, ox.int64s(trips)), TRUE], outputs)


def loop_body(nodes, initializers=()):
    """Carries v, a float [1], and goes on as long as it may."""
    return ox.graph("body", [ox.node("Identity", ["c"], ["c2"]), *nodes],
                    [ox.value("i", ox.INT64, []), ox.value("c", ox.BOOL, []), ox.value("v", ox.FLOAT, [1])],
                    [ox.value("c2", ox.BOOL, []), ox.value("v2", ox.FLOAT, [1])], initializers)


# --- references to files ----------------------------------------------------------------------------------------------

def external(location, name="w", dtype=ox.FLOAT, length=4, extra=b""):
    entries = [ox.entry("location", location), ox.entry("offset", "0"), ox.entry("length", str(length))]
    return ox.tensor(name, [1], dtype, extra=ox.fields_bytes(13, entries) + ox.field_int(14, 1) + extra)


def places(tensor, index):
    """A model for every place of the format that holds a tensor; `index` is the same as int64."""
    value, at = ox.tensor("w", [1], ox.FLOAT, ox.floats(1.0)), ox.tensor("", [1], ox.INT64, ox.int64s(0))
    sparse = {"values": ox.sparse_tensor(tensor, at, [1]), "indices": ox.sparse_tensor(value, index, [1])}
    constant = ox.node("Constant", [], ["b"], ox.attribute("value", "t", tensor))
    yield "initializer", adding(tensor)
    for part, proto in sparse.items():
        yield f"sparse-{part}", ox.model(ox.graph("g", [ADD], [X], [Y], extra=ox.field_bytes(15, proto)))
        yield f"attribute-sparse-{part}", of_constant(ox.attribute("sparse_value", "sparse_tensor", proto))
        yield f"attribute-sparse-list-{part}", of_constant(ox.attribute("value", "sparse_tensors", [proto]))
    yield "attribute", of_constant(ox.attribute("value", "t", tensor))
    yield "attribute-list", of_constant(ox.attribute("value", "tensors", [tensor]))
    yield "if-initializer", choosing(branch([ox.node("Identity", ["w"], ["b"])], [tensor]))
    yield "if-attribute", choosing(branch([constant]))
    yield "loop-initializer", looping(loop_body([ox.node("Add", ["v", "w"], ["v2"])], [tensor]), 2)
    graphs = ox.attribute("gs", "graphs", [branch([constant])])
    yield "graph-list", of_nodes([ox.node("Identity", ["x"], ["y"], graphs)])
    yield "function", ox.fields_bytes(25, [ox.function("F", [constant], [], ["b"], "example.org")]) + of_nodes(
        [ox.node("F", [], ["w"], domain="example.org"), ADD], opsets=[("", 17), ("example.org", 1)])


def files():
    for place, data in places(external("etc/passwd"), external("etc/passwd", "", ox.INT64, 8)):
        case(f"external-{place}", "MODEL_EXTERNAL_DATA", "jailed failed", data)
    for name, location in {
        "absolute": "/etc/passwd", "relative": "weights.bin", "parent": "../weights.bin", "symlink": "passwd-link",
        "proc": "proc/self/mem", "empty": "", "memory": "*/_ORT_MEM_ADDR_/*",
    }.items():
        case(f"external-to-{name}", "MODEL_EXTERNAL_DATA", "jailed failed", adding(external(location)))

    def located(extra, raw=None):
        return adding(ox.tensor("w", [1], ox.FLOAT, raw, extra=extra))

    entry = ox.field_bytes(13, ox.entry("location", "etc/passwd"))
    one = ox.floats(1.0)
    case("external-wide-enum", "MODEL_EXTERNAL_DATA", "jailed failed", located(entry + ox.field_int(14, HUGE)))
    case("external-negative-enum", "MODEL_EXTERNAL_DATA", "failed", located(entry + ox.field_int(14, -1)))
    case("external-unknown-enum", "MODEL_EXTERNAL_DATA", "failed", located(entry + ox.field_int(14, 2)))
    case("external-padded-enum", "MODEL_MALFORMED", "jailed failed", located(ox.varint(14 << 3) + b"\x81\x00" + entry))
    case("external-second-enum", "MODEL_MALFORMED", "jailed failed",
         located(ox.field_int(14, 0) + ox.field_int(14, 1) + entry))
    case("external-flag-only", "MODEL_EXTERNAL_DATA", "failed", located(ox.field_int(14, 1)))
    case("external-entry-only", "MODEL_EXTERNAL_DATA", "runs failed", located(entry, one))
    case("external-beside-data", "MODEL_EXTERNAL_DATA", "jailed failed", located(entry + ox.field_int(14, 1), one))
    context = ox.node("EPContext", ["x"], ["y"], ox.attribute("ep_cache_context", "s", "etc/passwd"),
                      ox.attribute("embed_mode", "i", 0), domain="com.microsoft")
    case("ep-context", "MODEL_REFUSED", "failed", of_nodes([context], opsets=[("", 17), ("com.microsoft", 1)]))


# --- what protobuf merges, truncates or skips -------------------------------------------------------------------------

def wire_forms():
    honest = adding()
    merged = ox.model(ox.graph("g", [ADD], [X], [Y])) + ox.field_bytes(7, ox.graph("h", [], [], [], [external("etc/passwd")]))
    tensor_field = ox.field_bytes(5, ONE)

    def attribute_twice(more):
        return of_constant(ox.attribute("value", "t", ONE, more))

    def attribute_of(*fields):
        return of_constant(ox.field_bytes(1, "value") + b"".join(fields))

    def extra(name, scan, unscanned, data):
        case(name, scan, unscanned, honest + data)

    case("graph-twice", "MODEL_MALFORMED", "jailed", merged)
    extra("ir-version-twice", "MODEL_MALFORMED", "runs", ox.field_int(1, 8))
    extra("unknown-field", "MODEL_MALFORMED", "runs", ox.field_int(99, 1))
    extra("unknown-large-field", "MODEL_MALFORMED", "runs", ox.field_bytes((1 << 29) - 1, b"x"))
    extra("field-zero", "MODEL_MALFORMED", "failed", b"\x00\x01")
    extra("field-too-large", "MODEL_MALFORMED", "failed", ox.field_int(1 << 29, 1))
    extra("group", "MODEL_MALFORMED", "runs failed", ox.varint(6 << 3 | 3) + ox.varint(6 << 3 | 4))
    extra("end-of-no-group", "MODEL_MALFORMED", "failed", ox.varint(6 << 3 | 4))
    extra("wire-type-seven", "MODEL_MALFORMED", "failed", b"\x0f")
    extra("padded-tag", "MODEL_MALFORMED", "runs", b"\xaa\x80\x00\x00")
    extra("padded-length", "MODEL_MALFORMED", "runs", b"\x32\x80\x00")
    extra("length-past-end", "MODEL_MALFORMED", "failed", b"\x32\x05abc")
    extra("length-huge", "MODEL_MALFORMED", "failed", b"\x32" + ox.varint((1 << 64) - 1))
    extra("endless-varint", "MODEL_MALFORMED", "failed", b"\x28" + b"\xff" * 11)
    extra("text-as-number", "MODEL_MALFORMED", "runs", ox.field_int(6, 1))
    extra("training", "MODEL_REFUSED", "runs failed", ox.field_bytes(20, b""))

    case("tensor-merged", "MODEL_MALFORMED", "runs failed", attribute_twice(ox.field_bytes(5, ox.field_int(14, 1))))
    case("value-twice", "MODEL_MALFORMED", "runs failed", attribute_twice(tensor_field))
    case("two-values", "MODEL_MALFORMED", "runs failed", attribute_twice(ox.field_float(2, 1.0)))
    case("type-twice", "MODEL_MALFORMED", "runs failed", attribute_twice(ox.field_int(20, 4)))
    case("type-wide", "MODEL_MALFORMED", "runs failed", attribute_of(tensor_field, ox.field_int(20, (1 << 32) + 4)))
    case("type-other", "MODEL_MALFORMED", "runs", attribute_of(tensor_field, ox.field_int(20, 1)))
    case("type-missing", "MODEL_MALFORMED", "failed", attribute_of(tensor_field))
    case("value-missing", "MODEL_MALFORMED", "failed", attribute_of(ox.field_int(20, 4)))
    case("attribute-nameless", "MODEL_MALFORMED", "runs", of_constant(tensor_field + ox.field_int(20, 4)))
    case("value-cut", "MODEL_MALFORMED", "failed", attribute_of(ox.field_int(20, 1), b"\x15\x00\x00"))
    case("attribute-twice", "MODEL_MALFORMED", "runs failed",
         of_constant(ox.attribute("value", "t", ONE), ox.attribute("value", "t", ONE)))
    case("reference-outside-function", "MODEL_MALFORMED", "failed",
         attribute_of(ox.field_int(20, 4), ox.field_bytes(21, "v")))
    case("op-type-twice", "MODEL_MALFORMED", "runs", of_nodes([ADD + ox.field_bytes(4, "Add")], [ONE]))
    case("op-type-missing", "MODEL_MALFORMED", "failed", of_nodes([ox.field_bytes(1, "x") + ox.field_bytes(2, "y")]))
    case("ir-version-wide", "MODEL_OPSET_UNSUPPORTED", "runs failed", adding(ir_version=(1 << 32) + 8))
    case("ir-version-next", "MODEL_OPSET_UNSUPPORTED", "failed", adding(ir_version=1000))
    case("opset-wide", "MODEL_OPSET_UNSUPPORTED", "runs failed", adding(opsets=[("", (1 << 32) + 17)]))
    case("opset-negative", "MODEL_OPSET_UNSUPPORTED", "failed", adding(opsets=[("", -1)]))
    case("opset-twice", "MODEL_MALFORMED", "runs failed", adding(opsets=[("", 17), ("ai.onnx", 9)]))
    case("opset-missing", "MODEL_MALFORMED", "failed", adding(opsets=[]))
    case("opset-without-version", "MODEL_MALFORMED", "runs failed", honest + ox.field_bytes(8, ox.field_bytes(1, "d")))
    shape = ox.field_bytes(1, ox.field_int(1, 1) + ox.field_bytes(2, "n"))
    two_dims = ox.field_bytes(1, ox.field_int(1, ox.FLOAT) + ox.field_bytes(2, shape))
    two_types = ox.tensor_type(ox.FLOAT, [1]) + ox.sequence_of_maps(ox.STRING, ox.FLOAT)
    for name, proto in {"dims": two_dims, "types": two_types}.items():
        bad = ox.value_info("x", proto)
        case(f"two-{name}", "MODEL_MALFORMED", "runs failed", of_nodes([ADD], [ONE], inputs=[bad]))
    case("name-not-utf8", "MODEL_MALFORMED", "runs failed", adding(extra=ox.field_bytes(10, b"\xc0\x80")))
    case("name-with-nul", "MODEL_MALFORMED", "runs failed",
         of_nodes([ox.node("Add", [b"x\0x", "w"], ["y"])], [ONE], inputs=[ox.value(b"x\0x", ox.FLOAT, [1])]))


# --- tensors ----------------------------------------------------------------------------------------------------------

def tensors():
    one = ox.floats(1.0)
    packed = ox.field_bytes(4, one)

    def of_tensor(name, scan, unscanned, *fields, dims=(1,), dtype=ox.FLOAT):
        body = b"".join(ox.field_int(1, dim) for dim in dims) + ox.field_int(2, dtype) + ox.field_bytes(8, "w")
        case(f"tensor-{name}", scan, unscanned, adding(body + b"".join(fields)))

    raw = ox.field_bytes(9, one)
    of_tensor("short", "MODEL_MALFORMED", "failed", raw, dims=[2])
    of_tensor("long", "MODEL_MALFORMED", "failed", ox.field_bytes(9, one * 2))
    of_tensor("without-data", "MODEL_MALFORMED", "failed")
    of_tensor("raw-twice", "MODEL_MALFORMED", "runs", raw, raw)
    of_tensor("raw-and-floats", "MODEL_MALFORMED", "runs failed", raw, packed)
    of_tensor("floats-twice", "MODEL_MALFORMED", "runs failed", packed, packed, dims=[2])
    of_tensor("floats-mixed", "MODEL_MALFORMED", "runs failed", packed, ox.field_float(4, 1.0), dims=[2])
    of_tensor("floats-cut", "MODEL_MALFORMED", "failed", ox.field_bytes(4, one + b"\0"))
    of_tensor("few-floats", "MODEL_MALFORMED", "failed", packed, dims=[3])
    of_tensor("other-field", "MODEL_MALFORMED", "failed", ox.field_bytes(7, ox.varint(1)))
    of_tensor("wide-int32", "MODEL_MALFORMED", "failed runs", ox.field_bytes(5, ox.varint(HUGE)), dtype=ox.INT32)
    of_tensor("padded-int32", "MODEL_MALFORMED", "failed runs", ox.field_bytes(5, b"\x81\x00"), dtype=ox.INT32)
    of_tensor("raw-strings", "MODEL_MALFORMED", "failed", ox.field_bytes(9, bytes(32)), dtype=ox.STRING)
    case("tensor-type-missing", "MODEL_MALFORMED", "failed", adding(ox.field_int(1, 1) + ox.field_bytes(8, "w") + packed))
    of_tensor("type-zero", "MODEL_MALFORMED", "failed", raw, dtype=0)
    of_tensor("type-unknown", "MODEL_MALFORMED", "failed", raw, dtype=99)
    of_tensor("type-wide", "MODEL_MALFORMED", "runs failed", raw, dtype=HUGE)
    of_tensor("negative-dim", "MODEL_MALFORMED", "failed", raw, dims=[-1])
    of_tensor("overflow", "MODEL_LIMIT", "failed", raw, dims=[1 << 32, 1 << 31])
    of_tensor("overflow-to-zero", "MODEL_LIMIT", "failed", raw, dims=[1 << 32, 1 << 32])
    of_tensor("overflow-to-one", "MODEL_LIMIT", "failed", raw, dims=[(1 << 32) + 1, (1 << 32) - 1, (1 << 62) + 1])
    of_tensor("bytes-overflow", "MODEL_LIMIT", "failed", raw, dims=[1 << 62])
    of_tensor("zero-and-overflow", "MODEL_LIMIT", "failed runs", dims=[0, 1 << 40, 1 << 40])
    of_tensor("rank-33", "MODEL_LIMIT", "failed runs", raw, dims=[1] * 33)
    of_tensor("segment", "MODEL_REFUSED", "failed runs", raw, ox.field_bytes(3, ox.field_int(2, 1)))

    def sparse(name, scan, unscanned, values, indices, dims):
        proto = (ox.field_bytes(1, values) if values else b"") + (ox.field_bytes(2, indices) if indices else b"")
        proto += b"".join(ox.field_int(3, dim) for dim in dims)
        graph = ox.graph("g", [ADD], [X], [Y], extra=ox.field_bytes(15, proto))
        case(f"sparse-{name}", scan, unscanned, ox.model(graph))

    def at(*positions, dims=None, dtype=ox.INT64):
        return ox.tensor("", dims or [len(positions)], dtype, ox.int64s(*positions))

    def of_count(count):
        return ox.tensor("w", [count], ox.FLOAT, one * count)

    sparse("huge", "MODEL_LIMIT", "failed killed", ONE, at(0), [1 << 40])
    sparse("overflow", "MODEL_LIMIT", "failed", ONE, at(0), [1 << 40, 1 << 40])
    sparse("bytes-overflow", "MODEL_LIMIT", "failed", ONE, at(0), [1 << 62])
    sparse("uneven", "MODEL_MALFORMED", "failed", of_count(2), at(0), [2])
    sparse("uneven-rows", "MODEL_MALFORMED", "failed", ONE, at(0, 0, dims=[1, 2]), [1])
    sparse("crowded", "MODEL_MALFORMED", "failed runs", of_count(3), at(0, 0, 0), [1])
    sparse("matrix", "MODEL_MALFORMED", "failed", ox.tensor("w", [1, 1], ox.FLOAT, one), at(0), [1])
    sparse("index-type", "MODEL_MALFORMED", "failed", ONE, at(0, dtype=ox.DOUBLE), [1])
    sparse("index-rank", "MODEL_MALFORMED", "failed", ONE, at(0, dims=[1, 1, 1]), [1])
    sparse("without-values", "MODEL_MALFORMED", "failed", None, at(0), [1])
    sparse("without-indices", "MODEL_MALFORMED", "failed", ONE, None, [1])
    sparse("without-dims", "MODEL_MALFORMED", "runs failed", ONE, at(0), [])
    sparse("index-outside", "OK", "failed", ONE, at(1 << 40), [1])
    sparse("index-negative", "OK", "failed", ONE, at(-1), [1])


# --- limits, names and policy -----------------------------------------------------------------------------------------

def nested_ifs(depth):
    graph = branch([ox.node("Identity", ["x"], ["b"])])
    for _ in range(depth - 1):
        graph = branch([ox.node("If", ["true"], ["b"], ox.attribute("then_branch", "g", graph),
                                ox.attribute("else_branch", "g", branch([ox.node("Identity", ["x"], ["b"])])))])
    return choosing(graph)


def nested_types(depth):
    proto = ox.tensor_type(ox.FLOAT, [1])
    for _ in range(depth):
        proto = ox.field_bytes(4, ox.field_bytes(1, proto))
    return of_nodes([ADD], [ONE], inputs=[X, ox.value_info("deep", proto)])


def limits():
    case("deep-subgraphs", "MODEL_LIMIT", "runs failed killed", nested_ifs(20))
    case("deeper-subgraphs", "MODEL_LIMIT", "failed", nested_ifs(60))
    case("deep-types", "MODEL_LIMIT", "failed", nested_types(60))
    many = ox.field_bytes(1, ox.node("Identity", ["x"], [""])) * 1000000
    case("million-nodes", "MODEL_LIMIT", "runs failed killed", ox.model(ox.graph("g", [ADD], [X], [Y], [ONE], many)))
    case("many-attributes", "MODEL_LIMIT", "runs failed", of_nodes(
        [ox.node("Add", ["x", "w"], ["y"], *(ox.attribute(f"a{i}", "i", i) for i in range(257)))], [ONE]))
    case("many-opsets", "MODEL_LIMIT", "runs failed", adding(opsets=[("", 17)] + [(f"d{i}", 1) for i in range(33)]))
    case("long-name", "MODEL_LIMIT", "runs failed", of_nodes([ADD + ox.field_bytes(3, "n" * 5000)], [ONE]))
    case("long-text", "MODEL_LIMIT", "runs", adding(extra=ox.field_bytes(10, "t" * (5 << 20))))
    wide = ox.value("x", ox.FLOAT, [1] * 33)
    case("rank-33-input", "MODEL_LIMIT", "runs failed", of_nodes([ADD], [ONE], inputs=[wide]))

    for name, graph in {
        "inputs": ox.graph("g", [ADD], [X, X], [Y], [ONE]), "outputs": ox.graph("g", [ADD], [X], [Y, Y], [ONE]),
        "initializers": ox.graph("g", [ADD], [X], [Y], [ONE, ONE]),
        "sparse-initializers": ox.graph("g", [ADD], [X], [Y], [ONE], ox.field_bytes(15, ox.sparse_tensor(
            ONE, ox.tensor("", [1], ox.INT64, ox.int64s(0)), [1]))),
    }.items():
        case(f"same-name-{name}", "MODEL_MALFORMED", "runs failed", ox.model(graph))
    case("same-name-values", "OK", "failed", of_nodes([ADD, ADD], [ONE]))

    def in_domain(op_type, domain, **more):
        return of_nodes([ox.node(op_type, ["x"], ["y"], domain=domain)], opsets=[("", 17), (domain, 1)], **more)

    case("custom-domain", "MODEL_DOMAIN_REFUSED", "failed", in_domain("Anything", "example.org"))
    case("contrib-operator", "MODEL_DOMAIN_REFUSED", "runs", in_domain("Gelu", "com.microsoft"))
    case("training-operator", "MODEL_DOMAIN_REFUSED", "failed", in_domain("Gradient", "ai.onnx.preview.training"))
    case("domain-in-subgraph", "MODEL_DOMAIN_REFUSED", "runs failed",
         choosing(branch([ox.node("Gelu", ["x"], ["b"], domain="com.microsoft")])))
    body = ox.node("Identity", ["x"], ["y"])
    case("function-domain", "MODEL_DOMAIN_REFUSED", "runs", in_domain(
        "F", "example.org", functions=[ox.function("F", [body], ["x"], ["y"], "example.org")]))
    gelu = ox.node("Gelu", ["x"], ["y"], domain="com.microsoft")
    case("domain-in-function", "MODEL_DOMAIN_REFUSED", "runs failed",
         in_domain("F", "ai.onnx.ml", functions=[ox.function("F", [gelu], ["x"], ["y"], "ai.onnx.ml")]))
    unused = ox.function("F", [body], ["x"], ["y"], "example.org")
    case("unused-function", "MODEL_DOMAIN_REFUSED", "runs", adding(functions=[unused]))
    case("nameless-function", "MODEL_MALFORMED", "runs failed", adding(functions=[unused.replace(b"\n\x01F", b"")]))
    case("unused-domain", "OK", "runs", adding(opsets=[("", 17), ("com.microsoft", 1)]))
    for key in ("ort_config", "session.load_model_format", "ep_compatibility_info.X"):
        case(f"metadata-{key.partition('.')[0]}", "MODEL_REFUSED", "runs",
             adding() + ox.field_bytes(14, ox.entry(key, '{"session_options":{"enable_profiling":1}}')))


# --- files of another kind --------------------------------------------------------------------------------------------

def foreign():
    honest = adding()
    gzip = zlib.compress(honest, wbits=31)
    for name, data in {
        "empty": b"", "text": b"This is not a model.\n" * 10, "html": b"<!doctype html><html></html>\n",
        "json": b'{"ir_version": 8, "graph": {}}\n', "zip": b"PK\x03\x04" + bytes(30), "gzip": gzip,
        "png": b"\x89PNG\r\n\x1a\n" + bytes(30), "elf": b"\x7fELF\x02\x01\x01" + bytes(30), "zeros": bytes(64),
        "ort": b"\x18\0\0\0ORTM" + bytes(64), "ort-start": b"\x08\x08\x12\x04ORTM",
        "ort-after-version": b"\x08\x08\x12\x04ORTM" + bytes(64),
        "no-graph": ox.field_int(1, 8) + ox.field_bytes(8, ox.opset_id("", 17)), "one-byte": honest[:1],
    }.items():
        case(f"foreign-{name}", "MODEL_NOT_ONNX", "failed", data)
    for name, size in {"half": len(honest) // 2, "last-byte": len(honest) - 1, "after-version": 2 + 3}.items():
        case(f"truncated-{name}", "MODEL_MALFORMED", "failed", honest[:size])


# --- well-formed, and dear to run -------------------------------------------------------------------------------------

def of_size(size, at_load):
    """x times a constant of `size` elements, whose number is known when the model is loaded, or only when it runs."""
    value = ox.attribute("value", "t", ONE)
    made = [ox.node("ConstantOfShape", ["size"], ["w"], value), ADD]
    y = [ox.value("y", ox.FLOAT, ["n"])]
    if at_load:
        return of_nodes(made, [ox.tensor("size", [1], ox.INT64, ox.int64s(size))], y)
    cast = ox.node("Cast", ["zero"], ["none"], ox.attribute("to", "i", ox.INT64))
    nodes = [ox.node("Mul", ["x", "nil"], ["zero"]), cast, ox.node("Add", ["none", "wanted"], ["size"]), *made]
    return of_nodes(nodes, [ox.tensor("nil", [1], ox.FLOAT, ox.floats(0.0)),
                            ox.tensor("wanted", [1], ox.INT64, ox.int64s(size))], y)


def nested_loops(depth, trips):
    """A loop in a loop in a loop: trips to the power of depth."""
    names = [f"v{depth}", f"u{depth}"]
    inner = ox.node("Identity", [names[0]], [names[1]])
    for level in reversed(range(depth)):
        body = ox.graph("body", [ox.node("Identity", [f"c{level}"], [f"d{level}"]), inner],
                        [ox.value(f"i{level}", ox.INT64, []), ox.value(f"c{level}", ox.BOOL, []),
                         ox.value(names[0], ox.FLOAT, [1])],
                        [ox.value(f"d{level}", ox.BOOL, []), ox.value(names[1], ox.FLOAT, [1])])
        names = [f"v{level}", f"u{level}"] if level > 0 else ["x", "y"]
        inner = ox.node("Loop", ["trips", "true", names[0]], [names[1]], ox.attribute("body", "g", body))
    return of_nodes([inner], [ox.tensor("trips", [], ox.INT64, ox.int64s(trips)), TRUE])


def growing_loop(trips):
    """Doubles the carried tensor each time round."""
    body = ox.graph("body", [ox.node("Identity", ["c"], ["c2"]),
                             ox.node("Concat", ["v", "v"], ["v2"], ox.attribute("axis", "i", 0))],
                    [ox.value("i", ox.INT64, []), ox.value("c", ox.BOOL, []), ox.value("v", ox.FLOAT, ["n"])],
                    [ox.value("c2", ox.BOOL, []), ox.value("v2", ox.FLOAT, ["m"])])
    return looping(body, trips, [ox.value("y", ox.FLOAT, ["n"])])


def function_bomb(depth, domain):
    """Each function calls the next one twice."""
    opsets = [("", 17), (domain, 1)]

    def twice(name):
        return [ox.node(name, ["x"], ["h"], domain=domain), ox.node(name, ["h"], ["y"], domain=domain)]

    functions = [ox.function(f"F{i}", twice(f"F{i + 1}"), ["x"], ["y"], domain, opsets) for i in range(depth)]
    functions.append(ox.function(f"F{depth}", [ox.node("Neg", ["x"], ["y"])], ["x"], ["y"], domain, opsets))
    return of_nodes([ox.node("F0", ["x"], ["y"], domain=domain)], opsets=opsets, functions=functions)


def dear():
    for name, size in {"64-gib": 1 << 34, "2-gib": 1 << 29}.items():
        unscanned = "failed killed" if size > 1 << 30 else "runs failed killed"
        case(f"constant-{name}-at-run", "OK", unscanned, of_size(size, False))
        case(f"constant-{name}-at-load", "OK", unscanned, of_size(size, True))
    case("endless-loop", "OK", "killed", looping(loop_body([ox.node("Identity", ["v"], ["v2"])]), (1 << 63) - 1))
    case("nested-loops", "OK", "killed", nested_loops(8, 100000))
    case("growing-loop", "OK", "failed killed", growing_loop(60))
    scan_body = ox.graph("body", [ox.node("Loop", ["", "t", "e"], ["e2"], ox.attribute("body", "g", loop_body(
        [ox.node("Identity", ["v"], ["v2"])])))], [ox.value("e", ox.FLOAT, [1])], [ox.value("e2", ox.FLOAT, [1])],
        [ox.tensor("t", [], ox.BOOL, b"\1")])
    case("endless-scan", "OK", "killed", of_nodes(
        [ox.node("Unsqueeze", ["x", "axes"], ["xs"]),
         ox.node("Scan", ["xs"], ["y"], ox.attribute("body", "g", scan_body), ox.attribute("num_scan_inputs", "i", 1))],
        [ox.tensor("axes", [1], ox.INT64, ox.int64s(0))], [ox.value("y", ox.FLOAT, [1, 1])]))
    for name, domain in {"ml": "ai.onnx.ml", "other": "example.org"}.items():
        scan = "OK" if name == "ml" else "MODEL_DOMAIN_REFUSED"
        opsets = [("", 17), (domain, 1)]
        call = ox.node("F", ["x"], ["y"], domain=domain)
        case(f"function-bomb-{name}", scan, "failed killed", function_bomb(40, domain))
        case(f"function-recursion-{name}", scan, "failed killed", of_nodes(
            [call], opsets=opsets, functions=[ox.function("F", [call], ["x"], ["y"], domain, opsets)]))

    words = ox.tensor("w", [1], ox.STRING, strings=["s" * (1 << 20)])
    shape = ox.tensor("size", [1], ox.INT64, ox.int64s(1 << 20))
    case("huge-strings", "OK", "failed killed", of_nodes(
        [ox.node("Expand", ["w", "size"], ["y"])], [words, shape], [ox.value("y", ox.STRING, ["n"])]))
    limits_of_range = [ox.tensor(n, [], ox.INT64, ox.int64s(v)) for n, v in {"a": 0, "b": 1 << 62, "c": 1}.items()]
    case("huge-range", "OK", "failed killed", of_nodes(
        [ox.node("Range", ["a", "b", "c"], ["y"])], limits_of_range, [ox.value("y", ox.INT64, ["n"])]))
    case("huge-output", "OK", "runs failed killed", of_size(200 << 20, False))
    normal = ox.node("RandomNormal", [], ["w"], ox.attribute("shape", "ints", [1]))
    case("random", "OK", "runs", of_nodes([normal, ADD]))


# --- well-formed, and wrong for ONNX Runtime --------------------------------------------------------------------------

def wrong():
    def of_node(name, op_type, inputs, *attributes, unscanned="failed", outputs=("y",), **constants):
        initializers = [ox.tensor(key, dims, dtype, raw) for key, (dims, dtype, raw) in constants.items()]
        y = ox.value_info("y", ox.any_tensor(ox.FLOAT))
        case(f"operator-{name}", "OK", unscanned,
             of_nodes([ox.node(op_type, inputs, outputs, *attributes)], initializers, [y]))

    def ints(*values, dims=None):
        return (dims or [len(values)], ox.INT64, ox.int64s(*values))

    def zeros(*dims):
        count = 1
        for dim in dims:
            count *= dim
        return (dims, ox.FLOAT, bytes(4 * count))

    case("cycle", "OK", "failed", of_nodes([ox.node("Add", ["x", "b"], ["a"]), ox.node("Add", ["x", "a"], ["b"]),
                                            ox.node("Add", ["a", "b"], ["y"])]))
    case("unknown-operator", "OK", "failed", of_nodes([ox.node("NoSuchOperator", ["x"], ["y"])]))
    case("unknown-input", "OK", "failed", of_nodes([ox.node("Add", ["x", "nothing"], ["y"])]))
    case("no-output", "OK", "failed runs", of_nodes([ADD], [ONE], outputs=()))
    # Shapes of bugs that ONNX Runtime has fixed: indices, counts and sizes outside what the data has.
    of_node("gather", "Gather", ["x", "i"], i=ints(1 << 40))
    of_node("gather-nd", "GatherND", ["x", "i"], i=ints(-(1 << 40), dims=[1, 1]))
    of_node("scatter", "ScatterElements", ["x", "i", "x"], i=ints(1 << 40))
    of_node("one-hot", "OneHot", ["i", "d", "v"], i=ints(1 << 40), d=ints(-5), v=zeros(2))
    of_node("tile", "Tile", ["x", "r"], r=ints(1 << 62), unscanned="failed killed")
    of_node("tile-negative", "Tile", ["x", "r"], r=ints(-1))
    of_node("expand", "Expand", ["x", "s"], s=ints(1 << 31, 1 << 31, 1 << 31), unscanned="failed killed")
    of_node("reshape", "Reshape", ["x", "s"], s=ints(1 << 32, 1 << 32))
    of_node("slice", "Slice", ["x", "a", "b", "", "s"], a=ints(0), b=ints(1), s=ints(0))
    of_node("pad", "Pad", ["x", "p"], p=ints(1 << 62, 1 << 62), unscanned="failed killed")
    of_node("split", "Split", ["x", "s"], s=ints(-1))
    of_node("top-k", "TopK", ["x", "k"], outputs=("y", "at"), k=ints(1 << 40))
    of_node("resize", "Resize", ["i", "", "s"], i=zeros(1, 1, 1, 1), s=([4], ox.FLOAT, ox.floats(1, 1, 1e30, 1e30)),
            unscanned="failed killed")
    of_node("roi-align", "RoiAlign", ["i", "r", "b"], i=zeros(1, 1, 2, 2), r=zeros(1, 4), b=ints(1 << 40))
    of_node("max-unpool", "MaxUnpool", ["i", "p"], ox.attribute("kernel_shape", "ints", [2, 2]), i=zeros(1, 1, 1, 1),
            p=([1, 1, 1, 1], ox.INT64, ox.int64s(1 << 40)))
    of_node("convolution", "Conv", ["i", "k"], ox.attribute("pads", "ints", [1 << 40] * 4), i=zeros(1, 1, 1, 1),
            k=zeros(1, 1, 1, 1), unscanned="failed killed")
    of_node("transposed", "ConvTranspose", ["i", "k"], ox.attribute("strides", "ints", [1 << 31] * 2),
            i=zeros(1, 1, 2, 2), k=zeros(1, 1, 1, 1), unscanned="failed killed")
    of_node("cum-sum", "CumSum", ["x", "a"], a=ints(1 << 40, dims=[]))
    of_node("compress", "Compress", ["x", "c"], ox.attribute("axis", "i", 1 << 40), c=([1], ox.BOOL, b"\1"))


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for part in (files, wire_forms, tensors, limits, foreign, dear, wrong):
        part()
    (out / "honest.onnx").write_bytes(adding())
    for name, (_, _, data) in cases.items():
        (out / f"{name}.onnx").write_bytes(data)
    (out / "weights.bin").write_bytes(ox.floats(42.0) * 16)
    lines = [f"{name}.onnx\t{scan}\t{unscanned}\n" for name, (scan, unscanned, _) in sorted(cases.items())]
    (out / "manifest").write_text("honest.onnx\tOK\truns\n" + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
