"""What the processes of a node hold: memory, descriptors."""
import contextlib
import os
import pathlib

MIB = 1 << 20


def anonymous(pid):
    """Bytes of memory of its own; 0 when the process is gone."""
    with contextlib.suppress(OSError, IndexError):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(text.split("RssAnon:")[1].split()[0]) * 1024
    return 0


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def _memory_files(pid):
    """Paths through which the memory files show that it has open or mapped."""
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("/memfd:"):
                    yield f"/proc/{pid}/fd/{fd}"
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            if "/memfd:" in line:
                yield f"/proc/{pid}/map_files/{line.split()[0]}"


def memory_files(pids):
    """{inode: bytes in memory} of every memory file, once, whoever has it."""
    seen = {}
    for pid in pids:
        for path in _memory_files(pid):
            with contextlib.suppress(OSError):
                st = os.stat(path)
                seen[st.st_ino] = st.st_blocks * 512
    return seen


def memory(pids):
    """Of a node's processes together: what is their own, and each memory file once."""
    return sum(map(anonymous, pids)) + sum(memory_files(pids).values())


def started(node):
    """No infer process is on its way: threads are the last thing it makes. What it holds before that comes and goes."""
    with contextlib.suppress(OSError):
        return all(len(os.listdir(f"/proc/{p}/task")) > 1 for p in node.processes("infer"))
    return False
