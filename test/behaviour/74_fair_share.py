#!/usr/bin/env python3
"""A model that runs without end stands behind the others as long as they have work, with all of its threads; so does one that is loading.
Where the node may not bring it forward again (it needs CAP_SYS_NICE or RLIMIT_NICE), it goes back less far, and stays there."""
import contextlib
import os
import pathlib
import threading
import time

from hostile import cases
from node import SLOW, Node, check, equal, wait_for


def nices(pid):
    """Of all threads of a process, above our own; [] when it is gone."""
    with contextlib.suppress(OSError):
        stats = [(task / "stat").read_text() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
        return sorted({int(stat.rsplit(")", 1)[1].split()[16]) - os.nice(0) for stat in stats})
    return []


def may_return(node):
    """What the kernel says of the supervisor."""
    status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
    limits = pathlib.Path(f"/proc/{node.process.pid}/limits").read_text()
    allowed = int(limits.split("Max nice priority")[1].split()[0])
    return bool(int(status.split("CapEff:")[1].split()[0], 16) >> 23 & 1) or allowed >= 20 - os.nice(0)


def cpu(pid):
    """Hundredths of a second that it has taken."""
    with contextlib.suppress(OSError):
        return sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    return 0


with Node("--run-time", "6s" if SLOW == 1 else "10s", faults=True) as node:  # ONNX Runtime is what it is
    returns = may_return(node)
    behind, begin = (min(n, 19 - os.nice(0)) for n in ((19, 12) if returns else (4, 0)))
    cases(node.dir / "hostile")
    node.add(node.dir / "hostile/endless-loop.onnx")
    [honest] = node.processes("infer")
    equal(nices(honest), [0], "the node's own start waited for this one, among all that runs on the machine")
    equal(node.infer("double")[0], 200, "an honest model")
    wait_for("it comes forward", lambda: nices(honest) == [0])
    wait_for("without a model", lambda: [nices(p) for p in node.processes("infer") if p != honest] == [[begin]])

    x = {"name": "x", "values": [1], "shape": [1]}
    asked = {"ipfs_hash": node.cids["endless-loop"], "model_inputs": {"numbers": [x]}}
    answers = []
    hog = threading.Thread(target=lambda: answers.append(node.post(asked)[0]))
    hog.start()
    begun = time.monotonic()
    [endless] = wait_for("while nobody else has work it stands in front",
                         lambda: [p for p in node.processes("infer") if p != honest and cpu(p) > 20 and nices(p) == [0]])
    with contextlib.closing(node.connect()) as connection:
        wait_for("it stands behind", lambda: node.infer("double", connection=connection)[0] == 200 and nices(endless) == [behind])
        equal(nices(honest), [0], "the honest one")
        check(not answers, "while it runs")
        hog.join()
    equal(answers, [504], "its time is over")
    if returns:
        wait_for("it comes forward again", lambda: [nices(p) for p in node.processes("infer")].count([0]) == 2)
    print(f"stood at nice {behind}, {'and came back' if returns else 'and stays there'}; after {time.monotonic() - begun:.1f} s")
