"""Writes llama-heads-shared and llama-heads-own: LLaMA with small linears behind attention's heads.

The models are llama-tiny with y_h = silu(W a_h + b) between attention and the output projection:
twice one layer for all heads, and once a layer for each head. Beside the weights, under
transformers' names and self_attn.head_mlp for what transformers does not know, each folder gets
model.json (our own description), golden.safetensors as make_golden.py writes it, and
gradients.safetensors as make_gradients.py does. Run after these two.
"""

import argparse
import json
from pathlib import Path

import torch
from make_gradients import MOST, STRIDE, losses_of_steps, total_loss
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, logging

HERE = Path(__file__).parent
VARIANTS = {"llama-heads-shared": ("shared", 2), "llama-heads-own": ("per_head", 1)}
LAYERS, HEADS, SIZE = 2, 4, 16


class HeadMlp(torch.nn.Module):
    """What stands before the output projection: linears stacked by depth, then by head."""

    def __init__(self, projection, kind, depth, generator):
        super().__init__()
        self.projection, self.depth = projection, depth
        self.linears = HEADS if kind == "per_head" else 1
        rows = depth * self.linears * SIZE
        draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float32)
        self.weight = torch.nn.Parameter((draw(rows, SIZE) / 3).double())
        self.bias = torch.nn.Parameter((draw(rows) / 5).double())

    def forward(self, x):
        x = x.unflatten(-1, (HEADS, SIZE))
        weights = self.weight.view(self.depth, self.linears, SIZE, SIZE)
        biases = self.bias.view(self.depth, self.linears, SIZE)
        for weight, bias in zip(weights, biases):
            x = torch.nn.functional.silu(torch.einsum("...hi,hoi->...ho", x,
                                                      weight.expand(HEADS, SIZE, SIZE)) + bias)
        return self.projection(x.flatten(-2))


def names_of(model):
    """Our name of each parameter."""
    for name, parameter in model.named_parameters():
        if name.endswith(("o_proj.weight", "o_proj.bias")):
            name = name.replace("o_proj", "head_mlp")
        yield name.replace("o_proj.projection", "o_proj"), parameter


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE)
    output = parser.parse_args().output
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    ids = {name: value for name, value in load_file(HERE / "llama-tiny/golden.safetensors").items()
           if name.startswith("ids_")}
    for folder, (kind, depth) in VARIANTS.items():
        generator = torch.Generator().manual_seed(11)
        model = LlamaForCausalLM.from_pretrained(HERE / "llama-tiny", dtype=torch.float64,
                                                 attn_implementation="eager").eval()
        for block in model.model.layers:
            block.self_attn.o_proj = HeadMlp(block.self_attn.o_proj, kind, depth, generator)
        (output / folder).mkdir(exist_ok=True)
        described = {"name": folder, "family": "llama", "layers": LAYERS, "width": 64,
                     "heads": HEADS, "kv_heads": 2, "head_size": SIZE, "mlp_width": 96,
                     "vocabulary": 128, "positions": 128, "norm": "rms", "mlp": "swiglu",
                     "causal": True, "head_mlp": kind, "head_mlp_depth": depth}
        (output / folder / "model.json").write_text(json.dumps(described, indent=2) + "\n")
        save_file({name: p.detach().float().contiguous() for name, p in names_of(model)},
                  output / folder / "model.safetensors")
        golden = dict(ids)
        for name, row in ids.items():
            logits = model(input_ids=row.long()[None]).logits[0]
            golden[name.replace("ids", "logits")] = logits.detach().float().contiguous()
        save_file(golden, output / folder / "golden.safetensors")
        total, count = total_loss(model, golden)
        (total / count).backward()
        stored = {"loss": (total / count).detach().reshape(1), "count": torch.tensor([count])}
        for name, parameter in names_of(model):
            flat = parameter.grad.reshape(-1)
            stored[f"norm {name}"] = flat.norm().reshape(1)
            stored[f"gradient {name}"] = (flat[::STRIDE] if len(flat) > MOST else flat).clone()
        stored["losses"] = losses_of_steps(model, golden)
        save_file({name: x.to(torch.int32 if name == "count" else torch.float32).contiguous()
                   for name, x in stored.items()}, output / folder / "gradients.safetensors")
        print(f"{folder}: loss {stored['loss'].item():.6f}, {count} scored, "
              f"to {stored['losses'][-1].item():.6f}")


if __name__ == "__main__":
    main()
