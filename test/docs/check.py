#!/usr/bin/env python3
"""The tables in the documentation are those of the code: check.py [--write] NAME=PROGRAM ...

PROGRAM NAME prints the table; it stands in a page of docs/ between <!-- NAME --> and <!-- /NAME -->. --write puts it there."""
import pathlib
import subprocess
import sys

docs = pathlib.Path(__file__).resolve().parents[2] / "docs"
write = "--write" in sys.argv
stale = []
for name, program in (a.split("=", 1) for a in sys.argv[1:] if "=" in a):
    table = subprocess.run([program, name], check=True, capture_output=True, text=True).stdout
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    pages = [p for p in docs.glob("*.md") if begin in p.read_text()]
    if len(pages) != 1:
        sys.exit(f"{name}: stands in {len(pages)} pages, wanted 1")
    text = pages[0].read_text()
    head, rest = text.split(begin, 1)
    old, tail = rest.split(end, 1) if end in rest else ("", rest)
    if old != table:
        stale.append(f"{pages[0].name}: {name}")
        if write:
            pages[0].write_text(head + begin + table + end + tail)
if stale and not write:
    sys.exit("not what the code says (ninja -C build docs-tables mends it): " + ", ".join(stale))
