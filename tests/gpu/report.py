"""Figures as text: what bench.py prints and writes."""

import itertools

LONGEST_LIST = 6  # studies of a part that have tables of their own
UNITS = {"flops": "FLOP/s", "bytes": "B/s", "tokens": "tokens/s", "launches": "launches/s"}


def rate(value, work):
    """With four digits, and a prefix where numbers are large."""
    if work in ("tokens", "launches"):
        return f"{float(f'{value:.4g}'):,.0f} {UNITS[work]}" if value >= 1000 else f"{value:.4g} {UNITS[work]}"
    size, prefix = next(((size, prefix) for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"))
                         if abs(value) >= size), (1, ""))
    return f"{value / size:.4g} {prefix}{UNITS[work]}"


def verdict(row):
    if "error" in row:
        return "not measured"
    return ("met" if row["met"] else "**missed**") if row["bar"] else ""


def in_short(result):
    """A line for each side that failed and each ratio."""
    lines = [f"{result['part']}: {result['name']}"]
    for name, side in result["sides"].items():
        lines.append(f"    {name}: " + (f"failed: {side['error']}" if "error" in side else
                     rate(side["speed"], result["work"]) if "speed" in side else
                     f"{side['seconds']:.4g} s"))
    for row in result["rows"]:
        lines.append(f"    {row['name']}: " + (f"not measured: {row['error']}" if "error" in row else
                     f"{row['median']:.3f} ({row['lower']:.3f} to {row['upper']:.3f})"
                     + (f", bar {row['bar']} {verdict(row)}" if row["bar"] else "")))
    return "\n".join(lines)


def bars(studies):
    """Rows by their bar's text, in order."""
    by_text = {}
    for result in studies:
        for row in result["rows"]:
            if row["bar"]:
                by_text.setdefault(row["bar_text"], []).append(row)
    return by_text


def bars_table(studies):
    """A line for each bar. Where it stands for several shapes, the worst of them decides."""
    lines = ["| what | bar | measured | quartiles | met |", "|---|---:|---:|---|---|"]
    for text, rows in bars(studies).items():
        known = [row for row in rows if "median" in row]
        if not known:
            lines.append(f"| {text} | {rows[0]['bar']} | | | not measured: {rows[0]['error']} |")
            continue
        worst = min(known, key=lambda row: row["median"])
        met = verdict(worst)
        if len(rows) > 1:
            met = f"{sum(row.get('met', False) for row in rows)} of {len(rows)} shapes" + (
                "" if all(row.get("met") for row in rows) else ", **missed**")
            text += f"; worst: {worst['name']}"
        lines.append(f"| {text} | {worst['bar']} | {worst['median']:.3f} | "
                     f"{worst['lower']:.3f} to {worst['upper']:.3f} | {met} |")
    return "\n".join(lines)


def sides_table(result):
    lines = ["| side | median | a launch or step | FLOPs | memory, live | memory, reserved |",
             "|---|---:|---:|---:|---:|---:|"]
    for name, side in result["sides"].items():
        if "error" in side:
            lines.append(f"| {name} | failed: {side['error']} | | | | |")
            continue
        launches = [answer[name].get("launches", 1) for answer in result["rounds"]]
        cells = [name, rate(side["speed"], result["work"]) if "speed" in side else "",
                 f"{side['seconds'] / launches[0] * 1000:.4g} ms",
                 rate(side["flops"], "flops") if "flops" in side else ""]
        cells += [f"{side[memory] / 2**20:.0f} MiB" if side.get(memory) else ""
                  for memory in ("peak_bytes", "peak_device_bytes")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def rows_table(result):
    lines = ["| ratio | median | quartiles | bar | |", "|---|---:|---|---:|---|"]
    for row in result["rows"]:
        if "error" in row:
            lines.append(f"| {row['name']} | | | {row['bar'] or ''} | not measured: {row['error']} |")
        else:
            lines.append(f"| {row['name']} | {row['median']:.3f} | {row['lower']:.3f} to {row['upper']:.3f} | "
                         f"{row['bar'] or ''} | {verdict(row)} |")
    return "\n".join(lines)


def shapes_table(part):
    """A line for each of many alike studies: each side's speed, then each ratio with whether it met its bar."""
    sides = list(part[0]["sides"])
    ratios = [row["name"].rsplit(": ", 1)[-1] for row in part[0]["rows"]]
    lines = ["| " + " | ".join(["", *sides, *ratios]) + " |", "|---|" + "---:|" * (len(sides) + len(ratios))]
    for result in part:
        speeds = ["failed" if "error" in side else rate(side["speed"], result["work"])
                  for side in result["sides"].values()]
        cells = ["not measured" if "error" in row else f"{row['median']:.3f} {verdict(row)}".strip()
                 for row in result["rows"]]
        lines.append("| " + " | ".join([result["name"], *speeds, *cells]) + " |")
    return "\n".join(lines)


def versions(studies):
    """What the sides said of themselves and their libraries."""
    known = {}
    for result in studies:
        for side in result["sides"].values():
            peer = side.get("peer") or {}
            for name in ("torch", "cuda", "cudnn", "transformers"):
                if name in peer:
                    known[f"PyTorch's {name}" if name in ("cuda", "cudnn") else name] = str(peer[name])
            for name, value in side.get("facts", {}).items():
                # What a shape got, and how a trace went, stay in figures.json.
                if "[" not in name and (not name.startswith("trace: ") or "version" in name):
                    known[name] = value
    return known


def page(figures):
    studies = figures["studies"]
    before, after = figures["gpu_before"], figures.get("gpu_after", {})
    lines = ["# What was measured on a GPU", ""]
    if figures["dry_run"]:
        lines += ["**A dry run: every number is invented.**", ""]
    lines += [f"{before.get('name', 'No GPU')}, driver {before.get('driver_version', 'unknown')}, "
              f"{figures['date']}, commit {figures['commit']}. {figures['rounds']} interleaved rounds after one that "
              "warms up; medians of per-round ratios with quartiles. Clocks were left as found: "
              f"{before.get('clocks.sm', '?')} (memory {before.get('clocks.mem', '?')}) before, "
              f"{after.get('clocks.sm', '?')} (memory {after.get('clocks.mem', '?')}) after.", "",
              ", ".join(f"{name} {value}" for name, value in versions(studies).items()), "",
              "## Bars", "", bars_table(studies), ""]
    for _, part in itertools.groupby(studies, key=lambda result: result["part"]):
        part = list(part)
        if len(part) > LONGEST_LIST:
            lines += [f"## {part[0]['part'][0].upper()}{part[0]['part'][1:]}", "", shapes_table(part), ""]
            continue
        for result in part:
            lines += [f"## {result['name'][0].upper()}{result['name'][1:]}", ""]
            lines += [result["notes"], ""] if result["notes"] else []
            lines += [sides_table(result), ""]
            lines += [rows_table(result), ""] if result["rows"] else []
    return "\n".join(lines)
