#!/usr/bin/env python3
"""A model of 486 MB, fully connected layers that are read from memory in each run: what bench.py measures of ResNet-50, and its
cold start. Ends with 77 where the machine has less than NEED_MIB to spare. Environment: BUILD (build), the Meson folder."""
import pathlib
import sys

import bench
import machine
import options
import report
import rows as table
from node import Node, wait_for

NEED_MIB = 6144  # making the model takes 2 GB, then the node and ONNX Runtime alone each 1 GB, and as much again while they load


def available_mib():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def main():
    seconds = options.parse(__doc__, seconds=("BENCH_SECONDS", 4.0, "seconds for each row")).seconds
    if available_mib() < NEED_MIB:
        print(f"skipped: {table.HUGE} ({available_mib()} MiB of memory are free, it takes {NEED_MIB})")
        return 77
    facts = machine.facts()
    with Node(bench.FROM_FILE, models="huge") as node:
        folder = node.dir / "bench"
        folder.mkdir()
        table.write_files(folder, {table.HUGE: node.cids[table.HUGE]})
        cold = bench.cold_starts(node, folder, bench.BUILD / "bench", [table.HUGE])
        wait_for("nothing is made beside the measuring", lambda: len(node.processes("infer")) == 2, 120)
        places = {table.PROVED: (node.port, node.ready["cert"])}
        rows = table.make_huge(table.Programs(bench.BUILD / "bench", folder, node.dir / "models", places))
        programs, noise = bench.measure({table.PROVED: node}, rows, seconds)
        result = report.collect_huge({**facts, **noise}, rows, cold, bench.memory(node))
        for program in programs.values():
            program.end()
    bench.keep(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
