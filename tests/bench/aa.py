#!/usr/bin/env python3
"""How often `sweetspot compare` tells apart runs that are the same, on a real machine.

Measures short runs of one configuration beside load that changes, until there are enough or the time is over; the same
command with the same store goes on where it was stopped. Then aa_pairs holds the runs against each other.

    cmake --build build --target sweetspot sweetspot-worker aa_pairs
    python tests/bench/aa.py --build build --store aa.sweetspot --runs 800 --minutes 60
"""
import argparse
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path


class ChangingLoad:
    """None to so many processes that compute, others every few seconds; only while it is entered."""

    def __init__(self, most, seed):
        self.most, self.draw, self.over = most, random.Random(seed), threading.Event()
        self.thread = threading.Thread(target=self.change, daemon=True)

    def change(self):
        busy = []
        try:
            while not self.over.is_set():
                wanted = self.draw.randint(0, self.most)
                while len(busy) > wanted:
                    self.end(busy.pop())
                while len(busy) < wanted:
                    busy.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
                self.over.wait(self.draw.uniform(1, 8))
        finally:
            for process in busy:
                self.end(process)

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    def __enter__(self):
        if self.most:
            self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        if self.most:
            self.thread.join()


def command(options, *more):
    return [str(options.build / "bin/sweetspot"), "run", "--store", str(options.store), "-q", "-o", "none", "--force",
            "-m", "stories260k", "-s", str(options.sequence), "--rounds", str(options.rounds), "-r", str(options.steps),
            "--min-time", "0", "--trace", "false", *more]


def count(options, name):
    """Runs that are done, of sweeps whose name begins so."""
    if not options.store.exists():
        return 0
    with sqlite3.connect(f"file:{options.store}?mode=ro", uri=True) as database:
        return database.execute("SELECT count(*) FROM runs r JOIN sweeps s ON s.id = r.sweep_id "
                                "WHERE r.status = 'done' AND s.name LIKE ?", (name + "%",)).fetchone()[0]


def measure(options, until):
    """Runs of both kinds in turn, so that a time that is too short leaves some of each. False if the time is over."""
    apart, turns = count(options, "aa-apart"), count(options, "aa-turns")
    while apart < options.runs or turns < options.turns:
        if time.monotonic() > until:
            print(f"the time is over: {apart} runs, and {turns} turn about; the same command goes on", file=sys.stderr)
            return False
        if turns >= options.turns or apart * options.turns < turns * options.runs:
            subprocess.run(command(options, "--name", f"aa-apart-{apart}"), check=True)
            apart += 1
        else:
            subprocess.run(command(options, "--name", f"aa-turns-{turns}", "--interleave", "seed=1", "seed=1"), check=True)
            turns += 2
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--store", type=Path, default=Path("aa.sweetspot"))
    parser.add_argument("--runs", type=int, default=800, help="runs one after the other (800)")
    parser.add_argument("--turns", type=int, default=400, help="runs turn about, two at a time (400)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each run (3)")
    parser.add_argument("--steps", type=int, default=15, help="steps of each run, all rounds together (15)")
    parser.add_argument("--sequence", type=int, default=64)
    parser.add_argument("--load", dest="most_load", type=int, default=2, help="processes that compute beside, at most (2)")
    parser.add_argument("--minutes", type=float, default=60, help="stop measuring after this (60)")
    options = parser.parse_args()
    with ChangingLoad(options.most_load, seed=1):
        complete = measure(options, time.monotonic() + 60 * options.minutes)
    judged = subprocess.run([str(options.build / "tests/bench/aa_pairs"), str(options.store)])
    return judged.returncode or (0 if complete else 4)


if __name__ == "__main__":
    sys.exit(main())
