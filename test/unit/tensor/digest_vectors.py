#!/usr/bin/env python3
"""The tensor digest written a second time, from docs/receipts.md alone.

  digest_vectors.py c FILE    the vectors as a C table, for test_digest.c
  digest_vectors.py md        the vectors as they stand in docs/receipts.md
"""
import hashlib
import struct
import sys

FLOAT, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE = 1, 6, 7, 8, 9, 10, 11
SEQUENCE, MAP, OPTIONAL = 0x80, 0x81, 0x82
FORMS = {FLOAT: "<f", INT32: "<i", INT64: "<q", BOOL: "<?", FLOAT16: "<e", DOUBLE: "<d"}


def sha256(data):
    return hashlib.sha256(data).digest()


def descriptors(values):
    out = struct.pack("<H", len(values))
    for name, kind, dims, _ in values:
        raw = name.encode()
        out += struct.pack("<H", len(raw)) + raw + bytes(kind)
        out += bytes([len(dims)]) + b"".join(struct.pack("<q", d) for d in dims)
    return out


def element(dtype, x):
    if dtype == STRING:
        return struct.pack("<I", len(x.encode())) + x.encode()
    return struct.pack(FORMS[dtype], x)


def elements(dtype, xs):
    return b"".join(element(dtype, x) for x in xs)


def payload(kind, value):
    if kind[0] == OPTIONAL:
        return b""
    if kind[0] == MAP:
        pairs = sorted((element(kind[1], k), element(kind[2], v)) for k, v in value.items())
        return bytes([MAP]) + struct.pack("<Q", len(pairs)) + b"".join(k + v for k, v in pairs)
    if kind[0] == SEQUENCE:
        items = b"".join(item(kind[1:], i) for i in value)
        return bytes([SEQUENCE]) + struct.pack("<Q", len(value)) + items
    return elements(kind[0], value)


def item(kind, value):
    if kind[0] == MAP:
        return payload(kind, value)
    dims, xs = value
    return bytes([len(dims)]) + b"".join(struct.pack("<q", d) for d in dims) + elements(kind[0], xs)


# title, [(name, type, dimensions, value)]
CASES = [
    ("one float tensor", [("x", [FLOAT], [2, 3], [1, -2.5, 0.1, 0, -0.0, 1e-7])]),
    ("a scalar, an empty tensor, booleans, halves", [
        ("n", [INT64], [], [-5]),
        ("none", [DOUBLE], [2, 0], []),
        ("flags", [BOOL], [3], [True, False, True]),
        ("half", [FLOAT16], [1, 2], [1.5, -65504]),
    ]),
    ("strings", [("größe", [STRING], [2, 2], ["", "a", "naïve ☃", "x\0y"])]),
    ("sequence, map, sequence of maps, absent optional", [
        ("parts", [SEQUENCE, INT32], [], [([2], [1, 2]), ([1, 1], [3])]),
        ("label", [MAP, STRING, FLOAT], [], {"dog": 0.25, "cat": 0.5, "zebra": 0.125, "ox": 0.125}),
        ("rows", [SEQUENCE, MAP, INT64, FLOAT], [], [{0: 0.5, 256: 0.25, -1: 0.25}, {}]),
        ("rest", [OPTIONAL, FLOAT], [], None),
    ]),
    ("no value at all", []),
]


def vectors():
    for title, values in CASES:
        descs = descriptors(values)
        payloads = [payload(kind, value) for _, kind, _, value in values]
        total = sha256(descs) + b"".join(struct.pack("<Q", len(p)) + p for p in payloads)
        yield title, descs, payloads, sha256(descs), sha256(total)


def write_c(path):
    with open(path, "w", encoding="utf-8") as out:
        for title, descs, payloads, descs_digest, digest in vectors():
            texts = ", ".join(f'"{p.hex()}"' for p in payloads) or "NULL"
            out.write(f'{{"{title}", "{descs.hex()}", {{{texts}}},\n "{descs_digest.hex()}",\n "{digest.hex()}"}},\n')


def write_md():
    for title, descs, payloads, descs_digest, digest in vectors():
        print(f"**{title}**\n\n    descriptors  {descs.hex()}")
        for p in payloads:
            print(f"    payload      {p.hex() or '(no bytes)'}")
        print(f"    descriptors digest  {descs_digest.hex()}\n    tensor digest       {digest.hex()}\n")


if sys.argv[1] == "c":
    write_c(sys.argv[2])
else:
    write_md()
