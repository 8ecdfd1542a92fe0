#!/usr/bin/env python3
"""The manifests of contrib/k8s and contrib/kserve against the schemas of Kubernetes and of KServe, strictly: a field that they do not
know is a mistake. What a pod would run on a folder of models is run here, and the names are asked for.
Environment: VERONNX_BIN. 77: the schemas cannot be had. It starts itself again with the Python that has them."""
import contextlib
import copy
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/behaviour"))
from node import BIN, Node, check, equal, veronnx, wait_for  # noqa: E402

if "--with-schemas" not in sys.argv:
    made = subprocess.run([ROOT / "tools/peers.sh", "manifests"], stdout=subprocess.PIPE, text=True)
    if made.returncode == 77:
        sys.exit(77)
    equal(made.returncode, 0, "tools/peers.sh")
    os.execv(made.stdout.strip(), [made.stdout.strip(), __file__, "--with-schemas"])

import jsonschema  # noqa: E402
import kubernetes_validate  # noqa: E402
import yaml  # noqa: E402

RELEASES = ("1.28", "1.37")


def close(schema):
    """A copy in which objects have no other fields than those of the schema; x-kubernetes-... says which may."""
    if isinstance(schema, list):
        return [close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: {name: close(part) for name, part in value.items()} if key == "properties" else close(value)
              for key, value in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
    return closed


def kserve_schema(document):
    for file in (pathlib.Path(sys.executable).parent.parent / "crds").glob("*.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        if spec["names"]["kind"] == document["kind"]:
            version = document["apiVersion"].partition("/")[2]
            schema = next(v["schema"]["openAPIV3Schema"] for v in spec["versions"] if v["name"] == version)
            schema["properties"]["metadata"]["x-kubernetes-preserve-unknown-fields"] = True  # Kubernetes has its schema
            return close(schema)
    raise AssertionError(f"KServe has no {document['kind']}")


def validate(document):
    if document["apiVersion"].startswith("serving.kserve.io/"):
        jsonschema.Draft4Validator(kserve_schema(document)).validate(document)
    else:
        for release in RELEASES:
            kubernetes_validate.validate(document, release, strict=True)


def refused(document, change):
    """A schema that takes anything would be none."""
    changed = copy.deepcopy(document)
    change(changed["spec"])
    with contextlib.suppress(jsonschema.ValidationError, kubernetes_validate.ValidationError):
        validate(changed)
        raise AssertionError(f"{document['kind']}: a mistake was not found")


def pods(document):
    spec = document.get("spec", {})
    if document["kind"] == "ClusterServingRuntime":
        yield spec
    elif "template" in spec:
        yield spec["template"]["spec"]


def check_options(words):
    """Each option of a command is one that its help lists."""
    if words[0] == "veronnx":
        known = veronnx(words[1], "--help").stdout + veronnx("serve", "--help").stdout * (words[1] == "host")
        for option in (word for word in words if word.startswith("--")):
            check(re.search(rf"^  {option}\b", known, re.M), f"veronnx {words[1]} has no {option}")


class Pod:
    """Its commands, in its folders: the paths of the containers are folders here."""
    def __init__(self, where):
        self.where, self.paths = where, {"/mnt/models": where / "models", "/state": where / "state"}
        self.environment = dict(os.environ, PATH=f"{BIN}:{os.environ['PATH']}", HOME=str(where))
        (where / "state").mkdir(parents=True)

    def words(self, container):
        words = [*container.get("command", []), *container.get("args", [])]
        text = json.dumps(words).replace("{{.Name}}", "digits")
        for path, here in self.paths.items():
            text = re.sub(rf"{path}\b", str(here), text)
        return json.loads(re.sub(r"0\.0\.0\.0:\d+|127\.0\.0\.1:\d+", "127.0.0.1:0", text))

    def run(self, container):
        done = subprocess.run(self.words(container), env=self.environment, capture_output=True, text=True)
        equal(done.returncode, 0, f"{container['name']}: {done.stderr}")

    @contextlib.contextmanager
    def serve(self, container):
        with open(self.where / "log", "wb") as log:
            process = subprocess.Popen(self.words(container), env=self.environment, stdout=log, stderr=log)
        try:
            ready = self.where / "state/node/ready.json"
            wait_for("ready", lambda: ready.exists() or process.poll() is not None, 20)
            check(process.poll() is None, (self.where / "log").read_text())
            node = Node()
            node.ready = json.loads(ready.read_text())
            node.port = int(node.ready["url"].rpartition(":")[2])
            yield node
        finally:
            process.send_signal(signal.SIGTERM)
            equal(process.wait(20), 0, "exit status")


documents = {}
for file in sorted((ROOT / "contrib").glob("k*/*.yaml")):
    documents[file.name] = list(yaml.safe_load_all(file.read_text()))
    for document in documents[file.name]:
        validate(document)
        for pod in pods(document):
            mounts = {m["name"] for c in pod["containers"] + pod.get("initContainers", []) for m in c.get("volumeMounts", [])}
            equal(mounts, {v["name"] for v in pod["volumes"]}, f"{file.name}: volumes and their mounts")
            for container in pod["containers"] + pod.get("initContainers", []):
                text = " ".join([*container.get("command", []), *container.get("args", [])]).replace("\\\n", " ")
                for line in re.findall(r"veronnx (?:add|serve|host) .*", text):
                    check_options(line.split())
equal(sorted(documents), ["runtime.yaml", "service.yaml", "veronnx-nitro.yaml", "veronnx.yaml"], "manifests")

runtime, service, deployment = documents["runtime.yaml"][0], documents["service.yaml"][0], documents["veronnx.yaml"][0]
refused(runtime, lambda spec: spec.update(container=[]))
refused(runtime, lambda spec: spec["containers"][0].update(readyProbe={}))
refused(runtime, lambda spec: spec["containers"][0]["readinessProbe"]["httpGet"].pop("port"))
refused(service, lambda spec: spec["predictor"]["model"]["modelFormat"].pop("name"))
refused(service, lambda spec: spec["predictor"]["model"].update(runtimes="veronnx"))
refused(deployment, lambda spec: spec.pop("selector"))
refused(deployment, lambda spec: spec["template"]["spec"]["containers"][0].update(port=[]))
equal(service["spec"]["predictor"]["model"]["runtime"], runtime["metadata"]["name"], "the runtime of the service")
equal(service["spec"]["predictor"]["model"]["modelFormat"]["name"], runtime["spec"]["supportedModelFormats"][0]["name"], "the format")

with tempfile.TemporaryDirectory(prefix="veronnx-test-") as folder:
    made = pathlib.Path(folder) / "made"
    subprocess.run([sys.executable, ROOT / "tools/models.py", made, "--set", "demo"], check=True)
    deployed = deployment["spec"]["template"]["spec"]
    rows = (  # manifest, commands before, the node's, what lies below /mnt/models, the names that it gets
        ("runtime.yaml", [], runtime["spec"]["containers"][0], ["model.onnx"], ["digits"]),
        ("runtime.yaml", [], runtime["spec"]["containers"][0], ["a/1/model.onnx", "b/1/model.onnx"], ["a", "b"]),
        ("veronnx.yaml", deployed["initContainers"], deployed["containers"][0], ["a/1/model.onnx", "b.onnx"], ["a", "b"]),
    )
    for n, (manifest, before, last, places, names) in enumerate(rows):
        pod = Pod(pathlib.Path(folder) / str(n))
        for place in places:
            (pod.where / "models" / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(made / "double.onnx", pod.where / "models" / place)
        for container in before:
            pod.run(container)
        with pod.serve(last) as node:
            equal(json.loads(node.ask("GET", "/v2/models")[2]), {"models": names}, f"{manifest}: names")
            equal(node.ask("GET", last["readinessProbe"]["httpGet"]["path"])[0], 200, "the probe")
            for name in names:
                body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [2]}]})
                status, _, answer = node.ask("POST", f"/v2/models/{name}/infer", body)
                equal((status, json.loads(answer)["outputs"][0]["data"]), (200, [4]), f"{manifest}: {name}")

print(f"passed: {sum(map(len, documents.values()))} documents, {len(rows)} pods")
