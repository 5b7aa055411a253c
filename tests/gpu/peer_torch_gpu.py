"""A peer of the GPU's bench: PyTorch. Each argument is a measure and its name in `go` lines:

    attention,kind=flash|cudnn|efficient,heads=16,kv_heads=HEADS,head_size=128,batch=32,length=512,
        causal=0,backward=0                 scaled_dot_product_attention with that backend alone
    esm2,size=650m,batch=64,sequence=1024,compile=0     logits, by transformers, random weights, no mask
    matmul,rows=8192,outputs=8192,inputs=8192,dtype=bf16,bias=0
    sparse,backend=cutlass|cusparselt,rows=8192,outputs=8192,inputs=8192,dtype=bf16     a linear whose weight is 2:4
    train,size=gpt2|650m,batch=16,sequence=1024,compile=0,lora_rank=0     a step, with f32 weights under autocast

In bf16 where nothing is said. An answer is about all launches of its round; seconds are the GPU's clock.
"""

import sys
from argparse import Namespace
from math import ceil
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import peer_protocol  # noqa: E402: found by the line above

LEAST_ROUND_SECONDS = 0.02
WARM_UP_LAUNCHES = 3
BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION,
            "efficient": SDPBackend.EFFICIENT_ATTENTION}


def settings_of(text, **defaults):
    """"name,key=value,…" over defaults, whose types say what a value is."""
    settings = dict(defaults)
    for part in text.split(",")[1:]:
        key, _, value = part.partition("=")
        if key not in defaults:
            raise ValueError(f"{text}: there is no setting {key}")
        settings[key] = type(defaults[key])(value)
    return Namespace(**settings)


def attention(text):
    s = settings_of(text, kind="flash", heads=16, kv_heads=0, head_size=128, batch=32, length=512, causal=0,
                    backward=0)
    kv_heads = s.kv_heads or s.heads

    def drawn(heads):
        rows = torch.randn(s.batch, s.length, heads, s.head_size, device="cuda", dtype=torch.bfloat16)
        return rows.transpose(1, 2).requires_grad_(bool(s.backward))

    q, k, v = drawn(s.heads), drawn(kv_heads), drawn(kv_heads)

    def forward():
        with sdpa_kernel(BACKENDS[s.kind]):
            return torch.nn.functional.scaled_dot_product_attention(
                q, k, v, is_causal=bool(s.causal), enable_gqa=kv_heads != s.heads)

    if not s.backward:
        return forward, {}
    y = forward()
    dy = torch.randn_like(y)
    return lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True), {}


DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16}


def operands(s):
    """x, a weight and its bias."""
    def drawn(*sizes):
        return torch.randn(*sizes, device="cuda", dtype=DTYPES[s.dtype])

    return drawn(s.rows, s.inputs), drawn(s.outputs, s.inputs), drawn(s.outputs)


def matmul(text):
    s = settings_of(text, rows=8192, outputs=8192, inputs=8192, dtype="bf16", bias=0)
    x, weight, bias = operands(s)
    return lambda: torch.nn.functional.linear(x, weight, bias if s.bias else None), \
        {"flops": 2 * s.rows * s.outputs * s.inputs}


def sparse(text):
    """As a tutorial of PyTorch's has it, which forces CUTLASS."""
    from torch.sparse import SparseSemiStructuredTensor, to_sparse_semi_structured
    s = settings_of(text, backend="cutlass", rows=8192, outputs=8192, inputs=8192, dtype="bf16")
    x, weight, bias = operands(s)
    fours = weight.view(-1, 4)
    fours.scatter_(1, fours.abs().argsort(dim=1)[:, :2], 0)
    SparseSemiStructuredTensor._FORCE_CUTLASS = s.backend == "cutlass"
    with torch.inference_mode():
        linear = torch.nn.Linear(s.inputs, s.outputs, device="cuda", dtype=DTYPES[s.dtype])
        linear.weight = torch.nn.Parameter(to_sparse_semi_structured(weight), requires_grad=False)
        linear.bias = torch.nn.Parameter(bias, requires_grad=False)
    return lambda: linear(x), {"flops": 2 * s.rows * s.outputs * s.inputs}


def esm2(text):
    import peer_esm2
    s = settings_of(text, size="650m", batch=64, sequence=1024, compile=0)
    arguments = Namespace(size=s.size, batch=s.batch, sequence=s.sequence, precision="bf16", attention="sdpa")
    model = peer_esm2.built_model(arguments).to("cuda", torch.bfloat16)
    ids = peer_esm2.batch_of_residues(arguments).cuda()
    run = torch.compile(model) if s.compile else model
    return lambda: run(ids), {"tokens": s.batch * s.sequence}


def train(text):
    import peer_training
    s = settings_of(text, size="gpt2", batch=16, sequence=1024, compile=0, lora_rank=0)
    arguments = Namespace(size=s.size, batch=s.batch, sequence=s.sequence, precision="f32", attention="sdpa",
                          engine="compile" if s.compile else "eager")
    causal = s.size == "gpt2"
    model = peer_training.built_gpt2() if causal else peer_training.built_model(arguments)
    if s.lora_rank:
        model = peer_training.with_adapters(model, s.lora_rank)
    ids = peer_training.batch_of_text(arguments) if causal else peer_training.batch_of_residues(arguments)
    step, _ = peer_training.step_of(model.train().cuda(), ids.cuda(), arguments)

    def under_autocast():
        with torch.autocast("cuda", torch.bfloat16):
            step()

    return under_autocast, {"tokens": s.batch * s.sequence}


class Repeated:
    """A measure, made and warmed up at its first round. What once of it is worth is multiplied."""

    makers = {"attention": attention, "matmul": matmul, "sparse": sparse, "esm2": esm2, "train": train}

    def __init__(self, text):
        self.text = text
        self.work = None

    def start(self):
        self.work, self.worth = self.makers[self.text.split(",")[0]](self.text)
        self.clocked(WARM_UP_LAUNCHES)
        once = self.clocked(WARM_UP_LAUNCHES) / WARM_UP_LAUNCHES
        self.launches = max(1, ceil(LEAST_ROUND_SECONDS / once))

    def clocked(self, launches):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        with torch.inference_mode(not ("backward=1" in self.text or self.text.startswith("train"))):
            begin.record()
            for _ in range(launches):
                self.work()
            end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1000

    def round(self):
        try:
            if self.work is None:
                self.start()
            torch.cuda.reset_peak_memory_stats()
            seconds = self.clocked(self.launches)
        except Exception as error:  # whatever a backend says of a shape that it cannot do
            return {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
        return {"seconds": seconds, "launches": self.launches,
                "peak_bytes": torch.cuda.max_memory_allocated(),
                "peak_device_bytes": torch.cuda.max_memory_reserved(),
                **{name: once * self.launches for name, once in self.worth.items()}}


def main():
    if len(sys.argv) < 2:
        sys.exit("give measures, e.g. matmul,rows=4096")
    if not torch.cuda.is_available():
        sys.exit("PyTorch finds no GPU")
    torch.manual_seed(1)
    measures = {text: Repeated(text) for text in sys.argv[1:]}
    if all(text.startswith(("esm2", "train")) for text in measures):
        for measure in measures.values():  # it compiles for a minute: while the others start
            measure.start()
    ready = {"peer": "torch", "torch": torch.__version__, "cuda": torch.version.cuda,
             "cudnn": torch.backends.cudnn.version(), "gpu": torch.cuda.get_device_name()}
    try:
        import transformers
        ready["transformers"] = transformers.__version__
    except ImportError:
        pass
    peer_protocol.serve(ready, {text: measure.round for text, measure in measures.items()})


if __name__ == "__main__":
    main()
