"""Stands for every peer, to try the bench where there is no GPU: invents its answers.

    fake_peer.py RULES.json COMMAND WORD…

RULES is a list of {"command": text, "measure": text, "answer": {…}}; the first whose texts are in the command and
in the measure says what is changed in the usual answer; lists are gone through round by round. {"dies": true} ends
the process at start, {"sleeps": seconds} makes a round late.
"""

import json
import sys
import time
from pathlib import Path

USUAL = {"seconds": 1, "tokens": 1000, "computed_tokens": 1000, "launches": 10, "flops": 5e14, "bytes": 3e12,
         "moved_bytes": 1.5e12, "plain_seconds": 0.99, "kernels": 400, "kernels_of_ops": 400, "dropped": 0,
         "worst_difference": 0.01, "peak_bytes": 2**30, "peak_device_bytes": 2**30}


def main():
    rules = json.loads(Path(sys.argv[1]).read_text()) if sys.argv[1] else []
    command = " ".join(sys.argv[2:])

    def answer_of(measure):
        return next((rule["answer"] for rule in rules
                     if rule.get("command", "") in command and rule.get("measure", "") in measure), {})

    if answer_of("").get("dies"):
        sys.exit("it was told to die")
    print(json.dumps({"ready": True, "peer": "fake"}), flush=True)
    for number, line in enumerate(sys.stdin):
        changes = answer_of(line.split()[1])
        time.sleep(changes.get("sleeps", 0))
        chosen = {name: value[number % len(value)] if isinstance(value, list) else value
                  for name, value in changes.items()}
        print(json.dumps({**USUAL, **chosen}), flush=True)


if __name__ == "__main__":
    main()
