#!/usr/bin/env python3
"""Kills sweeps, trainings, plans and the window at random moments and says what is left behind: it must be nothing.

    tests/reliability/kills.py build/default/bin/sweetspot [--kills 200] [--seed 1]

Each time a sweep of short steps, of steps of many seconds, of a long perplexity, a training that
writes checkpoints and goes on from the one that was killed before, a long plan, or the window with
a plan that takes long is started, and, once it has a worker, ended after up to five seconds by
SIGINT, SIGTERM, SIGHUP or SIGKILL. Then: no worker may be left after a few seconds, the database
must be whole, every run that was reported as done must be in it with every sample, and every
checkpoint that has its name must have the contents it says. Prints a line for what is wrong and a
table of counts; exit status 1 if anything was.
"""
import argparse
import collections
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

MARK = "SWEETSPOT_KILLS"
BOUND = 5.0  # seconds within which a worker must be gone, on a busy machine, too
SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"]
ONCE = ["--no-warmup", "--min-time", "0", "--trace", "false", "--rounds", "1", "-q", "--force", "-o",
        "jsonl"]


def commands(program, store, data, folder):
    """Command lines by what they do most of the time."""
    sweep = [program, "run", "--store", store] + ONCE
    kinds = {
        "short steps": sweep + ["-m", "stories260k", "-s", "16", "-b", "1-64", "-t", "1", "-r", "20"],
        "long steps": sweep + ["-m", "stories260k,esm2-35m", "-s", "16,1024", "-b", "1,256", "--zip",
                               "-t", "1", "-r", "2"],
        "long perplexity": sweep + ["-m", "esm2-35m", "--task", "perplexity", "--data", data, "-s",
                                    "1024", "-b", "64", "--pseudo-perplexity", "-t", "1", "-r", "1"],
        "many predictions": [program, "plan", "-b", "1-200", "-s", "1-200", "-o", "none", "--store", store],
        "a long prediction": [program, "plan", "-m", "llama2-70b", "--task", "generate", "-s", "100000",
                              "--new-tokens", "100000", "-b", "1-8", "-o", "none", "--store", store],
        "training": sweep + ["-m", "stories260k", "--task", "train", "-s", "64", "-b", "4", "-t", "1",
                             "--steps", "1000000", "--checkpoint", os.path.join(folder, "checkpoints"),
                             "--checkpoint-steps", "1"],
    }
    window = os.path.join(os.path.dirname(program), "sweetspot-gui")
    if os.path.exists(window):
        spec = os.path.join(folder, "long.json")
        with open(spec, "w", encoding="ascii") as file:
            json.dump({"name": "long", "base": {"model": "llama2-70b", "task": "generate", "sequence": 100000,
                                                "new_tokens": 100000}, "axes": {"batch": list(range(1, 9))}}, file)
        # A store of its own: with runs to show the window begins elsewhere than at the plan.
        kinds["the window"] = [window, "--store", os.path.join(folder, "window.sweetspot"), spec]
    return kinds


def faults_of_checkpoints(folder):
    """What is wrong with those that have their names."""
    found = []
    for name in sorted(os.listdir(folder)) if os.path.exists(folder) else []:
        if name.startswith("step-") and name[5:].isdigit():
            checked = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=os.path.join(folder, name),
                                     capture_output=True, text=True, check=False)
            if checked.returncode:
                found.append(f"{name}: {checked.stdout.strip()} {checked.stderr.strip()}")
    return found


def steps_of_checkpoints(folder):
    """The step of the newest one, 0 if there is none."""
    names = os.listdir(folder) if os.path.exists(folder) else []
    return max([int(name[5:]) for name in names if name.startswith("step-") and name[5:].isdigit()], default=0)


def workers(mark):
    """Processes with the mark in their environment, but for programs that only print."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if f"{MARK}={mark}".encode() in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:  # it has ended, or is not ours
            pass
    return found


def seconds_until_none(mark, at_most=15.0):
    """How long until the last one has gone; None if that is too long."""
    begin = time.monotonic()
    while workers(mark):
        if time.monotonic() - begin > at_most:
            return None
        time.sleep(0.01)
    return time.monotonic() - begin


def faults_of(store, reported):
    """What is wrong with the database after a kill, given the lines that were printed."""
    if not os.path.exists(store):
        return ["runs were reported and there is no store"] if reported else []
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        found = [f"integrity: {row[0]}" for row in database.execute("PRAGMA integrity_check")
                 if row[0] != "ok"]
        for run in reported:
            if run["status"] != "done":
                continue
            kept = [row[0] for row in database.execute(
                "SELECT value FROM samples WHERE run_id = ? AND metric = 'step_seconds' "
                "AND warmup = 0 ORDER BY ordinal", (run["run_id"],))]
            if kept != run["samples"].get("step_seconds", []):
                found.append(f"run {run['run_id']}: {len(kept)} samples are kept of "
                             f"{len(run['samples'].get('step_seconds', []))}")
        empty = database.execute("SELECT count(*) FROM runs WHERE status = 'done' AND id NOT IN "
                                 "(SELECT run_id FROM samples)").fetchone()[0]
        if empty:
            found.append(f"{empty} runs are done without a sample")
        return found
    finally:
        database.close()


def kill_once(words, number, how, delay, folder):
    """Starts, waits, kills. Gives the seconds until nothing was left, and the lines printed."""
    mark = f"{os.getpid()}-{number}"
    out = os.path.join(folder, "out")
    with open(out, "wb") as lines:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=lines,
                                   stderr=subprocess.DEVNULL,
                                   env=dict(os.environ, QT_QPA_PLATFORM="offscreen", **{MARK: mark}))
    begin = time.monotonic()
    while len(workers(mark)) < 2 and process.poll() is None and time.monotonic() - begin < 30:
        time.sleep(0.02)
    begin = time.monotonic()
    while time.monotonic() - begin < delay and process.poll() is None:
        time.sleep(0.02)
    busy = len(workers(mark)) > 1
    if process.poll() is None:
        process.send_signal(getattr(signal, how))
    killed = time.monotonic()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None, [], busy
    left = seconds_until_none(mark)
    for pid in workers(mark):
        os.kill(pid, signal.SIGKILL)
    printed = []
    with open(out, "rb") as lines:
        for line in lines:
            if line.startswith(b"{") and line.endswith(b"\n"):
                printed.append(json.loads(line))
    return None if left is None else time.monotonic() - killed, printed, busy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the sweetspot program, its worker beside it")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    program = os.path.abspath(options.program)
    slowest = collections.defaultdict(float)
    counts = collections.Counter()
    faults = []
    signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored by what is started
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup, too, which programs heed
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "long.fasta")
        with open(data, "w", encoding="ascii") as file:
            for i in range(64):
                file.write(f">p{i}\n{''.join(draw.choices('ACDEFGHIKLMNPQRSTVWY', k=1000))}\n")
        store = os.path.join(folder, "kills.sweetspot")
        kinds = commands(program, store, data, folder)
        checkpoints = os.path.join(folder, "checkpoints")
        for number in range(options.kills):
            kind, how = draw.choice(list(kinds)), SIGNALS[number % len(SIGNALS)]
            seconds, printed, busy = kill_once(kinds[kind], number, how,
                                               draw.uniform(0.1, 5), folder)
            counts[kind, how, "with a worker" if busy else "without"] += 1
            where = f"kill {number} ({kind}, {how})"
            if seconds is None:
                faults.append(f"{where}: something is left after 15 s")
            elif seconds > BOUND and how == "SIGKILL":
                faults.append(f"{where}: the worker was there for {seconds:.1f} s more")
            slowest[how] = max(slowest[how], seconds or 15)
            faults += [f"{where}: {fault}" for fault in faults_of(store, printed) + faults_of_checkpoints(checkpoints)]
            counts["runs reported as done"] += sum(run["status"] == "done" for run in printed)
            faults += [f"{where}: {run['reason']}" for run in printed if kind == "training" and run["status"] == "failed"
                       and run["failure"] != "interrupted"]
        counts["steps of training in its newest checkpoint"] = steps_of_checkpoints(checkpoints)
    for fault in faults:
        print(fault)
    for key in sorted(counts, key=str):
        print(f"{counts[key]:6}  {key if isinstance(key, str) else ', '.join(key)}")
    for how, seconds in sorted(slowest.items()):
        print(f"{seconds:6.2f}  seconds from {how} until nothing was left, at most")
    print(f"{options.kills} kills, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
