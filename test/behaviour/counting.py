"""A model that runs for as long as one likes."""
from node import ox


def counting():
    """y = x + n, one by one."""
    body = ox.graph("body", [ox.node("Identity", ["c"], ["c2"]), ox.node("Add", ["v", "one"], ["v2"])],
                    [ox.value("i", ox.INT64, []), ox.value("c", ox.BOOL, []), ox.value("v", ox.DOUBLE, [])],
                    [ox.value("c2", ox.BOOL, []), ox.value("v2", ox.DOUBLE, [])],
                    [ox.tensor("one", [], ox.DOUBLE, b"\0\0\0\0\0\0\xf0\x3f")])
    loop = ox.node("Loop", ["n", "true", "x"], ["y"], ox.attribute("body", "g", body))
    return ox.model(ox.graph("g", [loop], [ox.value("n", ox.INT64, []), ox.value("x", ox.DOUBLE, [])],
                             [ox.value("y", ox.DOUBLE, [])], [ox.tensor("true", [], ox.BOOL, b"\1")]))
