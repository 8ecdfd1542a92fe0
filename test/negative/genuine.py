#!/usr/bin/env python3
"""Documents that AWS has signed, as many as the vectors' index lists: `veronnx verify attestation` and the Python client take each as of
its own time, and none as of today. In debug mode only where that is allowed; a damaged one never. 77: the vectors are not there, or
python3-cryptography is not."""
import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = pathlib.Path(os.environ.get("VERONNX_VECTORS", ROOT.parent / "shared/vectors")) / "nitro"
if not (VECTORS / "INDEX.md").exists():
    print("skipped: no vectors (VERONNX_VECTORS names their folder)")
    sys.exit(77)
sys.path.insert(0, str(ROOT / "clients/python"))
try:
    import veronnx_verify as client
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def entries():
    """Name and what the index says, of each file that stands there as a document."""
    _, *sections = re.split(r"^### ", (VECTORS / "INDEX.md").read_text(), flags=re.M)
    for section in sections:
        name, text = section.split("\n", 1)
        if "signature OK, chain OK" in text or "EXPECT: reject" in text:
            yield name, text


def equal(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, wanted {wanted!r}")


def verdict(file, *options, data=None):
    """Exit status, the codes of the checks that do not hold, and the document's fields."""
    done = subprocess.run([pathlib.Path(os.environ["VERONNX_BIN"]) / "veronnx", "verify", "attestation", file, "--json", *options],
                          input=data, capture_output=True)
    report = json.loads(done.stdout)
    return done.returncode, {check["code"] for check in report["checks"] if not check["ok"]}, report.get("document")


def with_python(data, **options):
    """The code of the refusal, or None."""
    try:
        client.verify_document(data, any_image="pcrs" not in options, **options)
    except client.Refused as refused:
        return refused.args[0]
    return None


def genuine(name, data, text):
    is_debug = "DEBUG MODE" in text
    options = ["--allow-debug"] if is_debug else []
    status, codes, document = verdict(VECTORS / name, "--archive", *options)
    equal((status, codes), (0, set()), name)
    equal(verdict("-", "--archive", *options, data=base64.encodebytes(data))[0], 0, f"{name} in base64")
    stamp = re.search(r"timestamp (\d+) ms", text)[1]
    said = re.search(r"module_id ([^;]+);", text)[1], stamp
    equal((document["module_id"], str(document["timestamp_ms"])), said, f"{name}: whose and when")
    for pcr, value in re.findall(r"  - (PCR\d+) ([0-9a-f]{96})", text):
        equal(document[pcr], value, f"{name}: {pcr}")
    equal(verdict(VECTORS / name, "--at", str(int(stamp) // 1000), *options)[0], 0, f"{name} at its time")
    status, codes, _ = verdict(VECTORS / name, *options)
    equal((status, codes), (1, {"DOC_CERT_TIME", "DOC_TIME"}), f"{name} today")
    if is_debug:
        equal(verdict(VECTORS / name, "--archive")[:2], (1, {"DOC_DEBUG"}), f"{name}, in debug mode")
        equal(with_python(data, archived=True), "DOC_DEBUG", f"{name}, in debug mode, with Python")
    equal(with_python(data, archived=True, allow_debug=is_debug), None, f"{name} with Python")
    equal(with_python(data, archived=True, allow_debug=is_debug, pcrs=None), "DOC_POLICY", f"{name} with Python, and no word about the image")
    image = {int(n): value for n, value in re.findall(r"  - PCR(\d+) ([0-9a-f]{96})", text)}
    if {0, 1, 2} <= set(image):
        equal(with_python(data, archived=True, allow_debug=is_debug, pcrs=image), None, f"{name} with Python and its image")
    equal(with_python(data, allow_debug=is_debug), "DOC_CERT_TIME", f"{name} today, with Python")


count = {"genuine": 0, "in debug mode": 0, "damaged": 0}
for name, text in entries():
    data = (VECTORS / name).read_bytes()
    equal(hashlib.sha256(data).hexdigest(), re.search(r"sha256 ([0-9a-f]{64})", text)[1], f"{name}: the file of the index")
    if "EXPECT: reject" in text:
        equal(verdict(VECTORS / name, "--archive", "--allow-debug")[:2], (1, {"DOC_MALFORMED"}), name)
        equal(with_python(data, archived=True, allow_debug=True), "DOC_MALFORMED", f"{name} with Python")
        count["damaged"] += 1
    else:
        genuine(name, data, text)
        count["in debug mode" if "DEBUG MODE" in text else "genuine"] += 1
there = {file.name for file in VECTORS.glob("*.bin")} - {name for name, _ in entries()}
equal({name for name in there if "sigstructure" not in name}, set(), "documents that the index does not list")
equal(all(count.values()), True, f"some of each kind: {count}")
print(count)
