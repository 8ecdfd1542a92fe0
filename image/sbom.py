#!/usr/bin/env python3
"""sbom.py LOCK MEASUREMENTS KERNEL INIT TREE: the software bill of materials of an image on standard output, SPDX 2.3 in JSON:
each file with its size, hashes, origin and licence, each origin with its version and the checksum of its archive."""
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
NODE = "node"


def rows(path, fields):
    lines = (line.split(None, fields - 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    return [[field.strip() for field in line] for line in lines if line]


def file_entry(name, path, licence):
    data = path.read_bytes()
    return {
        "SPDXID": "SPDXRef-File-" + "".join(c if c.isalnum() else "-" for c in name.lstrip("./")),
        "fileName": name,
        "checksums": [{"algorithm": a, "checksumValue": hashlib.new(a.lower(), data).hexdigest()} for a in ("SHA1", "SHA256")],
        "licenseConcluded": licence,
        "copyrightText": "NOASSERTION",
        "comment": f"{len(data)} bytes",
    }


def package_entry(origin, version, sha256, licence):
    entry = {
        "SPDXID": "SPDXRef-Package-" + "".join(c if c.isalnum() else "-" for c in origin),
        "name": origin,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
    }
    return entry | ({"checksums": [{"algorithm": "SHA256", "checksumValue": sha256}]} if sha256 else {})


def main(lock, measurements, kernel, init, tree):
    tree = Path(tree)
    pcr0 = json.loads(Path(measurements).read_text())["Measurements"]["PCR0"]
    licences = dict(rows(HERE / "licences.table", 2))
    inputs = {name: (version, sha256) for _, name, version, sha256, _ in rows(Path(lock), 5)}
    version = next(line.split("'")[1] for line in (HERE / "../meson.build").read_text().splitlines() if " version: '" in line)
    inputs[NODE] = (version, None)
    origins = {to: origin for _, to, origin, _ in rows(HERE / "files.table", 4)}
    found = [("./kernel", Path(kernel), "linux-source-6.12"), ("./init", Path(init), NODE)]
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        name = str(path.relative_to(tree))
        origin = next((o for to, o in origins.items() if name == to or name.startswith(to + "/")), NODE)
        found.append(("./" + name, path, origin))
    used = sorted({origin for _, _, origin in found})
    files = [file_entry(name, path, licences[origin]) for name, path, origin in found]
    packages = {origin: package_entry(origin, *inputs[origin], licences[origin]) for origin in used}
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", packages[NODE]["SPDXID"])]
    relations += [(file["SPDXID"], "GENERATED_FROM" if name in ("./kernel", "./init") or origin == NODE else "COPY_OF",
                   packages[origin]["SPDXID"]) for file, (name, _, origin) in zip(files, found)]
    relations += [(files[1]["SPDXID"], "STATIC_LINK", packages["libc6"]["SPDXID"])]
    json.dump({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "veronnx enclave image",
        "documentNamespace": f"urn:veronnx:image:{pcr0}",
        "creationInfo": {"created": "1970-01-01T00:00:00Z", "creators": ["Tool: veronnx-sbom"]},
        "packages": list(packages.values()),
        "files": files,
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in relations],
    }, sys.stdout, indent=1)
    print()


main(*sys.argv[1:])
