"""Holds the engine against its peers: alternates rounds and gives medians of neighbours' ratios.

Every comparison starts both sides, waits until both are warm, and asks them in turn, the first
side changing from round to round. Nothing else should run on the machine meanwhile: a round waits
until nothing else is runnable, and rounds that could not wait for that are counted.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from comparisons import LIMITS, comparisons
from sides import Process, quiet


def memory_ratio(answers, ours_before=0, other_before=0):
    """Our peak resident set over the other's, each without some bytes that were there before."""
    return (max(pair["ours"]["peak_rss_bytes"] - ours_before for pair in answers)
            / max(pair["other"]["peak_rss_bytes"] - other_before for pair in answers))


def compared(comparison, rounds):
    """All rounds of one comparison, and what they come to."""
    ours = other = None
    try:
        ours, other = Process(comparison.ours), Process(comparison.other)
        answers, disturbed = [], 0
        for number in range(rounds):
            pair = {}
            for name in ("ours", "other") if number % 2 == 0 else ("other", "ours"):
                disturbed += not quiet()
                pair[name] = (ours if name == "ours" else other).round()
            answers.append(pair)
        return summary(comparison, answers, disturbed, ours, other)
    finally:
        for process in (ours, other):
            if process:
                process.end()


def summary(comparison, answers, disturbed, ours, other):
    def speed(answer):
        return answer[comparison.work] / answer["seconds"]

    ratios = [speed(pair["ours"]) / speed(pair["other"]) for pair in answers]
    lower, median, upper = statistics.quantiles(ratios, n=4)
    result = {"name": comparison.name, "bar": comparison.bar, "ratio": median, "lower": lower,
              "upper": upper, "disturbed": disturbed, "rounds": answers, "unit": comparison.work,
              "ours": statistics.median(speed(pair["ours"]) for pair in answers),
              "other": statistics.median(speed(pair["other"]) for pair in answers),
              "sides": {"ours": ours.ready, "other": other.ready},
              "reached": median >= comparison.bar}
    if comparison.memory_bar:
        def before(side):
            state = side.ready["state_bytes"] if comparison.above_state else 0
            return side.ready["imported_rss_bytes"] + state

        result["memory_ratio"] = memory_ratio(answers)
        result["memory_ratio_without_libraries"] = memory_ratio(answers, before(ours), before(other))
        result["memory_bar"] = comparison.memory_bar
        result["reached"] &= result["memory_ratio_without_libraries"] <= comparison.memory_bar
    return result


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="CMake's build folder")
    parser.add_argument("--isa", choices=LIMITS, default="avx512",
                        help="what both sides may use at most, and whose bars hold")
    parser.add_argument("--gguf", type=Path, default=Path.home(),
                        help="folder of llama-110m-f32.gguf, -bf16, -q8_0 and -q4_0, and of llama-1b's last two")
    parser.add_argument("--llama", type=Path, help="folder of a llama-cpp-python to use, built for --isa")
    parser.add_argument("--llm-c", type=Path, help="peer_llm_c, compiled for --isa; none: it is left out")
    parser.add_argument("--only", default="", help="comparisons whose names contain this")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every round to this file")
    return parser.parse_args()


def main():
    options = parsed_options()
    chosen = [each for each in comparisons(options) if options.only in each.name]
    print("| comparison | ours | other | unit | ratio | quartiles | bar | memory | disturbed |")
    print("|---|---|---|---|---|---|---|---|---|")
    results = []
    for comparison in chosen:
        try:
            result = compared(comparison, options.rounds)
        except (OSError, RuntimeError) as error:
            results.append({"name": comparison.name, "reached": False, "error": str(error)})
            print(f"| {comparison.name} | failed: {error} |", flush=True)
            continue
        results.append(result)
        memory = (f"{result['memory_ratio']:.2f} (without libraries "
                  f"{result['memory_ratio_without_libraries']:.2f}), bar {result['memory_bar']}"
                  if "memory_ratio" in result else "")
        print(f"| {result['name']} | {result['ours']:.4g} | {result['other']:.4g} | "
              f"{result['unit']}/s | {result['ratio']:.3f} | {result['lower']:.3f} to "
              f"{result['upper']:.3f} | {result['bar']} {'' if result['reached'] else 'missed'} | "
              f"{memory} | {result['disturbed']} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    if any("error" in result for result in results):
        return 1
    return 0 if all(result["reached"] for result in results) else 3


if __name__ == "__main__":
    sys.exit(main())
