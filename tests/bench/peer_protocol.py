"""What every peer of the bench says, one JSON object a line on stdout.

A peer warms up, says {"ready": true, ...} and waits. Each line on stdin is "go" or "go MEASURE",
for one of the measures the ready line lists; each gets one line back: {"measure", "seconds",
"peak_rss_bytes", ...}, or {"error"} for a line the peer does not know. The end of stdin ends it.
"""

import json
import sys
import time
from pathlib import Path


def rss_bytes(field):
    """A memory field of this process, such as VmRSS (now) or VmHWM (the peak)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def reset_peak_rss():
    """Makes VmHWM start again from what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


def say(line):
    print(json.dumps(line), flush=True)


def timed(work):
    """Runs `work` once: its seconds on the monotonic clock and the peak resident set meanwhile."""
    reset_peak_rss()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_rss_bytes": rss_bytes("VmHWM")}


def serve(ready, measures):
    """Answers until stdin ends. `measures` maps a name to a function that returns the answer's
    fields; a bare "go" means the first."""
    say({"ready": True, "measures": list(measures), **ready})
    for line in sys.stdin:
        words = line.split()
        name = words[1] if len(words) == 2 else next(iter(measures))
        if not words or words[0] != "go" or len(words) > 2 or name not in measures:
            say({"error": f"expected 'go' or 'go' and one of {', '.join(measures)}, "
                          f"got '{line.strip()}'"})
            continue
        say({"measure": name, **measures[name]()})
