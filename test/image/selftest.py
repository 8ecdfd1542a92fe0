#!/usr/bin/env python3
"""selftest.py FOLDER [--write]: what the selftest image in FOLDER (image/build.sh) says of itself in an emulated enclave, before the
node is started and when it is ready, against test/image/selftest.json. Prints a line for each thing that is compared; --write
makes that file anew, for somebody to read."""
import json
import re
import sys
from pathlib import Path

from enclave import Enclave

GOLDEN = Path(__file__).parent / "selftest.json"
BOOT_SECONDS = 600
LISTENING = "00010000"  # __SO_ACCEPTCON in the flags of /proc/net/unix


def processes(stage):
    """All that are not the kernel's, without their order; what each has open, every kind once."""
    own = [p for p in stage["processes"] if p.pop("Kthread") == "0"]
    for p in own:
        # Numbers of processes differ; what the one that looks has open is its looking.
        open_now = {re.sub(r"^/proc/\d+/", "/proc/PID/", text) for text in p.pop("descriptors")}
        p["descriptors"] = sorted(open_now) if p["Name"] != "veronnx-selftes" else []
    return sorted(own, key=lambda p: (p["Name"], p["Seccomp_filters"], p["descriptors"]))


def projected(stage):
    """What must be the same at every boot."""
    return {
        "node": stage["node"],
        "processes": processes(stage),
        # The size of /dev follows the machine's memory.
        "mounts": [re.sub(r",size=\d+k,nr_inodes=\d+", "", line) for line in stage["mounts"]],
        "files": stage["files"],
        "devices": stage["devices"],
        "block devices": stage["block-devices"],
        "modules": stage["modules"],
        "file systems": stage["filesystems"],
        # The kernel always has a loopback device; without a protocol for it (see there) it cannot be used.
        "interfaces": stage["interface-names"],
        "address families": [line.split()[0] for line in stage["protocols"][1:]],
        "listening": [line for line in stage["unix"][1:] if line.split()[3] == LISTENING],
        "ways out": stage["egress"],
        "socket() in every process": sorted(stage["live"]),
        "network sockets": stage["tcp"] + stage["udp"] + stage["raw"] + stage["packet"],
    }


def boot(folder):
    with Enclave(folder / "veronnx-selftest.eif") as enclave:
        enclave.wait_for(lambda: len(enclave.stages()) == 2 or enclave.machine.poll() is not None, BOOT_SECONDS)
        stages = enclave.stages()
        ended = len(stages) == 2 and enclave.wait_for(lambda: enclave.machine.poll() is not None, BOOT_SECONDS)
        if not ended:
            print(enclave.console[-4000:])
        return stages, ended


def main():
    folder = Path(sys.argv[1]).resolve()
    stages, ended = boot(folder)
    if len(stages) != 2:
        print("failed: the image does not come to its end")
        return 1
    measured = json.loads((folder / "veronnx-selftest.measurements.json").read_text())["Measurements"]
    results = {"the enclave ends with the node": ended}
    for stage in stages:
        registers = all(stage["pcrs"].get(name) == measured[name] for name in ("PCR0", "PCR1", "PCR2"))
        results[f"{stage['stage']}: registers"] = registers and len(stage["pcrs"]) == 32
    found = {stage["stage"]: projected(stage) for stage in stages}
    if "--write" in sys.argv:
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())
    for name, stage in golden.items():
        for what, value in stage.items():
            results[f"{name}: {what}"] = found[name][what] == value
            if found[name][what] != value:
                print(json.dumps(found[name][what], indent=1))
    for name, stage in found.items():
        results[f"{name}: nothing that is not compared"] = stage.keys() == golden[name].keys()
    for what, good in results.items():
        print(f"{'passed' if good else 'failed'}: {what}")
    return not all(results.values())


if __name__ == "__main__":
    sys.exit(main())
