"""functions.py: no function of src/ over 100 lines, and their median at most 20."""
import statistics
import sys
from pathlib import Path

from ctext import Source

MAX_LINES = 100
MAX_MEDIAN = 20


def main():
    functions = [(source, function) for path in sorted(Path("src").rglob("*.c"))
                 for source in [Source(path)] for function in source.functions]
    if not functions:
        return 0
    bad = 0
    for source, function in functions:
        if function.length > MAX_LINES:
            print(f"{source.path}:{function.first}: {function.name} has {function.length} lines, at most {MAX_LINES} [function]")
            bad = 1
    lengths = sorted(function.length for _, function in functions)
    median = statistics.median(lengths)
    print(f"functions: {len(lengths)}, lines median {median:g}, 90 % {lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]}")
    if median > MAX_MEDIAN:
        print(f"the median is over {MAX_MEDIAN} [function]")
        bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
