"""From rounds to figures, from figures to ratios, and all of it as a table."""
from rows import FORMS, FREE, HUGE, LARGE, SMALL, TWO, UNPROVED

NOISE = 0.05  # share of the machine that others may take before rates are doubtful
PROCESSES = ("front", "infer", "keeper", "super")


def figures(row):
    count, elapsed = (sum(r[key] for r in row.rounds) for key in ("count", "elapsed_us"))
    found = {
        "row": row.key, "cores": row.cores, "concurrency": row.depth, **row.total,
        "best_p50_us": min(r["p50_us"] for r in row.rounds),
        "per_second": count * 1e6 / elapsed,
        "rounds": row.rounds,
    }
    if not row.node:
        found["cpu_us"] = {"all": row.own_us / count}
    else:
        found["cpu_us"] = {name: us / count for name, us in row.cpu_us.items()}
        found["cpu_us"]["all"] = sum(row.cpu_us.values()) / count
        found["load_cpu_us"] = row.own_us / count
        found["load_busy"] = 1 - sum(r["idle_us"] for r in row.rounds) / elapsed
    return found


def sums(found, key, *parts):
    return sum(found[part][key] for part in parts)


def is_noisy(m):
    return m["busy"] - m["ours"] + m["stolen"] > NOISE


def chain_aim(found):
    floor = sums(found, "p50_us", "fixed 1", "chain 1 one")
    return {"aim": f"{SMALL[0]}, concurrency 1: p50 above `fixed 1` + chain, in us", "most": 30, "got": found[f"{SMALL[0]} 1"]["p50_us"] - floor}


def latency_aim(found, model, fixed):
    floor = sums(found, "p50_us", fixed, "chain 1 one", f"bare {model}")
    parse = found[f"parse front {model}"]["p50_us"]
    return {"aim": f"{model}, concurrency 1: p50 above `{fixed}` + chain + Run, in us (its JSON takes {parse:.0f})",
            "most": 60, "got": found[f"{model} 1"]["p50_us"] - floor}


def many_aims(found, cores):
    """What the chain costs when it is busy."""
    row, fixed = found[f"{SMALL[0]} 64 {cores}"], found[f"fixed 64 {cores}"]
    what = f"{SMALL[0]}, concurrency 64, cores `{cores}`"
    yield {"aim": f"{what}: rate over that of a fixed body", "least": 0.6, "got": row["per_second"] / fixed["per_second"]}
    yield {"aim": f"{what}: processor time of all processes above that of a fixed body, in us", "most": 15,
           "got": row["cpu_us"]["all"] - fixed["cpu_us"]["all"]}


def floor_aim(found, noisy, row, least, what, *parts):
    """The rate over the rate of the parts, one after the other on one core: of both the throughput, so that what disturbs the machine now and then
    counts on both sides. `noisy`: the node had one core and others had it as well, so of processor times."""
    if noisy:
        got = sum(found[part]["cpu_us"]["all"] for part in parts) / found[row]["cpu_us"]["all"]
        return {"aim": f"`{row}`: processor time of {what} over its own", "least": least, "got": got}
    got = found[row]["per_second"] * sum(1 / found[part]["per_second"] for part in parts)
    return {"aim": f"`{row}`: rate over 1 / ({what})", "least": least, "got": got}


def large_aim(found, noisy, model, which):
    parts = (f"{part} {model}" for part in ("bare", "parse read", "parse convert"))
    return floor_aim(found, noisy, f"{model} {which}", 0.9, "Run + yyjson twice + conversion", *parts)


def receipt_aims(found):
    """What the same requests cost more at the node that proves them."""
    for row, most in ((f"{SMALL[0]} 1", 40), (f"{SMALL[0]} 64 {TWO}", 12), (f"{SMALL[0]} 64 {FREE}", 12)):
        proved, unproved = found[row], found[f"{UNPROVED} {row}"]
        requests = min(proved["count"], unproved["count"])
        yield {"aim": f"`{row}`: processor time of all processes that a receipt adds, in us ({requests} requests)",
               "most": most, "got": proved["cpu_us"]["all"] - unproved["cpu_us"]["all"]}
    row = f"{SMALL[0]} 1"
    chain = sums(found, "p50_us", "fixed 1", "chain 1 one", f"bare {SMALL[0]}")
    for what, floor in (("fixed + chain + Run", chain), (f"`{UNPROVED} {row}`", found[f"{UNPROVED} {row}"]["p50_us"])):
        yield {"aim": f"`{row}`: p50 over that of {what}", "most": 1.3, "got": found[row]["p50_us"] / floor}


def tensor_aims(found, noisy, model):
    """The Open Inference Protocol with the model alone."""
    for form in ("binary", "grpc"):
        yield floor_aim(found, noisy, f"{form} {model} 2 {TWO}", 0.97, "Run", f"bare {model}")
    yield floor_aim(found, noisy, f"oip {model} 2 {TWO}", 0.93, "Run + yyjson", f"bare {model}", f"parse oip {model}")


def form_aims(found):
    """The forms of the Open Inference Protocol with that of the OpenGradient network."""
    for form in FORMS:
        row, other = f"{form} {SMALL[0]} 1", f"{SMALL[0]} 1"
        yield {"aim": f"`{row}`: p50 above that of `{other}`, in us", "most": 100, "got": found[row]["p50_us"] - found[other]["p50_us"]}


def judged(aims):
    return [{**aim, "met": aim["got"] <= aim["most"] if "most" in aim else aim["got"] >= aim["least"]} for aim in aims]


def collect(machine, rows, cold, memory):
    found = {row.key: figures(row) for row in rows}
    aims = [chain_aim(found), *(latency_aim(found, model, "fixed 1") for model in SMALL)]
    aims += [latency_aim(found, model, f"refused {model} 1") for model in SMALL]
    aims += [aim for cores in (TWO, FREE) for aim in many_aims(found, cores)]
    noisy = is_noisy(machine)
    aims += [large_aim(found, noisy and which == "8 two", LARGE, which) for which in ("1 one", "1 two", "8 two", "8 free")]
    aims += receipt_aims(found)
    aims += [*tensor_aims(found, noisy, LARGE), *form_aims(found)]
    return {"machine": machine, "rows": list(found.values()), "cold_start_ms": cold, "memory": memory, "aims": judged(aims)}


def collect_huge(machine, rows, cold, memory):
    found = {row.key: figures(row) for row in rows}
    noisy = is_noisy(machine)
    aims = [*tensor_aims(found, noisy, HUGE), large_aim(found, noisy, HUGE, f"2 {TWO}")]
    return {"machine": machine, "rows": list(found.values()), "cold_start_ms": cold, "memory": memory, "aims": judged(aims)}


# ── text ──


def line(*cells):
    print(f"{cells[0]:24}" + "".join(f"{cell:>10}" for cell in cells[1:]))


def number(value):
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def show_rows(rows):
    line("row", "p50 us", "p90", "p99", "best p50", "per s", "cpu us", *PROCESSES[:3], "load us", "load busy")
    for row in rows:
        cpu = row["cpu_us"]
        line(row["row"], *(number(row[key]) for key in ("p50_us", "p90_us", "p99_us", "best_p50_us", "per_second")),
             *(number(cpu.get(name)) for name in ("all", *PROCESSES[:3])), number(row.get("load_cpu_us")),
             f"{row['load_busy']:.0%}" if "load_busy" in row else "-")


def show_cold(cold):
    line("cold start, ms", *next(iter(cold.values())))
    for model, parts in cold.items():
        line(model, *(f"{ms:.1f}" for ms in parts.values()))


def show_memory(memory):
    line("memory, MiB", "peak", "share")
    for process in memory:
        line(process["process"], number(process["peak_kib"] / 1024),
             number(process["share_kib"] / 1024 if process["share_kib"] else None))
    shares = [process["share_kib"] for process in memory]
    line("sum", number(sum(process["peak_kib"] for process in memory) / 1024),
         number(sum(shares) / 1024 if None not in shares else None))


def show_aims(aims):
    for aim in aims:
        limit = f"at most {aim['most']}" if "most" in aim else f"at least {aim['least']}"
        print(f"{'yes' if aim['met'] else 'NO ':4}{aim['aim']}: {aim['got']:.2f} ({limit})")


def show(result):
    m = result["machine"]
    print(f"{m['processor']}, {m['cores']} cores, {m['memory_mib']} MiB, Linux {m['kernel']}, "
          f"ONNX Runtime {m['onnxruntime']}")
    print(f"load average before {m['load_average']:.1f}; the machine was busy {m['busy']:.0%} of the time, with this "
          f"{m['ours']:.0%}; taken away by the hypervisor {m['stolen']:.0%}")
    if is_noisy(m):
        print("NOISY: something else took processor time; processor times per request mean more than rates")
    print()
    show_rows(result["rows"])
    print()
    show_cold(result["cold_start_ms"])
    print()
    show_memory(result["memory"])
    print()
    show_aims(result["aims"])
