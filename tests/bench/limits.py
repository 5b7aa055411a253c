"""Measures what Sweetspot promises of itself, without peers: predicted memory against measured memory,
what padding wastes and ragged batches save, how flash attention's memory grows, how long start-up, plans
and loading take, what a second thread gives, what other load takes, and what pruning gives. Prints a table for
each; exit code 3 if a promise is not kept.

    python tests/bench/limits.py --build build/default [memory padding growth start load threads beside pruning]
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sides import Process, Side, quiet

FASTA = Path(__file__).parents[3] / "shared/data/yeast-proteome.fasta.gz"


class Worker:
    """A worker process that is given configurations."""

    def __init__(self, build):
        self.child = subprocess.Popen([build / "bin/sweetspot-worker"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)

    def run(self, **fields):
        """The metrics and samples of one run; a failure is a RuntimeError with its reason."""
        self.child.stdin.write(json.dumps(fields) + "\n")
        self.child.stdin.flush()
        metrics, samples = {}, []
        for text in self.child.stdout:
            line = json.loads(text)
            if line["line"] == "metric":
                metrics[line["name"]] = line["value"]
            if line["line"] == "sample" and not line["warmup"]:
                samples.append(line["value"])
            if line["line"] == "failed":
                raise RuntimeError(line["reason"])
            if line["line"] == "finished":
                return metrics, samples
        raise RuntimeError("the worker ended")


def available_bytes():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def memory(options):
    """Predicted peak equals measured peak for every preset that fits, in every variant."""
    models = json.loads(subprocess.check_output([options.build / "bin/sweetspot", "list", "models",
                                                 "--json"]))
    variants = list(itertools.product(("naive", "flash"), ("padded", "bucketed", "ragged"),
                                      ("f32", "bf16")))
    worker, kept = Worker(options.build), True
    row("model", "variants that fit", "equal", "largest peak, bytes")
    row("---", "---:", "---:", "---:")
    for name in sorted(model["name"] for model in models):
        equal = fitting = largest = 0
        for attention, layout, precision in variants:
            fields = dict(model=name, attention=attention, layout=layout, precision=precision, batch=3,
                          sequence=24, lengths="uniform:6:24", batches=2, warmup=0, repeats=1,
                          max_repeats=1, min_seconds=0, trace=False)
            predicted, _ = worker.run(**fields, device="plan")
            if predicted["peak_bytes"] > min(options.largest, 0.8 * available_bytes()):
                continue
            measured, _ = worker.run(**fields)
            fitting += 1
            equal += predicted["peak_bytes"] == measured["peak_bytes"]
            largest = max(largest, int(measured["peak_bytes"]))
        kept &= equal == fitting
        row(name, fitting, equal, largest)
    return kept


def padding(options):
    """On real proteins, time falls by at least 0.97 of the work that padding wastes."""
    def start(layout, precision):
        child = subprocess.Popen(
            [options.build / "tests/bench/engine_rounds", "model=esm2-35m", f"data={FASTA}", "batch=16",
             "sequence=1024", f"layout={layout}", f"precision={precision}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        return child

    def go(child):
        child.stdin.write("go forward\n")
        child.stdin.flush()
        return json.loads(child.stdout.readline())

    kept = True
    row("precision", "FLOPs wasted by padding", "time saved", "saved over wasted (at least 0.97)")
    row("---", "---:", "---:", "---:")
    for precision in ("f32", "bf16"):
        padded, ragged = start("padded", precision), start("ragged", precision)
        saved = []
        for _ in range(options.rounds):
            a, b = go(padded), go(ragged)
            saved.append(1 - b["seconds"] / a["seconds"])
        wasted = 1 - b["flops"] / a["flops"]
        share = statistics.median(saved) / wasted
        kept &= share >= 0.97
        row(precision, f"{wasted:.3f}", f"{statistics.median(saved):.3f}", f"{share:.3f}")
        for child in (padded, ragged):
            child.stdin.close()
            child.wait()
    return kept


def growth(options):
    """Flash attention's activations grow linearly with the length."""
    worker, kept, before = Worker(options.build), True, None
    row("length", "activations and workspace, bytes", "over the last", "step time, s")
    row("---:", "---:", "---:", "---:")
    for length in (1024, 2048, 4096, 8192, 16384):
        metrics, samples = worker.run(model="esm2-8m", sequence=length, warmup=0, repeats=1,
                                      max_repeats=1, min_seconds=0, trace=False)
        used = metrics["peak_activations_bytes"] + metrics["peak_workspace_bytes"]
        ratio = used / before if before else 0
        kept &= ratio <= 2.05
        row(length, int(used), f"{ratio:.2f}" if before else "", f"{samples[0]:.3f}")
        before = used
    return kept


def seconds_of(command, rounds):
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def start(options):
    """Start-up and plans are quick."""
    program = options.build / "bin/sweetspot"
    commands = [("--version", ["--version"], 0.05),
                ("a plan of 10,000 points", ["plan", "-b", "1-100+1", "-s", "16-1600+16",
                                             "--points-only", "-o", "csv"], 0.5)]
    kept = True
    row("command", "seconds, median", "at most")
    row("---", "---:", "---:")
    for name, arguments, limit in commands:
        seconds = seconds_of([program, *arguments], options.rounds)
        kept &= seconds <= limit
        row(name, f"{seconds:.3f}", limit)
    worker, slowest = Worker(options.build), (0, "")
    models = json.loads(subprocess.check_output([program, "list", "models", "--json"]))
    for model in models:
        fields = dict(model=model["name"], device="plan", batch=4, sequence=512)
        worker.run(**fields)
        begin = time.perf_counter()
        worker.run(**fields)
        slowest = max(slowest, (time.perf_counter() - begin, model["name"]))
    kept &= slowest[0] <= 0.05
    row(f"the slowest prediction, {slowest[1]}", f"{slowest[0]:.4f}", 0.05)
    return kept


def load(options):
    """Weights of about 1 GB load from the page cache within a second, their hash included."""
    import numpy
    from safetensors.numpy import save_file

    width, mlp, layers, vocabulary = 1024, 2752, 16, 32000
    shapes = {"model.embed_tokens.weight": (vocabulary, width), "model.norm.weight": (width,),
              "lm_head.weight": (vocabulary, width)}
    for layer in range(layers):
        name = f"model.layers.{layer}."
        for part in "qkvo":
            shapes[f"{name}self_attn.{part}_proj.weight"] = (width, width)
        shapes |= {name + "mlp.gate_proj.weight": (mlp, width), name + "mlp.up_proj.weight": (mlp, width),
                   name + "mlp.down_proj.weight": (width, mlp), name + "input_layernorm.weight": (width,),
                   name + "post_attention_layernorm.weight": (width,)}
    random = numpy.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        tensors = {name: random.standard_normal(shape, dtype=numpy.float32) * 0.02
                   for name, shape in shapes.items()}
        save_file(tensors, Path(folder) / "model.safetensors")
        (Path(folder) / "config.json").write_text(json.dumps(
            {"model_type": "llama", "hidden_size": width, "intermediate_size": mlp,
             "num_hidden_layers": layers, "num_attention_heads": 8, "num_key_value_heads": 8,
             "vocab_size": vocabulary, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
             "rope_theta": 10000.0, "tie_word_embeddings": False}))
        size = (Path(folder) / "model.safetensors").stat().st_size
        worker, seconds = Worker(options.build), []
        for _ in range(options.rounds):
            metrics, _ = worker.run(model=folder, weights=folder, sequence=8, warmup=0, repeats=1,
                                    max_repeats=1, min_seconds=0, trace=False)
            seconds.append(metrics["load_seconds"])
    per_gigabyte = statistics.median(seconds) / (size / 1e9)
    row("bytes", "load, s, median", "s a GB (at most 1)")
    row("---:", "---:", "---:")
    row(size, f"{statistics.median(seconds):.3f}", f"{per_gigabyte:.3f}")
    return per_gigabyte <= 1


def engine(options, **fields):
    return Process(Side([options.build / "tests/bench/engine_rounds",
                         *(f"{name}={value}" for name, value in fields.items())], "forward"))


def threads(options):
    """No step of a small batch gets slower with a second thread, nor a short one out of proportion."""
    kept = True
    row("ESM-2 35M", "one thread, ms", "two threads, ms", "two over one (at most 1)", "tokens/s with two")
    row("---", "---:", "---:", "---:", "---:")
    for batch, sequence in ((1, 8), (1, 32), (1, 64), (1, 128), (1, 256), (2, 256), (4, 256)):
        fields = dict(model="esm2-35m", batch=batch, sequence=sequence)
        one, two = engine(options, **fields, threads=1), engine(options, **fields, threads=2)
        pairs = []
        for _ in range(options.rounds):
            quiet()
            pairs.append((one.round()["seconds"], two.round()["seconds"]))
        ratio = statistics.median(b / a for a, b in pairs)
        kept &= ratio <= 1
        alone, shared = (statistics.median(times) for times in zip(*pairs))
        row(f"{batch} x {sequence}", f"{1e3 * alone:.2f}", f"{1e3 * shared:.2f}", f"{ratio:.2f}",
            f"{batch * sequence / shared:.0f}")
        one.end(), two.end()
    return kept


def beside(options):
    """Beside a busy loop on each core, a step takes at most 2.2 times as long as alone."""
    kept = True
    row("ESM-2 35M, as many threads as cores", "alone, ms", "beside loops, ms", "ratio (at most 2.2)")
    row("---", "---:", "---:", "---:")
    cores = len(os.sched_getaffinity(0))
    for batch, sequence in ((1, 128), (2, 256), (8, 256)):
        ours, pairs = engine(options, model="esm2-35m", batch=batch, sequence=sequence, threads=cores), []
        for _ in range(options.rounds):
            quiet()
            alone = statistics.median(ours.round()["seconds"] for _ in range(5))
            loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
            time.sleep(0.3)
            pairs.append((alone, statistics.median(ours.round()["seconds"] for _ in range(5))))
            for loop in loops:
                loop.kill()
                loop.wait()
        ratio = statistics.median(b / a for a, b in pairs)
        kept &= ratio <= 2.2
        alone, loaded = (statistics.median(times) for times in zip(*pairs))
        row(f"{batch} x {sequence}", f"{1e3 * alone:.1f}", f"{1e3 * loaded:.1f}", f"{ratio:.2f}")
        ours.end()
    return kept


def pruning(options):
    """Half of the heads and MLP channels taken out is at least 1.7 times as fast, in at most 0.55 of the
    memory; 2:4 is stored in 9/16 of the bytes of bf16, as predicted."""
    half = dict(prune="magnitude", prune_pattern="structured", sparsity=0.5)
    kept = True
    row("model, rows", "dense, ms", "half, ms", "times as fast (at least 1.7)", "memory (at most 0.55)")
    row("---", "---:", "---:", "---:", "---:")
    for model, batch, sequence in (("esm2-150m", 1, 128), ("esm2-150m", 4, 256)):
        fields = dict(model=model, batch=batch, sequence=sequence)
        whole, left, pairs = engine(options, **fields), engine(options, **fields, **half), []
        for _ in range(options.rounds):
            quiet()
            pairs.append((whole.round()["seconds"], left.round()["seconds"]))
        whole.end(), left.end()
        worker = Worker(options.build)
        peaks = [worker.run(**fields, **more, warmup=0, repeats=1, max_repeats=1, min_seconds=0,
                            trace=False)[0]["peak_bytes"] for more in ({}, half)]
        speed, memory = statistics.median(a / b for a, b in pairs), peaks[1] / peaks[0]
        kept &= speed >= 1.7 and memory <= 0.55
        a, b = (statistics.median(times) for times in zip(*pairs))
        row(f"{model}, {batch} x {sequence}", f"{1e3 * a:.1f}", f"{1e3 * b:.1f}", f"{speed:.2f}",
            f"{memory:.3f}")
    print()
    row("esm2-150m in bf16, rows", "dense, ms", "2:4, ms", "times as fast", "weights, bytes", "equal to the plan")
    row("---", "---:", "---:", "---:", "---:", "---:")
    stored = dict(prune="magnitude", prune_pattern="2:4", weight_format="2:4_bf16")
    for batch, sequence in ((1, 3), (1, 6), (1, 128)):
        fields = dict(model="esm2-150m", batch=batch, sequence=sequence, precision="bf16")
        whole, left, pairs = engine(options, **fields), engine(options, **fields, **stored), []
        for _ in range(options.rounds):
            quiet()
            pairs.append((whole.round()["seconds"], left.round()["seconds"]))
        whole.end(), left.end()
        worker = Worker(options.build)
        once = dict(warmup=0, repeats=1, max_repeats=1, min_seconds=0, trace=False)
        dense, _ = worker.run(**fields, **once)
        found, _ = worker.run(**fields, **stored, **once)
        planned, _ = worker.run(**fields, **stored, device="plan")
        linears = 30 * 12 * 640 * 640  # numbers, of 2 bytes, that no row or column is filled up for
        saved = dense["peak_weights_bytes"] - found["peak_weights_bytes"]
        equal = planned["peak_bytes"] == found["peak_bytes"]
        kept &= equal and saved == linears * 2 * 7 / 16
        a, b = (statistics.median(times) for times in zip(*pairs))
        row(f"{batch} x {sequence}", f"{1e3 * a:.2f}", f"{1e3 * b:.2f}",
            f"{statistics.median(x / y for x, y in pairs):.2f}", int(found["peak_weights_bytes"]), equal)
    return kept


PARTS = {part.__name__: part
         for part in (memory, padding, growth, start, load, threads, beside, pruning)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=Path, required=True, help="CMake's build folder")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--largest", type=float, default=4e9,
                        help="leave out runs that need more bytes than this (memory)")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all unless named")
    options = parser.parse_args()
    kept = True
    for name in options.parts or PARTS:
        print(f"\n{name}: {PARTS[name].__doc__}\n", flush=True)
        kept &= PARTS[name](options)
    return 0 if kept else 3


if __name__ == "__main__":
    sys.exit(main())
