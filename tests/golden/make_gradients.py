"""Writes gradients.safetensors beside some of the models here: PyTorch's loss and gradients.

One loss over all sequences of golden.safetensors, the mean over their scored tokens, computed in
float64 one unpadded sequence at a time; then the gradient by every parameter under its name in the
model's file. ESM-2's labels are those of golden.safetensors; causal models predict each next token.
To stay small a gradient of more than 512 numbers is given by every 7th, and by its norm. At last
the losses of 20 steps of AdamW on the same sequences, each before its step.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import (EsmForMaskedLM, GPT2LMHeadModel, LlamaForCausalLM, MistralForCausalLM,
                          Qwen3ForCausalLM, logging)

MODELS = {"esm2-head24": EsmForMaskedLM, "llama-tiny": LlamaForCausalLM,
          "gpt2-tiny": GPT2LMHeadModel, "families/mistral": MistralForCausalLM,
          "families/qwen3": Qwen3ForCausalLM}
MOST, STRIDE = 512, 7
STEPS, RATE, DECAY, CLIP = 20, 1e-3, 0.1, 1.0  # decay of matrices and tables only


def total_loss(model, golden):
    """The sum of the losses of all scored tokens, and how many these are."""
    total, count = 0.0, 0
    for row in range(len([name for name in golden if name.startswith("ids_")])):
        ids = golden[f"ids_{row}"].long()
        labels = golden.get(f"labels_{row}")
        if labels is None:
            labels = torch.cat([ids[1:], torch.tensor([-1])])
        logits = model(input_ids=ids[None]).logits[0]
        total = total + cross_entropy(logits, labels.long(), ignore_index=-1, reduction="sum")
        count += int((labels >= 0).sum())
    return total, count


def losses_of_steps(model, golden):
    parameters = [p for p in model.parameters() if p.grad is not None]
    groups = [{"params": [p for p in parameters if p.dim() >= 2], "weight_decay": DECAY},
              {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        total, count = total_loss(model, golden)
        loss = total / count
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    output = parser.parse_args().output
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    for name, model_class in MODELS.items():
        folder = Path(__file__).parent / name
        model = model_class.from_pretrained(folder, dtype=torch.float64,
                                            attn_implementation="eager").eval()
        golden = load_file(folder / "golden.safetensors")
        total, count = total_loss(model, golden)
        (total / count).backward()
        stored = {"loss": (total / count).detach().reshape(1), "count": torch.tensor([count])}
        loss = stored["loss"].item()
        for key, parameter in model.named_parameters():
            if parameter.grad is None:  # ESM's contact head reads attention, not the loss
                continue
            flat = parameter.grad.reshape(-1)
            stored[f"norm {key}"] = flat.norm().reshape(1)
            stored[f"gradient {key}"] = (flat[::STRIDE] if len(flat) > MOST else flat).clone()
        stored["losses"] = losses_of_steps(model, golden)
        save_file({key: value.to(torch.int32 if key == "count" else torch.float32).contiguous()
                   for key, value in stored.items()}, output / name / "gradients.safetensors")
        print(f"{name}: loss {loss:.6f}, {count} scored, to {stored['losses'][-1].item():.6f}")


if __name__ == "__main__":
    main()
