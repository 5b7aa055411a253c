"""Holds the engine's logits of GGUF files against llama.cpp's, token by token.

For each file: the mean and largest KL divergence, in nats, from llama.cpp's distribution of the
next token to ours; likewise from f32 to each of the two, if --exact names the same model in f32.
llama.cpp rounds activations to 8 bits before a product with weights in blocks, and we do not:
files of quantised types show that difference, those of f32 none but of rounding, and the exit code
is 3 if one of them exceeds 1e-5. The bench's README says how to set llama-cpp-python up.

    python tests/bench/llama_logits.py --build build model-f32.gguf model-q4_0.gguf=q4_0 --exact model-f32.gguf
"""

import argparse
import ctypes
import random
import subprocess
import sys
from pathlib import Path

import llama_cpp
import numpy
from gguf import GGMLQuantizationType

BAR = 1e-5
LOG_WARNING = 3  # ggml.h: 1 debug, 2 information, 3 warning, 4 error


@llama_cpp.llama_log_callback
def log_warnings(level, text, _):
    if level >= LOG_WARNING:
        sys.stderr.write(text.decode())


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE[=FORMAT]",
                        help="a .gguf, and the weight_format that it is in (dense)")
    parser.add_argument("--build", default="build", help="the build folder with engine_logits")
    parser.add_argument("--exact", help="the same model in f32")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Peer:
    """llama.cpp with one file; keys and values, and all that has a choice, in f32."""

    def __init__(self, path, arguments):
        self.model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {path}")
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = arguments.tokens
        parameters.n_threads = parameters.n_threads_batch = arguments.threads
        parameters.flash_attn_type = 0
        parameters.type_k = parameters.type_v = GGMLQuantizationType.F32
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)
        if not self.context:
            raise SystemExit(f"llama.cpp cannot make a context for {path}")
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(self.model))

    def logits(self, ids):
        batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.logits[i] = token, i, 1
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        if llama_cpp.llama_decode(self.context, batch) != 0:
            raise SystemExit("llama.cpp failed to compute a batch")
        rows = [numpy.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self.context, i),
                                         (self.vocabulary,)).copy() for i in range(len(ids))]
        llama_cpp.llama_batch_free(batch)
        return numpy.stack(rows)


def our_logits(path, weight_format, ids, arguments):
    command = [Path(arguments.build) / "tests/bench/engine_logits", f"model={path}",
               f"weight_format={weight_format}", f"threads={arguments.threads}"]
    done = subprocess.run(command, input=" ".join(map(str, ids)).encode(), capture_output=True)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return numpy.frombuffer(done.stdout, numpy.float32).reshape(len(ids), -1)


def divergences(reference, logits):
    """KL of each token, in nats."""
    def log_softmax(x):
        x = x.astype(numpy.float64) - x.max(axis=1, keepdims=True)
        return x - numpy.log(numpy.exp(x).sum(axis=1, keepdims=True))
    p, q = log_softmax(reference), log_softmax(logits)
    return (numpy.exp(p) * (p - q)).sum(axis=1)


def main():
    arguments = parsed_arguments()
    llama_cpp.llama_log_set(log_warnings, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    exact, missed = None, False
    print("| file | weights | KL to llama.cpp, mean | largest | same likeliest token |"
          " f32 to ours, mean | f32 to llama.cpp, mean |\n|---|---|---|---|---|---|---|")
    for text in arguments.files:
        path, _, weight_format = text.partition("=")
        peer = Peer(path, arguments)
        draw = random.Random(arguments.seed)
        ids = [draw.randrange(peer.vocabulary) for _ in range(arguments.tokens)]
        if arguments.exact and exact is None:
            exact = our_logits(arguments.exact, "dense", ids, arguments)
        ours = our_logits(path, weight_format or "dense", ids, arguments)
        theirs = peer.logits(ids)
        off = divergences(theirs, ours)
        same = (theirs.argmax(axis=1) == ours.argmax(axis=1)).mean()
        lost = ["", ""] if exact is None else [
            f"{divergences(exact, side).mean():.2g}" for side in (ours, theirs)]
        missed |= not weight_format and off.mean() > BAR
        print(f"| {Path(path).name} | {weight_format or 'f32'} | {off.mean():.2g} | {off.max():.2g} |"
              f" {100 * same:.1f} % | {lost[0]} | {lost[1]} |", flush=True)
    sys.exit(3 if missed else 0)


if __name__ == "__main__":
    main()
