#!/usr/bin/env python3
"""What ./test took, by folder, beside the budget that tests/README.md gives it.

    python3 tests/budget.py build/test [build/debug ...]

A build's seconds are Ninja's, of the last build of each file, one job's each: on as many cores as jobs they are processor time. Served
from ccache they are near nothing, so only a build from nothing tells. Lines over their budget are marked and named at the end; the
exit code stays 0, since machines differ: the table is for whoever adds to a folder, and for whoever reads that it grew.
"""
import pathlib
import re
import sys
from collections import defaultdict


def built(folder):
    """Seconds by part of the tree, from Ninja's log; of an output built twice the last counts."""
    log = folder / ".ninja_log"
    took = {}
    for line in log.read_text().splitlines()[1:] if log.exists() else []:
        start, end, _, output, _ = line.split("\t")
        took[output] = (int(end) - int(start)) / 1000
    parts = defaultdict(float)
    for output, seconds in took.items():
        parts[part_of(output)] += seconds
    return parts


def part_of(output):
    if re.search(r"_(asan|tsan)(\.dir|$|_)", output):
        return "build: sanitized"
    if "device_cuda" in output and output.endswith(".o"):
        return "build: kernels/cuda"
    if "device_emulated" in output or "emulation" in output:
        return "build: kernels/emulation"
    for part in ("kernels", "engine", "profiler", "app/gui", "app/cli", "app", "tests"):
        if output.startswith(part + "/"):
            return "build: " + part
    return "build: the rest"


def tested(folder):
    """Seconds by part, from the log of the last run of ctest."""
    log = folder / "Testing/Temporary/LastTest.log"
    parts = defaultdict(float)
    name = None
    for line in log.read_text(errors="replace").splitlines() if log.exists() else []:
        if found := re.match(r"\d+/\d+ Testing: (\S+)", line):
            name = found[1]
        elif name and (found := re.match(r"Test time = +([0-9.]+) sec", line)):
            sanitized = re.search(r"\.?(asan|tsan)(\.|$)", name)
            parts["tests: sanitized" if sanitized else "tests: " + re.split(r"[_.]", name)[0]] += float(found[1])
    return parts


def budget(readme):
    """{part: seconds} of the table whose rows are | part | seconds | what for |."""
    rows = re.findall(r"^\| ((?:build|tests): [^|]+?) \| (\d+) \|", readme.read_text(), re.M)
    return {part: int(seconds) for part, seconds in rows}


def main():
    folders = [pathlib.Path(each) for each in sys.argv[1:]]
    if not folders:
        sys.exit(__doc__)
    measured = defaultdict(float)
    for folder in folders:
        for parts in (built(folder), tested(folder)):
            for part, seconds in parts.items():
                if folder.name == "debug":
                    part = part.split(":")[0] + ": debug"
                measured[part] += seconds
    allowed = budget(pathlib.Path(__file__).parent / "README.md")
    over = []
    print(f"{'':28}{'measured':>10}{'budget':>10}  seconds of one job")
    for part in sorted(measured | allowed):
        seconds, limit = measured.get(part, 0.0), allowed.get(part)
        if limit is None or seconds > limit:
            over.append(part)
        print(f"{part:28}{seconds:10.0f}{'none' if limit is None else limit:>10}{'  over' if part in over else ''}")
    print(f"{'all':28}{sum(measured.values()):10.0f}{sum(allowed.values()):>10}")
    if over:
        print("Over the budget of tests/README.md, or not in it: " + ", ".join(over))


if __name__ == "__main__":
    main()
