#!/usr/bin/env python3
"""Ten seconds of test/soak/models.py: 200 models in memory for ten, 64 clients."""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
from models import soak  # noqa: E402
from node import SLOW  # noqa: E402

soak(argparse.Namespace(seconds=10, models=200 // SLOW, clients=64 // SLOW, hold=10 if SLOW == 1 else 4, mib=1))
