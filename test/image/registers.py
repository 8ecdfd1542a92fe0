#!/usr/bin/env python3
"""registers.py FOLDER: the registers that the module of an emulated enclave reports are those that `veronnx image pcrs` computes,
for the selftest image in FOLDER (image/build.sh) and five variations of it. Prints a line for each."""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from enclave import SOURCE, Enclave

BOOT_SECONDS = 300


def veronnx(folder, *words):
    return subprocess.run([SOURCE / "image/inside.sh", folder / "root", "/build/node/bin/veronnx", "image", *words],
                          check=True, capture_output=True, text=True).stdout


def variations(root):
    """Name, command line, and the options that differ; each changes what is built in another place."""
    line = (SOURCE / "image/cmdline").read_text().strip()
    base = {"--kernel": "/build/kernel/bzImage", "--cmdline": line, "--init": "/build/init", "--root": "/build/selftest"}
    tree = root / "build/varied"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("added", "taken"):
        shutil.copytree(root / "build/selftest", tree / name)
    (tree / "added/etc").mkdir()
    (tree / "added/etc/more").write_text("one more file\n")
    (tree / "taken/bin/veronnx-infer").unlink()
    (tree / "init").write_bytes((root / "build/init").read_bytes() + b"\0")
    (tree / "init").chmod(0o755)
    yield "as built", base
    yield "a file more", base | {"--root": "/build/varied/added"}
    yield "a file less", base | {"--root": "/build/varied/taken"}
    yield "another init", base | {"--init": "/build/varied/init"}
    yield "another command line", base | {"--cmdline": line + " virtio_mmio.device=4K@0xd0000000:9"}
    yield "other metadata", base | {"--metadata": '{"for":"test"}'}


def reported(image):
    with Enclave(image) as enclave:
        enclave.wait_for(enclave.stages, BOOT_SECONDS)
        stages = enclave.stages()
        if not stages:
            print(enclave.console[-3000:])
            return None
        return {name: stages[0]["pcrs"].get(name) for name in ("PCR0", "PCR1", "PCR2")}


def main():
    folder = Path(sys.argv[1]).resolve()
    bad, seen = 0, set()
    with tempfile.TemporaryDirectory() as scratch:
        for name, options in variations(folder / "root"):
            veronnx(folder, "build", *(word for pair in options.items() for word in pair), "--out", "/build/varied/image.eif")
            image = Path(scratch) / "image.eif"
            shutil.copyfile(folder / "root/build/varied/image.eif", image)
            computed = json.loads(veronnx(folder, "pcrs", "/build/varied/image.eif"))["Measurements"]
            computed = {key: value for key, value in computed.items() if key.startswith("PCR")}
            good = reported(image) == computed
            print(f"{'passed' if good else 'failed'}: {name}", flush=True)
            bad += not good
            seen.add(tuple(computed.values()))
    # Metadata is not measured; everything else is.
    if len(seen) != 5:
        print("failed: the variations do not differ where they should")
        bad += 1
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
