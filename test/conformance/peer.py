"""For programs that need another interpreter: one that has the packages of a peer of tools/peers.sh."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/behaviour"))


def again_with(name, skipped):
    """Runs the program again, with the interpreter that has `name`; where it cannot be had, prints that `skipped` was, and ends."""
    if len(sys.argv) > 1:
        return
    done = subprocess.run([ROOT / "tools/peers.sh", name], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f"skipped: {skipped}")
        sys.exit(0)
    python = done.stdout.strip()
    os.execv(python, [python, "-u", sys.argv[0], "here"])
