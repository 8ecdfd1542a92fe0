#!/usr/bin/env python3
"""Makes receipts from the text of docs/receipts.md alone, with its own CBOR, tree and ECDSA. Standard library only;
signatures are deterministic (RFC 6979), so that every run gives the same bytes.

  make_vectors.py vectors          docs/receipts-vectors.txt, on standard output
  make_vectors.py check FILE       compares FILE with that
  make_vectors.py corpus FOLDER    seeds for the fuzz targets
"""
import base64
import hashlib
import hmac
import os
import sys


def sha256(data):
    return hashlib.sha256(data).digest()


# ── CBOR ──

class Raw(bytes):
    """Encoded already."""


class Tag:
    def __init__(self, number, content):
        self.number, self.content = number, content


class Pairs(list):
    """A map as the list of its pairs, in this order."""


def head(major, n):
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, 'big')
    raise ValueError(n)


def cbor(item):
    if isinstance(item, Raw):
        return bytes(item)
    if item is None:
        return b'\xf6'
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, Pairs):
        return head(5, len(item)) + b''.join(cbor(key) + cbor(value) for key, value in item)
    if isinstance(item, dict):
        return cbor(Pairs(sorted(item.items(), key=lambda pair: cbor(pair[0]))))
    if isinstance(item, list):
        return head(4, len(item)) + b''.join(map(cbor, item))
    return head(6, item.number) + cbor(item.content)


# ── ECDSA over P-256 (SEC 1, SEC 2 §2.4.2, RFC 6979) ──

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def multiply(k, point, p=P):
    """k times a point of a curve with a = -3, 0 < k < its order, in Jacobian coordinates (x/z², y/z³): one inversion for all of it."""
    px, py = point
    x, y, z = px, py, 1
    for bit in bin(k)[3:]:
        delta, gamma = z * z % p, y * y % p
        beta, alpha = x * gamma % p, 3 * (x - delta) * (x + delta) % p
        x, z = (alpha * alpha - 8 * beta) % p, 2 * y * z % p
        y = (alpha * (4 * beta - x) - 8 * gamma * gamma) % p
        if bit == '1':
            zz = z * z % p
            h, r = (px * zz - x) % p, (py * z * zz - y) % p
            hh = h * h % p
            v, hhh = x * hh % p, h * hh % p
            x, z = (r * r - hhh - 2 * v) % p, z * h % p
            y = (r * (v - x) - y * hhh) % p
    inverse = pow(z, -1, p)
    return x * inverse * inverse % p, y * inverse ** 3 % p


def nonces(private, digest):
    """RFC 6979 §3.2 for HMAC-SHA-256; the digest is as long as the order."""
    seed = private.to_bytes(32, 'big') + (int.from_bytes(digest, 'big') % N).to_bytes(32, 'big')
    k, v = bytes(32), b'\x01' * 32
    for step in (b'\x00', b'\x01'):
        k = hmac.digest(k, v + step + seed, 'sha256')
        v = hmac.digest(k, v, 'sha256')
    while True:
        v = hmac.digest(k, v, 'sha256')
        yield int.from_bytes(v, 'big')
        k = hmac.digest(k, v + b'\x00', 'sha256')
        v = hmac.digest(k, v, 'sha256')


def sign(private, digest):
    """r and s, the lower one."""
    for k in nonces(private, digest):
        if 0 < k < N:
            r = multiply(k, G)[0] % N
            s = pow(k, -1, N) * (int.from_bytes(digest, 'big') + r * private) % N
            if r and s:
                return r, min(s, N - s)


def raw(r, s):
    return r.to_bytes(32, 'big') + s.to_bytes(32, 'big')


def public(private):
    x, y = multiply(private, G)
    return b'\x04' + raw(x, y)


KEY = int.from_bytes(sha256(b'veronnx receipt test key'), 'big') % N
OTHER_KEY = int.from_bytes(sha256(b'another receipt test key'), 'big') % N


# ── tree (RFC 9162 §2.1, by its recursive definition) ──

def leaf(entry):
    return sha256(b'\x00' + entry)


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b'\x01' + root(leaves[:k]) + root(leaves[k:]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return path(index, leaves[:k]) + [root(leaves[k:])]
    return path(index - k, leaves[k:]) + [root(leaves[:k])]


# ── statements ──

IN, OUT = b'descriptors of the inputs', b'descriptors of the outputs'
LONG_IN, LONG_OUT = (IN * 64)[:1024], (OUT * 64)[:1024]
NAMES = ['', 'version', 'kind', 'salt', 'image', 'keyset', 'node', 'policy', 'asked_cid', 'asked_path', 'file_cid',
         'model', 'engine', 'epoch', 'job', 'input', 'output', 'nonce', 'start', 'end', 'clock']


def digest_of(label):
    return sha256(b'veronnx vector: ' + label.encode())


def statement(job=1, **changes):
    """The fields by key. `changes` are named fields; None takes one out."""
    fields = {
        1: 1, 2: 2, 3: digest_of('salt %d' % job)[:16], 5: digest_of('keyset'), 6: digest_of('node'),
        7: digest_of('policy'), 8: b'\x12\x20' + digest_of('file'), 9: '', 10: b'\x12\x20' + digest_of('file'),
        11: digest_of('model'), 12: 'ort 1.30.0 x86_64 avx2 threads=1 random=0', 13: digest_of('epoch')[:16], 14: job,
        15: [sha256(IN), digest_of('input %d' % job)], 16: [sha256(OUT), digest_of('output %d' % job)],
        17: digest_of('nonce %d' % job), 18: 1767225600000000 + job, 19: 1767225600000900 + job, 20: 1,
    }
    for name, value in changes.items():
        fields[NAMES.index(name)] = value
    return {key: value for key, value in fields.items() if value is not None}


STATEMENTS = {
    'simulated': statement(),
    'nitro': statement(2, kind=1, image=digest_of('image'), asked_cid=b'\x01\x70\x12\x20' + digest_of('folder'),
                       asked_path='modèles/模型.onnx', file_cid=b'\x01\x55\x12\x20' + digest_of('file'), clock=2),
    'shortest': statement(0, asked_path='', engine='x', nonce=None, start=0, end=0),
    'longest': statement(2**64 - 1, image=digest_of('image'), asked_cid=bytes(range(44)), asked_path='p' * 256,
                         file_cid=bytes(range(44)), engine='e' * 256, nonce=bytes(range(64)), start=2**64 - 1,
                         end=2**64 - 1, input=[sha256(LONG_IN), digest_of('input')],
                         output=[sha256(LONG_OUT), digest_of('output')]),
}


# ── receipts ──

def protected_header(size):
    return {1: -7, 395: 1, -65537: size}


def to_be_signed(header, payload, context='Signature1', external=b''):
    return cbor([context, header, external, payload])


class Receipt:
    """The parts of one receipt; a wrong one is made by replacing a part before or after signing."""

    def __init__(self, statements, index=0, in_descriptors=IN, out_descriptors=OUT):
        self.statement = statements[index]
        self.leaves = [leaf(entry) for entry in statements]
        self.root = root(self.leaves)
        self.size, self.index = len(statements), index
        self.path = path(index, self.leaves)
        self.protected = cbor(protected_header(self.size))
        self.proof = None
        self.unprotected = None
        self.payload = None
        self.tag = 18
        self.in_descriptors, self.out_descriptors = in_descriptors, out_descriptors
        self.signature = None

    def sign(self, private=KEY, **options):
        self.signature = raw(*sign(private, sha256(to_be_signed(self.protected, self.root, **options))))
        return self

    def cose(self):
        proof = self.proof if self.proof is not None else cbor([self.size, self.index, self.path])
        unprotected = self.unprotected if self.unprotected is not None else {396: {-1: [proof]}}
        content = [self.protected, unprotected, self.payload, self.signature]
        return Tag(self.tag, content) if self.tag is not None else content

    def items(self):
        return [self.statement, self.cose(), self.in_descriptors, self.out_descriptors]

    def text(self):
        return base64url(cbor(self.items()))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def receipt_of(*entries, index=0, **options):
    return Receipt([cbor(entry) for entry in entries], index, **options).sign()


def tree_of(size, index):
    return receipt_of(*(statement(job + 1) for job in range(size)), index=index)


def good_receipts():
    for size in (1, 2, 3, 7):
        for index in range(size):
            yield 'tree-%d-leaf-%d' % (size, index), tree_of(size, index)
    yield 'nitro', receipt_of(STATEMENTS['nitro'])
    yield 'shortest', receipt_of(STATEMENTS['shortest'], in_descriptors=None, out_descriptors=None)
    crowd = [statement(job + 1) for job in range(1023)] + [STATEMENTS['longest']]
    yield 'largest', receipt_of(*crowd, index=1023, in_descriptors=LONG_IN, out_descriptors=LONG_OUT)


# ── files ──

def vectors():
    lines = ['# Vectors of docs/receipts.md, made by test/unit/receipt/make_vectors.py. Numbers are decimal, bytes are',
             '# hex, text stands as it is. The descriptors are placeholders, not those of tensors. The private key',
             '# stands here for everybody to read: never use it.',
             '', 'private-key %064x' % KEY, 'public-key ' + public(KEY).hex()]
    for name, fields in STATEMENTS.items():
        lines += ['', 'statement ' + name]
        for key in sorted(set(fields) - {1}):
            value = fields[key]
            parts = [part.hex() if isinstance(part, bytes) else str(part)
                     for part in (value if isinstance(value, list) else [value])]
            lines.append(' '.join([NAMES[key].replace('_', '-')] + parts).rstrip())
        lines += ['encoded ' + cbor(fields).hex(), 'digest ' + leaf(cbor(fields)).hex()]
    for name, receipt in good_receipts():
        lines += ['', 'receipt ' + name, 'digest ' + receipt.leaves[receipt.index].hex(), 'root ' + receipt.root.hex(),
                  'signed ' + to_be_signed(receipt.protected, receipt.root).hex(), 'value ' + receipt.text()]
    return '\n'.join(lines) + '\n'


def corpus(folder):
    """Seeds: statements, receipts as CBOR, and CBOR of all kinds."""
    good = dict(good_receipts())
    kinds = {'ints': [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, -1, -25, -2**63],
             'strings': [b'', bytes(24), 'é模\U0001f600', 'a' * 24], 'map': {1: {2: {3: []}}, 'k': None, b'k': [[], {}]},
             'tag': Tag(18, [None]), 'deep': [[[[[[[[]]]]]]]], 'too-deep': [[[[[[[[[]]]]]]]]],
             'indefinite': Raw(b'\xbf\x01\xbf\xff\x02\x80\xff'),
             'any-order': Pairs([(2, 0), (1, 0), ('a', 0), (-1, 0)])}
    seeds = {'cbor/' + name: cbor(item) for name, item in kinds.items()}
    seeds.update(('statement/' + name, cbor(fields)) for name, fields in STATEMENTS.items())
    seeds.update(('receipt/' + name, cbor(good[name].items())) for name in good if not name.startswith('tree-7'))
    seeds['receipt/as-text'] = good['tree-3-leaf-1'].text().encode()
    for name, content in seeds.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(content)


def main(command, *arguments):
    if command == 'vectors':
        sys.stdout.write(vectors())
    elif command == 'check':
        with open(arguments[0], encoding='utf-8') as file:
            sys.exit(0 if file.read() == vectors() else arguments[0] + ' is not what the specification gives')
    elif command == 'corpus':
        corpus(arguments[0])


if __name__ == '__main__':
    main(*sys.argv[1:])
