"""A client of the Open Inference Protocol over REST, of the standard library alone: an oracle of its own for the binary form."""
import base64
import json
import struct
import urllib.parse

CODES = {"BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q",
         "FP16": "e", "FP32": "f", "FP64": "d"}


def pack(datatype, values):
    """Elements as the binary extension has them."""
    if datatype == "BYTES":
        texts = [v if isinstance(v, bytes) else v.encode() for v in values]
        return b"".join(struct.pack("<I", len(t)) + t for t in texts)
    if datatype == "BF16":
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    return struct.pack(f"<{len(values)}{CODES[datatype]}", *values)


def unpack(datatype, data):
    if datatype == "BYTES":
        texts = []
        while data:
            end = 4 + struct.unpack_from("<I", data)[0]
            texts.append(data[4:end])
            data = data[end:]
        return texts
    if datatype == "BF16":
        return [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]
    return list(struct.unpack(f"<{len(data) // struct.calcsize(CODES[datatype])}{CODES[datatype]}", data))


def path(model, verb=""):
    return "/v2/models/" + urllib.parse.quote(model, safe="") + verb


def request(inputs, binary=False, **more):
    """Body and header fields for [(name, datatype, shape, values)]."""
    tensors, tail = [], b""
    for name, datatype, shape, values in inputs:
        tensor = {"name": name, "datatype": datatype, "shape": shape}
        if binary:
            data = pack(datatype, values)
            tensor["parameters"] = {"binary_data_size": len(data)}
            tail += data
        else:
            tensor["data"] = values
        tensors.append(tensor)
    text = json.dumps({"inputs": tensors, **more}).encode()
    return text + tail, {"Inference-Header-Content-Length": str(len(text))} if binary else {}


def answer(headers, content):
    """{name: (datatype, shape, values)} and the JSON part."""
    size = int(headers.get("inference-header-content-length", len(content)))
    document, tail, outputs = json.loads(content[:size]), content[size:], {}
    for output in document.get("outputs", []):
        values = output.get("data")
        if values is None:
            n = output["parameters"]["binary_data_size"]
            values, tail = unpack(output["datatype"], tail[:n]), tail[n:]
        outputs[output["name"]] = (output["datatype"], output["shape"], values)
    assert not tail, "bytes behind the last tensor"
    return outputs, document


def infer(node, model, inputs, binary=False, headers=None, **more):
    body, fields = request(inputs, binary, **more)
    status, got, content = node.ask("POST", path(model, "/infer"), body, {**fields, **(headers or {})})
    return status, got, *(answer(got, content) if status == 200 else ({}, json.loads(content)))


def digests(headers):
    """Of the receipt: key 15 and 16, each side two digests of 32 bytes."""
    raw = headers["veronnx-receipt"]
    receipt = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    at = receipt.index(b"\x0f\x82\x58\x20")
    return receipt[at:at + 140]
