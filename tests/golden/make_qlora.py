"""Writes qlora.safetensors beside three of the models here, and nf4.safetensors: QLoRA as
bitsandbytes and peft do it.

nf4.safetensors: what bitsandbytes makes of one weight, by a formula that the test evaluates, too:
codes, scales, and the scales rounded themselves. qlora.safetensors: as lora.safetensors, beside
weights that went through bitsandbytes. What Sweetspot keeps as one matrix (q, k, v; gate and up) is
rounded as one; rows that 64 does not divide are in q4_0, as the package gguf rounds them. Needs
torch, transformers, peft, bitsandbytes, gguf.
"""

import bitsandbytes.functional as bnb
import gguf
import torch
from make_lora import begin, fine_tuned
from safetensors.torch import save_file
from transformers import EsmForMaskedLM, GPT2LMHeadModel, LlamaForCausalLM

MODELS = {"esm2-tiny": (EsmForMaskedLM, ["query", "value", "attention.output.dense",
                                         "intermediate.dense", "lm_head.dense"]),
          "llama-tiny": (LlamaForCausalLM, ["q_proj", "v_proj", "o_proj", "gate_proj",
                                            "down_proj"]),
          "gpt2-tiny": (GPT2LMHeadModel, ["c_attn", "c_fc", "mlp.c_proj"])}
STACKED = [["attention.self.query", "attention.self.key", "attention.self.value"],
           ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
           ["mlp.gate_proj", "mlp.up_proj"],
           ["attention.output.dense"], ["intermediate.dense"], ["output.dense"],
           ["self_attn.o_proj"], ["mlp.down_proj"],
           ["attn.c_attn"], ["attn.c_proj"], ["mlp.c_fc"], ["mlp.c_proj"]]


def nested_scales(absmax):
    """Codes, their scales, the codes' values, the mean, and the scales that these stand for.

    As compress_statistics has it, but for the mean, which in f32 depends on the order of the sum,
    another on each processor; and by the code of bitsandbytes that rounds to nearest, as its GPU
    kernel does: for f32 on a CPU it calls a library that does not always.
    """
    values, mean = bnb.create_dynamic_map(), absmax.double().mean().float()
    codes, scales = torch.ops.bitsandbytes.quantize_blockwise((absmax - mean).double(), values, 256)
    again = bnb.dequantize_blockwise(codes, absmax=scales, code=values, blocksize=256) + mean
    return codes, scales, values, mean, again


def rounded(weight):
    if weight.shape[1] % 64:
        kind = gguf.GGMLQuantizationType.Q4_0
        return torch.from_numpy(gguf.quants.dequantize(
            gguf.quants.quantize(weight.numpy(), kind), kind))
    codes, state = bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4",
                                     compress_statistics=False)
    state.absmax = nested_scales(state.absmax)[-1]
    return bnb.dequantize_4bit(codes, state)


def quantise(model):
    """Every linear of the blocks, in place."""
    modules = dict(model.named_modules())
    blocks = {name.rsplit(".", 1)[0] + "." for name in modules
              if name.endswith(("attention", "self_attn", "attn")) and ".attention." not in name}
    count = 0
    for block in sorted(blocks):
        for names in STACKED:
            members = [modules[block + name] for name in names if block + name in modules]
            if not members:
                continue
            count += 1
            turned = type(members[0]).__name__ == "Conv1D"
            parts = [m.weight.detach().float() for m in members]
            parts = [part.T.contiguous() if turned else part for part in parts]
            found = rounded(torch.cat(parts)).split([part.shape[0] for part in parts])
            for member, part in zip(members, found):
                member.weight.data.copy_(part.T if turned else part)
    assert count == 4 * model.config.num_hidden_layers, count


def table():
    """300 blocks of 64 numbers, so that scales have two scales."""
    i = torch.arange(300 * 64, dtype=torch.int64)
    hashed = (i * 2654435761) % 2**32
    weight = (((hashed >> 20) - 2**11).double() * 2.0**-16 * (1 + (i // 64) * 7 % 13)).float()
    codes, once = bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4",
                                    compress_statistics=False)
    found = {"codes": codes.flatten(), "absmax": once.absmax}
    nested_codes, scales, values, mean, once.absmax = nested_scales(once.absmax)
    return {**found, "nested_codes": nested_codes, "nested_absmax": scales,
            "nested_values": values, "offset": mean.reshape(1),
            "numbers": bnb.dequantize_4bit(codes, once)}


def main():
    output = begin()
    save_file({key: value.contiguous() for key, value in table().items()},
              output / "nf4.safetensors")
    for name, (model_class, targets) in MODELS.items():
        save_file(fine_tuned(name, model_class, targets, quantise),
                  output / name / "qlora.safetensors")


if __name__ == "__main__":
    main()
