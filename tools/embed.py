"""embed.py IN OUT: a JSON file as the bytes of a C array, without blanks."""
import json
import pathlib
import sys

text = json.dumps(json.loads(pathlib.Path(sys.argv[1]).read_text()), separators=(",", ":"), ensure_ascii=True)
pathlib.Path(sys.argv[2]).write_text(",".join(str(b) for b in text.encode()) + "\n")
