"""A model whose answers show any wrong byte of it: y[k] = table[i[k]]."""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import onnx_writer as ox  # noqa: E402


class Table:
    """`onnx`: the model's file; the table is drawn from the seed."""

    def __init__(self, size, seed):
        rng = random.Random(f"{seed} table")
        self.bytes = b"".join(rng.randbytes(min(1 << 20, size - place)) for place in range(0, size, 1 << 20))
        graph = ox.graph("table", [ox.node("Gather", ["table", "i"], ["y"])], [ox.value("i", ox.INT64, ["n"])],
                         [ox.value("y", ox.UINT8, ["n"])], [ox.tensor("table", [size], ox.UINT8, self.bytes)])
        self.onnx = ox.model(graph)

    def ask(self, node, cid):
        """"" when the node's answer is right, else its code; AssertionError when it is wrong."""
        places = [0, len(self.bytes) - 1, *(random.randrange(len(self.bytes)) for _ in range(50))]
        numbers = [{"name": "i", "values": places, "shape": [len(places)]}]
        status, _, answer = node.post({"ipfs_hash": cid, "model_inputs": {"numbers": numbers}})
        if status != 200:
            return answer["code"]
        result = answer["output"][0]["result"]
        if result != [self.bytes[place] for place in places]:
            raise AssertionError(f"{cid}: the answer is not that of the model")
        return ""
