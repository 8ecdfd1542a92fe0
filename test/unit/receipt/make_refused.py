#!/usr/bin/env python3
"""Makes receipts that are wrong in exactly one way, each with the error that it must get. Wherever the signature is not
what is wrong, it is a good one over the wrong bytes.

  make_refused.py c FILE       rows of a C table: {code, what is wrong, value}
  make_refused.py json FILE    the same for everybody else
"""
import json
import sys

sys.dont_write_bytecode = True
from make_vectors import (IN, N, NAMES, OTHER_KEY, OUT, Pairs, Raw, Receipt, Tag, base64url, cbor, head, path,
                          protected_header, raw, sha256, statement)

def signed(encoded):
    """A good receipt around these bytes as its statement."""
    return Receipt([bytes(encoded)]).sign().text()


def changed(before_signing=False, statements=None, index=0, **parts):
    """A good receipt with parts replaced after (or before) signing."""
    receipt = Receipt(statements or [cbor(statement())], index)
    if not before_signing:
        receipt.sign()
    for name, value in parts.items():
        setattr(receipt, name, value)
    return (receipt.sign() if before_signing else receipt).text()


def pairs_of(fields):
    return [(key, fields[key]) for key in sorted(fields)]


def in_key(key, value):
    """The standard statement with an encoded value in the place of a key's."""
    fields = statement()
    fields[key] = Raw(value)
    return cbor(fields)


def bad_statements():
    good = statement()
    pairs = pairs_of(good)
    encoded = cbor(good)
    yield 'keys out of order', cbor(Pairs([pairs[1], pairs[0]] + pairs[2:]))
    yield 'last keys out of order', cbor(Pairs(pairs[:-2] + [pairs[-1], pairs[-2]]))
    yield 'duplicate key', cbor(Pairs(pairs[:3] + pairs[2:]))
    for key in sorted(set(good) - {17}):
        yield 'without key %d' % key, cbor({k: v for k, v in good.items() if k != key})
    for key in (0, 21, 24, -1):
        yield 'with key %d' % key, cbor({**good, key: 0})
    yield 'with a text key', cbor({**good, 'job': 1})
    yield 'key not shortest', head(5, len(pairs)) + b'\x18\x01' + encoded[2:]
    yield 'count not shortest', b'\xb8' + bytes([len(pairs)]) + encoded[1:]
    yield 'one pair more than counted', head(5, len(pairs) - 1) + encoded[1:]
    yield 'one pair fewer than counted', head(5, len(pairs) + 1) + encoded[1:]
    yield 'count of 2^63', b'\xbb\x80' + bytes(7) + encoded[1:]
    yield 'indefinite length', b'\xbf' + encoded[1:] + b'\xff'
    yield 'tagged', b'\xd9\xd9\xf7' + encoded
    yield 'in an array', b'\x81' + encoded
    yield 'followed by a byte', encoded + b'\x00'
    yield 'cut by a byte', encoded[:-1]
    yield 'empty', b''
    yield 'version 0', cbor(statement(version=0))
    yield 'version 2', cbor(statement(version=2))
    yield 'kind 0', cbor(statement(kind=0))
    yield 'kind 3', cbor(statement(kind=3))
    yield 'nitro without an image digest', cbor(statement(kind=1))
    yield 'salt of 15 bytes', cbor(statement(salt=bytes(15)))
    yield 'salt of 17 bytes', cbor(statement(salt=bytes(17)))
    yield 'salt length not shortest', in_key(3, b'\x58\x10' + bytes(16))
    yield 'salt in chunks', in_key(3, b'\x5f\x48' + bytes(8) + b'\x48' + bytes(8) + b'\xff')
    yield 'salt as text', in_key(3, b'\x70' + bytes(16))
    for name in ('image', 'keyset', 'node', 'policy', 'model'):
        yield name + ' digest of 31 bytes', cbor(statement(**{name: bytes(31)}))
        yield name + ' digest of 33 bytes', cbor(statement(**{name: bytes(33)}))
    yield 'image digest null', in_key(4, b'\xf6')
    yield 'asked CID of 33 bytes', cbor(statement(asked_cid=bytes(33)))
    yield 'asked CID of 45 bytes', cbor(statement(asked_cid=bytes(45)))
    yield 'file CID of 33 bytes', cbor(statement(file_cid=bytes(33)))
    yield 'file CID of 45 bytes', cbor(statement(file_cid=bytes(45)))
    yield 'path of 257 bytes', cbor(statement(asked_path='p' * 257))
    yield 'path as bytes', cbor(statement(asked_path=b'a'))
    for name, bytes_ in (('cut', b'a\xe2\x82'), ('overlong', b'\xc0\xaf'), ('a surrogate', b'\xed\xa0\x80'),
                         ('above U+10FFFF', b'\xf4\x90\x80\x80'), ('a lone continuation', b'\x80')):
        yield 'path is UTF-8 ' + name, in_key(9, head(3, len(bytes_)) + bytes_)
    yield 'engine empty', cbor(statement(engine=''))
    yield 'engine of 257 bytes', cbor(statement(engine='e' * 257))
    yield 'engine with a control character', cbor(statement(engine='ort\x1b[31m'))
    yield 'engine not ASCII', cbor(statement(engine='ört'))
    yield 'epoch of 15 bytes', cbor(statement(epoch=bytes(15)))
    yield 'job not shortest', in_key(14, b'\x18\x17')
    yield 'job not shortest in two bytes', in_key(14, b'\x19\x00\xff')
    yield 'job not shortest in four bytes', in_key(14, b'\x1a\x00\x00\xff\xff')
    yield 'job not shortest in eight bytes', in_key(14, b'\x1b\x00\x00\x00\x00\xff\xff\xff\xff')
    yield 'job with reserved additional information', in_key(14, b'\x1c')
    yield 'job negative', in_key(14, b'\x20')
    yield 'job as half float', in_key(14, b'\xf9\x3c\x00')
    yield 'job as float', in_key(14, b'\xfa\x3f\x80\x00\x00')
    yield 'job as double', in_key(14, b'\xfb\x3f\xf0' + bytes(6))
    yield 'job as bignum', in_key(14, b'\xc2\x41\x01')
    yield 'job false', in_key(14, b'\xf4')
    yield 'job null', in_key(14, b'\xf6')
    yield 'job undefined', in_key(14, b'\xf7')
    yield 'job a simple value', in_key(14, b'\xf8\xff')
    yield 'job a break', in_key(14, b'\xff')
    side = good[15]
    for name in ('input', 'output'):
        yield name + ' of one digest', cbor(statement(**{name: side[:1]}))
        yield name + ' of three digests', cbor(statement(**{name: side + side[:1]}))
        yield name + ' as bytes', cbor(statement(**{name: side[0]}))
        yield name + ' of 31 bytes', cbor(statement(**{name: [side[0], bytes(31)]}))
        yield name + ' as a map', cbor(statement(**{name: {1: side[0]}}))
        yield name + ' nested', cbor(statement(**{name: [side]}))
        yield name + ' of indefinite length', in_key(NAMES.index(name), b'\x9f' + cbor(side)[1:] + b'\xff')
    for length in (0, 15, 65):
        yield 'nonce of %d bytes' % length, cbor(statement(nonce=bytes(length)))
    yield 'nonce null', in_key(17, b'\xf6')
    yield 'end before start', cbor(statement(start=2, end=1))
    yield 'clock 0', cbor(statement(clock=0))
    yield 'clock 3', cbor(statement(clock=3))


def bad_envelopes():
    """COSE_Sign1 of another shape. The protected header is signed as it stands."""
    def header(*pairs):
        return changed(before_signing=True, protected=cbor(Pairs(pairs)))

    good = Receipt([cbor(statement())]).sign()
    alg, vds, size = (1, -7), (395, 1), (-65537, 1)
    yield 'not tagged', changed(tag=None)
    yield 'tag 17', changed(tag=17)
    yield 'tag 98', changed(tag=98)
    yield 'no protected tree size', header(alg, vds)
    yield 'no vds', header(alg, size)
    yield 'no alg', header(vds, size)
    yield 'protected labels out of order', header(vds, alg, size)
    yield 'protected label twice', header(alg, alg, vds, size)
    yield 'protected key id', header(alg, (4, b'key'), vds, size)
    yield 'protected critical labels', header(alg, (2, [-65537]), vds, size)
    yield 'alg ES384', header((1, -35), vds, size)
    yield 'alg EdDSA', header((1, -8), vds, size)
    yield 'vds 2', header(alg, (395, 2), size)
    yield 'signed tree size 0', header(alg, vds, (-65537, 0))
    yield 'signed tree size 1025', header(alg, vds, (-65537, 1025))
    yield 'signed tree size as text', header(alg, vds, (-65537, '1'))
    yield 'protected header followed by a byte', changed(before_signing=True, protected=good.protected + b'\x00')
    yield 'protected header empty', changed(before_signing=True, protected=b'')
    yield 'protected label not shortest', changed(before_signing=True, protected=b'\xa3\x18\x01' + good.protected[2:])
    yield 'unprotected empty', changed(unprotected={})
    yield 'unprotected key id', changed(unprotected={4: b'key', 396: {-1: [cbor([1, 0, []])]}})
    yield 'unprotected label 395', changed(unprotected={395: {-1: [cbor([1, 0, []])]}})
    yield 'consistency proof', changed(unprotected={396: {-2: [cbor([1, 0, []])]}})
    yield 'two kinds of proof', changed(unprotected={396: {-1: [cbor([1, 0, []])], -2: [b'']}})
    yield 'no proof', changed(unprotected={396: {-1: []}})
    yield 'two proofs', changed(unprotected={396: {-1: [cbor([1, 0, []])] * 2}})
    yield 'proof not in a byte string', changed(unprotected={396: {-1: [[1, 0, []]]}})
    yield 'proof not in an array', changed(unprotected={396: {-1: cbor([1, 0, []])}})
    yield 'proof empty', changed(proof=b'')
    yield 'proof followed by a byte', changed(proof=cbor([1, 0, []]) + b'\x00')
    yield 'proof of four items', changed(proof=cbor([1, 0, [], 0]))
    yield 'proof of two items', changed(proof=cbor([1, 0]))
    yield 'leaf index negative', changed(proof=cbor([1, -1, []]))
    yield 'leaf index not shortest', changed(proof=b'\x83\x01\x18\x00\x80')
    yield 'proof tree size 0', changed(proof=cbor([0, 0, []]))
    yield 'proof tree size 1025', changed(proof=cbor([1025, 0, []]))
    yield 'path as bytes', changed(proof=cbor([1, 0, b'']))
    yield 'path of 31 bytes', changed(proof=cbor([1, 0, [bytes(31)]]))
    yield 'path of indefinite length', changed(proof=b'\x83\x01\x00\x9f\xff')
    yield 'payload attached', changed(payload=good.root)
    yield 'payload empty', changed(payload=b'')
    yield 'payload undefined', changed(payload=Raw(b'\xf7'))
    yield 'signature of 63 bytes', changed(signature=good.signature[1:])
    yield 'signature of 65 bytes', changed(signature=b'\x00' + good.signature)
    yield 'signature null', changed(signature=None)
    for name, content in (('three', good.cose().content[:3]), ('five', good.cose().content + [None])):
        yield 'COSE_Sign1 of %s items' % name, base64url(cbor([good.statement, Tag(18, content), IN, OUT]))
    bare = cbor(good.cose())[1:]
    yield 'tag not shortest', base64url(cbor([good.statement, Raw(b'\xd8\x12' + bare), IN, OUT]))
    yield 'tagged twice', base64url(cbor([good.statement, Tag(18, good.cose()), IN, OUT]))
    yield 'COSE_Sign1 in a byte string', base64url(cbor([good.statement, cbor(good.cose()), IN, OUT]))


def bad_wire():
    lengths = (Receipt([cbor(statement(engine='e' * n))]).sign() for n in range(1, 4))
    good = next(receipt for receipt in lengths if len(receipt.text()) % 4 != 0)
    items = good.items()
    text = good.text()
    yield 'no text', ''
    yield 'padded', text + '=' * (-len(text) % 4)
    yield 'with a line end', text + '\n'
    yield 'with a blank', text[:40] + ' ' + text[40:]
    yield 'with a blank before', ' ' + text
    yield 'the other alphabet', text.replace('-', '+').replace('_', '/')
    yield 'one character more', text + 'A'
    yield 'one character less', text[:-1]
    letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    yield 'spare bits set', text[:-1] + letters[letters.index(text[-1]) + 1]
    yield 'followed by a byte', base64url(cbor(items) + b'\x00')
    yield 'three items', base64url(cbor(items[:3]))
    yield 'five items', base64url(cbor(items + [None]))
    yield 'indefinite length', base64url(b'\x9f' + cbor(items)[1:] + b'\xff')
    yield 'tagged', base64url(b'\xd9\xd9\xf7' + cbor(items))
    yield 'count not shortest', base64url(b'\x98\x04' + cbor(items)[1:])
    yield 'statement not in a byte string', base64url(cbor([statement()] + items[1:]))
    yield 'statement null', base64url(cbor([None] + items[1:]))
    yield 'COSE_Sign1 null', base64url(cbor([items[0], None] + items[2:]))
    yield 'descriptors as text', changed(in_descriptors=IN.decode())
    yield 'descriptors false', changed(out_descriptors=Raw(b'\xf4'))
    yield 'descriptors undefined', changed(out_descriptors=Raw(b'\xf7'))
    yield 'descriptors of 1025 bytes', changed(in_descriptors=bytes(1025))
    yield 'descriptor length not shortest', changed(in_descriptors=Raw(b'\x59\x00\x19' + IN))
    yield 'longer than any', 'A' * 8192


def bad_proofs():
    three = [cbor(statement(job + 1)) for job in range(3)]
    of = Receipt(three, 1)
    last = Receipt(three, 2)
    yield 'tree size not the signed one', changed(proof=cbor([2, 0, []]))
    first = Receipt(three, 0)
    yield 'tree size not the signed one, path fits', changed(statements=three, proof=cbor([4, 0, first.path]))
    yield 'leaf index equal to the tree size', changed(proof=cbor([1, 1, []]))
    yield 'leaf index of 2^64 - 1', changed(proof=cbor([1, 2**64 - 1, []]))
    yield 'leaf index beyond the tree', changed(statements=three, index=2, proof=cbor([3, 3, last.path]))
    yield 'path in a tree of one', changed(proof=cbor([1, 0, [bytes(32)]]))
    yield 'path too short', changed(statements=three, index=1, proof=cbor([3, 1, of.path[:1]]))
    yield 'path too long', changed(statements=three, index=1, proof=cbor([3, 1, of.path + [bytes(32)]]))
    yield 'path empty', changed(statements=three, index=1, proof=cbor([3, 1, []]))
    yield 'path too long for the last leaf', changed(statements=three, index=2, proof=cbor([3, 2, last.path * 2]))
    yield 'path of eleven', changed(proof=cbor([1, 0, [bytes(32)] * 11]))


def bad_signatures():
    good = Receipt([cbor(statement())]).sign()
    r, s = int.from_bytes(good.signature[:32], 'big'), int.from_bytes(good.signature[32:], 'big')
    seven = [cbor(statement(job + 1)) for job in range(7)]
    of = Receipt(seven, 2)
    other_statement = Receipt([cbor(statement(9))])
    yield 'the higher s', changed(signature=raw(r, N - s))
    yield 'r is 0', changed(signature=raw(0, s))
    yield 's is 0', changed(signature=raw(r, 0))
    yield 'r is the order', changed(signature=raw(N, s))
    yield 'r and s exchanged', changed(signature=raw(s, r) if r <= N // 2 else raw(s, N - r))
    yield 'all zero', changed(signature=bytes(64))
    yield 'by another key', Receipt([cbor(statement())]).sign(OTHER_KEY).text()
    yield 'of another statement', changed(signature=other_statement.sign().signature)
    yield 'context of COSE_Sign', Receipt([cbor(statement())]).sign(context='Signature').text()
    yield 'with external data', Receipt([cbor(statement())]).sign(external=b'x').text()
    yield 'path exchanged', changed(statements=seven, index=2, proof=cbor([7, 2, of.path[1:] + of.path[:1]]))
    yield 'path of the sibling', changed(statements=seven, index=2, proof=cbor([7, 2, path(3, of.leaves)]))
    yield 'index of the sibling', changed(statements=seven, index=2, proof=cbor([7, 3, of.path]))
    yield 'index of another leaf', changed(statements=seven, index=2, proof=cbor([7, 0, of.path]))
    eight = Receipt(seven + [cbor(statement(8))], 5).sign()
    eight.protected = cbor(protected_header(7))
    eight.proof = cbor([7, 5, eight.path])
    yield 'tree size changed on both sides', eight.text()
    yield 'SHA-256 without the leaf prefix', changed(before_signing=True, root=sha256(cbor(statement())))


def bad_descriptors():
    yield 'other input descriptors', changed(in_descriptors=b'others')
    yield 'other output descriptors', changed(out_descriptors=b'others')
    yield 'descriptors exchanged', changed(in_descriptors=OUT, out_descriptors=IN)
    yield 'input descriptors empty', changed(in_descriptors=b'')


def refused():
    for name, encoded in bad_statements():
        yield 'MALFORMED', 'statement: ' + name, signed(encoded)
    for code, prefix, rows in (('MALFORMED', 'COSE_Sign1: ', bad_envelopes()), ('MALFORMED', 'wire form: ', bad_wire()),
                               ('PROOF', 'proof: ', bad_proofs()), ('SIGNATURE', 'signature: ', bad_signatures()),
                               ('MISMATCH', '', bad_descriptors())):
        for name, text in rows:
            yield code, prefix + name, text


def main(form, file_name):
    rows = list(refused())
    with open(file_name, 'w', encoding='ascii') as out:
        if form == 'json':
            json.dump([{'code': 'RECEIPT_' + code, 'wrong': name, 'value': text} for code, name, text in rows], out)
        else:
            for code, name, text in rows:
                out.write('{ERR_RECEIPT_%s, "%s",\n %s},\n' % (code, name, json.dumps(text)))


if __name__ == '__main__':
    main(*sys.argv[1:])
