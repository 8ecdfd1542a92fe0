#!/usr/bin/env python3
"""A few rounds of test/soak/kill_random.py: kill -9 of fetcher, infer, the whole node and `veronnx add` at random moments."""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
from kill_random import run  # noqa: E402

seed = time.time_ns()
print(f"seed {seed}")
run(argparse.Namespace(rounds=5, seed=seed))
