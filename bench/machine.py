"""What the system says of processes and of itself: processor time, memory, affinity, noise."""
import contextlib
import os
import platform
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tasks(pid):
    with contextlib.suppress(OSError):
        return [int(t) for t in os.listdir(f"/proc/{pid}/task")]
    return []


def children(pid):
    found = []
    for task in tasks(pid):
        with contextlib.suppress(OSError):
            found += [int(p) for p in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return found


def family(pid):
    """The process and all below it."""
    return [pid] + [p for child in children(pid) for p in family(child)]


def name(pid):
    """keeper, front, infer, ...: the executable's name without veronnx-; the front of the administration is admin."""
    with contextlib.suppress(OSError):
        if b"--admin" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return "admin"
        return Path(f"/proc/{pid}/comm").read_text().strip().removeprefix("veronnx-")
    return "?"


def pin(pid, cpus):
    for task in tasks(pid):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(task, cpus)


def cpu_us(pid):
    """Processor time: of its threads to the nanosecond, or in clock ticks where the kernel does not count so."""
    with contextlib.suppress(OSError):
        return sum(int(Path(f"/proc/{pid}/task/{t}/schedstat").read_text().split()[0]) for t in tasks(pid)) / 1e3
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1e6 / TICKS
    return 0.0


def memory_kib(pid):
    """Peak of the resident memory, and the proportional share of it now, or None: only the administrator may ask."""
    peak, share = 0, None
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1])
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                share = int(line.split()[1])
    return peak, share


def busy_us():
    """Processor time that the whole machine has spent, and what a hypervisor has taken away from it."""
    fields = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _, _, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq) * 1e6 / TICKS, steal * 1e6 / TICKS


def facts():
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }
