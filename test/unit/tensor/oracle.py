#!/usr/bin/env python3
"""oracle.py SEED COUNT: random numbers and what Python makes of them, one per line, for test_oracle.c.

  t TEXT DECIMALS DTYPE ELEMENT   Decimal(TEXT) / Decimal(10 ** DECIMALS) as an element (little-endian hex, or "range")
  r BITS DECIMALS DTYPE ELEMENT   the same for a float, given by its bits (big-endian hex)
  p BITS TEXT                     repr() of a float
  i DECIMALS NUMBER               int(DECIMALS), "range" outside 0 to 1000, "malformed" when it is not an integer
"""
import math
import random
import struct
import sys
from decimal import Decimal, Overflow
from fractions import Fraction

INTEGERS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}
FLOATS = ["float", "double", "float16", "bfloat16"]
DTYPES = FLOATS * 3 + list(INTEGERS) + ["bool"]


def packed(form, x):
    try:
        return struct.pack(form, x)
    except OverflowError:
        return struct.pack(form, math.copysign(math.inf, x))


def bfloat16(x):
    if not math.isfinite(x) or x == 0:
        return struct.pack("<f", x)[2:]
    exponent = max(math.frexp(x)[1] - 1, -126) - 7
    steps = round(Fraction(x) / Fraction(2) ** exponent)  # half to even
    return packed("<f", math.copysign(math.ldexp(abs(steps), exponent), x))[2:]


def element(number, decimals, dtype):
    quotient = number / Decimal(10**decimals)
    if dtype in FLOATS:
        x = float(quotient)
        if dtype == "bfloat16":
            return bfloat16(x).hex()
        return packed({"float": "<f", "double": "<d", "float16": "<e"}[dtype], x).hex()
    if dtype == "bool":
        return {0: "00", 1: "01"}.get(quotient, "range")
    n, bits = int(quotient), INTEGERS[dtype]
    low, high = (0, 2**bits - 1) if dtype[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return n.to_bytes(bits // 8, "little", signed=low < 0).hex() if low <= n <= high else "range"


def digits(rng, most):
    return str(rng.randrange(10 ** rng.randint(1, most)))


def near_half(rng, form, size):
    """The exact decimal expansion of a point halfway between two neighbours, sometimes nudged."""
    bits = rng.getrandbits(8 * size - 1) & ~(1 << (8 * size - 2))
    x, y = (Fraction(struct.unpack(form, (bits + n).to_bytes(size, "big"))[0]) for n in (0, 1))
    middle = (x + y) / 2
    while middle and middle < Fraction(1, 10**60):
        middle *= 2 ** rng.randint(1, 64)
    decimals = max(0, middle.denominator.bit_length() - 1)
    number = middle.numerator * 5**decimals
    text = str(number)
    if len(text) > 1100:
        return "1", 0
    cut = rng.choice([len(text), len(text), 28, 27, 29])
    if cut < len(text):
        text = text[:cut] + rng.choice(["", "5", "50", "500001", "4999"])
        decimals -= len(str(number)) - len(text)
    if decimals < 0:
        text, decimals = text + "0" * -decimals, 0
    return (text, decimals) if decimals <= 1000 else ("1", 0)


def text_case(rng):
    kind = rng.randrange(8)
    sign = rng.choice(["", "", "-", "+"])
    decimals = rng.choice([0, 1, 7, 18, 19, 20, 22, 23, 28, 30, rng.randint(0, 40), rng.randint(0, 1000)])
    if kind == 0:
        return sign + digits(rng, 20), rng.randint(0, 20)
    if kind == 1:
        return sign + digits(rng, 45), decimals
    if kind == 2:
        return sign + digits(rng, 30) + "." + digits(rng, 30), decimals
    if kind == 3:
        return sign + digits(rng, 30) + rng.choice("eE") + str(rng.randint(-400, 400)), decimals
    if kind == 4:
        return sign + "." + digits(rng, 12) + "e+" + str(rng.randint(0, 40)), decimals
    if kind == 5:  # near the bounds of the integer types
        bits = rng.choice([7, 8, 15, 16, 31, 32, 63, 64])
        n = (2**bits + rng.randint(-2, 2)) * 10 ** rng.randint(0, 6)
        return sign + str(n + rng.choice([0, 0, 9, -9])), rng.choice([0, 3, 6])
    if kind == 6:
        text, exact = near_half(rng, ">d", 8)
        return sign + text, exact
    text, exact = near_half(rng, ">f", 4)
    return sign + text, exact


def finite_bits(rng):
    """A double: any bits, a float's, or a short decimal's."""
    while True:
        x = rng.choice([
            lambda: struct.unpack(">d", rng.randbytes(8))[0],
            lambda: struct.unpack(">f", rng.randbytes(4))[0],
            lambda: float(digits(rng, 17)) * 10.0 ** rng.randint(-25, 25),
            lambda: float(rng.randrange(2**54)),
        ])()
        if math.isfinite(x):
            return x


def decimals_case(rng):
    text = "".join(rng.choice("00123456789_+-.") for _ in range(rng.randint(1, 5)))
    try:
        n = int(text)
        return text, str(n) if 0 <= n <= 1000 else "range"
    except ValueError:
        return text, "malformed"


def main():
    rng = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        choice = rng.randrange(10)
        dtype = rng.choice(DTYPES)
        if choice < 6:
            text, decimals = text_case(rng)
            try:
                print("t", text, decimals, dtype, element(Decimal(text), decimals, dtype))
            except Overflow:
                pass
        elif choice == 6:
            x, decimals = finite_bits(rng), rng.randint(0, 30)
            print("r", struct.pack(">d", x).hex(), decimals, dtype, element(Decimal(x), decimals, dtype))
        elif choice == 7:
            print("i", *decimals_case(rng))
        else:
            x = finite_bits(rng)
            print("p", struct.pack(">d", x).hex(), repr(x))


main()
