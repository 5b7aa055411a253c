"""Measures the engine on a GPU beside PyTorch and cuDNN, side by side, and holds it against the bars.

    python3 tests/gpu/bench.py --build BUILD --out OUT [--only attention,esm2] [--rounds 9] [--seconds 300]

Sides are processes that are asked in turn, in another order each round; a ratio is one of neighbouring rounds, a
number the median of those. Writes OUT/figures.json and OUT/RESULTS.md after every study. Exit status: 0 every bar
met, 3 one missed, 1 a promised number could not be measured.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import report
from peers import Peers, PeerFailed
from studies import HERE, PARTS, SOURCE, Machine

LONGEST_START_SECONDS = 240  # PyTorch compiles a model
LONGEST_ROUND_SECONDS = 60
SMI_FIELDS = ("name", "driver_version", "memory.total", "memory.free", "clocks.sm", "clocks.mem",
              "temperature.gpu", "power.draw")


def gpu_state(index=0):
    """What nvidia-smi says now; empty without it. Only asked, never told."""
    try:
        text = subprocess.run(["nvidia-smi", f"--id={index}", f"--query-gpu={','.join(SMI_FIELDS)}",
                               "--format=csv,noheader"], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(zip(SMI_FIELDS, (value.strip() for value in text.stdout.splitlines()[0].split(","))))


def commit(otherwise):
    """Of the source, with + if it has changes; what was packed where there is no checkout."""
    def git(*words):
        return subprocess.run(["git", "-C", str(SOURCE), *words], capture_output=True, text=True)
    try:
        head = git("rev-parse", "--short=12", "HEAD")
        if head.returncode == 0:
            return head.stdout.strip() + ("+" if git("status", "--porcelain").stdout.strip() else "")
    except OSError:
        pass
    return otherwise or "unknown"


class Deadline:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()

    def at_most(self, seconds):
        """So long, or until time is up."""
        if self.left() <= 0:
            raise PeerFailed("time was up")
        return min(seconds, self.left())


def asked(study, rounds, peers, deadline):
    """The answers of each round by side, and why sides have none. The first round only warms up."""
    failed, answers = {}, []
    for number in range(rounds + 1):
        answers.append({})
        names = [name for name in study.sides if name not in failed]
        turn = number % max(1, len(names))
        for name in names[turn:] + names[:turn]:
            side = study.sides[name]
            try:
                if number == 0:
                    peers.ready(side.command, deadline.at_most(LONGEST_START_SECONDS))
                answers[-1][name] = peers.round(side.command, side.measure,
                                                deadline.at_most(LONGEST_ROUND_SECONDS))
            except PeerFailed as error:
                failed[name] = str(error)
    return [{name: answer for name, answer in one.items() if name not in failed} for one in answers[1:]], failed


def row_result(row, answers, failed):
    result = {"name": row.name, "bar": row.bar, "bar_text": row.bar_text}
    reasons = [f"{name}: {failed[name]}" for name in row.needs if name in failed]
    try:
        if reasons:
            raise ValueError("; ".join(reasons))
        ratios = [row.ratio({name: one[name] for name in row.needs}) for one in answers]
        lower, median, upper = statistics.quantiles(ratios, n=4)
    except (ValueError, KeyError, ZeroDivisionError) as error:
        return {**result, "error": str(error)}
    return {**result, "median": median, "lower": lower, "upper": upper, "met": median >= row.bar}


def side_result(name, study, answers, failed, peers):
    ready = getattr(peers.started.get(study.sides[name].command), "ready_line", None)
    result = {"command": " ".join(study.sides[name].command[:2]), "measure": study.sides[name].measure,
              "peer": ready}
    if name in failed:
        return {**result, "error": failed[name]}
    mine = [one[name] for one in answers]
    result |= {"seconds": statistics.median(answer["seconds"] for answer in mine)}
    if study.work in mine[0]:
        result["speed"] = statistics.median(answer[study.work] / answer["seconds"] for answer in mine)
    if mine[0].get("flops"):
        result["flops"] = statistics.median(answer["flops"] / answer["seconds"] for answer in mine)
    for memory in ("peak_bytes", "peak_device_bytes", "peak_pinned_bytes"):
        if memory in mine[0]:
            result[memory] = max(answer[memory] for answer in mine)
    if "facts" in mine[-1]:
        result["facts"] = mine[-1]["facts"]
    return result


def measured(part, study, rounds, peers, deadline):
    answers, failed = asked(study, rounds, peers, deadline)
    for one in answers:
        for answer in one.values():
            answer.pop("measure", None)
    sides = {name: side_result(name, study, answers, failed, peers) for name in study.sides}
    for one in answers:
        for answer in one.values():
            answer.pop("facts", None)
    return {"part": part, "name": study.name, "work": study.work, "notes": study.notes, "sides": sides,
            "rows": [row_result(row, answers, failed) for row in study.rows], "rounds": answers}


def measured_part(name, machine, options, deadline):
    """Every study of a part; their processes start at once and are kept until it ends."""
    studies = list(PARTS[name](machine))
    if options.dry_run is not None:
        studies = [faked(study, options.dry_run) for study in studies]
    peers = Peers()
    commands = list(dict.fromkeys(side.command for study in studies for side in study.sides.values()))
    try:
        for command in commands if deadline.left() > 0 else []:
            peers.start(command)
        for command in commands:
            try:  # all, so that none starts while another is timed
                peers.ready(command, deadline.at_most(LONGEST_START_SECONDS))
            except PeerFailed:
                pass  # its rows will say so
        for study in studies:
            yield measured(name, study, options.rounds, peers, deadline)
    finally:
        peers.end()


def faked(study, rules):
    fake = (sys.executable, str(HERE / "fake_peer.py"), rules)
    sides = {name: type(side)(fake + side.command, side.measure) for name, side in study.sides.items()}
    return type(study)(study.name, sides, study.rows, study.work, study.notes)


def exit_status(results):
    rows = [row for result in results for row in result["rows"] if row["bar"]]
    if any("error" in row for row in rows):
        return 1
    return 0 if all(row["met"] for row in rows) else 3


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="CMake's build folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for figures.json and RESULTS.md")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas: " + ", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=7, help="counted ones; one more warms up")
    parser.add_argument("--seconds", type=float, default=3600, help="no study starts after so long")
    parser.add_argument("--proteins", type=Path, help="FASTA file for the part ragged")
    parser.add_argument("--commit", default="", help="named where the source is no checkout")
    parser.add_argument("--dry-run", nargs="?", const="", metavar="RULES",
                        help="invent every answer (fake_peer.py): tries the bench, measures nothing")
    options = parser.parse_args()
    options.only = options.only.split(",")
    for part in options.only:
        if part not in PARTS:
            parser.error(f"there is no part {part}; there are {', '.join(PARTS)}")
    if options.rounds < 2:
        parser.error("quartiles need at least 2 rounds")
    return options


def main():
    options = parsed_options()
    before = gpu_state()
    if not before and options.dry_run is None:
        print("bench: no GPU here: nvidia-smi does not answer", file=sys.stderr)
        return 1
    proteins = options.proteins if options.proteins and options.proteins.exists() else None
    machine = Machine(options.build.resolve(), before.get("name", "H200, invented"), proteins)
    figures = {"dry_run": options.dry_run is not None, "commit": commit(options.commit),
               "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
               "rounds": options.rounds, "gpu_before": before, "studies": []}
    options.out.mkdir(parents=True, exist_ok=True)
    deadline = Deadline(options.seconds)
    for part in options.only:
        for result in measured_part(part, machine, options, deadline):
            figures["studies"].append(result)
            figures["gpu_after"] = gpu_state()
            print(report.in_short(result), flush=True)
            (options.out / "figures.json").write_text(json.dumps(figures, indent=1))
            (options.out / "RESULTS.md").write_text(report.page(figures))
    print(report.bars_table(figures["studies"]))
    return exit_status(figures["studies"])


if __name__ == "__main__":
    sys.exit(main())
