"""models.py OUTDIR [--set demo|bench|huge|all]: makes the models that `make run` and `make bench` use. `all` is without the huge one.

Every byte is the same on every machine. A model NAME of the demo set is NAME.onnx, NAME.about (one line of text) and
NAME.request.json, an OpenGradient request in which @CID@ stands for the model's CID.
"""
import argparse
import json
import math
import random
import struct
from pathlib import Path

import onnx_writer as ox

# --- demo: small models that mean something ---------------------------------------------------------------------------

FONT = {  # rows of five pixels, the top row first
    0: "01110 10001 10011 10101 11001 10001 01110", 1: "00100 01100 00100 00100 00100 00100 01110",
    2: "01110 10001 00001 00010 00100 01000 11111", 3: "11111 00010 00100 00010 00001 10001 01110",
    4: "00010 00110 01010 10010 11111 00010 00010", 5: "11111 10000 11110 00001 00001 10001 01110",
    6: "00110 01000 10000 11110 10001 10001 01110", 7: "11111 00001 00010 00100 01000 01000 01000",
    8: "01110 10001 10001 01110 10001 10001 01110", 9: "01110 10001 10001 01111 00001 00010 01100",
}
SIDE, ZOOM = 28, 3


def picture(digit, right, down):
    """784 numbers, 0 or 1: the digit three times as large as in FONT, near the middle."""
    pixels = [0] * (SIDE * SIDE)
    for y, row in enumerate(FONT[digit].split()):
        for x, bit in enumerate(row):
            for k in range(ZOOM * ZOOM if bit == "1" else 0):
                at_y, at_x = 3 + down + y * ZOOM + k // ZOOM, 6 + right + x * ZOOM + k % ZOOM
                pixels[at_y * SIDE + at_x] = 1
    return pixels


def mnist_mlp():
    """784-90-10: a hidden unit for each digit at each of nine places, which fires when the picture is close to it."""
    templates = [(digit, picture(digit, right, down)) for digit in FONT for right in (-2, 0, 2) for down in (-2, 0, 2)]
    weights = []
    for _, pixels in templates:
        mean = sum(pixels) / len(pixels)
        norm = sum((pixel - mean) ** 2 for pixel in pixels)
        weights += [(pixel - mean) / norm for pixel in pixels]
    votes = [12.0 if digit == row else 0.0 for row in FONT for digit, _ in templates]
    hidden, batch = len(templates), "batch"
    nodes = [
        ox.node("Gemm", ["image", "w1", "b1"], ["match"], ox.attribute("transB", "i", 1)),
        ox.node("Relu", ["match"], ["fired"]),
        ox.node("Gemm", ["fired", "w2", "b2"], ["votes"], ox.attribute("transB", "i", 1)),
        ox.node("Softmax", ["votes"], ["probabilities"], ox.attribute("axis", "i", 1)),
    ]
    initializers = [
        ox.tensor("w1", [hidden, SIDE * SIDE], ox.FLOAT, ox.floats(*weights)),
        ox.tensor("b1", [hidden], ox.FLOAT, ox.floats(-0.5) * hidden),
        ox.tensor("w2", [10, hidden], ox.FLOAT, ox.floats(*votes)),
        ox.tensor("b2", [10], ox.FLOAT, ox.floats(0.0) * 10),
    ]
    graph = ox.graph("mnist_mlp", nodes, [ox.value("image", ox.FLOAT, [batch, SIDE * SIDE])],
                     [ox.value("probabilities", ox.FLOAT, [batch, 10])], initializers)
    return ox.model(graph), {"numbers": [number_tensor("image", picture(7, 1, 0), [1, SIDE * SIDE])]}


WORDS = ["zero", "one", "two", "three", "four", "five"]


def ids_and_words():
    """Both ways between numbers and their names, integer arithmetic, and strings that pass through."""
    def numbers(role):
        return ox.attribute(f"{role}_int64s", "ints", range(len(WORDS)))

    def words(role):
        return ox.attribute(f"{role}_strings", "strings", WORDS)

    nodes = [
        ox.node("LabelEncoder", ["words"], ["ids_of_words"], words("keys"), numbers("values"),
                ox.attribute("default_int64", "i", -1), domain="ai.onnx.ml"),
        ox.node("LabelEncoder", ["ids"], ["words_of_ids"], numbers("keys"), words("values"),
                ox.attribute("default_string", "s", "many"), domain="ai.onnx.ml"),
        ox.node("Mul", ["ids", "ids"], ["squares"]),
        ox.node("Identity", ["words"], ["same_words"]),
    ]
    graph = ox.graph("ids_and_words", nodes,
                     [ox.value("ids", ox.INT64, ["n"]), ox.value("words", ox.STRING, ["m"])],
                     [ox.value("ids_of_words", ox.INT64, ["m"]), ox.value("words_of_ids", ox.STRING, ["n"]),
                      ox.value("squares", ox.INT64, ["n"]), ox.value("same_words", ox.STRING, ["m"])])
    request = {"numbers": [number_tensor("ids", [2, 3037000499, 5], [3])],
               "strings": [{"name": "words", "values": ["three", "zwölf"], "shape": [2]}]}
    return ox.model(graph, [("", 17), ("ai.onnx.ml", 2)]), request


# Logistic regression over the iris data set (sepal and petal length and width in cm), fitted with scikit-learn.
IRIS_CLASSES = ["setosa", "versicolor", "virginica"]
IRIS_WEIGHTS = [-0.424, 0.966, -2.516, -1.082, 0.535, -0.32, -0.207, -0.943, -0.11, -0.646, 2.723, 2.025]
IRIS_BIAS = [9.855, 2.234, -12.089]


def classifier_map():
    """What a scikit-learn converter writes: a label, and a sequence of maps from class to probability."""
    classes = ox.attribute("classlabels_strings", "strings", IRIS_CLASSES)
    nodes = [
        ox.node("LinearClassifier", ["flower"], ["label", "scores"], classes,
                ox.attribute("coefficients", "floats", IRIS_WEIGHTS), ox.attribute("intercepts", "floats", IRIS_BIAS),
                ox.attribute("multi_class", "i", 1), ox.attribute("post_transform", "s", "SOFTMAX"),
                domain="ai.onnx.ml"),
        ox.node("ZipMap", ["scores"], ["probabilities"], classes, domain="ai.onnx.ml"),
    ]
    graph = ox.graph("iris", nodes, [ox.value("flower", ox.FLOAT, ["n", 4])],
                     [ox.value("label", ox.STRING, ["n"]),
                      ox.value_info("probabilities", ox.sequence_of_maps(ox.STRING, ox.FLOAT))])
    flowers = [5.1, 3.5, 1.4, 0.2, 6.3, 3.3, 6.0, 2.5]
    return ox.model(graph, [("", 17), ("ai.onnx.ml", 1)]), {"numbers": [number_tensor("flower", flowers, [2, 4])]}


def double():
    graph = ox.graph("double", [ox.node("Mul", ["x", "two"], ["y"])], [ox.value("x", ox.FLOAT, ["n"])],
                     [ox.value("y", ox.FLOAT, ["n"])], [ox.tensor("two", [], ox.FLOAT, ox.floats(2.0))])
    return ox.model(graph), {"numbers": [number_tensor("x", [0.1, -2.5, 3], [3])]}


DEMO = {
    "double": (double, "y = 2x; the request is 0.1, -2.5, 3 and the answer 0.2, -5, 6"),
    "mnist-mlp": (mnist_mlp, "784-90-10 perceptron that knows the ten digits of a pixel font; the request is a 7"),
    "ids-and-words": (ids_and_words, "int64 and string tensors both ways; the words of 2 and 5 are two and five"),
    "classifier-map": (classifier_map, "iris classifier with a map output; the request is a setosa and a virginica"),
}


def number_tensor(name, values, shape):
    """The fixed-point form: value divided by 10 to the power of decimals, both as text."""
    numbers = []
    for value in values:
        decimals = len(repr(value).partition(".")[2])
        numbers.append({"value": str(round(value * 10 ** decimals)), "decimals": str(decimals)})
    return {"name": name, "values": numbers, "shape": shape}


# --- bench: real shapes, noise for weights ----------------------------------------------------------------------------

def noise(seed, count, wanted):
    """`count` floats of either sign with a root mean square near `wanted`, and what it really is.

    Sign and mantissa are random, the exponent is fixed: a mask over one large integer, since a loop over floats would
    take minutes. A magnitude spread evenly over [1, 2) has the mean square 7/3.
    """
    exponent = round(math.log2(wanted / math.sqrt(7 / 3)))
    keep = int.from_bytes(b"\xff\xff\x7f\x80" * count, "little")
    put = int.from_bytes(struct.pack("<I", 127 + exponent << 23) * count, "little")
    bits = int.from_bytes(random.Random(seed).randbytes(4 * count), "little")
    return (bits & keep | put).to_bytes(4 * count, "little"), math.sqrt(7 / 3) * 2.0 ** exponent


def mlp(name, sizes):
    nodes, initializers, last = [], [], "x"
    for layer, (wide, narrow) in enumerate(zip(sizes, sizes[1:])):
        weights, _ = noise(f"{name} {layer}", wide * narrow, math.sqrt(2 / wide))
        initializers += [ox.tensor(f"w{layer}", [narrow, wide], ox.FLOAT, weights),
                         ox.tensor(f"b{layer}", [narrow], ox.FLOAT, ox.floats(0.01) * narrow)]
        nodes.append(ox.node("Gemm", [last, f"w{layer}", f"b{layer}"], [f"z{layer}"], ox.attribute("transB", "i", 1)))
        last = f"z{layer}"
        if layer < len(sizes) - 2:
            nodes.append(ox.node("Relu", [last], [f"a{layer}"]))
            last = f"a{layer}"
    nodes.append(ox.node("Softmax", [last], ["y"], ox.attribute("axis", "i", 1)))
    return ox.model(ox.graph(name, nodes, [ox.value("x", ox.FLOAT, ["batch", sizes[0]])],
                             [ox.value("y", ox.FLOAT, ["batch", sizes[-1]])], initializers))


class Resnet50:
    """ResNet-50 as published (He et al. 2015; stride in the 3x3 convolution): 25.6 million parameters, 102 MB."""

    STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # width, blocks, stride of the first

    def __init__(self):
        self.nodes, self.initializers, self.count = [], [], 0

    def add(self, op_type, inputs, *attributes):
        output = f"t{len(self.nodes)}"
        self.nodes.append(ox.node(op_type, inputs, [output], *attributes))
        return output

    def initializer(self, name, dims, data):
        self.initializers.append(ox.tensor(name, dims, ox.FLOAT, data))
        return name

    def convolution(self, data, wide, narrow, kernel, stride, square, gain):
        """Convolution and batch normalisation; `square` is the mean square of the input, `gain` what comes out."""
        self.count += 1
        name, fan_in = f"conv{self.count}", wide * kernel * kernel
        weights, rms = noise(name, fan_in * narrow, math.sqrt(2 / fan_in))
        weights = self.initializer(f"{name}.weight", [narrow, wide, kernel, kernel], weights)
        out = self.add("Conv", [data, weights], ox.attribute("kernel_shape", "ints", [kernel] * 2),
                       ox.attribute("strides", "ints", [stride] * 2), ox.attribute("pads", "ints", [kernel // 2] * 4))
        moments = {"scale": gain, "bias": 0.0, "mean": 0.0, "var": fan_in * rms * rms * square}
        names = [self.initializer(f"{name}.{key}", [narrow], ox.floats(number) * narrow)
                 for key, number in moments.items()]
        return self.add("BatchNormalization", [out, *names])

    def block(self, data, wide, width, stride):
        shortcut = data if wide == 4 * width else self.convolution(data, wide, 4 * width, 1, stride, 1.0, 1.0)
        out = self.add("Relu", [self.convolution(data, wide, width, 1, 1, 1.0, 1.0)])
        out = self.add("Relu", [self.convolution(out, width, width, 3, stride, 0.5, 1.0)])
        out = self.convolution(out, width, 4 * width, 1, 1, 0.5, 0.25)
        return self.add("Relu", [self.add("Add", [out, shortcut])])

    def build(self):
        out = self.add("Relu", [self.convolution("image", 3, 64, 7, 2, 1.0, 1.0)])
        out = self.add("MaxPool", [out], ox.attribute("kernel_shape", "ints", [3, 3]),
                       ox.attribute("strides", "ints", [2, 2]), ox.attribute("pads", "ints", [1, 1, 1, 1]))
        wide = 64
        for width, blocks, stride in self.STAGES:
            for block in range(blocks):
                out = self.block(out, wide, width, stride if block == 0 else 1)
                wide = 4 * width
        out = self.add("Flatten", [self.add("GlobalAveragePool", [out])])
        weights, _ = noise("fc", 1000 * wide, math.sqrt(1 / wide))
        last = [out, self.initializer("fc.weight", [1000, wide], weights),
                self.initializer("fc.bias", [1000], ox.floats(0.0) * 1000)]
        self.nodes.append(ox.node("Gemm", last, ["logits"], ox.attribute("transB", "i", 1)))
        return ox.model(ox.graph("resnet50", self.nodes, [ox.value("image", ox.FLOAT, ["batch", 3, 224, 224])],
                                 [ox.value("logits", ox.FLOAT, ["batch", 1000])], self.initializers))


BENCH = {
    "mlp-tiny": lambda: mlp("mlp-tiny", [4, 16, 3]),
    "mlp-784": lambda: mlp("mlp-784", [784, 512, 512, 512, 10]),
    "resnet50": lambda: Resnet50().build(),
}

HUGE = {"mlp-486m": lambda: mlp("mlp-486m", [2048, 7168, 7168, 7168, 576])}  # takes 2 GB of memory to make


# --- files ------------------------------------------------------------------------------------------------------------

def write_demo(folder):
    for name, (make, about) in DEMO.items():
        model, inputs = make()
        request = {"ipfs_hash": "@CID@", "model_inputs": json.dumps(inputs, ensure_ascii=False, separators=(",", ":"))}
        (folder / f"{name}.onnx").write_bytes(model)
        (folder / f"{name}.about").write_text(about + "\n", encoding="utf-8")
        (folder / f"{name}.request.json").write_text(json.dumps(request, ensure_ascii=False) + "\n", encoding="utf-8")


def write_models(folder, models):
    for name, make in models.items():
        (folder / f"{name}.onnx").write_bytes(make())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--set", choices=("demo", "bench", "huge", "all"), default="all")
    options = parser.parse_args()
    options.outdir.mkdir(parents=True, exist_ok=True)
    if options.set in ("demo", "all"):
        write_demo(options.outdir)
    if options.set in ("bench", "all"):
        write_models(options.outdir, BENCH)
    if options.set == "huge":
        write_models(options.outdir, HUGE)


if __name__ == "__main__":
    main()
