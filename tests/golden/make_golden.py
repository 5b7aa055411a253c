"""Writes the small random models of this folder and what transformers computes with them.

Every model is seeded, so a second run writes the same weights. The reference numbers come from
float64 arithmetic over the stored weights, one sequence at a time and unpadded; the script stops
when float32, or a padded batch with an attention mask, would give anything else. README.md lists
the keys.
"""

import argparse
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import (EsmConfig, EsmForMaskedLM, GPT2Config, GPT2LMHeadModel, LlamaConfig,
                          LlamaForCausalLM, logging)

ESM_CLS, ESM_PAD, ESM_EOS, ESM_MASK = 0, 1, 2, 32
ESM_FIRST_RESIDUE, ESM_STANDARD_RESIDUES = 4, 20
IGNORED = -1  # a label nobody predicts
LENGTHS = (1, 2, 9, 24, 47, 70)
PROMPT_LENGTHS = (1, 5, 17)
NEW_TOKENS = 12
FEWEST_DISTINCT_TOKENS = 5  # a cache that forgets could still repeat one token
FLOAT32_TOLERANCE = 5e-5
SMALLEST_GREEDY_MARGIN = 2e-2  # float32 rounding must not be able to choose another token


def fill(model, generator):
    """Gives every parameter a spread that the outputs depend on: no gain is 1, no bias is 0."""
    def normal(shape, deviation):
        return torch.randn(shape, generator=generator) * deviation

    for name, parameter in model.named_parameters():
        leaf = name.rsplit(".", 2)[-2:]
        norm = any("norm" in part.lower() or part.startswith("ln_") for part in leaf)
        if norm and name.endswith("weight"):
            value = 1 + normal(parameter.shape, 0.3)
        elif parameter.dim() == 1:
            value = normal(parameter.shape, 0.3)
        elif "embed" in name or "wte" in name or "wpe" in name or "lm_head" in leaf:
            value = normal(parameter.shape, 0.3)
        else:
            inputs = parameter.shape[0] if "c_" in name else parameter.shape[1]
            value = normal(parameter.shape, 1.2 / math.sqrt(inputs))
        parameter.data.copy_(value)


def built(model_class, config, seed, dtype=torch.float32):
    """A float32 model whose weights are rounded to the type that its file will hold."""
    config._attn_implementation = "eager"
    model = model_class(config)
    fill(model, torch.Generator().manual_seed(seed))
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype).to(torch.float32)
    return model.eval()


@torch.inference_mode()
def reference_logits(model, sequences):
    """Float64 logits, one unpadded sequence at a time; checked against float32 and a padded run."""
    single = [model(input_ids=ids[None]).logits[0] for ids in sequences]
    longest = max(len(ids) for ids in sequences)
    padded = torch.full((len(sequences), longest), ESM_PAD)
    mask = torch.zeros_like(padded)
    for row, ids in enumerate(sequences):
        padded[row, :len(ids)] = ids
        mask[row, :len(ids)] = 1
    batch = model(input_ids=padded, attention_mask=mask).logits
    model.double()
    exact = [model(input_ids=ids[None]).logits[0] for ids in sequences]
    model.float()
    for row, ids in enumerate(sequences):
        for other in (single[row], batch[row, :len(ids)]):
            difference = (exact[row] - other).abs().max().item()
            assert difference < FLOAT32_TOLERANCE, f"row {row} differs by {difference}"
    spread = torch.cat(exact).std().item()
    assert 0.5 < spread < 8, f"logits spread by {spread}"
    return exact


def golden_masked(model, generator):
    """ESM rows with and without <mask>, their losses, and one exact pseudo-perplexity."""
    golden, sequences, labels = {}, [], []
    for length, masks in zip(LENGTHS, (0, 0, 1, 4, 0, 11)):
        residues = torch.randint(ESM_STANDARD_RESIDUES, (max(length - 2, 0),), generator=generator)
        ids = torch.tensor([ESM_CLS, *(residues + ESM_FIRST_RESIDUE).tolist(), ESM_EOS])[:length]
        chosen = 1 + torch.randperm(max(length - 2, 0), generator=generator)[:masks]
        label = torch.full_like(ids, IGNORED)
        label[chosen] = ids[chosen]
        ids[chosen] = ESM_MASK
        sequences.append(ids)
        labels.append(label)
    logits = reference_logits(model, sequences)
    for row, (ids, label) in enumerate(zip(sequences, labels)):
        golden |= {f"ids_{row}": ids, f"logits_{row}": logits[row], f"labels_{row}": label}
        if (label != IGNORED).any():
            golden[f"loss_{row}"] = cross_entropy(logits[row], label, ignore_index=IGNORED)
    golden["loss"] = cross_entropy(torch.cat(logits), torch.cat(labels), ignore_index=IGNORED)
    golden |= pseudo_perplexity(model, generator)
    return golden


@torch.inference_mode()
def pseudo_perplexity(model, generator, residues=15):
    """exp of the mean negative log likelihood of each residue when it alone is masked."""
    letters = torch.randint(ESM_STANDARD_RESIDUES, (residues,), generator=generator)
    ids = torch.tensor([ESM_CLS, *(letters + ESM_FIRST_RESIDUE).tolist(), ESM_EOS])
    losses = []
    model.double()
    for position in range(1, residues + 1):
        masked = ids.clone()
        masked[position] = ESM_MASK
        logits = model(input_ids=masked[None]).logits[0, position]
        losses.append(cross_entropy(logits, ids[position]))
    model.float()
    losses = torch.stack(losses)
    return {"pseudo_ids": ids, "pseudo_losses": losses,
            "pseudo_perplexity": losses.mean().exp()}


@torch.inference_mode()
def greedy(model, prompt):
    """The most likely token, NEW_TOKENS times; None if too close to call or too monotonous."""
    ids = prompt
    for _ in range(NEW_TOKENS):
        best = model(input_ids=ids[None]).logits[0, -1].topk(2)
        if best.values[0] - best.values[1] < SMALLEST_GREEDY_MARGIN:
            return None
        ids = torch.cat([ids, best.indices[:1]])
    continuation = ids[len(prompt):]
    return continuation if len(continuation.unique()) >= FEWEST_DISTINCT_TOKENS else None


def golden_causal(model, generator):
    """Causal rows, their shifted cross entropy, and greedy continuations."""
    golden = {}
    vocabulary = model.config.vocab_size
    sequences = [torch.randint(0, vocabulary, (length,), generator=generator)
                 for length in LENGTHS]
    logits = reference_logits(model, sequences)
    for row, ids in enumerate(sequences):
        golden |= {f"ids_{row}": ids, f"logits_{row}": logits[row]}
        if len(ids) > 1:
            golden[f"loss_{row}"] = cross_entropy(logits[row][:-1], ids[1:])
    golden["loss"] = cross_entropy(torch.cat([part[:-1] for part in logits]),
                                   torch.cat([ids[1:] for ids in sequences]))
    for number, length in enumerate(PROMPT_LENGTHS):
        continuation = None
        while continuation is None:
            prompt = torch.randint(0, vocabulary, (length,), generator=generator)
            continuation = greedy(model, prompt)
        golden |= {f"prompt_{number}": prompt, f"continuation_{number}": continuation}
    return golden


@torch.inference_mode()
def save_golden(golden, model, folder):
    """Writes the reference numbers, after checking that the saved weights give them too."""
    reloaded = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    for row in range(len(LENGTHS)):
        logits = reloaded(input_ids=golden[f"ids_{row}"][None]).logits[0]
        difference = (logits - golden[f"logits_{row}"]).abs().max().item()
        assert difference < FLOAT32_TOLERANCE, f"{folder.name} row {row} differs by {difference}"

    def stored(value):
        value = value.reshape(1) if value.dim() == 0 else value
        return value.to(torch.float32 if value.is_floating_point() else torch.int32).contiguous()

    save_file({name: stored(value) for name, value in golden.items()},
              folder / "golden.safetensors")


def esm2_config(hidden, heads, mlp):
    return EsmConfig(vocab_size=33, mask_token_id=ESM_MASK, pad_token_id=ESM_PAD,
                     bos_token_id=ESM_CLS, eos_token_id=ESM_EOS, hidden_size=hidden,
                     num_hidden_layers=2, num_attention_heads=heads, intermediate_size=mlp,
                     hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                     max_position_embeddings=96, layer_norm_eps=1e-5,
                     position_embedding_type="rotary", token_dropout=True,
                     emb_layer_norm_before=False)


def write_esm2(folder):
    """As transformers 5 writes it: block norms named gamma and beta, a name with a star in it."""
    model = built(EsmForMaskedLM, esm2_config(hidden=64, heads=4, mlp=256), seed=1)
    model.save_pretrained(folder)
    save_golden(golden_masked(model, torch.Generator().manual_seed(11)), model, folder)


def write_esm2_head24(folder):
    """A head of 24; the names and the tensors to be ignored of the published checkpoints."""
    model = built(EsmForMaskedLM, esm2_config(hidden=72, heads=3, mlp=144), seed=2)
    state = model.state_dict()
    frequencies = state.pop("esm.rotary_embeddings.inv_freq")
    for layer in range(model.config.num_hidden_layers):
        prefix = f"esm.encoder.layer.{layer}.attention.self.rotary_embeddings"
        state[f"{prefix}.inv_freq"] = frequencies.clone()
    positions = model.config.max_position_embeddings
    state["esm.embeddings.position_ids"] = torch.arange(positions)[None]
    state["esm.embeddings.position_embeddings.weight"] = torch.ones(positions, 72)
    del state["lm_head.decoder.weight"]
    model.config.save_pretrained(folder)
    save_file({name: value.contiguous() for name, value in state.items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    save_golden(golden_masked(model, torch.Generator().manual_seed(12)), model, folder)


def llama_config(hidden, heads, key_value_heads, mlp):
    return LlamaConfig(vocab_size=128, hidden_size=hidden, intermediate_size=mlp,
                       num_hidden_layers=2, num_attention_heads=heads,
                       num_key_value_heads=key_value_heads, max_position_embeddings=128,
                       rms_norm_eps=1e-5, tie_word_embeddings=False,
                       rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
                       bos_token_id=1, eos_token_id=2)


def write_llama(folder):
    model = built(LlamaForCausalLM, llama_config(hidden=64, heads=4, key_value_heads=2, mlp=96),
                  seed=3)
    model.save_pretrained(folder)
    save_golden(golden_causal(model, torch.Generator().manual_seed(13)), model, folder)


def write_llama_sharded(folder):
    """Two bfloat16 shards, one key and value head for all, old per-layer rotary tensors."""
    model = built(LlamaForCausalLM, llama_config(hidden=96, heads=3, key_value_heads=1, mlp=112),
                  seed=4, dtype=torch.bfloat16)
    state = {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}
    for layer in range(model.config.num_hidden_layers):
        name = f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"
        state[name] = model.model.rotary_emb.inv_freq.clone()
    model.config.dtype = torch.bfloat16
    model.save_pretrained(folder, state_dict=state, max_shard_size="150KB")
    assert len(list(folder.glob("model-*.safetensors"))) == 2
    save_golden(golden_causal(model, torch.Generator().manual_seed(14)), model, folder)


def gpt2_config(hidden, layers, heads):
    return GPT2Config(vocab_size=96, n_positions=128, n_embd=hidden, n_layer=layers, n_head=heads,
                      resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=95,
                      eos_token_id=95)


def write_gpt2(folder):
    model = built(GPT2LMHeadModel, gpt2_config(hidden=64, layers=2, heads=4), seed=5)
    model.save_pretrained(folder)
    save_golden(golden_causal(model, torch.Generator().manual_seed(15)), model, folder)


def write_gpt2_bare(folder):
    """Names without "transformer." and with the causal masks, as the first checkpoints had them."""
    model = built(GPT2LMHeadModel, gpt2_config(hidden=32, layers=1, heads=2), seed=6)
    state = dict(model.transformer.state_dict())
    state["h.0.attn.bias"] = torch.ones(128, 128).tril()[None, None]
    model.config.save_pretrained(folder)
    save_file({name: value.contiguous() for name, value in state.items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    save_golden(golden_causal(model, torch.Generator().manual_seed(16)), model, folder)


WRITERS = {"esm2-tiny": write_esm2, "esm2-head24": write_esm2_head24, "llama-tiny": write_llama,
           "llama-sharded": write_llama_sharded, "gpt2-tiny": write_gpt2,
           "gpt2-bare": write_gpt2_bare}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    output = parser.parse_args().output
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    for name, write in WRITERS.items():
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        write(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{name}: {size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
