"""A folder with the node's executables in which one of them is a liar; the honest one stands in its subfolder `honest`."""
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "behaviour"))
ROOT = pathlib.Path(__file__).resolve().parents[3]
LIARS = pathlib.Path(os.environ.get("VERONNX_LIARS", ROOT / "build/test/hostile/liar"))
HONEST = pathlib.Path(os.environ.get("VERONNX_BIN", ROOT / "build/bin")).resolve()


@contextlib.contextmanager
def install(role, liar=None):
    """The folder, for Node. Copies, because the supervisor's jail runs nothing that is not in the folder where it stands."""
    with tempfile.TemporaryDirectory(prefix="veronnx-liar-") as name:
        folder = pathlib.Path(name)
        (folder / "honest").mkdir()
        for exe in HONEST.glob("veronnx*"):
            if exe.is_file() and os.access(exe, os.X_OK):
                shutil.copy(exe, folder / exe.name)
        shutil.move(folder / f"veronnx-{role}", folder / "honest")
        shutil.copy(LIARS / f"liar-{liar or role}", folder / f"veronnx-{role}")
        for place in (folder, folder / "honest"):
            (place / "lib").symlink_to((HONEST / "lib").resolve())
        yield folder


def double_model(name, rows=None):
    """The bytes of y = 2x with the graph's name `name`; with `rows`, x has rows of 1,024 and the multiplication takes its time."""
    sys.path.insert(0, str(ROOT / "tools"))
    import onnx_writer as ox
    if rows is None:
        nodes = [ox.node("Mul", ["x", "two"], ["y"])]
        weights, shape = ox.tensor("two", [], ox.FLOAT, ox.floats(2.0)), ["n"]
    else:
        nodes = [ox.node("MatMul", ["x", "two"], ["y"])]
        diagonal = b"".join(ox.floats(2.0) if i == j else b"\0\0\0\0" for i in range(1024) for j in range(1024))
        weights, shape = ox.tensor("two", [1024, 1024], ox.FLOAT, diagonal), ["n", 1024]
    return ox.model(ox.graph(name, nodes, [ox.value("x", ox.FLOAT, shape)], [ox.value("y", ox.FLOAT, shape)], [weights]))


def slow_model(name, turns):
    """y = 2x after so many turns of a loop; x has one float."""
    import onnx_writer as ox
    one = [ox.value("c", ox.FLOAT, [1])]
    body = ox.graph("body", [ox.node("Identity", ["go"], ["on"]), ox.node("Identity", ["v"], ["c"])],
                    [ox.value("i", ox.INT64, []), ox.value("go", ox.BOOL, []), ox.value("v", ox.FLOAT, [1])],
                    [ox.value("on", ox.BOOL, []), *one])
    nodes = [ox.node("Loop", ["turns", "true", "x"], ["z"], ox.attribute("body", "g", body)), ox.node("Mul", ["z", "two"], ["y"])]
    weights = [ox.tensor("turns", [], ox.INT64, ox.int64s(turns)), ox.tensor("true", [], ox.BOOL, b"\1"),
               ox.tensor("two", [1], ox.FLOAT, ox.floats(2.0))]
    return ox.model(ox.graph(name, nodes, [ox.value("x", ox.FLOAT, [1])], [ox.value("y", ox.FLOAT, [1])], weights))
