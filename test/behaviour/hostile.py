"""The hostile models of test/hostile, and what a node makes of them."""
import os
import shutil
import subprocess
import sys

from node import BIN, ROOT, SLOW


class Case:
    def __init__(self, line, folder):
        name, self.scan, unscanned = line.split("\t")
        self.unscanned = set(unscanned.split())
        self.file = folder / name
        self.name = self.file.stem

    @property
    def touches_files(self):
        return "jailed" in self.unscanned

    @property
    def needs_memory_limit(self):
        return {"failed", "killed"} <= self.unscanned


def cases(folder):
    """Makes the models in `folder`. A sanitized build has no memory limits, so the models that need one are left out there."""
    subprocess.run([sys.executable, ROOT / "test/hostile/make_models.py", folder], check=True)
    found = [Case(line, folder) for line in (folder / "manifest").read_text().splitlines()]
    return [c for c in found if SLOW == 1 or not c.needs_memory_limit]


def ask(node, case):
    """x = 1: the status, and the code or the outputs."""
    x = {"name": "x", "values": [1], "shape": [1]}
    status, _, answer = node.post({"ipfs_hash": node.cids[case.name], "model_inputs": {"numbers": [x]}})
    return status, answer["code"] if status != 200 else [output["result"] for output in answer["output"]]


def without_scan(folder):
    """The executables, with VERONNX_INFER_NO_SCAN among them, a veronnx-infer that hands every model to ONNX Runtime: copies, since the
    supervisor takes the folder that it stands in."""
    for file in BIN.iterdir():
        if file.is_file() and os.access(file, os.X_OK):
            shutil.copy2(file, folder / file.name)
    shutil.copy2(os.environ["VERONNX_INFER_NO_SCAN"], folder / "veronnx-infer")
    (folder / "lib").symlink_to((BIN / "lib").resolve())
    return folder
