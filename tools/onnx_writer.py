"""Writes ONNX files with nothing but Python: the protobuf wire format and the messages that our models need.

Every function returns bytes, most of them the body of one message, so anything can be put together, also what no honest
writer would: `extra` takes fields that are already encoded.
"""
import struct

FLOAT, UINT8, INT8, INT32, INT64, STRING, BOOL, DOUBLE = 1, 2, 3, 6, 7, 8, 9, 11

_ATTRIBUTE = {"f": 1, "i": 2, "s": 3, "t": 4, "g": 5, "floats": 6, "ints": 7, "strings": 8, "tensors": 9, "graphs": 10,
              "sparse_tensor": 11, "sparse_tensors": 12}


def varint(number):
    """A number below 2^64; negative ones as 64-bit two's complement, as protobuf does."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field_int(number, value):
    return varint(number << 3) + varint(value)


def field_float(number, value):
    return varint(number << 3 | 5) + struct.pack("<f", value)


def field_bytes(number, value):
    """Strings, nested messages and packed runs."""
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields_bytes(number, values):
    return b"".join(field_bytes(number, value) for value in values)


def entry(key, value):
    return field_bytes(1, key) + field_bytes(2, value)


def tensor(name, dims, dtype, raw=None, strings=(), extra=b""):
    """TensorProto. `raw`: little-endian bytes; `strings`: elements of a string tensor."""
    out = b"".join(field_int(1, dim) for dim in dims) + field_int(2, dtype) + fields_bytes(6, strings)
    out += field_bytes(8, name) if name else b""
    return out + (b"" if raw is None else field_bytes(9, raw)) + extra


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def int64s(*values):
    return struct.pack(f"<{len(values)}q", *values)


def sparse_tensor(values, indices, dims):
    return field_bytes(1, values) + field_bytes(2, indices) + b"".join(field_int(3, dim) for dim in dims)


def tensor_type(dtype, dims):
    """TypeProto of a tensor; a dimension is a number or a name."""
    shape = b"".join(field_bytes(1, field_bytes(2, dim) if isinstance(dim, str) else field_int(1, dim)) for dim in dims)
    return field_bytes(1, field_int(1, dtype) + field_bytes(2, shape))


def sequence_of_maps(key, value):
    """TypeProto of a sequence of maps from `key` to a scalar of type `value`."""
    return field_bytes(4, field_bytes(1, field_bytes(5, field_int(1, key) + field_bytes(2, tensor_type(value, [])))))


def any_tensor(dtype):
    """TypeProto of a tensor of any shape."""
    return field_bytes(1, field_int(1, dtype))


def value_info(name, type_proto):
    return field_bytes(1, name) + field_bytes(2, type_proto)


def value(name, dtype, dims):
    return value_info(name, tensor_type(dtype, dims))


def attribute(name, kind, content, extra=b""):
    """AttributeProto; `kind` is the field's name: f, i, s, t, g, floats, ints, strings, tensors, graphs, ..."""
    out = field_bytes(1, name)
    if kind == "f":
        out += field_float(2, content)
    elif kind == "i":
        out += field_int(3, content)
    elif kind == "floats":
        out += b"".join(field_float(7, item) for item in content)
    elif kind == "ints":
        out += b"".join(field_int(8, item) for item in content)
    elif kind in ("strings", "tensors", "graphs", "sparse_tensors"):
        out += fields_bytes({"strings": 9, "tensors": 10, "graphs": 11, "sparse_tensors": 23}[kind], content)
    else:
        out += field_bytes({"s": 4, "t": 5, "g": 6, "sparse_tensor": 22}[kind], content)
    return out + field_int(20, _ATTRIBUTE[kind]) + extra


def node(op_type, inputs, outputs, *attributes, domain="", extra=b""):
    return (fields_bytes(1, inputs) + fields_bytes(2, outputs) + field_bytes(4, op_type) + fields_bytes(5, attributes)
            + (field_bytes(7, domain) if domain else b"") + extra)


def graph(name, nodes, inputs, outputs, initializers=(), extra=b""):
    return (fields_bytes(1, nodes) + field_bytes(2, name) + fields_bytes(5, initializers) + fields_bytes(11, inputs)
            + fields_bytes(12, outputs) + extra)


def function(name, nodes, inputs, outputs, domain, opsets=(("", 17),)):
    return (field_bytes(1, name) + fields_bytes(4, inputs) + fields_bytes(5, outputs) + fields_bytes(7, nodes)
            + fields_bytes(9, [opset_id(*opset) for opset in opsets]) + field_bytes(10, domain))


def opset_id(domain, version):
    return (field_bytes(1, domain) if domain else b"") + field_int(2, version)


def model(graph_proto, opsets=(("", 17),), ir_version=8, functions=(), extra=b""):
    return (field_int(1, ir_version) + field_bytes(2, "veronnx") + field_bytes(7, graph_proto)
            + fields_bytes(8, [opset_id(*opset) for opset in opsets]) + fields_bytes(25, functions) + extra)
