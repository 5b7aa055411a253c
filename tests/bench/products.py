"""Holds the engine's products in f32, of the shapes that models ask for, against the libraries that
programs call for them: oneDNN's sgemm, OpenBLAS and BLIS, in the three forms that training needs.

    python tests/bench/products.py --build build --isa avx2 [--form NT]

Every round asks all of them in turn for one product. A row's ratio is that of neighbouring rounds to
the best library, by medians. Exit code 3 if one is below the bar.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from comparisons import ESM2, LIMITS, LLAMA
from sides import Process, Side, quiet

BAR = 0.98
FLOPS_OF_A_ROUND = 1e10
DEBIAN = Path("/usr/lib/x86_64-linux-gnu")
LIBRARIES = {"oneDNN": "onednn", "OpenBLAS": DEBIAN / "openblas-openmp/libopenblas.so.0",
             "BLIS": DEBIAN / "blis-openmp/libblis.so.4"}


def shapes():
    """(rows, outputs, inputs) of the layers that products.py is about."""
    for shape in ESM2.values():
        rows, width, mlp = shape["batch"] * shape["sequence"], shape["width"], shape["mlp"]
        yield from ((rows, 3 * width, width), (rows, width, width), (rows, mlp, width),
                    (rows, width, mlp))
    width, mlp = LLAMA["110m"]["width"], LLAMA["110m"]["mlp"]
    yield from ((512, 3 * width, width), (512, width, width), (512, mlp, width), (512, width, mlp))
    yield from ((64, 480, 480), (64, 1920, 480))  # one short sequence


def argument(shape):
    rows, outputs, inputs = shape
    return f"{rows}x{outputs}x{inputs}x{max(1, round(FLOPS_OF_A_ROUND / (2 * rows * outputs * inputs)))}"


def measured(processes, shape, rounds):
    """FLOP/s of each process, round by round."""
    speeds, disturbed = {name: [] for name in processes}, 0
    for number in range(rounds):
        for name in list(processes) if number % 2 == 0 else list(reversed(processes)):
            disturbed += not quiet()
            answer = processes[name].round(argument(shape))
            speeds[name].append(answer["flops"] / answer["seconds"])
    return speeds, disturbed


def row_of(form, shape, speeds, disturbed):
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    best = max((name for name in medians if name != "engine"), key=medians.get)
    ratios = [ours / other for ours, other in zip(speeds["engine"], speeds[best])]
    lower, middle, upper = statistics.quantiles(ratios, n=4)
    return {"form": form, "shape": shape, "ours": medians["engine"], "best": best,
            "theirs": medians[best], "ratio": middle, "lower": lower, "upper": upper,
            "disturbed": disturbed, "reached": middle >= BAR, "speeds": speeds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=Path, required=True, help="CMake's build folder")
    parser.add_argument("--isa", choices=LIMITS, default="avx512")
    parser.add_argument("--form", choices=("NT", "NN", "TN"), help="all unless given")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every round to this file")
    options = parser.parse_args()
    limits = LIMITS[options.isa] | {name: str(options.threads)
                                    for name in ("OMP_NUM_THREADS", "BLIS_NUM_THREADS")}
    results = []
    print("| form | rows x outputs x inputs | ours, GFLOP/s | best library | its GFLOP/s | ratio | "
          "quartiles | disturbed |\n|---|---|---:|---|---:|---:|---|---:|")
    for form in (options.form,) if options.form else ("NT", "NN", "TN"):
        common = [options.build / "tests/bench/product_rounds", f"form={form}",
                  f"threads={options.threads}", *(f"product={argument(shape)}" for shape in shapes())]
        processes = {name: Process(Side([*common, f"library={library}"], "", limits))
                     for name, library in {"engine": "engine", **LIBRARIES}.items()}
        for shape in shapes():
            row = row_of(form, shape, *measured(processes, shape, options.rounds))
            results.append(row)
            print(f"| {form} | {' x '.join(map(str, shape))} | {row['ours'] / 1e9:.0f} | {row['best']} "
                  f"| {row['theirs'] / 1e9:.0f} | {row['ratio']:.3f} {'' if row['reached'] else 'missed'} "
                  f"| {row['lower']:.3f} to {row['upper']:.3f} | {row['disturbed']} |", flush=True)
        for process in processes.values():
            process.end()
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0 if all(row["reached"] for row in results) else 3


if __name__ == "__main__":
    sys.exit(main())
