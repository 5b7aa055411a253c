"""What is compared: our sides, the others', what they should come to, and how both are held to one
instruction set."""

import sys
from dataclasses import dataclass
from pathlib import Path

from sides import Side

HERE = Path(__file__).parent
ESM2 = {"35m": {"layers": 12, "width": 480, "mlp": 1920, "batch": 8, "sequence": 256},
        "150m": {"layers": 30, "width": 640, "mlp": 2560, "batch": 8, "sequence": 512}}
LLAMA = {"110m": {"layers": 12, "width": 768, "kv_width": 768, "mlp": 2048, "vocabulary": 32000},
         "1b": {"layers": 22, "width": 2048, "kv_width": 256, "mlp": 5632, "vocabulary": 32000}}
BYTES = {"f32": 4, "bf16": 2}
FORMAT_BYTES = {"q8_0": 34 / 32, "q4_0": 18 / 32}  # of a number of a linear

# ONNX Runtime knows no limit: it uses what the processor has.
LIMITS = {
    "avx2": {"SWEETSPOT_ISA": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
             "DNNL_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
             "OPENBLAS_CORETYPE": "Haswell", "BLIS_ARCH_TYPE": "3"},  # 3 is Haswell in BLIS 0.9
    "avx512": {},
}

# Of each class: what a share of the ceiling, or a ratio to a peer, should be at least.
BARS = {
    "avx2": {
        "share f32": 0.90,
        "eager f32": 1.4, "compile f32": 1.2, "openvino f32": 1.0, "onnxruntime f32": 1.0,
        "prefill f32": 1.5, "prefill bf16": 1.4, "read f32": 0.95, "read bf16": 0.95,
        "decode f32": 1.08, "decode bf16": 1.4,
        "train share": 0.85, "train eager": 1.5, "train compile": 1.2, "train peft": 2.0, "train llm.c": 3.0,
        "read blocks": 0.9, "decode blocks": 1.2, "prefill q4_0": 1.0,
    },
    "avx512": {
        "share f32": 0.93, "share bf16": 0.80,
        "eager f32": 1.5, "compile f32": 1.2, "openvino f32": 1.0, "onnxruntime f32": 1.0,
        "eager bf16": 2.0, "compile bf16": 1.4, "openvino bf16": 1.0,
        "prefill f32": 1.6, "prefill bf16": 5.0, "read f32": 0.93, "read bf16": 0.93,
        "decode f32": 1.2, "decode bf16": 1.5,
        "train share": 0.85, "train eager": 1.5, "train compile": 1.2, "train peft": 2.0, "train llm.c": 3.0,
        "read blocks": 0.9, "decode blocks": 1.2, "prefill q4_0": 1.0,
    },
}
MEMORY_BAR = 0.5  # of eager PyTorch's peak, without libraries
STEP_MEMORY_BAR = 0.4  # of what eager PyTorch holds above what it trains


@dataclass(frozen=True)
class Comparison:
    """Ours should do at least `bar` times the other's `work` a second."""
    name: str
    ours: Side
    other: Side
    work: str  # the field of an answer that counts what a round did: tokens or flops
    bar: float
    memory_bar: float = 0  # our process may take at most this share of the other's; 0 = any
    above_state: bool = False  # of memory, only what lies above weights, gradients and AdamW's means


def product(rows, outputs, inputs, count):
    return f"product={rows}x{outputs}x{inputs}x{count}"


def esm2_linears(shape):
    """Rows, outputs, inputs and number of each shape of linear."""
    layers, width, mlp, batch, sequence = shape.values()
    rows = batch * sequence
    return [(rows, 3 * width, width, layers), (rows, width, width, layers + 1),
            (rows, mlp, width, layers), (rows, width, mlp, layers), (rows, 33, width, 1)]


def esm2_products(shape):
    return [product(*linear) for linear in esm2_linears(shape)]


def training_products(linears):
    """Of each linear its product and its two gradients, by its input and by its weight."""
    for rows, outputs, inputs, count in linears:
        yield from (product(rows, outputs, inputs, count), product(rows, inputs, outputs, count),
                    product(outputs, inputs, rows, count))


def llama_decode_bytes(size, precision, depth, weight_format=None):
    """What a token reads: every weight but the embedding's, and the cached keys and values."""
    layers, width, kv_width, mlp, vocabulary = LLAMA[size].values()
    linears, head = layers * width * (2 * width + 2 * kv_width + 3 * mlp), vocabulary * width
    cache = layers * 2 * depth * kv_width * BYTES[precision]
    if weight_format is None:
        return (linears + head) * BYTES[precision] + cache
    return int(linears * FORMAT_BYTES[weight_format] + head * FORMAT_BYTES["q8_0"]) + cache


def esm2_comparisons(options, size, precision):
    bars, limits, shape = BARS[options.isa], LIMITS[options.isa], ESM2[size]
    if f"share {precision}" not in bars:
        return
    common = [f"precision={precision}", f"threads={options.threads}"]
    extent = [f"batch={shape['batch']}", f"sequence={shape['sequence']}"]
    ours = Side([options.build / "tests/bench/engine_rounds", f"model=esm2-{size}", "task=forward",
                 *extent, *common], "forward", limits)
    machine = Side([options.build / "tests/bench/machine_rounds", *esm2_products(shape), *common],
                   "linear", limits)
    title = f"ESM-2 {size.upper()} {shape['batch']} x {shape['sequence']} {precision}"
    yield Comparison(f"{title}, share of the matrix-product rate", ours, machine, "flops",
                     bars[f"share {precision}"])
    for engine in ("eager", "compile", "openvino", "onnxruntime"):
        if f"{engine} {precision}" not in bars:
            continue
        peer = Side([sys.executable, HERE / "peer_esm2.py", "--engine", engine, "--size", size,
                     "--batch", str(shape["batch"]), "--sequence", str(shape["sequence"]),
                     "--precision", precision, "--threads", str(options.threads)], "forward", limits)
        yield Comparison(f"{title}, against {engine}", ours, peer, "tokens",
                         bars[f"{engine} {precision}"],
                         memory_bar=MEMORY_BAR if engine == "eager" else 0)


def steps(options, title, ours, theirs, linears):
    """A step of all weights in f32: against the linear products alone, and against PyTorch."""
    bars, limits = BARS[options.isa], LIMITS[options.isa]
    machine = Side([options.build / "tests/bench/machine_rounds", *training_products(linears),
                    f"threads={options.threads}"], "linear", limits)
    yield Comparison(f"{title}, a step, share of the matrix-product rate",
                     Side(ours, "forward", limits), machine, "flops", bars["train share"])
    for engine in ("eager", "compile"):
        yield Comparison(f"{title}, a step, against {engine}", Side(ours, "forward", limits),
                         Side([*theirs, "--engine", engine], "step", limits), "tokens",
                         bars[f"train {engine}"],
                         memory_bar=STEP_MEMORY_BAR if engine == "eager" else 0, above_state=True)


def training_sides(options, model, size, batch, layout):
    return ([options.build / "tests/bench/engine_rounds", f"model={model}", "task=train",
             "steps=1000", "batches=1", f"layout={layout}", f"threads={options.threads}",
             f"batch={batch}", "sequence=256"],
            [sys.executable, HERE / "peer_training.py", "--size", size, "--batch", str(batch),
             "--sequence", "256", "--threads", str(options.threads)])


def esm2_training_comparisons(options, size):
    """Steps of all weights, and of adapters beside them."""
    shape = ESM2[size] | {"batch": 16, "sequence": 256}
    ours, theirs = training_sides(options, f"esm2-{size}", size, 16, "ragged")
    title = f"ESM-2 {size.upper()} 16 x 256 f32"
    yield from steps(options, title, ours, theirs, esm2_linears(shape))
    limits = LIMITS[options.isa]
    yield Comparison(f"{title}, a step of LoRA, against peft",
                     Side([*ours, "lora_rank=8"], "forward", limits),
                     Side([*theirs, "--lora-rank", "8"], "step", limits), "tokens",
                     BARS[options.isa]["train peft"])


def gpt2_training_comparisons(options):
    layers, width, vocabulary, rows = 12, 768, 50257, 4 * 256
    linears = [(rows, 3 * width, width, layers), (rows, width, width, layers),
               (rows, 4 * width, width, layers), (rows, width, 4 * width, layers),
               (rows, vocabulary, width, 1)]
    ours, theirs = training_sides(options, "gpt2", "gpt2", 4, "padded")
    yield from steps(options, "GPT-2 124M 4 x 256 f32", ours, theirs, linears)
    if options.llm_c:
        yield Comparison("GPT-2 124M 4 x 256 f32, a step, against llm.c",
                         Side(ours, "forward", LIMITS[options.isa]),
                         Side([options.llm_c, "4", "256"], "step",
                              {"OMP_NUM_THREADS": str(options.threads)}), "tokens",
                         BARS[options.isa]["train llm.c"])


def llama_comparisons(options, precision):
    bars, limits = BARS[options.isa], LIMITS[options.isa]
    untimed, timed = 2, 16
    common = [f"precision={precision}", f"threads={options.threads}"]

    def ours(measure, depth):
        return Side([options.build / "tests/bench/engine_rounds", "model=llama-110m",
                     "task=generate", "batch=1", f"sequence={depth}",
                     f"new_tokens={1 + untimed + timed}", *common], measure, limits)

    def llama_cpp(measure, flash):
        model = options.gguf / f"llama-110m-{precision}.gguf"
        place = {"PYTHONPATH": str(options.llama)} if options.llama else {}
        return Side([sys.executable, HERE / "peer_llama_cpp.py", model, "--flash", flash,
                     "--threads", str(options.threads)], measure, place)

    yield Comparison(f"LLaMA 110M prefill 512 {precision}, against llama.cpp", ours("prefill", 512),
                     llama_cpp("prefill", "auto"), "tokens", bars[f"prefill {precision}"])
    for flash in ("off", "auto"):
        yield Comparison(f"LLaMA 110M decode at 512 {precision}, against llama.cpp, flash {flash}",
                         ours("decode", 512), llama_cpp("decode", flash), "tokens",
                         bars[f"decode {precision}"])
    for depth in (512, 4096):
        read = Side([options.build / "tests/bench/machine_rounds", f"reads={timed}",
                     f"read_bytes={llama_decode_bytes('110m', precision, depth)}", *common], "read")
        yield Comparison(f"LLaMA 110M decode at {depth} {precision}, share of a plain read",
                         ours("decode", depth), read, "tokens", bars[f"read {precision}"])


def block_comparisons(options, size, weight_format):
    """The same file on both sides, in blocks: keys and values are in 16 bits, and both round
    activations to 8 bits."""
    bars, limits = BARS[options.isa], LIMITS[options.isa]
    untimed, timed, depth = 2, 16, 512
    common = ["precision=bf16", f"threads={options.threads}"]
    model = options.gguf / f"llama-{size}-{weight_format}.gguf"
    ours = [options.build / "tests/bench/engine_rounds", f"model={model}", "task=generate",
            "batch=1", f"sequence={depth}", f"new_tokens={1 + untimed + timed}",
            f"weight_format={weight_format}", "activation_format=q8_0", *common]
    place = {"PYTHONPATH": str(options.llama)} if options.llama else {}

    def llama_cpp(measure, flash):
        return Side([sys.executable, HERE / "peer_llama_cpp.py", model, "--flash", flash,
                     "--threads", str(options.threads)], measure, place)

    title = f"LLaMA {size.upper()} {weight_format}"
    for flash in ("off", "auto"):
        yield Comparison(f"{title}, decode at 512 against llama.cpp, flash {flash}",
                         Side(ours, "decode", limits), llama_cpp("decode", flash), "tokens",
                         bars["decode blocks"])
    read = Side([options.build / "tests/bench/machine_rounds", f"reads={timed}",
                 f"read_bytes={llama_decode_bytes(size, 'bf16', depth, weight_format)}", *common], "read")
    yield Comparison(f"{title}, decode at 512, share of a plain read", Side(ours, "decode", limits),
                     read, "tokens", bars["read blocks"])
    if f"prefill {weight_format}" in bars:
        yield Comparison(f"{title}, prefill of 512 against llama.cpp",
                         Side(ours, "prefill", limits), llama_cpp("prefill", "auto"), "tokens",
                         bars[f"prefill {weight_format}"])


def comparisons(options):
    for precision in BYTES:
        for size in ESM2:
            yield from esm2_comparisons(options, size, precision)
            if precision == "f32":
                yield from esm2_training_comparisons(options, size)
        if precision == "f32":
            yield from gpt2_training_comparisons(options)
        yield from llama_comparisons(options, precision)
    for weight_format in FORMAT_BYTES:
        for size in LLAMA:
            yield from block_comparisons(options, size, weight_format)
