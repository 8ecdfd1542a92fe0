#!/usr/bin/env python3
"""libveronnx-verify as others use it: installed, found by pkg-config, linked into a small program in each of its two forms, with no name
but those of its header."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from node import BIN, ROOT, check, equal

PROGRAM = r"""
#include <stdio.h>
#include <veronnx_verify.h>

/* A program may have names that the library has inside. */
int buf_init(void), sha256_of(void), mem_alloc(void);
int buf_init(void) { return 1; }
int sha256_of(void) { return 2; }
int mem_alloc(void) { return 4; }

int main(void)
{
    static unsigned char document[65536], root[65536];
    struct veronnx_report r;
    struct veronnx_expect x = {.root.data = root, .allow_simulated = true, .any_image = true, .max_age_ms = 300000};
    FILE *f = fopen("root.der", "rb");
    x.now_ms = 1800000000000;
    x.root.len = f != NULL ? fread(root, 1, sizeof(root), f) : 0;
    size_t n = fread(document, 1, sizeof(document), stdin);
    bool good = veronnx_verify_setup() && veronnx_verify_attestation((struct veronnx_bytes){document, n}, &x, &r);
    for (size_t i = 0; i < r.n; i++)
        if (r.check[i].code != NULL)
            printf("%s: %s: %s\n", r.check[i].name, r.check[i].code, r.check[i].why);
    return good && buf_init() + sha256_of() + mem_alloc() == 7 ? 0 : 1;
}
"""


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    equal(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def names(kind, file):
    """What it defines for others."""
    lines = run("nm", *(["-D"] if kind == "shared" else []), "-g", "--defined-only", file).splitlines()
    return {line.split()[2] for line in lines if re.match(r"[0-9a-f]+ [A-Z] ", line)}


def verdicts(program, corpus, environment):
    """Of the program, about a good document and about one with a bit turned."""
    good = next(corpus.glob("*-attestation-good")).read_bytes()
    turned = good[:-1] + bytes([good[-1] ^ 1])
    for data, status, text in ((good, 0, b""), (turned, 1, b"signature: DOC_SIGNATURE: "), (b"", 1, b"document: ")):
        done = subprocess.run([program], cwd=corpus, input=data, capture_output=True, env=environment)
        equal((done.returncode, done.stdout[:len(text)]), (status, text), f"{program.name}: {done.stderr}")


with tempfile.TemporaryDirectory(prefix="veronnx-test-") as name:
    folder = pathlib.Path(name)
    run("meson", "install", "-C", BIN.parent, "--no-rebuild", "--destdir", folder)
    (module,) = folder.rglob("veronnx-verify.pc")
    library = module.parents[1]
    environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(folder), "PKG_CONFIG_PATH": str(module.parent),
                   "LD_LIBRARY_PATH": str(library)}
    flags, libraries, private = (run("pkg-config", *what, "veronnx-verify", env=environment).split()
                                 for what in (["--cflags"], ["--libs"], ["--static", "--libs"]))
    header = next(folder.rglob("veronnx_verify.h")).read_text()
    public = set(re.findall(r"VERONNX_PUBLIC bool (\w+)\(", header))
    equal(len(public), 4, "functions of the header")
    forms = {"static": library / "libveronnx-verify.a", "shared": library / "libveronnx-verify.so"}
    if not forms["shared"].exists():  # a sanitizer's library is linked into programs
        del forms["shared"]
        flags.append("-fsanitize=address,undefined")
    run(sys.executable, "-B", ROOT / "test/negative/corpus.py", folder / "corpus")
    (folder / "program.c").write_text(PROGRAM)
    for kind, file in forms.items():
        equal(names(kind, file), public, f"names of the {kind} form")
        needed = libraries if kind == "shared" else [file if word == "-lveronnx-verify" else word for word in private]
        compile_it = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", *flags, "-o", folder / kind, folder / "program.c", *needed]
        run(*compile_it, env=environment)
        verdicts(folder / kind, folder / "corpus", environment)
    linked = run("readelf", "-d", folder / "static")
    check("libcrypto" in linked and "veronnx" not in linked, f"the static form needs libcrypto alone: {linked}")
