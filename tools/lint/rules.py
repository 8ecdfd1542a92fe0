"""rules.py: the rules of docs/style.md that one line of source can break. Prints FILE:LINE: what; exit status 1 if any.

A line that has to break one is counted in tools/lint/allowed.list: RULE FILE COUNT # why.
"""
import re
import sys
from collections import Counter
from pathlib import Path

from ctext import Source

LIBRARIES = {"wire", "jail", "ipld", "pull", "store", "attest", "receipt", "tensor", "eif", "verify"}
PROCESSES = {"super", "config", "keeper", "nsm", "front", "infer", "fetch", "host", "cli"}

# What a folder of src/ may include; `main` includes everything.
MAY_INCLUDE = {"base": {"base"}}
MAY_INCLUDE |= {folder: {"base", folder} | LIBRARIES - {"pull"} for folder in LIBRARIES}
MAY_INCLUDE |= {folder: {"base", folder} | LIBRARIES for folder in PROCESSES}

# Headers of other projects that have a place: any other folder does without them.
PLACES = {
    r"onnxruntime.*": {"infer"},
    r"openssl/(ssl|tls1|dtls1|ssl3|quic)\.h": {"front", "cli"},
    r"llhttp\.h": {"front", "host", "cli"},
    r"nghttp2/.*": {"front", "cli"},
    r"curl/.*": {"fetch", "host", "cli"},
    r"seccomp\.h|linux/(landlock|seccomp|filter)\.h": {"jail"},
    r"zlib\.h": {"front"},
    r"protobuf-c/.*": {"front"},
}


def call(*names):
    return re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")


# rule: (what is looked for, where it is fine, what to do instead)
CALLS = {
    "unsafe": (call("strcpy", "strcat", "strncpy", "strncat", "sprintf", "vsprintf", "gets", "alloca", "system", "popen",
                    "atoi", "atol", "atoll", "atof", "strtok", "rand", "srand", "random", "[fs]?scanf", "tmpnam",
                    "mktemp"),
               set(), "is not used in this tree"),
    "memory": (call("malloc", "calloc", "realloc", "reallocarray", "free", "strdup", "strndup", "v?asprintf",
                    "aligned_alloc", "posix_memalign"),
               {"base/mem.c"}, "is called by base/mem.c alone"),
    "secret": (call("memcmp", "bcmp"), set(), "takes a time that tells: secret_equal, unless nothing there is secret"),
    "print": (call("v?printf", "v?fprintf", "v?dprintf", "f?puts", "f?putc", "putchar", "perror", "syslog"),
              {"cli", "main", "super", "config", "host"}, "prints: libraries return, programs log"),
}
SECRET_FOLDERS = {"keeper", "receipt"}

REGISTRIES = re.compile(r"(deb|security|snapshot)[.]debian[.]org|registry[.](npmjs|yarnpkg)[.]|pypi[.]org|pythonhosted[.]org|"
                        r"proxy[.]golang[.]org|(static|index)[.]crates[.]io|repo1?[.]maven", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
TEXT = {".c", ".h", ".py", ".sh", ".md", ".build", ".txt", ".list", ".lock", ".json", ".yml", ""}
MAX_FILE_LINES = 600


def included_folder(name):
    return name.split("/")[0] if "/" in name else None


def check_includes(source, folder):
    for number, line in enumerate(source.raw, 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
        if not match:
            continue
        quote, name = match.groups()
        target = included_folder(name)
        if quote == '"' and folder in MAY_INCLUDE and target not in MAY_INCLUDE[folder]:
            yield number, "include", f"{folder}/ does not include {name}"
        for pattern, places in PLACES.items():
            if re.fullmatch(pattern, name) and folder not in places:
                yield number, "include", f"<{name}> belongs to {', '.join(sorted(places))}"


def check_calls(source, folder):
    where = {folder, "/".join(source.path.parts[1:])}
    for rule, (pattern, places, why) in CALLS.items():
        if where & places or rule == "secret" and folder not in SECRET_FOLDERS:
            continue
        for number, line in enumerate(source.code, 1):
            for match in pattern.finditer(line):
                yield number, rule, f"{match.group(1)} {why}"


def check_shape(source):
    if not source.raw[0].startswith("/*"):
        yield 1, "shape", "does not start with a comment that says what is in it"
    bodies = {number for function in source.functions for number in range(function.first, function.last)}
    for number, line in enumerate(source.code, 1):
        if re.search(r"\bgoto\b", line):
            yield number, "goto", "goto"
        if re.match(r"\s*AUTO(_[A-Z_]+|\(\w+\))\s", line) and "=" not in line:
            yield number, "auto", "an AUTO variable is initialised where it is declared"
        if number in bodies and re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b", line):
            yield number, "preprocessor", "no conditional compilation inside a function"
        if re.match(r"[A-Za-z_].*\)\s*\{", line):
            yield number, "shape", "a function's brace stands on a line of its own"


def check_text(path):
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield number, "unfinished", "says that it is not finished"
        if REGISTRIES.search(line):
            yield number, "registry", "names the host of a package registry"
    if path.suffix in {".c", ".h", ".py", ".sh"} and len(lines) - 1 > MAX_FILE_LINES:
        yield MAX_FILE_LINES, "length", f"{len(lines) - 1} lines, at most {MAX_FILE_LINES}"


def findings(paths):
    for path in paths:
        if path.suffix in TEXT:
            yield from ((path, *finding) for finding in check_text(path))
        if path.suffix in {".c", ".h"} and path.parts[0] == "src":
            source, folder = Source(path), path.parts[1]
            for check in (check_includes(source, folder), check_calls(source, folder), check_shape(source)):
                yield from ((path, *finding) for finding in check)


def allowed_counts():
    rows = (line.partition("#")[0].split() for line in Path("tools/lint/allowed.list").read_text().splitlines())
    return Counter({(rule, path): int(count) for rule, path, count in filter(None, rows)})


def main():
    allowed, seen, bad = allowed_counts(), Counter(), 0
    for path, number, rule, text in findings(Path(name) for name in sys.stdin.read().splitlines()):
        seen[rule, str(path)] += 1
        if seen[rule, str(path)] > allowed[rule, str(path)]:
            print(f"{path}:{number}: {text} [{rule}]")
            bad = 1
    for (rule, path), count in allowed.items():
        if seen[rule, path] < count:
            print(f"tools/lint/allowed.list: {rule} {path} {count}: only {seen[rule, path]} left")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
