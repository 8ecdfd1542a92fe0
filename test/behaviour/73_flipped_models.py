#!/usr/bin/env python3
"""Two hundred models of test/soak/flips.py, half of them with the scan and half without: cut short, or with bits turned over.

Without limits of memory, as in a sanitized build, there are fewer, and they are only cut short."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
from flips import run  # noqa: E402
from node import SLOW  # noqa: E402

for scan in (True, False):
    run(100 // SLOW, 73, scan, cut_only=SLOW > 1)
