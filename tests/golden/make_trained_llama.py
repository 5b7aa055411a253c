"""Trains the small LLaMA on which weight formats and pruning are judged, and its tokenizer.

    python tests/golden/make_trained_llama.py --text tinyshakespeare.txt    # 6 minutes on two cores

Random weights do not show what rounding costs; these have learned a text. Width 256 and an MLP of
768 are multiples of every block of numbers. The last twentieth of the text is not trained on; what
is committed of it is scored here, too, in float64. README.md lists the files.
"""

import argparse
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, logging

MODELS = Path(__file__).resolve().parents[2] / "resources/models"
VOCABULARY = 512
WINDOW = 256
BATCH = 16
WARM_UP = 100
PEAK_RATE, LAST_RATE = 2e-3, 1e-4
HELD_OUT_BYTES = CALIBRATION_BYTES = 40_000


def byte_pairs(text):
    """Byte-level pairs, as GPT-2's; 0 ends a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=VOCABULARY, show_progress=False, special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    assert tokenizer.get_vocab_size() == VOCABULARY
    return tokenizer


def llama():
    config = LlamaConfig(vocab_size=VOCABULARY, hidden_size=256, intermediate_size=768,
                         num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
                         max_position_embeddings=512, rms_norm_eps=1e-5, bos_token_id=0,
                         eos_token_id=0, initializer_range=0.02)
    return LlamaForCausalLM(config)


def windows(ids, starts):
    return torch.stack([ids[start:start + WINDOW] for start in starts])


def loss_of(model, rows):
    logits = model(input_ids=rows).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1).float(), rows[:, 1:].flatten())


@torch.inference_mode()
def held_out_losses(model, ids):
    """Of each token but the first of each window, and of those of the last, shorter one."""
    losses = []
    for start in range(0, len(ids), WINDOW):
        row = ids[start:start + WINDOW]
        if len(row) > 1:
            losses.append(cross_entropy(model(input_ids=row[None]).logits[0, :-1], row[1:],
                                        reduction="none"))
    return torch.cat(losses)


def train(model, ids, held_out, steps):
    generator = torch.Generator().manual_seed(1)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1},
                                   {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.95))
    for step in range(steps):
        left = 0.5 * (1 + math.cos(math.pi * step / steps))
        rate = min(step / WARM_UP, 1) * (LAST_RATE + (PEAK_RATE - LAST_RATE) * left)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = windows(ids, torch.randint(0, len(ids) - WINDOW, (BATCH,), generator=generator))
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step + 1 == steps:
            print(f"step {step}: loss {loss.item():.3f}, held out "
                  f"{held_out_losses(model, held_out[:8 * WINDOW]).mean():.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1150)
    parser.add_argument("--output", type=Path, default=MODELS / "llama-trained")
    arguments = parser.parse_args()
    output = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    torch.manual_seed(0)
    logging.disable_progress_bar()

    text = arguments.text.read_text()
    cut = text.index("\n\n", len(text) * 19 // 20) + 2
    learned, unseen = text[:cut], text[cut:cut + HELD_OUT_BYTES]
    (output / "calibration.txt").write_text(learned[:CALIBRATION_BYTES])
    (output / "held-out.txt").write_text(unseen)
    tokenizer = byte_pairs(learned)
    tokenizer.save(str(output / "tokenizer.json"))
    ids = torch.tensor(tokenizer.encode(learned).ids)
    held_out = torch.tensor(tokenizer.encode(unseen).ids)
    model = llama()
    print(f"{model.num_parameters()} parameters, {len(ids)} tokens to learn from", flush=True)
    train(model, ids, held_out, arguments.steps)

    model.to(torch.bfloat16).save_pretrained(output)
    (output / "generation_config.json").unlink(missing_ok=True)
    exact = LlamaForCausalLM.from_pretrained(output, dtype=torch.float64).eval()
    losses = held_out_losses(exact, held_out)
    save_file({"ids": held_out.to(torch.int32), "losses": losses.to(torch.float32)},
              output / "golden.safetensors")
    print(f"held-out perplexity {losses.mean().exp():.4f} over {len(losses)} tokens")


if __name__ == "__main__":
    main()
