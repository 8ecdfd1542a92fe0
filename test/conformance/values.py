"""Values of the backend cases: out of a TensorProto, into the request forms, and an answer against what bare_run wrote.

Shares with the code under test nothing but the layouts of docs/receipts.md ("Tensor digest") and src/tensor/values.h."""
import decimal
import json
import math
import struct

FLOAT, UINT16, STRING, BFLOAT16 = 1, 4, 8, 16
SEQUENCE, MAP, OPTIONAL = 0x80, 0x81, 0x82
ALIGN = 64
FORMATS = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "?", 10: "e", 11: "d", 12: "I", 13: "Q", 16: "H"}
FLOATS = {1, 10, 11, 16}


def unpack(dtype, payload):
    """The elements of a tensor of numbers; floats as the double of the same value."""
    form = FORMATS[dtype]
    bits = [n for n, in struct.iter_unpack("<" + form, payload)]
    return [struct.unpack("<f", struct.pack("<I", n << 16))[0] for n in bits] if dtype == BFLOAT16 else bits


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        if self.at > len(self.data):
            raise ValueError("cut")
        return self.data[self.at - n:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def varint(self):
        n = shift = 0
        while True:
            byte = self.number("B")
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return n

    def more(self):
        return self.at < len(self.data)


# ── TensorProto (onnx.proto) ──

DIMS, DATA_TYPE, FLOAT_DATA, INT32_DATA, STRING_DATA, INT64_DATA = 1, 2, 4, 5, 6, 7
RAW_DATA, DOUBLE_DATA, UINT64_DATA = 9, 10, 11
OPTIONAL_TENSOR = 3  # of OptionalProto (onnx-data.proto); nobody writes a TensorProto's field of that number
VARINTS = {DIMS, DATA_TYPE, INT32_DATA, INT64_DATA, UINT64_DATA}


def proto_fields(data):
    """(number, value) of each field; packed varints one by one."""
    r = Reader(data)
    while r.more():
        key = r.varint()
        number, wire = key >> 3, key & 7
        if wire == 0:
            yield number, r.varint()
            continue
        part = r.take({1: 8, 2: None, 5: 4}[wire] or r.varint())
        packed = Reader(part)
        while number in VARINTS and packed.more():
            yield number, packed.varint()
        if number not in VARINTS:
            yield number, part


def read_proto(data, dtype):
    """(dimensions, elements) of a TensorProto, or of the one in an OptionalProto, for an input of this type."""
    fields = list(proto_fields(data))
    if OPTIONAL_TENSOR in dict(fields):
        return read_proto(dict(fields)[OPTIONAL_TENSOR], dtype)
    stored = dict(fields)[DATA_TYPE]
    if stored != dtype and (stored, dtype) != (UINT16, BFLOAT16):
        raise ValueError(f"type {stored} for an input of type {dtype}")
    dims = [n for number, n in fields if number == DIMS]
    if dtype == STRING:
        return dims, [s.decode() for number, s in fields if number == STRING_DATA]
    size = struct.calcsize(FORMATS[dtype])
    whole = b"".join(v for number, v in fields if number in (RAW_DATA, FLOAT_DATA, DOUBLE_DATA))
    single = (v for number, v in fields if number in (INT32_DATA, INT64_DATA, UINT64_DATA))
    return dims, unpack(dtype, whole or b"".join((v & (1 << 8 * size) - 1).to_bytes(size, "little") for v in single))


# ── requests ──

def text(x):
    """An element as a decimal number that reads back as the same."""
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return repr(x) if isinstance(x, float) else str(int(x))


def fixed(x):
    """{value, decimals} as OpenGradient's network sends it: all digits, and how many of them stand behind the point."""
    written = text(x)
    if not isinstance(x, float) or not math.isfinite(x):
        return {"value": written, "decimals": "0"}
    sign, digits, exponent = decimal.Decimal(written).as_tuple()
    number = "".join(map(str, digits)) + "0" * max(exponent, 0)
    return {"value": "-" * sign + number, "decimals": str(max(-exponent, 0))}


def plain(x):
    """A JSON number where JSON has one."""
    return text(x) if isinstance(x, float) and not math.isfinite(x) else x


def number(x):
    """plain() backwards; there is one NaN."""
    x = float(x) if x in ("NaN", "Infinity", "-Infinity") else x
    return math.nan if x != x else x


def request(form, cid, inputs):
    """The body of one of the three forms; `inputs`: (name, dtype, dimensions, elements)."""
    write = (fixed, plain, text)[form]
    shape = (list, list, lambda dims: [str(d) for d in dims])[form]
    numbers = [{"name": name, "values": [write(x) for x in xs], "shape": shape(dims)}
               for name, dtype, dims, xs in inputs if dtype != STRING]
    strings = [{"name": name, "values": xs, "shape": shape(dims)}
               for name, dtype, dims, xs in inputs if dtype == STRING]
    if form == 2:
        return json.dumps({"ipfs_hash": cid, "num_inputs": numbers, "string_inputs": strings})
    document = {"numbers": numbers, "strings": strings}
    return json.dumps({"ipfs_hash": cid, "model_inputs": json.dumps(document) if form == 0 else document})


# ── what bare_run writes ──

class Value:
    """A described value. `kind`: the tags and dtypes of its type."""

    def __init__(self, r):
        self.name = r.take(r.number("H")).decode()
        self.kind = []
        while not self.kind or self.kind[-1] in (SEQUENCE, OPTIONAL):
            self.kind.append(r.number("B"))
        if self.kind[-1] == MAP:
            self.kind += r.take(2)
        self.dims = [r.number("q") for _ in range(r.number("B"))]
        self.payload = b""

    @property
    def is_tensor(self):
        return len(self.kind) == 1


class Bare:
    def __init__(self, data):
        r = Reader(data)
        self.digests = [r.take(64), r.take(64)]  # inputs, outputs: of descriptors and of tensors
        self.inputs = self.described(r)
        self.outputs = self.described(r)
        lens = [r.number("Q") for _ in self.outputs]
        area, at = r.data[r.at:], 0
        for value, n in zip(self.outputs, lens):
            value.payload = area[at:at + n]
            at += -(-n // ALIGN) * ALIGN

    @staticmethod
    def described(r):
        part = Reader(r.take(r.number("I")))
        return [Value(part) for _ in range(part.number("H"))]


# ── answers ──

class Differs(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Differs(what)


def check_element(dtype, x, got):
    if dtype in FLOATS and not math.isfinite(x):
        expect(got == text(x), "a NaN or an infinity")
    elif dtype in FLOATS:
        expect(isinstance(got, float) and struct.pack("<d", got) == struct.pack("<d", x), "the bits of a float")
    else:
        expect(type(got) is int and got == int(x), "an integer")


def check_elements(dtype, dims, r, got):
    """Nested arrays against the elements in `r`, row-major; all floats are compared as the doubles they widen to."""
    level = [got]
    for d in dims:
        expect(all(isinstance(part, list) and len(part) == d for part in level), "the nesting")
        level = [x for part in level for x in part]
    if dtype == STRING:
        for x in level:
            expect(x == r.take(r.number("I")).decode(), "a string")
        return
    for x, y in zip(unpack(dtype, r.take(len(level) * struct.calcsize(FORMATS[dtype]))), level):
        check_element(dtype, x, y)


def element(dtype, r):
    if dtype == STRING:
        return r.take(r.number("I")).decode()
    return unpack(dtype, r.take(struct.calcsize(FORMATS[dtype])))[0]


def check_map(kind, r, got):
    pairs = {}
    expect(r.number("B") == MAP, "a map")
    for _ in range(r.number("Q")):
        key = element(kind[1], r)
        pairs[key if kind[1] == STRING else text(key)] = element(kind[2], r)
    expect(isinstance(got, dict) and pairs.keys() == got.keys(), "the keys of a map")
    for key, x in pairs.items():
        expect(got[key] == x, "a string") if kind[2] == STRING else check_element(kind[2], x, got[key])


def check_sequence(kind, r, got):
    """Returns the documented shape."""
    expect(r.number("B") == SEQUENCE, "a sequence")
    count = r.number("Q")
    expect(isinstance(got, list) and len(got) == count, "the length of a sequence")
    shapes = []
    for item in got:
        if kind[0] == MAP:
            check_map(kind, r, item)
            continue
        shapes.append([r.number("Q") for _ in range(r.number("B"))])
        check_elements(kind[0], shapes[-1], r, item)
    return [count] + (shapes[0] if shapes and all(s == shapes[0] for s in shapes) else [])


def check_output(value, got):
    r, kind, shape = Reader(value.payload), value.kind, value.dims
    if kind[0] == OPTIONAL:
        expect(got["result"] is None, "an absent value")
    elif kind[0] == SEQUENCE:
        shape = check_sequence(kind[1:], r, got["result"])
    elif kind[0] == MAP:
        check_map(kind, r, got["result"])
    else:
        check_elements(kind[0], shape, r, got["result"])
    expect(not r.more(), "the number of elements")
    expect(got["shape"] == shape, "the shape")
    word = "json" if MAP in kind or kind[0] == OPTIONAL else "string" if kind[-1] == STRING else "number"
    expect(got["type"] == word, "the type")


def check_answer(bare, answer):
    """Raises Differs unless the answer says, bit for bit, what ONNX Runtime alone has computed."""
    expect([o["name"] for o in answer["output"]] == [o.name for o in bare.outputs], "the names of the outputs")
    for value, got in zip(bare.outputs, answer["output"]):
        try:
            check_output(value, got)
        except Differs as e:
            raise Differs(f"output {value.name}: {e}") from None
