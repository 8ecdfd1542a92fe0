#!/usr/bin/env python3
"""`veronnx cat --car` on the archives of other implementations and on hostile ones: the verdict and the bytes that their manifests
and their makers state, and for every node of the honest archives what a second, simple-minded reader finds in it."""
import base64
import codecs
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from node import BIN, ROOT, check, equal, veronnx

VECTORS = pathlib.Path(os.environ.get("VERONNX_VECTORS", ROOT.parent / "shared/vectors")) / "ipfs"
if not VECTORS.is_dir():
    print(f"skipped: there are no vectors in {VECTORS}")
    sys.exit(77)

MULTIBLOCK = "998785f13287a9aabc2d7048e4c2905d502ff13ef40f2d135f163b5a762701c5"
HELLO = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447"
ASCII = "aa033cd9700e72cdbb1071e533196d5587bcfe3c824473ec6aab8b4cb07b4cbb"
DIR = "bafybeihchr7vmgjaasntayyatmp5sv6xza57iy2h4xj7g46bpjij6yhrmy"
MIXED, HAMT = "bafybeidh6k2vzukelqtrjsmd4p52cpmltd2ufqrdtdg6yigi73in672fwu", "bafybeidbclfqleg2uojchspzd4bob56dqetqjsj27gy2cq3klkkgxtpn4i"
TWO, SYMLINK = "bafybeietjm63oynimmv5yyqay33nui4y4wx6u3peezwetxgiwvfmelutzu", "QmWvY6FaqFMS89YAQ9NAPjVP4WZKA1qbHbicc9HeSKQTgt"
BOXO, SIMPLE = "bafybeid3fd2xxdcd3dbj7trb433h2aqssn6xovjbwnkargjv7fuog4xjdi", "QmPLPpnptHc1DMhJAWNYMTqBTqqRQNy5WsY7F9pZgsBfMT"
GATEWAY = "gateway-conformance/trustless_gateway_car__"

# archive, what is asked for, the SHA-256 of the file or the code
STATED = [
    ("gateway-conformance/path_gateway_unixfs__dir-with-files.car", f"{DIR}/hello.txt", HELLO),
    ("gateway-conformance/path_gateway_unixfs__dir-with-files.car", "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4", HELLO),
    ("gateway-conformance/path_gateway_unixfs__dir-with-files.car", f"{DIR}/ascii.txt", ASCII),
    ("gateway-conformance/path_gateway_unixfs__dir-with-files.car", f"{DIR}/ascii-copy.txt", ASCII),
    ("gateway-conformance/path_gateway_unixfs__dir-with-files.car", f"{DIR}/multiblock.txt", MULTIBLOCK),
    ("gateway-conformance/path_gateway_unixfs__dir-with-files.car", DIR, "MODEL_IS_DIRECTORY"),
    ("gateway-conformance/path_gateway_unixfs__dir-with-files.car", f"{DIR}/hello", "MODEL_PATH_NOT_FOUND"),
    ("gateway-conformance/path_gateway_unixfs__dir-with-files.car", f"{DIR}/hello.txt/more", "MODEL_PATH_NOT_FOUND"),
    (f"{GATEWAY}dir-with-duplicate-files.car", f"{DIR}/multiblock.txt", MULTIBLOCK),
    (f"{GATEWAY}subdir-with-mixed-block-files.car", f"{MIXED}/subdir/multiblock.txt", MULTIBLOCK),
    (f"{GATEWAY}subdir-with-two-single-block-files.car", f"{TWO}/subdir/hello.txt", HELLO),
    (f"{GATEWAY}single-layer-hamt-with-multi-block-files.car", f"{HAMT}/470.txt", "MODEL_IS_HAMT"),
    (f"{GATEWAY}single-layer-hamt-with-multi-block-files.car", HAMT, "MODEL_IS_HAMT"),
    (f"{GATEWAY}single-layer-hamt-with-multi-block-files.car", "bafybeigcisqd7m5nf3qmuvjdbakl5bdnh4ocrmacaqkpuh77qjvggmt2sa", MULTIBLOCK),
    (f"{GATEWAY}file-3k-and-3-blocks-missing-block.car", "QmYhmPjhFjYFyaoiuNzYv8WGavpSRDwdHWe5B4M5du5Rtk", "MODEL_INCOMPLETE"),
    (f"{GATEWAY}dir-with-dag-cbor-with-links.car", "bafybeia264q44a3kmfc2otctzu4egp2k235o3t7mslz2yjraymp4nv6asi/document",
     "CID_UNSUPPORTED"),
    ("gateway-conformance/gateway-raw-block.car", "bafkreihhpc5y2pqvl5rbe5uuyhqjouybfs3rvlmisccgzue2kkt5zq6upq",
     "e778bb8d3e155f62127694c1e09753012cb71aad8890846cd09a52a7dcc3d47c"),
    ("gateway-conformance/path_gateway_unixfs__symlink.car", f"{SYMLINK}/foo",
     "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53"),
    ("gateway-conformance/path_gateway_unixfs__symlink.car", f"{SYMLINK}/bar", "MODEL_NOT_A_FILE"),
    ("gateway-conformance/path_gateway_tar__outside-root.car", "bafybeicaj7kvxpcv4neaqzwhrqqmdstu4dhrwfpknrgebq6nzcecfucvyu",
     "MODEL_IS_DIRECTORY"),
    ("gateway-conformance/path_gateway_tar__inside-root.car", "bafybeibfevfxlvxp5vxobr5oapczpf7resxnleb7tkqmdorc4gl5cdva3y",
     "MODEL_IS_DIRECTORY"),
    ("gateway-conformance/tooling-issue-54.car", "QmZgfvZtoFdbJy4JmpPHc1NCXyA7Snim2L8e6zKspiUzhu",
     "5ecf8d2cc410094e8b82dd0bc178a57f3aa1e80916689beb00fe56148b1b1256"),
    ("boxo/directory-with-multilayer-hamt-and-multiblock-files.car", "bafybeid3trcauvcp7fxaai23gkz3qexmlfxnnejgwm57hdvre472dafvha",
     "10489893b0bb1b5f44e2947527dafa2906e993bd01f90f0cc31d4775705f2e9b"),
    ("boxo/directory-with-multilayer-hamt-and-multiblock-files.car", "bafkreih2grj7p2bo5yk2guqazxfjzapv6hpm3mwrinv6s3cyayd72ke5he",
     "fa3453f7e82eee15a35200cdca9c81f5f1decdb2d1436be96c580607fd289d39"),
    ("boxo/directory-with-multilayer-hamt-and-multiblock-files.car", f"{BOXO}/hamtDir/exampleB", "MODEL_IS_HAMT"),
    ("boxo/test.car", "bafybeigmlfksb374fdkxih4urny2yiyazyra2375y2e4a72b3jcrnthnau",
     "63f5f998733beb0a2583b35a319db8bd141f2673953135e05db0670175008010"),
    ("boxo/unixfs-dir-with-mode-mtime.car", "bafybeifup24mfbx6iv4xo7k664gzlezzurdnyb36pogxulrb7ed23cxtym", "MODEL_IS_DIRECTORY"),
    ("kubo/TestGatewayHAMTDirectory.car", "bafybeig3yoibxe56aolixqa4zk55gp5sug3qgaztkakpndzk2b2ynobd4i", "MODEL_IS_DIRECTORY"),
    ("kubo/partial-dag-scope-entity.car", "QmPDC11yLAbVw3dX5jMeEuSdk4BiVjSd9X87zaYRdVjzW3", "MODEL_IS_DIRECTORY"),
    ("go-car/simple-unixfs.car", f"{SIMPLE}/a/1/A.txt", "d4e8d89ca95175e47c5f46e1d98a8fe651b64965f8599ebaba643eb9f83c4a04"),
    ("go-car/simple-unixfs.car", "QmTsoR2uVZyntFTWdm11YjFKafPr37kpGhH4m4o4bLGxdF",
     "d4e8d89ca95175e47c5f46e1d98a8fe651b64965f8599ebaba643eb9f83c4a04"),
    ("go-car/simple-unixfs-missing-blocks.car", f"{SIMPLE}/b/5/E.txt", "MODEL_NOT_FOUND"),
    ("go-car/wikipedia-cryptographic-hash-function.car", "bafybeiaysi4s6lnjev27ln5icwm6tueaw2vdykrtjkwiphwekaywqhcjze", "MODEL_IS_HAMT"),
]
# What a strict reader of whole archives says of them.
REFUSED = {"badheaderlength": "CAR_MALFORMED", "badsectionlength": "BLOCK_TOO_LARGE", "sample-corrupt-pragma": "CAR_TRUNCATED",
           "sample-rootless-v42": "CAR_VERSION", "sample-unixfs-v2": "CAR_VERSION", "sample-v1-tailing-corrupt-section": "CID_UNSUPPORTED",
           "sample-v1-with-zero-len-section2": "CID_UNSUPPORTED", "sample-v1": "CID_UNSUPPORTED", "sample-v1-noidentity": "CID_UNSUPPORTED"}
# Where a manifest leaves it to the reader. Of what needs no more than a hash and a strict reader: yes.
POLICY = {"car-extra-block.car": True, "car-trailing-garbage.car": True, "dups-n.car": True, "ufs-type-dup.car": False,
          "ufs-packed-blocksizes.car": False, "ufs-unknown-field.car": False, "cid-identity-dagpb.car": False, "cid-sha512.car": False}


def cat(car, cid):
    """The SHA-256 of what came out, or the code."""
    done = subprocess.run([BIN / "veronnx", "cat", "--car", car, "--cid", cid], capture_output=True)
    words = done.stderr.decode().split(": ")
    if done.returncode == 0:
        equal(done.stderr, b"", f"{car} {cid}: standard error")
        return hashlib.sha256(done.stdout).hexdigest()
    equal((done.returncode, len(words) >= 3, words[0]), (1, True, "veronnx cat"), f"{car} {cid}: {done.stderr}")
    return words[1]


# ── a reader that believes everything ──

def varint(b, at):
    n = shift = 0
    while True:
        n, at, shift = n | (b[at] & 127) << shift, at + 1, shift + 7
        if b[at - 1] < 128:
            return n, at


def fields(b):
    at = 0
    while at < len(b):
        tag, at = varint(b, at)
        number, at = varint(b, at)
        if tag & 7 == 2:
            yield tag >> 3, b[at:at + number]
            at += number
        else:
            yield tag >> 3, number


def split_cid(b):
    if b[:2] == b"\x12\x20":
        return b[:34]
    _, at = varint(b, 0)
    _, at = varint(b, at)
    _, at = varint(b, at)
    size, at = varint(b, at)
    return b[:at + size]


def text(cid):
    if cid[0] == 1:
        return "b" + base64.b32encode(cid).decode().rstrip("=").lower()
    number, digits = int.from_bytes(cid, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + digits
    return digits


def blocks_of(car):
    size, at = varint(car, 0)
    at, blocks = at + size, {}
    while at < len(car):
        size, at = varint(car, at)
        cid = split_cid(car[at:at + size])
        blocks[cid] = car[at + len(cid):at + size]
        at += size
    return blocks


def content(blocks, cid):
    """The bytes of the file, or None when it is none or not all there."""
    if cid[:2] == b"\x01\x55" and cid[2] == 0:
        return cid[4:]
    if cid not in blocks or cid[:2] not in (b"\x01\x55", b"\x01\x70", b"\x12\x20"):
        return None
    if cid[:2] == b"\x01\x55":
        return blocks[cid]
    node = list(fields(blocks[cid]))
    message = dict(fields(b"".join(value for number, value in node if number == 1)))
    if message.get(1) not in (0, 2):
        return None
    parts = [content(blocks, dict(fields(value))[1]) for number, value in node if number == 2]
    return None if None in parts else message.get(2, b"") + b"".join(parts)


def every_node(car):
    blocks, files = blocks_of(car.read_bytes()), 0
    raw = [cid for cid in blocks if cid[:2] == b"\x01\x55"][:4]
    for cid in raw + [cid for cid in blocks if cid[:2] in (b"\x01\x70", b"\x12\x20")]:
        expected, got = content(blocks, cid), cat(car, text(cid))
        if expected is None:
            check(re.fullmatch("(MODEL|CID|DAG)_[A-Z_]+", got), f"{car} {text(cid)}: {got} is no reason to refuse it")
        else:
            equal(got, hashlib.sha256(expected).hexdigest(), f"{car} {text(cid)}")
            files += 1
    return files


# ── all of them ──

for row in json.loads((VECTORS / "own-adversarial/manifest.json").read_text()):
    accept = {"accept": True, "reject": False}.get(row["expect"], POLICY.get(row["file"]))
    got = cat(VECTORS / "own-adversarial" / row["file"], row["request_cid"])
    equal(got == row.get("sha256"), accept, f"{row['file']} ({row['why']}): {got}")
    if row["file"].startswith("root-hamt"):
        check(got in ("MODEL_IS_HAMT", "DAG_MALFORMED"), f"{row['file']}: {got}")

for row in json.loads((VECTORS / "own-js/expected.json").read_text()):
    cars = list((VECTORS / "own-js").glob(f"{row['name']}.dfs-dups-*.car"))
    check(cars, f"archives of {row['name']}")
    for car in cars:
        equal(cat(car, row["root"]), row["sha256"], car.name)

for car, cid, expected in STATED:
    equal(cat(VECTORS / car, cid), expected, f"{car} {cid}")

honest = [car for folder in ("gateway-conformance", "boxo", "kubo") for car in sorted((VECTORS / folder).glob("*.car"))]
files = sum(every_node(car) for car in honest + [VECTORS / "go-car/simple-unixfs.car", VECTORS / "go-car/simple-unixfs-missing-blocks.car"])
check(files > 90, f"only {files} files in the honest archives")

with tempfile.TemporaryDirectory() as folder:
    where = pathlib.Path(folder)
    for fixture in sorted((VECTORS / "codec-fixtures-dagpb").glob("*.dag-pb")):  # nodes, none of which is a whole file
        cid = fixture.stem.split("__")[1]
        section = base64.b32decode(cid[1:].upper() + "=" * (-len(cid[1:]) % 8)) + fixture.read_bytes()
        size = bytes([len(section)]) if len(section) < 128 else bytes([len(section) & 127 | 128, len(section) >> 7])
        car = where / f"{fixture.stem}.car"
        car.write_bytes(b"\x11\xa2\x65roots\x80\x67version\x01" + size + section)
        check(cat(car, cid) in ("DAG_MALFORMED", "MODEL_IS_DIRECTORY", "MODEL_INCOMPLETE"), f"{fixture.stem}: {cat(car, cid)}")
        equal(veronnx("import", "--store", where / "store", car).returncode, 0, f"import of {fixture.stem}")
    for name, code in REFUSED.items():
        done = veronnx("import", "--store", where / "store", VECTORS / f"go-car/{name}.car")
        check(done.returncode == 1 and done.stderr.startswith(f"veronnx import: {code}"), f"{name}: {done.returncode} {done.stderr}")
    for corpus in sorted((VECTORS / "go-car").glob("fuzz__*")):
        literal = re.search(rb'\[\]byte\("(.*)"\)', corpus.read_bytes(), re.DOTALL).group(1)
        (where / "fuzz.car").write_bytes(codecs.escape_decode(literal)[0])
        done = veronnx("import", "--store", where / "store", where / "fuzz.car")
        check(done.returncode in (0, 1), f"{corpus.name}: {done.returncode} {done.stderr}")
        check(cat(where / "fuzz.car", DIR) not in (HELLO, MULTIBLOCK), corpus.name)
    for car in honest:  # what is imported and exported again holds the same blocks
        done = veronnx("import", "--store", where / "store", car)
        if done.returncode != 0:
            check("CID_UNSUPPORTED" in done.stderr, f"import of {car.name}: {done.stderr}")
            continue
        blocks = blocks_of(car.read_bytes())
        equal(done.stdout.splitlines()[-1].split()[0::2], ["blocks", "bytes"], f"{car.name}: {done.stdout}")
        for root in (line.split()[1] for line in done.stdout.splitlines() if line.startswith("root ")):
            again = veronnx("export", root, "--store", where / "store", "-o", where / "again.car")
            if again.returncode == 0:
                check(blocks_of((where / "again.car").read_bytes()).items() <= blocks.items(), f"{car.name} {root}: other blocks")
