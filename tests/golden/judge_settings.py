"""Holds Sweetspot against transformers on small random models whose config.json says unusual things.

    python tests/golden/judge_settings.py build/default/bin/sweetspot [--models 40] [--seed 1]

Each model draws its family, its sizes and a few settings of those that `sweetspot list settings` calls
honoured or ignored. Both compute the perplexity of one text (ESM: the pseudo-perplexity of one protein)
from the folder that save_pretrained wrote; they must agree to 1e-3 of it, or Sweetspot must refuse.
Prints one line a model and the count of each outcome; exits with 1 if any disagree. Needs torch and
transformers.
"""

import argparse
import collections
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
import transformers

RESIDUES = "LAGVSERTIDPKQNFYMHWC"
ALPHABET = ["<cls>", "<pad>", "<eos>", "<unk>"] + list("LAGVSERTIDPKQNFYMHWCXBUZO.-") + ["<null_1>", "<mask>"]


def esm(draw):
    heads = draw.choice([1, 2, 4])
    settings = dict(vocab_size=33, pad_token_id=1, mask_token_id=32, hidden_size=heads * draw.choice([8, 16]),
                    num_hidden_layers=draw.choice([1, 2]), num_attention_heads=heads, intermediate_size=48,
                    max_position_embeddings=80, position_embedding_type="rotary",
                    token_dropout=draw.random() < 0.7, tie_word_embeddings=draw.random() < 0.6,
                    layer_norm_eps=draw.choice([1e-5, 1e-12, 1e-3]), emb_layer_norm_before=draw.choice([False, None]))
    odd = {"emb_layer_norm_before": True, "position_embedding_type": "absolute", "is_decoder": True}
    config = transformers.EsmConfig(**settings | some(draw, odd))
    return transformers.EsmForMaskedLM(config)


def llama(draw):
    heads = draw.choice([2, 4])
    settings = dict(vocab_size=256, hidden_size=heads * 8, intermediate_size=draw.choice([24, 40]), num_hidden_layers=2,
                    num_attention_heads=heads, num_key_value_heads=draw.choice([1, 2, heads]),
                    max_position_embeddings=128, rms_norm_eps=draw.choice([1e-6, 1e-3]),
                    head_dim=draw.choice([None, 8, 16]), tie_word_embeddings=draw.random() < 0.5,
                    rope_theta=draw.choice([10000.0, 1e6, 123.0]), hidden_act=draw.choice(["silu", "swish"]))
    odd = {"attention_bias": True, "mlp_bias": True, "hidden_act": "gelu",
           "rope_scaling": {"rope_type": "linear", "factor": 4.0}, "pretraining_tp": 2}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings | some(draw, odd)))


def gpt2(draw):
    heads = draw.choice([1, 2, 4])
    settings = dict(vocab_size=256, n_embd=heads * 8, n_layer=2, n_head=heads, n_positions=128,
                    n_inner=draw.choice([None, 24, 40]), layer_norm_epsilon=draw.choice([1e-5, 1e-2]),
                    activation_function=draw.choice(["gelu_new", "gelu", "gelu_pytorch_tanh"]),
                    tie_word_embeddings=draw.random() < 0.5, reorder_and_upcast_attn=draw.random() < 0.3,
                    attn_pdrop=0.3)
    odd = {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True, "activation_function": "relu",
           "add_cross_attention": True}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**settings | some(draw, odd)))


def some(draw, odd):
    """One of the settings that compute something else, in every third model."""
    if draw.random() > 1 / 3:
        return {}
    key = draw.choice(sorted(odd))
    return {key: odd[key]}


def shake(model):
    """No gain is 1 and no bias 0, so that a forgotten one shows."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * (0.3 if parameter.dim() == 1 else 0.15))


def causal_perplexity(model, text):
    ids = torch.tensor([list(text.encode())])
    return math.exp(model(ids, labels=ids).loss.item())


def pseudo_perplexity(model, protein):
    ids = torch.tensor([0] + [ALPHABET.index(letter) for letter in protein] + [2])
    losses = []
    for at in range(1, len(ids) - 1):
        masked = ids.clone()
        masked[at] = 32
        logits = model(masked[None], attention_mask=torch.ones_like(masked)[None]).logits[0, at].double()
        losses.append((torch.logsumexp(logits, 0) - logits[ids[at]]).item())
    return math.exp(sum(losses) / len(losses))


def measured(sweetspot, folder, data, flags):
    """The perplexity, or the sentence of a refusal."""
    command = [sweetspot, "run", "--store", str(folder / "s.sweetspot"), "--task", "perplexity", "--threads", "1",
               "-r", "1", "--no-warmup", "--min-seconds", "0", "--trace", "false", "-q", "-o", "json", "-s", "64", "-b", "8",
               "-m", str(folder), "--data", str(data), *flags]
    run = subprocess.run(command, capture_output=True, text=True)
    try:
        row = json.loads(run.stdout)[0]
    except (ValueError, IndexError):
        return run.stderr.strip()
    return row["perplexity"] if row["perplexity"] is not None else row["reason"]


def judge(sweetspot, number, seed):
    draw = random.Random(f"{seed} {number}")
    torch.manual_seed(draw.randrange(1 << 30))
    family = draw.choice([esm, llama, gpt2])
    model = family(draw).eval()
    shake(model)
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        folder = pathlib.Path(name)
        model.save_pretrained(folder)
        model = type(model).from_pretrained(folder).eval()  # as whoever downloads the folder has it
        if family is esm:
            protein = "".join(draw.choice(RESIDUES) for _ in range(30))
            data, flags = folder / "p.fasta", ["--pseudo-perplexity"]
            data.write_text(f">p\n{protein}\n")
            right = pseudo_perplexity(model, protein)
        else:
            text = "".join(draw.choice("abcdefgh ") for _ in range(50))
            data, flags = folder / "t.txt", ["--tokenizer", "bytes"]
            data.write_text(text)
            right = causal_perplexity(model, text)
        said = measured(sweetspot, folder, data, flags)
    if isinstance(said, str):
        outcome = "refused"
    else:
        outcome = "equal" if abs(said - right) <= 1e-3 * right else "DIFFERENT"
    print(f"{number} {family.__name__}: {outcome}: transformers {right:.4f}, Sweetspot {said}", flush=True)
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweetspot")
    parser.add_argument("--models", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    outcomes = collections.Counter(judge(options.sweetspot, n, options.seed) for n in range(options.models))
    print(dict(outcomes))
    return 1 if outcomes["DIFFERENT"] or not outcomes["equal"] else 0


if __name__ == "__main__":
    sys.exit(main())
