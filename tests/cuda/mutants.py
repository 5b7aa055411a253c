#!/usr/bin/env python3
"""Breaks the real kernels one place at a time and tells which emulated build notices.

    mutants.py BUILD [--quick] [--variants plain,asan,tsan] [WORD...]

BUILD is a build folder of Ninja in which cuda_tests and its _asan and _tsan are built.
--quick tries the few that ctest does, which must all be noticed by the plain build; WORDs choose
mutants by their file or change. Nothing in the tree is touched.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent.parent
barrier = "__syncthreads();"


@dataclasses.dataclass
class Mutant:
    file: str  # in kernels/cuda
    old: str
    new: str
    cases: str  # part of the names of the selftest's cases that run
    occurrence: int = 0
    unit: str = ""  # the .cu that includes the file, if it is a header
    quick: bool = False

    def source(self):
        parts = (root / "kernels/cuda" / self.file).read_text().split(self.old)
        if len(parts) < self.occurrence + 2:
            sys.exit(f"{self.file} has no '{self.old}' #{self.occurrence} any more: change the list")
        at = self.occurrence + 1
        return self.old.join(parts[:at]) + self.new + self.old.join(parts[at:])

    def describe(self):
        change = f"{self.old.strip()} #{self.occurrence} -> {self.new.strip() or 'nothing'}"
        return f"{self.file}: {change}".replace("\n", " ")


mutants = [
    # reductions over a block
    Mutant("reduce.cuh", barrier, "", "norm", 0, "norm.cu", quick=True),
    Mutant("reduce.cuh", barrier, "", "norm", 1, "norm.cu"),
    Mutant("reduce.cuh", "lane < warps ? scratch[lane] : nothing", "scratch[lane]", "norm", 0,
           "norm.cu", quick=True),
    Mutant("reduce.cuh", "step = 16", "step = 8", "norm", 0, "norm.cu"),
    # norm
    Mutant("norm.cu", "i < a.width", "i <= a.width", "norm", 0),
    Mutant("norm.cu", "i < a.width", "i <= a.width", "norm", 2, quick=True),
    Mutant("norm.cu", "if (r.row >= a.rows) return;", "if (r.row > a.rows) return;", "norm", 0),
    Mutant("norm.cu", "if (r.row >= a.rows) return;", "if (r.row > a.rows) return;", "norm", 1),
    Mutant("norm.cu", "column(p) < a.width ? load", "true ? load", "norm"),
    Mutant("norm.cu", barrier, "", "backward of heads", 0),
    # loss and sampling
    Mutant("loss.cu", "w >= least", "w > least", "sample", quick=True),
    Mutant("loss.cu", "min(first, i)", "max(first, i)", "sample"),
    # rotary
    Mutant("rotary.cu", "row >= t.rows ||", "row > t.rows ||", "rotary"),
    Mutant("rotary.cu", "head * 2 * t.half", "head * t.half", "rotary"),
    # attention in f32
    Mutant("attention_float.cu", barrier, "", "attention", 0),
    Mutant("attention_float.cu", barrier, "", "attention", 1),
    Mutant("attention_float.cu", barrier, "", "attention", 2),
    Mutant("attention_float.cu", barrier, "", "attention", 3),
    Mutant("attention_float.cu", "query + 1", "query", "attention"),
    # materialised attention
    Mutant("attention_naive.cu", barrier, "", "naive", 0),
    Mutant("attention_naive.cu", barrier, "", "naive", 1),
    Mutant("attention_naive.cu", "query < real ? visible : 0", "visible", "backward, naive"),
    Mutant("attention_naive.cu", "a.causal ? first_key : 0", "first_key", "backward, naive"),
    # attention over the cache
    Mutant("attention_cache.cu", barrier, "", "cached", 0, quick=True),
    Mutant("attention_cache.cu", barrier, "", "cached", 1),
    Mutant("attention_cache.cu", barrier, "", "cached", 2),
    Mutant("attention_cache.cu", barrier, "", "cached", 3, quick=True),
    Mutant("attention_cache.cu", "mine < end && from < a_.size", "from < a_.size",
           "cached"),
    Mutant("attention_cache.cu", "split < splits ? parts[split * stride] : masked",
           "parts[split * stride]", "cached"),
    # flash attention
    Mutant("attention_flash.cuh", barrier, "", "attention", 0, "attention_bf16.cu"),
    Mutant("attention_flash.cuh", barrier, "", "attention", 1, "attention_bf16.cu"),
    Mutant("attention_flash.cuh", "copy_async_wait<0>();", "copy_async_wait<1>();", "attention", 0,
           "attention_bf16.cu"),
    Mutant("attention_flash.cuh", "copy_async_wait<0>();", "copy_async_wait<1>();", "attention", 1,
           "attention_bf16.cu"),
    Mutant("attention_flash.cuh", "__syncwarp();", "", "attention", 0, "attention_bf16.cu"),
    Mutant("attention_flash.cuh", "mma_m16n8k16<T>(out_[m][2 * d], p[m], v[0], v[1]);",
           "mma_m16n8k16<T>(out_[m][2 * d], p[m], v[1], v[0]);", "attention", 0,
           "attention_bf16.cu"),
    Mutant("attention_flash.cuh", "mma_m16n8k16<T>(score[m][n], q[m], k[0], k[1]);",
           "mma_m16n8k16<T>(score[m][n], q[m], k[0], k[2]);", "attention", 0, "attention_bf16.cu"),
    Mutant("attention_flash.cuh", ">= visible", "> visible", "attention", 0, "attention_bf16.cu"),
    Mutant("attention_flash.cuh", "stages = 2;", "stages = 1;", "attention", 0,
           "attention_bf16.cu"),
    Mutant("attention_tiles.cuh", "row < valid && column < size", "column < size", "attention", 0,
           "attention_bf16.cu"),
    Mutant("attention_tiles.cuh", "width + 8", "width + 4", "attention", 0, "attention_bf16.cu"),
    # its backward pass
    Mutant("attention_backward.cu", barrier, "", "backward", 0),
    Mutant("attention_backward.cu", barrier, "", "backward", 1),
    Mutant("attention_backward.cu", barrier, "", "backward", 2),
    Mutant("attention_backward_tiles.cuh", barrier, "", "backward", 0,
           "attention_backward_bf16.cu"),
    Mutant("attention_backward_tiles.cuh", "copy_async_wait<0>();", "", "backward", 0,
           "attention_backward_bf16.cu"),
]
unchanged = Mutant("norm.cu", "i < a.width", "i < a.width", "norm")
suffixes = {"plain": "", "asan": "_asan", "tsan": "_tsan"}
signs = [("data race", "race"), ("AddressSanitizer", "asan"), ("runtime error", "ubsan"),
         ("deadlock", "deadlock"), ("different barriers", "barriers"),
         ("shared array", "shared array"), ("has exited", "lane"), ("misaligned", "address"),
         ("not within an array", "address"), ("written past the end", "guards"),
         ("FAIL!", "result")]


class Build:
    """Compiles one source of a variant anew, and links the test with it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.work = self.folder / "mutants"
        entries = self.ninja("-t", "compdb")
        self.commands = json.loads(entries)

    def ninja(self, *arguments):
        return subprocess.run(["ninja", "-C", self.folder, *arguments], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.removeprefix(
                                  f"ninja: Entering directory `{self.folder}'\n")

    def compile_command(self, unit, variant):
        for entry in self.commands:
            if (f"device_emulated{suffixes[variant]}.dir/" in entry["output"]
                    and entry["output"].endswith(f"/{unit}.o")):
                return entry["command"], entry["output"], entry["file"]
        sys.exit(f"the build folder does not know {unit}")

    def run(self, mutant, variant):
        """How the variant notices; empty if it does not."""
        unit = mutant.unit or mutant.file
        folder = self.work / variant
        changed = folder / "kernels/cuda" / mutant.file
        changed.parent.mkdir(parents=True, exist_ok=True)
        changed.write_text(mutant.source())
        source = changed if not mutant.unit else root / "kernels/cuda" / unit
        command, output, file = self.compile_command(unit, variant)
        made = folder / "mutant.o"
        command = command.replace(f"-c {file}", f"-c {source}").replace(output, str(made))
        command = command.replace(" -I", f" -I{folder} -I", 1)
        compiled = subprocess.run(command, shell=True, cwd=self.folder, capture_output=True)
        test = f"cuda_tests{suffixes[variant]}"
        link = self.ninja("-t", "commands", f"tests/{test}").strip().splitlines()[-1]
        program = folder / "mutant"
        library = f"kernels/emulation/libdevice_emulated{suffixes[variant]}.a"
        link = link.replace(f"-o tests/{test}", f"-o {program}").replace(
            library, f"{made} {library}", 1)
        linked = compiled.returncode == 0 and subprocess.run(
            link, shell=True, cwd=self.folder, capture_output=True)
        changed.unlink()
        if compiled.returncode or linked.returncode:
            return "does not build"
        environment = dict(os.environ, SWEETSPOT_CASES=mutant.cases,
                           TSAN_OPTIONS="halt_on_error=1", ASAN_OPTIONS="detect_leaks=0")
        try:
            result = subprocess.run([program, "kernels_test"], env=environment, capture_output=True, text=True,
                                    errors="replace", timeout=300)
        except subprocess.TimeoutExpired:
            return "hangs"
        if result.returncode == 0:
            return ""
        text = result.stdout + result.stderr
        return next((name for sign, name in signs if sign in text), f"exit {result.returncode}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__,
                                        formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--variants", default="")
    arguments.add_argument("words", nargs="*")
    options = arguments.parse_intermixed_args()
    variants = (options.variants or ("plain" if options.quick else "plain,asan,tsan")).split(",")
    build = Build(options.build)
    chosen = [m for m in mutants if (m.quick or not options.quick)
              and all(word in m.describe() for word in options.words)]
    unnoticed = 0
    for variant in variants:
        if verdict := build.run(unchanged, variant):
            sys.exit(f"{variant}: {verdict} in the kernels as they are")
    print(f"{'':84} " + " ".join(f"{variant:12}" for variant in variants))
    for mutant in chosen:
        verdicts = [build.run(mutant, variant) for variant in variants]
        unnoticed += not any(verdicts) or "does not build" in verdicts
        print(f"{mutant.describe():84.84} " + " ".join(f"{v or '-':12}" for v in verdicts),
              flush=True)
    print(f"{len(chosen) - unnoticed} of {len(chosen)} noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
