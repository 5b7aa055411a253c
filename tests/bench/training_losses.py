"""Trains small models in PyTorch and here, from the same weights on the same batches, and compares.

llama (8 layers, 256 wide) and gpt2 (4 layers, 128 wide) predict the next token of 8 rows of 128 a
step, cut one after the other from a text: tokens of --tokenizer, a llama2.c vocabulary of 512, or
bytes. lora is that llama with peft's adapters on all of a block's products, at four times the rate.
esm2 (6 layers, 128 wide) fills masks in 8 rows of 40 to 128 letters, masked and drawn by a formula:
padded in PyTorch, padded and ragged here. AdamW. Prints the largest difference of any step's loss
and how far the loss fell; ends with 1 if a step differs by more than its limit.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import (EsmConfig, EsmForMaskedLM, GPT2Config, GPT2LMHeadModel, LlamaConfig,
                          LlamaForCausalLM, logging)

BATCH, LENGTH, RATE, DECAY = 8, 128, 3e-4, 0.01
LIMITS = {"f32": 1e-3, "bf16": 2e-2}
IGNORED = -1
CLS, PAD, EOS, MASK, LETTERS = 0, 1, 2, 32, range(4, 24)


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


def esm2():
    return EsmForMaskedLM(EsmConfig(
        vocab_size=33, hidden_size=128, intermediate_size=512, num_hidden_layers=6,
        num_attention_heads=8, max_position_embeddings=LENGTH + 2, position_embedding_type="rotary",
        token_dropout=True, emb_layer_norm_before=False, mask_token_id=MASK, pad_token_id=PAD,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layer_norm_eps=1e-5))


def encoded(text, vocabulary):
    """The text's lines as pairs are merged by llama2.c's program, the best score first."""
    file, pieces, scores = vocabulary.read_bytes(), [], {}
    offset = 4
    while offset < len(file):
        score, length = struct.unpack_from("<fi", file, offset)
        pieces.append(file[offset + 8:offset + 8 + length])
        scores.setdefault(pieces[-1], (score, len(pieces) - 1))
        offset += 8 + length
    ids = []
    for line in text.splitlines(keepends=True):
        parts = [bytes([byte]) for byte in line]
        while True:
            pairs = [(scores[a + b][0], -i) for i, (a, b) in enumerate(zip(parts, parts[1:]))
                     if a + b in scores]
            if not pairs:
                break
            at = -max(pairs)[1]
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
        ids += [scores[part][1] if part in scores else part[0] + 3 for part in parts]
    return ids


def of_text(ids, steps):
    for step in range(steps):
        first = step * BATCH * LENGTH
        rows = [ids[first + row * LENGTH:first + (row + 1) * LENGTH] for row in range(BATCH)]
        yield {"mask": -1, "rows": rows, "targets": [row[1:] + [IGNORED] for row in rows]}


def of_letters(steps):
    """Proteins that repeat themselves, so that there is something to learn; 15 % masked."""
    for step in range(steps):
        rows, targets = [], []
        for row in range(BATCH):
            number = step * BATCH + row
            letters = 40 + number * 29 % 87
            kinds = [LETTERS[(i * (1 + number % 5) + number) % len(LETTERS)] for i in range(letters)]
            chosen = [(i * 7 + number * 3) % 20 < 3 for i in range(letters)]
            rows.append([CLS] + [MASK if c else k for c, k in zip(chosen, kinds)] + [EOS])
            targets.append([IGNORED] + [k if c else IGNORED for c, k in zip(chosen, kinds)] +
                           [IGNORED])
        yield {"mask": MASK, "rows": rows, "targets": targets}


def padded(rows, value):
    longest = max(map(len, rows))
    return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


def theirs(model, batches, rate):
    learned = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": [p for p in learned if p.dim() >= 2], "weight_decay": DECAY},
              {"params": [p for p in learned if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8)
    for batch in batches:
        ids, targets = padded(batch["rows"], PAD), padded(batch["targets"], IGNORED)
        real = padded([[1] * len(row) for row in batch["rows"]], 0)
        optimizer.zero_grad()
        logits = model(input_ids=ids, attention_mask=real).logits
        loss = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        loss.backward()
        optimizer.step()
        yield loss.item()


def ours(program, folder, batches, rate, precision, layout, adapter):
    arguments = {"task": "train", "model": folder, "weights": folder, "data": batches,
                 "batch": BATCH, "sequence": LENGTH, "learning_rate": rate, "weight_decay": DECAY,
                 "clip": 0, "precision": precision, "layout": layout, "threads": 2}
    if adapter:
        arguments["adapter"] = adapter
    found = subprocess.run([program, *(f"{k}={v}" for k, v in arguments.items())], check=True,
                           stdout=subprocess.PIPE, text=True)
    return [float(line) for line in found.stdout.split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="training_losses, as it was built")
    parser.add_argument("text", type=Path, help="a text of at least 1024 tokens a step")
    parser.add_argument("--tokenizer", type=Path, help="a llama2.c vocabulary of 512; else bytes")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only", choices=["llama", "gpt2", "esm2", "lora"])
    given = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(2)
    logging.disable_progress_bar()
    text = given.text.read_bytes()[:8 * BATCH * LENGTH * given.steps]
    ids = encoded(text, given.tokenizer) if given.tokenizer else list(text)
    failed = False
    for name, make in {"llama": llama, "gpt2": gpt2, "esm2": esm2, "lora": llama}.items():
        if given.only not in (None, name):
            continue
        model, rate, adapter = make(), RATE, None
        steps = of_letters(given.steps) if name == "esm2" else of_text(ids, given.steps)
        steps = list(steps)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            if name == "lora":
                model, rate = get_peft_model(model, LoraConfig(
                    r=8, lora_alpha=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj",
                                                        "gate_proj", "up_proj", "down_proj"])), 4 * RATE
                adapter = Path(folder) / "adapter"
                model.save_pretrained(adapter)
            batches = Path(folder) / "batches"
            batches.write_text("".join(json.dumps(step) + "\n" for step in steps))
            expected = list(theirs(model, steps, rate))
            for precision, limit in LIMITS.items():
                for layout in ["padded", "ragged"] if name == "esm2" else ["ragged"]:
                    found = ours(given.program, folder, batches, rate, precision, layout, adapter)
                    off = max(abs(a - b) for a, b in zip(found, expected, strict=True))
                    failed |= not off <= limit
                    print(f"{name} {precision} {layout}: {len(found)} steps, loss {found[0]:.4f} "
                          f"to {found[-1]:.4f}, PyTorch's {expected[-1]:.4f}; largest difference "
                          f"{off:.2e}, at most {limit:g}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
