"""Holds the engine against its peers: alternates rounds and gives medians of neighbours' ratios.

Every comparison starts both sides, waits until both are warm, and asks them in turn, the first
side changing from round to round. Nothing else should run on the machine meanwhile: a round waits
until nothing else is runnable, and rounds that could not wait for that are counted.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ESM2_150M = {"layers": 30, "width": 640, "mlp": 2560}
LLAMA_110M = {"layers": 12, "width": 768, "mlp": 2048, "vocabulary": 32000}
BYTES = {"f32": 4, "bf16": 2}
LONGEST_WAIT_SECONDS = 20


@dataclass(frozen=True)
class Side:
    command: list
    measure: str


@dataclass(frozen=True)
class Comparison:
    """Ours should do at least `bar` times the other's `work` a second."""
    name: str
    ours: Side
    other: Side
    work: str  # the field of an answer that counts what a round did: tokens or flops
    bar: float
    memory_bar: float = 0  # our process may take at most this share of the other's; 0 = any


class Process:
    """One side, started and warm."""

    def __init__(self, side):
        self.measure = side.measure
        self.complaints = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen([str(word) for word in side.command], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=self.complaints, text=True)
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

    def round(self):
        self.child.stdin.write(f"go {self.measure}\n")
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
        result["memory_ratio"] = memory_ratio(answers)
        result["memory_ratio_without_libraries"] = memory_ratio(
            answers, ours.ready["imported_rss_bytes"], other.ready["imported_rss_bytes"])
        result["memory_bar"] = comparison.memory_bar
        result["reached"] &= result["memory_ratio"] <= comparison.memory_bar
    return result


def product(rows, outputs, inputs, count):
    return f"product={rows}x{outputs}x{inputs}x{count}"


def esm2_products(rows):
    layers, width, mlp = ESM2_150M.values()
    return [product(rows, 3 * width, width, layers), product(rows, width, width, layers + 1),
            product(rows, mlp, width, layers), product(rows, width, mlp, layers),
            product(rows, 33, width, 1)]


def llama_decode_bytes(precision, depth):
    """What a token reads: every weight but the embedding's, and the cached keys and values."""
    layers, width, mlp, vocabulary = LLAMA_110M.values()
    weights = layers * (4 * width * width + 3 * width * mlp) + vocabulary * width
    return (weights + layers * 2 * depth * width) * BYTES[precision]


def esm2_comparisons(options, precision):
    common = [f"precision={precision}", f"threads={options.threads}"]
    ours = Side([options.build / "tests/bench/engine_rounds", "model=esm2-150m", "task=forward",
                 "batch=8", "sequence=512", *common], "forward")
    machine = Side([options.build / "tests/bench/machine_rounds", *esm2_products(8 * 512), *common],
                   "linear")
    torch = Side([sys.executable, HERE / "peer_esm2_torch.py", "--precision", precision,
                  "--attention", options.attention, "--threads", str(options.threads)], "forward")
    title = f"ESM-2 150M 8 x 512 {precision}"
    yield Comparison(f"{title}, share of the matrix-product rate", ours, machine, "flops",
                     {"f32": 0.90, "bf16": 0.88}[precision])
    yield Comparison(f"{title}, against PyTorch {options.attention}", ours, torch, "tokens",
                     {"f32": 1.5, "bf16": 1.3}[precision], memory_bar=0.5)


def llama_comparisons(options, precision):
    depth, untimed, timed = 512, 2, 16
    common = [f"precision={precision}", f"threads={options.threads}"]

    def ours(measure):
        return Side([options.build / "tests/bench/engine_rounds", "model=llama-110m",
                     "task=generate", "batch=1", f"sequence={depth}",
                     f"new_tokens={1 + untimed + timed}", *common], measure)

    def llama_cpp(measure, flash):
        model = options.gguf / f"llama-110m-{precision}.gguf"
        return Side([sys.executable, HERE / "peer_llama_cpp.py", model, "--flash", flash,
                     "--threads", str(options.threads)], measure)

    read = Side([options.build / "tests/bench/machine_rounds", f"reads={timed}",
                 f"read_bytes={llama_decode_bytes(precision, depth)}", *common], "read")
    yield Comparison(f"LLaMA 110M prefill {depth} {precision}, against llama.cpp",
                     ours("prefill"), llama_cpp("prefill", "auto"), "tokens",
                     {"f32": 1.9, "bf16": 2.4}[precision])
    for flash in ("off", "auto"):
        yield Comparison(f"LLaMA 110M decode at {depth} {precision}, against llama.cpp, flash "
                         f"{flash}", ours("decode"), llama_cpp("decode", flash), "tokens",
                         {"f32": 1.1, "bf16": 1.15}[precision])
    yield Comparison(f"LLaMA 110M decode at {depth} {precision}, share of a plain read",
                     ours("decode"), read, "tokens", 0.95)


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="CMake's build folder")
    parser.add_argument("--gguf", type=Path, default=Path.home(),
                        help="folder of llama-110m-f32.gguf and llama-110m-bf16.gguf")
    parser.add_argument("--only", default="", help="comparisons whose names contain this")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--json", type=Path, help="write every round to this file")
    return parser.parse_args()


def main():
    options = parsed_options()
    comparisons = [comparison for precision in BYTES
                   for make in (esm2_comparisons, llama_comparisons)
                   for comparison in make(options, precision) if options.only in comparison.name]
    print("| comparison | ours | other | unit | ratio | quartiles | bar | memory | disturbed |")
    print("|---|---|---|---|---|---|---|---|---|")
    results = []
    for comparison in comparisons:
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
