"""test_summary.py LOG EXPECTED: counts what really ran, from Meson's log: each case of a cmocka program, or else the program.

At the end, where a reader of a long log looks first, stand the last words of each program that failed.
Exit status 1 when something failed, when nothing ran, or with STRICT_SKIPS=1 when something was skipped unexpectedly.
"""
import json
import os
import re
import sys

CASE = re.compile(r"^\[ +(OK|FAILED|SKIPPED|ERROR) +\] ([A-Za-z_]\w*)$", re.MULTILINE)
VERDICT = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped", "SKIPPED": "skipped"}


def cases(test):
    """Yields (name, verdict) of every case of one test program."""
    program = test["name"].rpartition(" / ")[2]
    verdict = VERDICT.get(test["result"], "failed")
    inner = {name: VERDICT.get(word, "failed")
             for word, name in CASE.findall(test.get("stdout", "") + "\n" + test.get("stderr", ""))}
    if verdict == "skipped" or not inner:
        yield program, verdict
        return
    if verdict == "failed" and "failed" not in inner.values():
        inner[test["result"].lower()] = "failed"  # it crashed or hung, whatever its cases said before
    for name, word in inner.items():
        yield f"{program} {name}", word


def expected_skips(path):
    with open(path, encoding="utf-8") as file:
        lines = (line.partition("#")[0].strip() for line in file)
        return {line for line in lines if line}


def last_words(test, lines=8, width=400):
    said = [line for part in ("stdout", "stderr") for line in [x for x in test.get(part, "").split("\n") if x.strip()][-lines:]]
    return [f"{test['name'].rpartition(' / ')[2]}: {line[:width]}" for line in said]


def main(log, expected):
    found, words = {"passed": [], "failed": [], "skipped": []}, []
    if os.path.exists(log):
        with open(log, encoding="utf-8") as file:
            for line in file:
                test = json.loads(line)
                for name, verdict in cases(test):
                    found[verdict].append(name)
                if VERDICT.get(test["result"]) is None:
                    words += last_words(test)
    for line in words:
        print(line)
    surprises = sorted(set(found["skipped"]) - expected_skips(expected))
    for verdict in ("failed", "skipped"):
        for name in sorted(found[verdict]):
            print(f"{verdict}: {name}" + (" (not in expected-skips.txt)" if name in surprises else ""))
    print(", ".join(f"{len(names)} {verdict}" for verdict, names in found.items()))
    strict = os.environ.get("STRICT_SKIPS") == "1"
    return 1 if found["failed"] or not found["passed"] or (strict and surprises) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
