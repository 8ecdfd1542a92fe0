"""A node to whose processes the system is unkind (shim.c), and what the test tells them: which calls come to harm, and how."""
import contextlib
import mmap
import os
import pathlib
import shutil
import struct
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "behaviour"))
from node import BIN, ROOT, Node  # noqa: E402

SHIMMED = pathlib.Path(os.environ.get("VERONNX_SHIMMED", ROOT / "build/test/shim"))
RULE, RULES = struct.Struct("=Iiq5Q16s16s"), 16  # shim.h
FOR_EVER = (1 << 64) - 1


class Faults:
    """The plan, which all processes of the node have mapped."""

    def __init__(self, path):
        path.write_bytes(bytes(RULE.size * RULES))
        self.path = path
        with open(path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), RULE.size * RULES)
        self.n = 0

    def add(self, role, call, error=0, amount=0, first=0, every=1, most=FOR_EVER):
        at = self.n * RULE.size
        self.shared[at:at + RULE.size] = RULE.pack(0, error, amount, first, every, most, 0, 0, role.encode(), call.encode())
        self.shared[at:at + 4] = struct.pack("=I", 1)  # when all else is there
        self.n += 1

    def counts(self):
        """How many calls were seen, and how many of them came to harm."""
        rules = [RULE.unpack_from(self.shared, n * RULE.size) for n in range(self.n)]
        return sum(rule[6] for rule in rules), sum(rule[7] for rule in rules)

    def off(self):
        counts = self.counts()
        for n in range(self.n):
            self.shared[n * RULE.size:n * RULE.size + 4] = bytes(4)
        self.n = 0
        return counts


class ShimNode(Node):
    """The faults begin when told so, or with the node (`plan`: arguments of Faults.add)."""

    def __init__(self, *options, plan=(), **more):
        super().__init__(*options, faults=True, **more)
        self.plan = plan

    def start(self):
        self.faults_of_system = Faults(self.dir / "faults")
        link = self.folder / "faults"
        link.unlink(missing_ok=True)
        link.symlink_to(self.dir / "faults")  # into what the supervisor's jail lets its children write
        for rule in self.plan:
            self.faults_of_system.add(**rule)
        super().start()


@contextlib.contextmanager
def install():
    """A folder with the executables, for ShimNode: for one node at a time."""
    with tempfile.TemporaryDirectory(prefix="veronnx-shim-") as name:
        folder = pathlib.Path(name)
        for exe in SHIMMED.glob("veronnx-*"):
            if exe.is_file():
                shutil.copy(exe, folder)
        shutil.copy(BIN / "veronnx", folder)
        (folder / "lib").symlink_to((BIN / "lib").resolve())
        yield folder
