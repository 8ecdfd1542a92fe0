"""fuzz_coverage.py PARSERS LEAST < JSON of llvm-cov export: a line for each parser, and 1 when one has a smaller share of lines than its limit: LEAST per cent, or
what stands behind its name, with the reason."""
import json
import sys

NAME, TOTAL = "{:40}", "{:>8}{:>9}{:>8}"


def wanted(text, least):
    """{file: (limit, reason)}"""
    rows = [line.split(None, 2) for line in text.splitlines() if line and not line.startswith("#")]
    return {row[0]: (int(row[1]), row[2]) if len(row) == 3 else (least, "") for row in rows}


def main():
    parsers = wanted(open(sys.argv[1], encoding="utf-8").read(), int(sys.argv[2]))
    found = {file["filename"]: file["summary"]["lines"] for file in json.load(sys.stdin)["data"][0]["files"]}
    low = 0
    print((NAME + TOTAL).format("file", "lines", "reached", "share"))
    for name, (limit, reason) in parsers.items():
        lines = next((lines for path, lines in found.items() if path.endswith("/" + name)), {"count": 0, "covered": 0})
        share = 100 * lines["covered"] / max(lines["count"], 1)
        low += share < limit
        print((NAME + TOTAL).format(name, lines["count"], lines["covered"], f"{share:.0f} %")
              + ("" if share >= limit else f"  BELOW {limit} %") + (f"  {reason}" if reason else ""))
    return 1 if low else 0


sys.exit(main())
