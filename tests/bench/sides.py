"""Processes that answer rounds, started beside each other, and the quiet to ask them in."""

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_WAIT_SECONDS = 20


@dataclass(frozen=True)
class Side:
    command: list
    measure: str
    environment: dict = field(default_factory=dict)  # besides what this process has


class Process:
    """One side, started and warm."""

    def __init__(self, side):
        self.measure = side.measure
        self.complaints = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen([str(word) for word in side.command], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=self.complaints, text=True,
                                      env=os.environ | side.environment)
        self.ready = self.line()

    def line(self):
        text = self.child.stdout.readline()
        if not text:
            self.complaints.seek(0)
            reason = " ".join(self.complaints.read().strip().splitlines()[-3:])
            raise RuntimeError(f"{' '.join(self.child.args)} ended: {reason}")
        answer = json.loads(text)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def round(self, measure=None):
        self.child.stdin.write(f"go {measure or self.measure}\n")
        self.child.stdin.flush()
        return self.line()

    def end(self):
        self.child.stdin.close()
        self.child.wait()


def quiet(longest_seconds=LONGEST_WAIT_SECONDS):
    """Waits until this process is the only runnable one; False if that did not come about."""
    end = time.monotonic() + longest_seconds
    while time.monotonic() < end:
        running = Path("/proc/loadavg").read_text().split()[3].split("/")[0]
        if running == "1":
            return True
        time.sleep(0.02)
    return False
