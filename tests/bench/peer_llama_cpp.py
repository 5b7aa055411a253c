"""A peer of the bench: a LLaMA in llama.cpp, in this process, through llama-cpp-python.

"go prefill" times one batch of --prompt tokens into an empty cache, with the logits of the last
token. "go decode" times --decode tokens, one after the other, on top of --depth tokens in the
cache. Both are what llama-bench times, as -p, -n and -d. peer_protocol.py says what is read and
written.
"""

import argparse
import ctypes
import random
import sys

import llama_cpp
from gguf import GGMLQuantizationType

import peer_protocol

FLASH = {"auto": -1, "off": 0, "on": 1}
CACHE_TYPES = {"f32": GGMLQuantizationType.F32, "f16": GGMLQuantizationType.F16,
               "bf16": GGMLQuantizationType.BF16}
WARM_UP_ROUNDS = 2
UNTIMED_TOKENS = 2  # of each decode round: they bring threads and caches back from the other side
SEQUENCE = 0
LOG_WARNING = 3  # ggml.h: 1 debug, 2 information, 3 warning, 4 error


@llama_cpp.llama_log_callback
def log_warnings(level, text, _):
    """llama.cpp describes each graph it builds, which costs time; only what is wrong is shown."""
    if level >= LOG_WARNING:
        sys.stderr.write(text.decode())


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .gguf file, e.g. from make_llama_gguf.py")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--decode", type=int, default=16)
    parser.add_argument("--depth", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--flash", choices=FLASH, default="auto")
    parser.add_argument("--cache", choices=CACHE_TYPES, default="f16", help="type of the KV cache")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Session:
    """One model and one context whose cache holds one sequence."""

    def __init__(self, arguments):
        self.model = llama_cpp.llama_model_load_from_file(
            arguments.model.encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {arguments.model}")
        parameters = llama_cpp.llama_context_default_params()
        decoded = UNTIMED_TOKENS + arguments.decode
        parameters.n_ctx = max(arguments.prompt, arguments.depth + decoded)
        parameters.n_batch = parameters.n_ubatch = max(arguments.prompt, arguments.depth)
        parameters.n_threads = parameters.n_threads_batch = arguments.threads
        parameters.flash_attn_type = FLASH[arguments.flash]
        parameters.type_k = parameters.type_v = CACHE_TYPES[arguments.cache]
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)
        if not self.context:
            raise SystemExit(f"llama.cpp cannot make a context for {arguments.model}")
        self.memory = llama_cpp.llama_get_memory(self.context)
        vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        draw = random.Random(arguments.seed)
        self.tokens = [draw.randrange(vocabulary) for _ in range(parameters.n_ctx)]
        self.prompt = arguments.prompt
        self.decode_tokens = arguments.decode
        self.depth = arguments.depth

    def feed(self, first, count):
        """Computes tokens[first : first + count] and the logits of the last of them."""
        values = (llama_cpp.llama_token * count)(*self.tokens[first:first + count])
        batch = llama_cpp.llama_batch_get_one(values, count)
        if llama_cpp.llama_decode(self.context, batch) != 0:
            raise SystemExit("llama.cpp failed to compute a batch")
        llama_cpp.llama_synchronize(self.context)

    def cached(self):
        return 1 + llama_cpp.llama_memory_seq_pos_max(self.memory, SEQUENCE)

    def prefill(self):
        llama_cpp.llama_memory_clear(self.memory, False)
        return {"tokens": self.prompt,
                **peer_protocol.timed(lambda: self.feed(0, self.prompt))}

    def decode(self):
        if self.cached() < self.depth:
            llama_cpp.llama_memory_clear(self.memory, False)
            self.feed(0, self.depth)
        llama_cpp.llama_memory_seq_rm(self.memory, SEQUENCE, self.depth, -1)
        self.one_by_one(UNTIMED_TOKENS)
        return {"tokens": self.decode_tokens,
                **peer_protocol.timed(lambda: self.one_by_one(self.decode_tokens))}

    def one_by_one(self, count):
        start = self.cached()
        for position in range(start, start + count):
            self.feed(position, 1)


def main():
    arguments = parsed_arguments()
    llama_cpp.llama_log_set(log_warnings, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    imported_rss_bytes = peer_protocol.rss_bytes("VmRSS")
    session = Session(arguments)
    for _ in range(WARM_UP_ROUNDS):
        session.prefill()
        session.decode()
    ready = {"peer": "llama.cpp", "llama_cpp_python": llama_cpp.__version__,
             "system": llama_cpp.llama_print_system_info().decode().strip(),
             "weights_bytes": llama_cpp.llama_model_size(session.model),
             "parameters": llama_cpp.llama_model_n_params(session.model),
             "imported_rss_bytes": imported_rss_bytes, **vars(arguments)}
    peer_protocol.serve(ready, {"prefill": session.prefill, "decode": session.decode})


if __name__ == "__main__":
    main()
