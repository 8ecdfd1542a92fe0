"""Keccak-256 as Ethereum has it, written from FIPS 202 alone."""

MASK = (1 << 64) - 1


def rotate(x, n):
    return ((x << n % 64) | (x >> (64 - n % 64))) & MASK


def permute(a):
    """Keccak-f[1600] of a[x][y], by the formulas of FIPS 202."""
    r = 1
    for _ in range(24):
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        a = [[lane ^ c[x - 1] ^ rotate(c[(x + 1) % 5], 1) for lane in a[x]] for x in range(5)]
        x, y, current = 1, 0, a[1][0]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, a[x][y] = a[x][y], rotate(current, (t + 1) * (t + 2) // 2)
        a = [[a[x][y] ^ (~a[(x + 1) % 5][y] & a[(x + 2) % 5][y] & MASK) for y in range(5)] for x in range(5)]
        for j in range(7):
            r = ((r << 1) ^ ((r >> 7) * 0x71)) % 256
            a[0][0] ^= (r >> 1 & 1) << ((1 << j) - 1)
    return a


def keccak(data):
    data += b"\x01" + bytes(-(len(data) + 1) % 136)
    data = data[:-1] + bytes([data[-1] | 0x80])
    a = [[0] * 5 for _ in range(5)]
    for block in range(0, len(data), 136):
        for i in range(17):
            a[i % 5][i // 5] ^= int.from_bytes(data[block + 8 * i:block + 8 * i + 8], "little")
        a = permute(a)
    return b"".join(a[i][0].to_bytes(8, "little") for i in range(4))


assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
