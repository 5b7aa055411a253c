"""Writes lora.safetensors beside three of the models here: a LoRA fine-tuning as peft does it.

The adapters' beginnings are drawn here (B is not 0, so that A has gradients), under the names that
peft's files have; then the loss, the gradients, and the losses of 20 steps of AdamW over the
sequences of golden.safetensors, each before its step, in float64. Needs torch, transformers, peft.
"""

import argparse
from pathlib import Path

import torch
from make_gradients import MODELS, total_loss
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import logging

TARGETS = {"esm2-head24": ["query", "value", "attention.output.dense", "intermediate.dense",
                           "lm_head.dense"],
           "llama-tiny": ["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"],
           "gpt2-tiny": ["c_attn", "c_fc", "mlp.c_proj"]}
RANK, ALPHA, STEPS, RATE, CLIP = 4, 8, 20, 1e-2, 1.0


def fine_tuned(name, model_class, targets, prepare=lambda model: None):
    """Adapters at their beginning, and what a training makes of them; `prepare` may change what
    they stand beside."""
    folder = Path(__file__).parent / name
    base = model_class.from_pretrained(folder, dtype=torch.float64,
                                       attn_implementation="eager").eval()
    prepare(base)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets,
                        fan_in_fan_out=name.startswith("gpt2"))
    model = get_peft_model(base, config).eval()
    learned = {key: p for key, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for parameter in learned.values():
            drawn = (torch.randn(parameter.shape) * 0.1).float()
            parameter.copy_(drawn.double())
    stored = {key: value.detach().clone()
              for key, value in get_peft_model_state_dict(model).items()}
    golden = load_file(folder / "golden.safetensors")
    total, count = total_loss(model, golden)
    (total / count).backward()
    stored["loss"] = (total / count).detach().reshape(1)
    for key, parameter in learned.items():
        stored["gradient " + key.replace(".default.", ".")] = parameter.grad.clone()
    optimizer = torch.optim.AdamW(learned.values(), lr=RATE, weight_decay=0.01, eps=1e-8)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        total, count = total_loss(model, golden)
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(learned.values(), CLIP)
        optimizer.step()
        losses.append((total / count).detach())
    stored["losses"] = torch.stack(losses)
    print(f"{name}: {len(learned)} matrices, loss {losses[0]:.6f} to {losses[-1]:.6f}")
    return {key: value.to(torch.float32).contiguous() for key, value in stored.items()}


def begin():
    """The folder to write to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    return parser.parse_args().output


def main():
    output = begin()
    for name, model_class in MODELS.items():
        save_file(fine_tuned(name, model_class, TARGETS[name]), output / name / "lora.safetensors")


if __name__ == "__main__":
    main()
