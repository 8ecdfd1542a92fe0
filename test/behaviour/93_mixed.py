#!/usr/bin/env python3
"""A few seconds of test/soak/mixed.py: all ways to ask at once, each answer and its receipt checked, while infer processes and fetcher are killed."""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
from mixed import soak  # noqa: E402
from node import SLOW  # noqa: E402

seed = time.time_ns()
print(f"seed {seed}")
soak(argparse.Namespace(seconds=5, clients=4, kills=5 if SLOW == 1 else 0, faults=0, seed=seed))
