#!/usr/bin/env python3
"""refusals.py FOLDER: enclaves (of the images in FOLDER) that must not start, do not, say why, and end. Prints a line for each."""
import sys
from pathlib import Path

from enclave import Enclave

SECONDS = 300
# name, image, QEMU's options, what stands on the console
CASES = [
    ("a release without kvm-clock", "veronnx.eif", [], "does not hold: the kernel's clock source is kvm-clock"),
    ("a word behind the measured command line", "veronnx-selftest.eif", ["-append", "panic=5"],
     "does not hold: the kernel's command line is the measured one"),
    ("nobody delivers the configuration", "veronnx-sim.eif", [], "nobody delivers the configuration"),
]


def main():
    folder = Path(sys.argv[1])
    bad = 0
    for name, image, options, reason in CASES:
        with Enclave(folder / image, *options) as enclave:
            ended = enclave.wait_for(lambda e=enclave: e.machine.poll() is not None, SECONDS)
            good = ended and reason in enclave.console and "NODE_READY" not in enclave.console
            if not good:
                print(enclave.console[-3000:])
        print(f"{'passed' if good else 'failed'}: {name}", flush=True)
        bad += not good
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
