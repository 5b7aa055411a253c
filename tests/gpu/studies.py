"""What is measured side by side on a GPU, and what we want to reach there.

A study has sides, which are asked in turn, and rows: ratios of what they answered in one round.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
LENGTHS = (512, 1024, 2048, 4096, 8192, 16384)
ATTENTION_TOKENS = 16384
# Dense bf16 FLOP/s with f32 sums, by the vendors' data sheets; the first name that fits counts.
NOMINAL_FLOPS = (("H200", 989.5e12), ("H100 PCIe", 756e12), ("H100", 989.5e12), ("A100", 312e12))


@dataclass(frozen=True)
class Side:
    command: tuple
    measure: str = "forward"


@dataclass(frozen=True)
class Row:
    """ratio(answers) of a round, answers by side. Rows with one bar share its text."""
    name: str
    needs: tuple
    ratio: Callable
    bar: float = 0  # 0: nothing is promised
    bar_text: str = ""


@dataclass(frozen=True)
class Study:
    name: str
    sides: dict
    rows: tuple
    work: str = "tokens"  # the field of an answer that counts what a round did
    notes: str = ""


@dataclass
class Machine:
    """Where things are, and what is known of the GPU."""
    build: Path
    gpu_name: str = ""
    proteins: Path | None = None
    python: str = sys.executable

    def engine(self, measure="forward", **fields):
        fields = {"device": "cuda", "precision": "bf16", **fields}
        words = [f"{name}={value}" for name, value in fields.items()]
        return Side((str(self.build / "tests/bench/engine_rounds"), *words), measure)

    def ops(self, *measures):
        """One process for all of them: a side for each, by its text."""
        command = (str(self.build / "tests/gpu/cuda_rounds"), *measures)
        return {measure: Side(command, measure) for measure in measures}

    def torch(self, *measures):
        command = (self.python, str(HERE / "peer_torch_gpu.py"), *measures)
        return {measure: Side(command, measure) for measure in measures}

    def tracing(self, kind, **fields):
        """Passes with and without instruments; its one measure is called as the kind."""
        fields = {"device": "cuda", "precision": "bf16", **fields}
        words = [f"{name}={value}" for name, value in fields.items()]
        return Side((str(self.build / "tests/gpu/trace_rounds"), kind, *words), kind)

    def nominal_flops(self):
        return next((flops for name, flops in NOMINAL_FLOPS if name in self.gpu_name), 0)


def speed(answer, work):
    return answer[work] / answer["seconds"]


def over(ours, other, work="tokens"):
    """How much more work `ours` does in the same time."""
    return lambda answers: speed(answers[ours], work) / speed(answers[other], work)


def row(name, ours, other, work="tokens", bar=0, bar_text=""):
    return Row(name, (ours, other), over(ours, other, work), bar, bar_text or name)


def attention(machine):
    """Flash attention forward, bf16: shapes of equally many tokens and channels."""
    shapes = [(f"{head_size} channels, {length} tokens, {'causal' if causal else 'both sides'}",
               f"heads={2048 // head_size},head_size={head_size},batch={ATTENTION_TOKENS // length},"
               f"length={length},causal={causal}")
              for head_size in (64, 128) for causal in (0, 1) for length in LENGTHS]
    ours = machine.ops(*(f"attention,kind={kind},{shape}" for _, shape in shapes
                         for kind in ("flash", "vendor")))
    torch = machine.torch(*(f"attention,kind={kind},{shape}" for _, shape in shapes
                            for kind in ("cudnn", "flash")))
    for name, shape in shapes:
        yield Study(
            f"attention forward, {name}",
            {"flash": ours[f"attention,kind=flash,{shape}"],
             "cudnn": ours[f"attention,kind=vendor,{shape}"],
             "torch cudnn": torch[f"attention,kind=cudnn,{shape}"],
             "torch flash": torch[f"attention,kind=flash,{shape}"]},
            (row(f"{name}: over cuDNN", "flash", "cudnn", "launches", 0.9,
                 "flash attention forward over cuDNN (attention vendor)"),
             row(f"{name}: over cuDNN by PyTorch", "flash", "torch cudnn", "launches", 0.9,
                 "flash attention forward over cuDNN (PyTorch's backend)"),
             row(f"{name}: over FlashAttention-2 by PyTorch", "flash", "torch flash", "launches", 1.0,
                 "flash attention forward over PyTorch's FlashAttention-2")),
            "launches")


def backward(machine):
    """Flash attention backward, bf16."""
    shapes = [(f"{head_size} channels, {length} tokens, causal",
               f"backward=1,heads={2048 // head_size},head_size={head_size},"
               f"batch={ATTENTION_TOKENS // length},length={length},causal=1")
              for head_size in (64, 128) for length in (1024, 4096)]
    ours = machine.ops(*(f"attention,kind=flash,{shape}" for _, shape in shapes))
    torch = machine.torch(*(f"attention,kind={kind},{shape}" for _, shape in shapes for kind in ("cudnn", "flash")))
    for name, shape in shapes:
        yield Study(f"attention backward, {name}",
                    {"flash": ours[f"attention,kind=flash,{shape}"],
                     "torch cudnn": torch[f"attention,kind=cudnn,{shape}"],
                     "torch flash": torch[f"attention,kind=flash,{shape}"]},
                    (row(f"backward, {name}: over cuDNN by PyTorch", "flash", "torch cudnn", "launches", 1.0,
                         "flash attention backward over cuDNN (PyTorch's backend)"),
                     row(f"backward, {name}: over FlashAttention-2 by PyTorch", "flash", "torch flash",
                         "launches")), "launches")


def training(machine):
    """Steps of training in bf16 with f32 masters, random weights, no dropout: as recorded graphs and op by op; PyTorch under
    autocast with its fused AdamW."""
    def ours(**fields):
        fields = {"task": "train", "weights": "random", "steps": 1000000, "batches": 1, "lengths": "fixed", **fields}
        return {"ours, graph": machine.engine(**fields, launch="graph"), "ours": machine.engine(**fields)}

    def theirs(measure, compiled=(0, 1)):
        sides = machine.torch(*(f"{measure},compile={value}" for value in compiled))
        return {("torch", "torch.compile")[value]: sides[f"{measure},compile={value}"] for value in compiled}

    nominal = machine.nominal_flops()

    def of_nominal(answers):
        if not nominal:
            raise ValueError(f"no data sheet is known here for '{machine.gpu_name}'")
        return speed(answers["ours, graph"], "flops") / nominal

    utilisation = "GPT-2 124M, a step: FLOPs used, of the data sheet's peak"
    yield Study("GPT-2 124M, a step of 16 x 1,024, bf16",
                {**ours(model="gpt2", batch=16, sequence=1024), **theirs("train,size=gpt2,batch=16,sequence=1024")},
                (Row(utilisation, ("ours, graph",), of_nominal, 0.5, utilisation),
                 row("GPT-2 124M, a step over torch.compile", "ours, graph", "torch.compile", bar=1.07),
                 row("GPT-2 124M, a step over PyTorch eager", "ours, graph", "torch"),
                 row("GPT-2 124M, a step: launch graph over eager", "ours, graph", "ours")))
    lora = {"model": "esm2-650m", "batch": 16, "sequence": 512, "lora_rank": 8}
    yield Study("ESM-2 650M, a step of LoRA (rank 8, all linears), 16 x 512, bf16",
                {**ours(**lora), **theirs("train,size=650m,batch=16,sequence=512,lora_rank=8", (0,))},
                (row("ESM-2 650M, a step of LoRA over peft", "ours, graph", "torch", bar=1.5),))
    offload = {"model": "gpt2-xl", "task": "train", "weights": "random", "steps": 1000000, "batches": 1, "batch": 4,
               "sequence": 1024, "lengths": "fixed"}
    switches = {"on the GPU": {}, "optimizer aside": {"offload_optimizer": "true"},
                "activations aside": {"offload_activations": "true"}, "gradients aside": {"offload_gradients": "true"}}
    yield Study("GPT-2 XL, a step of 4 x 1,024, bf16, offloading",
                {name: machine.engine(**offload, **fields) for name, fields in switches.items()},
                tuple(row(f"GPT-2 XL, a step: {name}, over all on the GPU", name, "on the GPU")
                      for name in switches if name != "on the GPU"))


def machine_rates(machine):
    """What the GPU gives at best: ceilings for everything else."""
    sides = machine.ops("copy,way=device", "copy,way=to_device", "copy,way=to_host")
    yield Study("copies", {measure.split("=")[1]: side for measure, side in sides.items()}, (), "bytes",
                "device counts the bytes that it reads and those that it writes: a copy moves its bytes twice. "
                "The others count them once; host memory is pinned.")
    product = "matmul,rows=8192,outputs=8192,inputs=8192"
    yield Study("matrix product 8192 x 8192 x 8192, bf16",
                {"cublasLt": machine.ops(product)[product], "torch": machine.torch(product)[product]},
                (row("matrix product: over PyTorch", "cublasLt", "torch", "flops"),), "flops")


def esm2(machine):
    """ESM-2 650M, 64 x 1,024 tokens, logits, bf16, random weights, no attention mask."""
    ours = {"model": "esm2-650m", "batch": 64, "sequence": 1024}
    product = "matmul,rows=8192,outputs=8192,inputs=8192"
    measure = "esm2,size=650m,batch=64,sequence=1024,compile={}"
    sides = {"ours": machine.engine(**ours), "ours, graph": machine.engine(**ours, launch="graph"),
             "torch": machine.torch(measure.format(0))[measure.format(0)],
             "torch.compile": machine.torch(measure.format(1))[measure.format(1)],
             "product": machine.ops(product)[product]}
    nominal = machine.nominal_flops()

    def of_nominal(answers):
        if not nominal:
            raise ValueError(f"no data sheet is known here for '{machine.gpu_name}'")
        return speed(answers["ours"], "flops") / nominal

    utilisation = "ESM-2 650M: FLOPs used, of the data sheet's peak"
    rows = (row("ESM-2 650M 64 x 1,024 over PyTorch (SDPA, eager)", "ours", "torch", bar=1.3),
            row("ESM-2 650M 64 x 1,024 over torch.compile", "ours", "torch.compile", bar=1.1),
            Row(utilisation, ("ours",), of_nominal, 0.55, utilisation),
            row("ESM-2 650M: FLOPs used, of the measured matrix product", "ours", "product", "flops"),
            row("ESM-2 650M: launch graph over eager", "ours, graph", "ours"))
    yield Study("ESM-2 650M forward, 64 x 1,024, bf16", sides, rows, "tokens",
                "FLOPs are those of the products, linear and attention, as the plan counts them. The data sheet's "
                f"peak is {nominal / 1e12:.1f} TFLOP/s, dense bf16; the measured one is the side product.")


def ragged(machine):
    """Proteins of unequal lengths, padded, bucketed and ragged: the same sequences in all."""
    fields = {"model": "esm2-650m", "batch": 64, "batches": 4, "sequence": 1024}
    if machine.proteins:
        what, fields["data"] = f"proteins of {machine.proteins.name}", machine.proteins
    else:
        what = "random residues at real proteins' lengths"
        fields["lengths"] = f"file:{SOURCE / 'resources/data/protein-lengths.txt'}"
    sides = {layout: machine.engine(**fields, layout=layout) for layout in ("ragged", "bucketed", "padded")}

    def best_of_others(answers):
        tokens = {answer["tokens"] for answer in answers.values()}
        if len(tokens) != 1:
            raise ValueError(f"the layouts did not compute the same sequences: {tokens} tokens")
        return speed(answers["ragged"], "tokens") / max(speed(answers[other], "tokens")
                                                        for other in ("bucketed", "padded"))

    def padding(layout):
        return Row(f"tokens that {layout} computes, over the real ones", (layout,),
                   lambda answers: answers[layout]["computed_tokens"] / answers[layout]["tokens"])

    yield Study(f"ESM-2 650M on {what}, 4 batches of 64, bf16", sides,
                (Row("ragged over the best of padded and bucketed", tuple(sides), best_of_others, 1.2,
                     "ragged on real proteins over the best of padded and bucketed"),
                 padding("bucketed"), padding("padded")),
                notes="Speeds are in real tokens; padding is no work. How much bucketed batches save depends on how "
                      "many there are: with these proteins, 4 of 64 compute 1.32 tokens for a real one, 8 of 32 only "
                      "1.14, and padded ones 2.6.")


# Bytes of a number of a weight: a block's over its numbers. A head of its own is in q8_0 beside blocks.
WEIGHT_BYTES = {"dense": 2, "int4": 36 / 64, "q8_0": 34 / 32, "q4_0": 18 / 32, "q4_k": 144 / 256}


def decode_bytes(model, depth, weight_format="dense"):
    """What a decoded token reads in bf16: every weight but the embedding's, and keys and values."""
    m = json.loads((SOURCE / f"resources/models/{model}.json").read_text())
    inner, cached = m["heads"] * m["head_size"], m["kv_heads"] * m["head_size"]
    block = m["width"] * (2 * inner + 2 * cached + 3 * m["mlp_width"])
    head = WEIGHT_BYTES["dense" if weight_format == "dense" else "q8_0"] * m["vocabulary"] * m["width"]
    return m["layers"] * (WEIGHT_BYTES[weight_format] * block + 2 * 2 * depth * cached) + head


def decode(machine):
    """LLaMA-7B's shape, one sequence, token by token: bound by reading the weights."""
    prompt, new_tokens, untimed = 512, 67, 3
    bytes_per_token = decode_bytes("llama2-7b", prompt + (untimed + new_tokens) / 2)
    sides = {"ours, graph": machine.engine("decode", model="llama2-7b", task="generate", batch=1,
                                           sequence=prompt, new_tokens=new_tokens, launch="graph"),
             "copy": machine.ops("copy,way=device")["copy,way=device"]}

    def share(answers):
        return bytes_per_token * speed(answers["ours, graph"], "tokens") / speed(answers["copy"], "bytes")

    yield Study(f"LLaMA-7B shape, decode at {prompt} tokens, batch 1, bf16, graph", sides,
                (Row("bytes read a second over the copy's", tuple(sides), share, 0.8,
                     "LLaMA-7B shape, decode at batch 1 with graph, of the measured copy bandwidth"),),
                notes=f"A token reads {bytes_per_token / 1e9:.2f} GB: every weight but the embedding's, and the "
                      "cached keys and values. The copy's bytes are those it reads and those it writes.")


def weight_formats(machine):
    """LLaMA-7B's shape with its weights in blocks: decoding reads them packed, a prompt lays them out first."""
    prompt, new_tokens, untimed = 512, 67, 3
    fields = {"model": "llama2-7b", "task": "generate", "batch": 1, "sequence": prompt, "new_tokens": new_tokens,
              "launch": "graph"}
    for name in ("int4", "q4_0", "q8_0", "q4_k"):
        bytes_per_token = decode_bytes("llama2-7b", prompt + (untimed + new_tokens) / 2, name)
        sides = {name: machine.engine("decode", **fields, weight_format=name),
                 "dense": machine.engine("decode", **fields),
                 "copy": machine.ops("copy,way=device")["copy,way=device"]}

        def share(answers, name=name, bytes_per_token=bytes_per_token):
            return bytes_per_token * speed(answers[name], "tokens") / speed(answers["copy"], "bytes")

        promised = "LLaMA-7B shape, decode at batch 1 in int4, of the measured copy bandwidth over packed bytes"
        yield Study(f"LLaMA-7B shape, decode at {prompt} tokens, batch 1, {name}, graph", sides,
                    (Row(f"{name}: packed bytes read a second over the copy's", (name, "copy"), share,
                         *((0.8, promised) if name == "int4" else ())),
                     row(f"{name}: decode over dense bf16", name, "dense")),
                    notes=f"A token reads {bytes_per_token / 1e9:.2f} GB.")
    yield variants(machine, "LLaMA-7B shape, prompt of 512: weight_format", fields, "dense", "weight_format",
                   ("dense", "int4", "q8_0"), "prefill")


def overlap(machine):
    """Weights streamed with a budget of half of them: copying hides behind computing."""
    m = json.loads((SOURCE / "resources/models/esm2-3b.json").read_text())
    weight_bytes = 2 * m["layers"] * (4 * m["width"] ** 2 + 2 * m["width"] * m["mlp_width"])
    # Several batches a round: what is copied ahead while a round waits for its turn weighs less.
    fields = {"model": "esm2-3b", "batch": 4, "sequence": 1024, "batches": 4}
    sides = {"streamed": machine.engine(**fields, weight_memory="streamed", prefetch_depth=1,
                                        weight_budget_bytes=weight_bytes // 2),
             "on the GPU": machine.engine(**fields),
             "copy": machine.ops("copy,way=to_device")["copy,way=to_device"]}

    def times(answers):
        streamed, compute = answers["streamed"], answers["on the GPU"]
        return (streamed["moved_bytes"] / speed(answers["copy"], "bytes"), compute["seconds"],
                streamed["seconds"])

    def overlapped(answers):
        copying, computing, streamed = times(answers)
        return (copying + computing - streamed) / min(copying, computing)

    def balance(answers):
        copying, computing, _ = times(answers)
        return copying / computing

    yield Study("ESM-2 3B forward, 4 x 1,024, bf16, weights streamed at half the budget", sides,
                (Row("(copy alone + compute alone - streamed) / the smaller of the two", tuple(sides), overlapped,
                     0.85, "streamed weights at half the budget: overlap of the smaller of copy and compute time"),
                 Row("copy alone over compute alone", tuple(sides), balance)),
                notes="Compute alone: the same forward with all weights on the GPU. Copy alone: the bytes that a "
                      "streamed step moves, at the measured bandwidth of pinned host memory. prefetch_depth 1.")


def variants(machine, title, fields, baseline, field_name, values, measure="forward"):
    """One field's values against one of them."""
    sides = {str(value): machine.engine(measure, **{**fields, field_name: value}) for value in values}
    return Study(title, sides, tuple(row(f"{title}: {value} over {baseline}", str(value), baseline)
                                     for value in values if value != baseline))


def launches(machine):
    """Graphs against ops one by one, where launching counts."""
    yield variants(machine, "ESM-2 8M forward, 1 x 128: launch",
                   {"model": "esm2-8m", "sequence": 128}, "eager", "launch", ("eager", "graph"))
    yield variants(machine, "LLaMA 110M decode at 128: launch",
                   {"model": "llama-110m", "task": "generate", "sequence": 128, "new_tokens": 67}, "eager",
                   "launch", ("eager", "graph"), "decode")


def fusions(machine):
    """Fused kernels against the passes that they replace."""
    yield variants(machine, "GPT-2 medium forward, 8 x 512: fusion",
                   {"model": "gpt2-medium", "batch": 8, "sequence": 512}, "none", "fusion",
                   ("none", "epilogues", "attention_norm", "mlp_norm", "attention_projection"))
    yield variants(machine, "GPT-2 medium forward, 8 x 512, dropout 0.1: fusion",
                   {"model": "gpt2-medium", "batch": 8, "sequence": 512, "dropout": 0.1}, "epilogues", "fusion",
                   ("epilogues", "dropout_norm"))


def managed(machine):
    """Managed weights that fit: what asking for them early is worth. Never more than is free."""
    fields = {"model": "esm2-650m", "batch": 4, "sequence": 512}
    sides = {"device": machine.engine(**fields)}
    for prefetch in ("none", "on_use", "lookahead"):
        sides[prefetch] = machine.engine(**fields, weight_memory="managed", prefetch=prefetch)
    yield Study("ESM-2 650M forward, 4 x 512, managed weights that fit: prefetch", sides,
                tuple(row(f"managed, prefetch {name}, over device", name, "device")
                      for name in sides if name != "device"))


def precisions(machine):
    """The same forward in each precision."""
    yield variants(machine, "ESM-2 650M forward, 16 x 512: precision",
                   {"model": "esm2-650m", "batch": 16, "sequence": 512}, "f32", "precision",
                   ("f32", "tf32", "bf16", "f16"))


def trace(machine):
    """What tracing finds and costs. Each round has four traced passes, eager; seven rounds are 28 runs and more."""
    def share(part, whole):
        return lambda answers: answers["traced"][part] / answers["traced"][whole]

    def kept(answers):
        traced = answers["traced"]
        return traced["kernels"] / (traced["kernels"] + traced["dropped"])

    found = (Row("kernels whose op is known, of all", ("traced",), share("kernels_of_ops", "kernels"), 1.0,
                 "tracing: kernels whose op is known, of all"),
             Row("records kept, of all", ("traced",), kept, 1.0, "tracing: records kept, of all"))
    fields = {"model": "esm2-650m", "batch": 64, "sequence": 1024}
    yield Study("Tracing, ESM-2 650M forward, 64 x 1,024, bf16",
                {"traced": machine.tracing("trace", **fields), "after": machine.tracing("after", **fields),
                 "never": machine.tracing("never", **fields)},
                (*found,
                 Row("a pass without instruments over a traced one, in turn in one process", ("traced",),
                     share("plain_seconds", "seconds"), 0.98, "tracing: speed of a traced pass"),
                 Row("sums of regions beside events around them: 1 - the worst difference", ("traced",),
                     lambda answers: 1 - answers["traced"]["worst_difference"], 0.98,
                     "tracing: sums of regions beside events"),
                 row("a process that has traced over one that never has", "after", "never", bar=0.99,
                     bar_text="tracing: speed after it")),
                notes="Regions are the outermost ones: those whose work was all queued when the GPU came to it, so that "
                      "events hold no wait for the host, and that last 0.2 ms, which events can time to two percent. "
                      "What CUPTI's first start took and NVML saw stands with the versions.")
    yield Study("Tracing a graph, LLaMA 110M decode, bf16",
                {"traced": machine.tracing("trace", model="llama-110m", task="generate", batch=1, sequence=128,
                                           new_tokens=16, launch="graph")}, found,
                notes="Kernels of a graph are known by the nodes that were recorded.")


ESM2_650M_LINEARS = {"q, k, v": (3840, 1280), "attention's output": (1280, 1280), "MLP up": (5120, 1280),
                     "MLP down": (1280, 5120)}
SPARSE_WAYS = {"searched": "with algorithm search, bias in the kernel", "default": "the library's first algorithm",
               "bare": "and the bias as a pass of its own", "transposed": "and x and y written in the other order",
               "padded": "and x and y copied to whole tiles of rows"}


def sparse(machine):
    """Weights in 2:4: what they gain, and where the ESM-2 study's 2.08 comes from, one cause after the other."""
    shapes = [("4096 x 4096 x 4096", "bf16", 4096, 4096, 4096), ("8192 x 8192 x 8192", "bf16", 8192, 8192, 8192)]
    # The study's products, in its type; a quarter of its 262,400 rows.
    shapes += [(f"ESM-2 650M, {name}", "f16", 65600, *sizes) for name, sizes in ESM2_650M_LINEARS.items()]
    for name, dtype, rows, outputs, inputs in shapes:
        shape = f"dtype={dtype},rows={rows},outputs={outputs},inputs={inputs}"
        dense = f"matmul,{shape},bias=1,tuned=1"
        ways = {way: f"sparse,way={way},{shape}" for way in SPARSE_WAYS}
        ours = machine.ops(dense, *ways.values())
        theirs = {"torch": f"matmul,{shape},bias=1", "torch cutlass": f"sparse,backend=cutlass,{shape}",
                  "torch cusparselt": f"sparse,backend=cusparselt,{shape}"}
        torch = machine.torch(*theirs.values())
        sides = {"dense": ours[dense], **{way: ours[measure] for way, measure in ways.items()},
                 **{side: torch[measure] for side, measure in theirs.items()}}
        bar, text = (1.25, "2:4 product over tuned cuBLASLt at 4,096 and more") if dtype == "bf16" else (0, "")
        yield Study(f"2:4, {name}, {dtype}", sides,
                    (*(row(f"{name}: 2:4 {what}, over dense tuned", way, "dense", "flops",
                           bar if way == "searched" else 0, text if way == "searched" else "")
                       for way, what in SPARSE_WAYS.items()),
                     row(f"{name}: PyTorch's 2:4 by CUTLASS, as the study had it, over its dense", "torch cutlass",
                         "torch", "flops"),
                     row(f"{name}: PyTorch's 2:4 by cuSPARSELt over its dense", "torch cusparselt", "torch", "flops")),
                    "flops", "FLOPs are those of the dense product in both. Each way adds one cause to the one before it; "
                             "the study's 2:4 was 0.48 of its dense, end to end.")
    fields = {"model": "esm2-650m", "batch": 64, "sequence": 1024, "prune": "magnitude", "prune_pattern": "2:4"}
    yield Study("ESM-2 650M forward, 64 x 1,024, bf16, 2:4",
                {"2:4": machine.engine(**fields, weight_format="2:4_bf16"), "masked": machine.engine(**fields)},
                (row("ESM-2 650M 64 x 1,024: 2:4 where it is faster, over dense", "2:4", "masked", bar=1.0),),
                notes="Which linear is which, and both times of each, stands among the facts of the side 2:4.")


# In the order of their worth, should time run out.
PARTS = {part.__name__: part for part in (machine_rates, attention, esm2, ragged, decode, weight_formats, overlap, training,
                                          backward, sparse, launches, fusions, managed, precisions, trace)}
