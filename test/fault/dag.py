"""UnixFS files as blocks, CIDs and CARs, made from the formats' descriptions: shares nothing with the code under test.

Sources: multiformats/cid, ipld/specs dag-pb, ipfs/specs unixfs, ipld/specs carv1."""
import base64
import hashlib

CHUNK, LINKS = 256 * 1024, 174  # as `ipfs add`
RAW, DAG_PB = 0x55, 0x70
DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(tag, data):
    return bytes([tag]) + varint(len(data)) + data


# ── CIDs ──

def base58(data):
    n, text = int.from_bytes(data, "big"), ""
    while n:
        n, digit = divmod(n, 58)
        text = DIGITS[digit] + text
    return text


def cid_bytes(version, codec, block):
    multihash = b"\x12\x20" + hashlib.sha256(block).digest()
    return multihash if version == 0 else bytes([1, codec]) + multihash


def cid_text(cid):
    return base58(cid) if len(cid) == 34 else "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def cid_parse(text):
    """The bytes of a CID that cid_text would write so. ValueError: it is none of those."""
    if text.startswith("Qm"):
        n = 0
        for c in text:
            n = n * 58 + DIGITS.index(c)
        cid = n.to_bytes(34, "big")
    else:
        cid = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
    if cid_text(cid) != text:
        raise ValueError("another spelling")
    return cid


# ── files ──

class Subtree:
    """A block and what it says of all below it: bytes of the file, bytes of all blocks."""

    def __init__(self, version, codec, block, size, below=0):
        self.cid, self.block, self.size, self.total = cid_bytes(version, codec, block), block, size, len(block) + below


def leaf(version, data):
    if version == 1:
        return Subtree(1, RAW, data, len(data))
    message = b"\x08\x02" + (field(0x12, data) if data else b"") + b"\x18" + varint(len(data))
    return Subtree(0, DAG_PB, field(0x0A, message), len(data))


def parent(version, children):
    links = b"".join(field(0x12, field(0x0A, c.cid) + b"\x12\x00" + b"\x18" + varint(c.total)) for c in children)
    size = sum(c.size for c in children)
    message = b"\x08\x02\x18" + varint(size) + b"".join(b"\x20" + varint(c.size) for c in children)
    return Subtree(version, DAG_PB, links + field(0x0A, message), size, sum(c.total for c in children))


def build(version, data, chunk=CHUNK, links=LINKS, keep=None):
    """The CID of a file, balanced; version 0: dag-pb leaves, 1: raw ones. `keep` gets every subtree, the leaves first."""
    def made(subtree):
        if keep is not None:
            keep.append(subtree)
        else:
            subtree.block = None
        return subtree

    level = [made(leaf(version, data[i:i + chunk])) for i in range(0, max(len(data), 1), chunk)]
    while len(level) > 1:
        level = [made(parent(version, level[i:i + links])) for i in range(0, len(level), links)]
    return level[0].cid


class Dag:
    """A file as its blocks by their CID, the root first."""

    def __init__(self, data, version=1, chunk=CHUNK, links=LINKS):
        subtrees = []
        self.data, self.root = data, build(version, data, chunk, links, subtrees)
        self.blocks = {s.cid: s.block for s in reversed(subtrees)}
        self.text = cid_text(self.root)

    def car(self):
        """CARv1 of all blocks in the order of a depth-first walk, each once."""
        return car_header(self.root) + b"".join(section(cid, self.blocks[cid]) for cid in walk(self.root, self.blocks))


def pb_fields(data):
    """(tag, value) of each field of a protobuf message that has numbers and bytes only."""
    at = 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return n

    while at < len(data):
        tag = number()
        value = number()
        if tag & 7 == 2:
            at += value
            value = data[at - value:at]
        yield tag, value


def node(block):
    """(CIDs of the children, content) of a dag-pb block."""
    children, content = [], b""
    for tag, value in pb_fields(block):
        if tag == 0x12:
            children.append(dict(pb_fields(value))[0x0A])
        else:
            content = dict(pb_fields(value)).get(0x12, b"")
    return children, content


def walk(root, blocks):
    """The CIDs below a root, depth first, each once."""
    seen, todo = {}, [root]
    while todo:
        cid = todo.pop()
        if cid in seen:
            continue
        seen[cid] = True
        if len(cid) == 34 or cid[1] == DAG_PB:
            todo += reversed(node(blocks[cid])[0])
    return list(seen)


# ── CARv1 ──

def car_header(root):
    header = b"\xa2\x65roots\x81\xd8\x2a\x58" + bytes([len(root) + 1]) + b"\x00" + root + b"\x67version\x01"
    return varint(len(header)) + header


def section(cid, block):
    return varint(len(cid) + len(block)) + cid + block
