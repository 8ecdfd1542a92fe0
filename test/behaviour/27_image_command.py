#!/usr/bin/env python3
"""`veronnx image`: what it builds is, byte for byte, what this script builds from the same inputs, and its registers likewise."""
import hashlib
import json
import os
import pathlib
import resource
import stat
import struct
import tempfile
import zlib

from kernel import RELEASE, bzimage
from node import check, equal, said, veronnx

CMDLINE = "console=ttyS0 panic=1 reboot=k"


def entry(ino, name, mode, data=b"", nlink=1, device=(0, 0)):
    name = name.encode() + b"\0"
    numbers = (ino, mode, 0, 0, nlink, 0, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % n for n in numbers) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def ramdisk(entries):
    body = b"".join(entry(ino, name, *rest) for ino, (name, *rest) in enumerate(entries, 1))
    return body + entry(0, "TRAILER!!!", 0)


def metadata(custom="null"):
    version = veronnx("version").stdout.split()[1]
    return (f'{{"ImageName":"veronnx","ImageVersion":"{version}","BuildMetadata":{{"BuildTime":"1970-01-01T00:00:00+00:00",'
            f'"BuildTool":"veronnx image","BuildToolVersion":"{version}","OperatingSystem":"Linux","KernelVersion":"{RELEASE}"}},'
            f'"DockerInfo":null,"CustomMetadata":{custom}}}').encode()


def eif(sections, flags=0, version=4, gap=b""):
    """Sections as (type, data), one behind the other."""
    body, offsets, sizes = b"", [], []
    for kind, data in sections:
        body += gap if offsets else b""
        offsets.append(548 + len(body))
        sizes.append(len(data))
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
    pad = [0] * (32 - len(sections))
    head = struct.pack(">4sHHQQHH32Q32QI", b".eif", version, flags, 1 << 30, 2, 0, len(sections), *offsets, *pad, *sizes, *pad, 0)
    return head + struct.pack(">I", zlib.crc32(head + body)) + body


def pcr(*parts):
    return hashlib.sha384(bytes(48) + hashlib.sha384(b"".join(parts)).digest()).hexdigest()


def measurements(text):
    return json.loads(text)["Measurements"]


def make_tree(root, order):
    """The same tree, made in another order, with other times and modes."""
    (root / "usr/bin").mkdir(parents=True)
    files = [("usr/bin/node", b"\x7fELF" + bytes(70001), True), ("etc", None, False), ("a-b", b"x", False), ("a/b", b"in a", False),
             ("empty", b"", False)]
    for name, data, executable in files[::order]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(data)
            path.chmod(0o700 if executable and order < 0 else 0o775 if executable else 0o600 if order < 0 else 0o664)
            os.utime(path, (order * 1000 + 5000, order * 1000 + 5000))
    (root / "sbin").symlink_to("usr/bin")


def shows(done, *words):
    for word in words:
        check(word in done.stdout, f"{done.args[1:]}: {word!r} does not stand in: {done.stdout}")


D, F, X, L = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777
INIT = b"\x7fELF init"
RAMDISK0 = ramdisk([("dev", D, b"", 2), ("dev/console", stat.S_IFCHR | 0o600, b"", 1, (5, 1)), ("init", X, INIT)])
RAMDISK1 = ramdisk([("a", D, b"", 2), ("a/b", F, b"in a"), ("a-b", F, b"x"), ("empty", F), ("etc", D, b"", 2), ("sbin", L, b"usr/bin"),
                    ("usr", D, b"", 2), ("usr/bin", D, b"", 2), ("usr/bin/node", X, b"\x7fELF" + bytes(70001))])
KERNEL = bzimage()
WHOLE = eif([(1, KERNEL), (2, CMDLINE.encode()), (5, metadata()), (3, RAMDISK0), (3, RAMDISK1)])

with tempfile.TemporaryDirectory() as folder:
    where = pathlib.Path(folder)
    image = where / "image.eif"
    built = {}
    for name, order, umask in (("one", 1, 0o022), ("another/deeper", -1, 0o077)):
        here = where / name
        (here / "root").mkdir(parents=True)
        make_tree(here / "root", order)
        (here / "kernel").write_bytes(KERNEL)
        (here / "init").write_bytes(INIT)
        (here / "init").chmod(0o755 if order > 0 else 0o700)
        before = os.umask(umask)
        built[name] = veronnx("image", "build", "--kernel", here / "kernel", "--cmdline", CMDLINE, "--init", here / "init",
                              "--root", here / "root", "--out", here / "image.eif")
        os.umask(before)
        equal((built[name].returncode, built[name].stderr), (0, ""), f"build in {name}")
        equal((here / "image.eif").read_bytes() == WHOLE, True, f"the file built in {name} is the one that this script builds")
        equal(sorted(p.name for p in here.iterdir()), ["image.eif", "init", "kernel", "root"], "and nothing else is left")
    here = where / "one"
    good = ["--kernel", here / "kernel", "--cmdline", CMDLINE, "--init", here / "init", "--root", here / "root", "--out", image]

    # registers
    expected = {"HashAlgorithm": "Sha384 { ... }", "PCR0": pcr(KERNEL, CMDLINE.encode(), RAMDISK0, RAMDISK1),
                "PCR1": pcr(KERNEL, CMDLINE.encode(), RAMDISK0), "PCR2": pcr(RAMDISK1)}
    equal(measurements(built["one"].stdout), expected, "what the build prints")
    done = veronnx("image", "pcrs", here / "image.eif")
    equal((done.returncode, done.stderr), (0, ""), "pcrs")
    equal(measurements(done.stdout), expected, "what pcrs prints")

    # metadata: in the file, in no register
    (where / "custom").write_text('{ "b" : [1, 2],\n "a" : "x" }')
    for value in ('{"b":[1, 2], "a":"x"}', f"@{where / 'custom'}"):
        done = veronnx("image", "build", *good, "--metadata", value)
        equal((done.returncode, measurements(done.stdout)), (0, expected), "the same registers")
        told = eif([(1, KERNEL), (2, CMDLINE.encode()), (5, metadata('{"b":[1,2],"a":"x"}')), (3, RAMDISK0), (3, RAMDISK1)])
        equal(image.read_bytes() == told, True, "the file with metadata")
    shows(veronnx("image", "inspect", image), "warning: metadata")

    # inspect: everything is named, and a plain image has nothing to warn of
    done = veronnx("image", "inspect", here / "image.eif")
    equal((done.returncode, done.stderr), (0, ""), "inspect")
    check("warning" not in done.stdout, done.stdout)
    shows(done, "version 4, x86_64", CMDLINE, RELEASE, "c0600 0:0        5,1", "/dev/console", "/usr/bin/node", "/sbin -> usr/bin",
          hashlib.sha256(INIT).hexdigest(), hashlib.sha384(KERNEL).hexdigest(), expected["PCR2"])

    def inspect(sections, *parts, **more):
        image.write_bytes(eif(sections, **more))
        done = veronnx("image", "inspect", image)
        equal(done.returncode, 0, f"{parts}: {done.stderr}")
        shows(done, *parts)
        return measurements("{" + done.stdout.split("{", 1)[1].split("\n}\n")[0] + "}")

    # the borders: the same registers, other contents
    meta, line = (5, metadata()), CMDLINE.encode()
    moved = inspect([(1, KERNEL), (2, line + RAMDISK0[:8]), meta, (3, RAMDISK0[8:]), (3, RAMDISK1)],
                    "warning: ramdisk 0: what is in it is not")
    equal(moved, expected, "PCR0 to PCR2 do not see a border that moved")
    moved = inspect([(1, KERNEL + line[:8]), (2, line[8:]), meta, (3, RAMDISK0), (3, RAMDISK1)],
                    "warning: kernel: ", "is not where it should be")
    equal(moved, expected, "nor this one")
    inspect([(1, KERNEL), (2, line), meta, (3, RAMDISK0), (3, RAMDISK1)], "warning: 64 bytes in front of section 1", gap=bytes(64))
    inspect([(2, line), (1, KERNEL), meta, (3, RAMDISK0), (3, RAMDISK1)], "warning: the sections are not")
    inspect([(1, KERNEL), (2, line), meta, (3, RAMDISK0), (3, RAMDISK1)], "warning: kernel: for x86_64, but", flags=1)
    inspect([(1, b"\x7fELF"), (2, line), meta, (3, RAMDISK0), (3, RAMDISK1)], "warning: kernel: neither")
    inspect([(1, KERNEL), (2, line + b"\n"), meta, (3, RAMDISK0), (3, RAMDISK1)], "warning: cmdline")
    inspect([(1, KERNEL), (2, line), (3, RAMDISK0), (3, RAMDISK1)], "warning: the sections are not", version=3)
    for what, second in (("init", [("init", X, b"other")]), ("below a link", [("etc", L, b"/"), ("etc/init", X, b"other")]),
                         ("other spelling", [("./init", X, b"other")]), ("a directory", [("dev", L, b"/tmp")])):
        inspect([(1, KERNEL), (2, line), meta, (3, RAMDISK0), (3, ramdisk(second))], "one entry replaces another")
    inspect([(1, KERNEL), (2, line), meta, (3, RAMDISK0 + ramdisk([("hidden", X, b"x")])), (3, RAMDISK1)], "2 archives", "/hidden")
    inspect([(1, KERNEL), (2, line), meta, (3, RAMDISK0), (3, ramdisk([("su", X | 0o4000, b"x")]))], "set-user-ID")
    # the kernel makes /b a link to /a and writes over it: the digest beside /a is not that of what is run
    linked = entry(7, "a", X, b"good", 2) + entry(7, "b", X, b"evil", 2) + ramdisk([("d", D, b"", 2)])
    inspect([(1, KERNEL), (2, line), meta, (3, RAMDISK0), (3, linked)], "2 links", "another entry: /a", "another entry: /b")
    inspect([(1, KERNEL), (2, line), meta, (3, RAMDISK0), (3, RAMDISK1 + bytes(2))], "multiple of 4")
    inspect([(1, KERNEL), (2, line), meta, (3, b""), (3, RAMDISK1)], "ramdisk 0: nothing is in it")
    inspect([(1, KERNEL), (2, line), meta, (3, RAMDISK0), (3, ramdisk([("\x1b[2J", X, b"x")]))], "/?[2J")

    # refused: nothing is left, what was there stays
    image.write_text("mine")
    (where / "elf").write_bytes(b"\x7fELF" + bytes(4096))
    (where / "cut").write_bytes(KERNEL[:-16])
    (where / "plain").write_bytes(INIT)
    bad = {"with-init": lambda r: (r / "init").write_text(""),
           "with-console": lambda r: [(r / "dev").mkdir(), (r / "dev/console").write_text("")],
           "dev-file": lambda r: (r / "dev").write_text(""), "pipe": lambda r: os.mkfifo(r / "pipe"),
           "trailer": lambda r: (r / "TRAILER!!!").write_text(""), "deep": lambda r: (r / "/".join("d" * 40)).mkdir(parents=True),
           "set-id": lambda r: [(r / "su").write_text(""), (r / "su").chmod(0o4755)]}
    for name, spoil in bad.items():
        (where / name).mkdir()
        spoil(where / name)
    for option, value, status, part in (
            ("--kernel", where / "elf", 1, "KERNEL_FORMAT"), ("--kernel", where / "cut", 1, "KERNEL_FORMAT"),
            ("--kernel", where / "none", 2, "--kernel"), ("--cmdline", "a\nb", 2, "printable"), ("--cmdline", "", 2, "--cmdline"),
            ("--cmdline", "x" * 2048, 2, "2047"), ("--init", where / "plain", 2, "--init"), ("--init", where, 2, "--init"),
            ("--root", where / "plain", 2, "--root"), ("--root", where / "with-init", 2, "init would replace"),
            ("--root", where / "with-console", 2, "dev/console would replace"), ("--root", where / "dev-file", 2, "not a directory"),
            ("--root", where / "pipe", 2, "pipe"), ("--root", where / "trailer", 2, "TRAILER!!!"), ("--root", where / "deep", 2, "32"),
            ("--root", where / "set-id", 2, "set-user-ID"), ("--metadata", "[1]", 2, "--metadata"), ("--metadata", "{", 2, "--metadata"),
            ("--metadata", json.dumps({"a": "x" * 4096}), 2, "4096"), ("--metadata", "@nofile", 2, "--metadata"),
            ("--out", where / "no/such/folder", 2, "--out")):
        done = veronnx("image", "build", *good, option, value)
        equal((done.returncode, done.stdout), (status, ""), f"{option} {value}: {done.stderr}")
        said(done, part)
    equal(image.read_text(), "mine", "what was there")
    equal([p.name for p in where.iterdir() if p.name.startswith("image")], ["image.eif"], "no piece of a file is left")
    for position, rule in ((600, "crc:"), (0, "magic:")):
        damaged = bytearray(WHOLE)
        damaged[position] ^= 1
        image.write_bytes(damaged)
        for action in ("pcrs", "inspect"):
            done = veronnx("image", action, image)
            equal((done.returncode, done.stdout), (1, ""), f"{action} of a damaged file")
            said(done, "EIF_MALFORMED: " + rule)

    # usage
    for words, part in (([], "build"), (["nope"], "build"), (["pcrs"], "FILE.eif"), (["inspect", "a", "b"], "FILE.eif"),
                        (["pcrs", where / "none"], "none"), (["pcrs", where], "not a file"), (["build"], "--kernel"),
                        (["build", *good[:-2]], "--out"), (["build", *good, "more"], "more"), (["build", "--nope"], "--nope")):
        done = veronnx("image", *words)
        equal(done.returncode, 2, f"{words}: {done.stderr}")
        said(done, part)
    for action in ("build", "pcrs", "inspect"):
        done = veronnx("image", action, "--help")
        equal((done.returncode, done.stdout[:13]), (0, "Usage: veronn"), f"{action} --help")
    done = veronnx("image", "--help")
    equal((done.returncode, done.stderr), (0, ""), "help")
    check("Exit status:" in done.stdout, done.stdout)

    # large: nothing is held in memory but what the system may take back
    with open(here / "root/large", "wb") as large:
        for i in range(90):
            large.write(bytes([i]) * (1 << 20))
    equal(veronnx("image", "build", *good).returncode, 0, "90 MiB")
    equal(veronnx("image", "inspect", image).returncode, 0, "90 MiB")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    check(peak < 512, f"{peak} MiB of memory at the most")
