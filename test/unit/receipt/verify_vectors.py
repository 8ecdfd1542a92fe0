#!/usr/bin/env python3
"""A second implementation of docs/receipts.md, "Verification", written from that text: verifies the vectors, refuses
the wrong receipts with the right codes, and verifies what the C code has just signed.

  verify_vectors.py VECTORS REFUSED.json PROGRAM

PROGRAM prints "key HEX" and then receipts, one a line. Exit status 77: python3-cryptography is missing.
"""
import base64
import hashlib
import json
import os
import re
import subprocess
import sys

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils
except ImportError:
    print('skipped: python3-cryptography is missing')
    sys.exit(77)

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Refused(Exception):
    pass


def check(condition, code='RECEIPT_MALFORMED'):
    if not condition:
        raise Refused(code)


# ── CBOR: strict deterministic decoding of the types that receipts use ──

class Tagged:
    def __init__(self, number, content):
        self.number, self.content = number, content


class Decoder:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        check(n <= len(self.data) - self.at)
        self.at += n
        return self.data[self.at - n:self.at]

    def head(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        check(info < 28 and major != 7)
        size = 1 << (info - 24)
        n = int.from_bytes(self.take(size), 'big')
        check(n >= (24 if size == 1 else 1 << 4 * size))
        return major, n

    def item(self, depth=0):
        major, n = self.head()
        check(depth < 8 or major not in (4, 5))
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            try:
                return self.take(n).decode('utf-8')
            except UnicodeDecodeError:
                raise Refused('RECEIPT_MALFORMED')
        if major == 4:
            check(n <= len(self.data))
            return [self.item(depth + 1) for _ in range(n)]
        if major == 5:
            return self.map(n, depth + 1)
        if major == 6:
            return Tagged(n, self.item(depth))
        check(n == 22)
        return None

    def map(self, n, depth):
        result, last = {}, b''
        check(n <= len(self.data))
        for _ in range(n):
            start = self.at
            key = self.item(depth)
            check(isinstance(key, (int, str, bytes)) and last < self.data[start:self.at])
            last = self.data[start:self.at]
            result[key] = self.item(depth)
        return result


def decode(data):
    decoder = Decoder(data)
    item = decoder.item()
    check(decoder.at == len(data))
    return item


def head(major, n):
    return bytes([major << 5 | n]) if n < 24 else bytes([major << 5 | 24, n])  # enough for Sig_structure


# ── the statement ──

def is_bytes(low, high=None):
    return lambda value: isinstance(value, bytes) and low <= len(value) <= (high or low)


def is_uint(low, high):
    return lambda value: type(value) is int and low <= value <= high


def is_text(low, high, pattern=''):
    return lambda value: (isinstance(value, str) and low <= len(value.encode()) <= high
                          and re.search(pattern, value) is not None)


def is_side(value):
    return isinstance(value, list) and len(value) == 2 and all(map(is_bytes(32), value))


FIELDS = {
    1: is_uint(1, 1), 2: is_uint(1, 2), 3: is_bytes(16), 4: is_bytes(32), 5: is_bytes(32), 6: is_bytes(32),
    7: is_bytes(32), 8: is_bytes(34, 44), 9: is_text(0, 256), 10: is_bytes(34, 44), 11: is_bytes(32),
    12: is_text(1, 256, r'\A[ -~]+\Z'), 13: is_bytes(16), 14: is_uint(0, 2**64 - 1), 15: is_side, 16: is_side,
    17: is_bytes(16, 64), 18: is_uint(0, 2**64 - 1), 19: is_uint(0, 2**64 - 1), 20: is_uint(1, 2),
}


def read_statement(data):
    statement = decode(data)
    check(isinstance(statement, dict) and set(statement) <= set(FIELDS))
    check(set(FIELDS) - set(statement) <= ({17} if statement.get(2) == 1 else {4, 17}))
    check(all(FIELDS[key](value) for key, value in statement.items()))
    check(statement[19] >= statement[18])
    return statement


# ── the proof ──

def sha256(data):
    return hashlib.sha256(data).digest()


def climb(leaf, index, size, path):
    """RFC 9162 §2.1.3.2, step by step."""
    check(index < size, 'RECEIPT_PROOF')
    fn, sn, r = index, size - 1, leaf
    for p in path:
        check(sn != 0, 'RECEIPT_PROOF')
        if fn & 1 or fn == sn:
            r = sha256(b'\x01' + p + r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b'\x01' + r + p)
        fn, sn = fn >> 1, sn >> 1
    check(sn == 0, 'RECEIPT_PROOF')
    return r


def read_proof(sign1):
    """(protected header as it stands, tree size, leaf index, path, signature)"""
    check(isinstance(sign1, Tagged) and sign1.number == 18)
    check(isinstance(sign1.content, list) and len(sign1.content) == 4)
    protected, unprotected, payload, signature = sign1.content
    check(isinstance(protected, bytes) and is_bytes(64)(signature) and payload is None)
    header = decode(protected)
    check(isinstance(header, dict) and list(header) == [1, 395, -65537])
    check(header[1] == -7 and header[395] == 1 and is_uint(1, 1024)(header[-65537]))
    check(isinstance(unprotected, dict) and list(unprotected) == [396])
    check(isinstance(unprotected[396], dict) and list(unprotected[396]) == [-1])
    proofs = unprotected[396][-1]
    check(isinstance(proofs, list) and len(proofs) == 1 and isinstance(proofs[0], bytes))
    proof = decode(proofs[0])
    check(isinstance(proof, list) and len(proof) == 3)
    size, index, path = proof
    check(is_uint(1, 1024)(size) and is_uint(0, 2**64 - 1)(index) and isinstance(path, list))
    check(all(map(is_bytes(32), path)))
    check(size == header[-65537] and len(path) <= 10, 'RECEIPT_PROOF')
    return protected, size, index, path, signature


def verify_signature(key, protected, root, signature):
    r, s = int.from_bytes(signature[:32], 'big'), int.from_bytes(signature[32:], 'big')
    check(0 < r < ORDER and 0 < s <= ORDER // 2, 'RECEIPT_SIGNATURE')
    signed = (b'\x84' + head(3, 10) + b'Signature1' + head(2, len(protected)) + protected + head(2, 0)
              + head(2, 32) + root)
    try:
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Refused('RECEIPT_SIGNATURE')
    return signed


# ── a receipt ──

def read_base64url(text):
    check(re.fullmatch(r'[A-Za-z0-9_-]*', text) and not text.endswith('\n') and len(text) % 4 != 1)
    data = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    check(base64.urlsafe_b64encode(data).rstrip(b'=').decode() == text)
    return data


def verify(text, key):
    """(statement, receipt digest, root, signed text)"""
    parts = decode(read_base64url(text))
    check(isinstance(parts, list) and len(parts) == 4 and isinstance(parts[0], bytes))
    for descriptors in parts[2:]:
        check(descriptors is None or is_bytes(0, 1024)(descriptors))
    statement = read_statement(parts[0])
    protected, size, index, path, signature = read_proof(parts[1])
    digest = sha256(b'\x00' + parts[0])
    root = climb(digest, index, size, path)
    signed = verify_signature(key, protected, root, signature)
    for descriptors, side in ((parts[2], statement[15]), (parts[3], statement[16])):
        check(descriptors is None or sha256(descriptors) == side[0], 'RECEIPT_MISMATCH')
    return statement, digest, root, signed


def key_of(point):
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(point))


def verify_file(name):
    """The vectors: blocks of lines "name value", apart by empty lines."""
    with open(name, encoding='utf-8') as file:
        blocks = [[line.split(' ', 1) for line in block.split('\n') if line and not line.startswith('#')]
                  for block in file.read().split('\n\n')]
    key = key_of(dict(blocks[1])['public-key'])
    count = 0
    for block in blocks[2:]:
        fields = {line[0]: line[1] if len(line) > 1 else '' for line in block}
        if 'encoded' in fields:
            encoded = bytes.fromhex(fields['encoded'])
            statement = read_statement(encoded)
            assert sha256(b'\x00' + encoded).hex() == fields['digest'], fields
            assert statement[9] == fields['asked-path'] and statement[12] == fields['engine'], fields
        else:
            _, digest, root, signed = verify(fields['value'], key)
            assert [digest.hex(), root.hex(), signed.hex()] == [fields[n] for n in ('digest', 'root', 'signed')], fields
        count += 1
    return key, count


def check_example(page, vectors):
    """The page takes one vector apart, line by line: hex, then a remark behind "#"."""
    with open(page, encoding='utf-8') as file:
        name, lines = re.search(r'<!-- example: (.+) -->\n```\n(.*?)```', file.read(), re.S).groups()
    with open(vectors, encoding='utf-8') as file:
        value = re.search(r'^receipt %s$.*?^value (.+?)$' % re.escape(name), file.read(), re.S | re.M).group(1)
    assert bytes.fromhex(re.sub('#.*', '', lines)) == read_base64url(value), 'the example is not the vector'


def refuse_file(name, key):
    with open(name, encoding='utf-8') as file:
        rows = json.load(file)
    for row in rows:
        try:
            verify(row['value'], key)
            sys.exit('accepted: ' + row['wrong'])
        except Refused as refused:
            if str(refused) != row['code']:
                sys.exit('%s: %s instead of %s' % (row['wrong'], refused, row['code']))
    return len(rows)


def verify_program(program):
    first, *texts = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    key = key_of(first.split(' ')[1])
    for text in texts:
        verify(text, key)
    return len(texts)


def main(vectors, refused, program):
    key, good = verify_file(vectors)
    check_example(os.path.join(os.path.dirname(vectors), 'receipts.md'), vectors)
    bad = refuse_file(refused, key)
    fresh = verify_program(program)
    print('%d vectors, %d refused, %d fresh receipts' % (good, bad, fresh))
    sys.exit(0 if good > 0 and bad > 0 and fresh > 0 else 1)


if __name__ == '__main__':
    main(*sys.argv[1:])
