"""Trains small models in PyTorch and here, from the same weights on the same batches, and compares.

The models: LLaMA with 8 layers, 256 wide, and GPT-2 with 4, 128 wide, vocabulary 512. The batches:
the bytes of a text, 8 rows of 128 a step, one after the other. AdamW, learning rate 3e-4. Prints the
largest difference of any step's loss and how far the loss fell; ends with 1 if a step differs by
more than its limit.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import (GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, logging)

BATCH, LENGTH, RATE, DECAY = 8, 128, 3e-4, 0.01
LIMITS = {"f32": 1e-3, "bf16": 2e-2}


def llama():
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=512, hidden_size=256, intermediate_size=704, num_hidden_layers=8,
        num_attention_heads=8, num_key_value_heads=8, max_position_embeddings=LENGTH,
        rms_norm_eps=1e-5, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}))


def gpt2():
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=512, n_positions=LENGTH, n_embd=128, n_layer=4, n_head=4, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0))


def theirs(model, text, steps):
    groups = [{"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": DECAY},
              {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    for step in range(steps):
        first = step * BATCH * LENGTH
        ids = torch.tensor(list(text[first:first + BATCH * LENGTH])).reshape(BATCH, LENGTH)
        optimizer.zero_grad()
        logits = model(input_ids=ids).logits
        loss = cross_entropy(logits[:, :-1].reshape(-1, 512), ids[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        yield loss.item()


def ours(program, folder, text, steps, precision):
    arguments = {"task": "train", "model": folder, "weights": folder, "data": text, "batch": BATCH,
                 "sequence": LENGTH, "steps": steps, "learning_rate": RATE, "weight_decay": DECAY,
                 "clip": 0, "precision": precision, "layout": "ragged", "threads": 2}
    found = subprocess.run([program, *(f"{k}={v}" for k, v in arguments.items())], check=True,
                           stdout=subprocess.PIPE, text=True)
    return [float(line) for line in found.stdout.split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="training_losses, as it was built")
    parser.add_argument("text", type=Path, help="a text of at least 1024 bytes a step")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only", choices=["llama", "gpt2"])
    given = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(2)
    logging.disable_progress_bar()
    text = given.text.read_bytes()
    failed = False
    for name, make in {"llama": llama, "gpt2": gpt2}.items():
        if given.only not in (None, name):
            continue
        model = make()
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            expected = list(theirs(model, text, given.steps))
            for precision, limit in LIMITS.items():
                found = ours(given.program, folder, given.text, given.steps, precision)
                off = max(abs(a - b) for a, b in zip(found, expected, strict=True))
                failed |= not off <= limit
                print(f"{name} {precision}: {len(found)} steps, loss {found[0]:.4f} to "
                      f"{found[-1]:.4f}, PyTorch's {expected[-1]:.4f}; largest difference {off:.2e}"
                      f", at most {limit:g}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
