"""Writes small random models of the families that are made like LLaMA, as safetensors and as GGUF,
and what transformers computes with them.

    python tests/golden/make_families.py            # --output FOLDER writes elsewhere

Each is judged as those of make_golden.py are, whose README lists the keys. In GGUF the rows of q and
k are permuted for the architecture llama alone, scaled rotary frequencies of Llama 3.1 are a tensor,
and other scaling is metadata, as llama.cpp's converter writes them.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy
import torch
from gguf import GGMLQuantizationType as Type
from make_gguf import describe, permuted, stored_names
from make_golden import built, golden_causal, save_golden
from safetensors.torch import load_file
from transformers import (LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM, logging)

ROPE = {"rope_type": "default", "rope_theta": 10000.0}
SIZES = dict(vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
             rms_norm_eps=1e-5, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2,
             rope_parameters=ROPE)


def sizes(**others):
    return {**SIZES, **others}


def scaled(**rope):
    return LlamaForCausalLM, LlamaConfig(**sizes(rope_parameters={**ROPE, **rope})), "llama"


MODELS = {
    "mistral": (MistralForCausalLM, MistralConfig(**sizes(sliding_window=7)), "llama"),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**sizes(tie_word_embeddings=True)), "qwen2"),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**sizes(head_dim=24)), "qwen3"),
    "linear": scaled(rope_type="linear", factor=3.0),
    "dynamic": scaled(rope_type="dynamic", factor=2.0),
    "yarn": scaled(rope_type="yarn", factor=4.0, original_max_position_embeddings=32),
    "llama3": scaled(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                     original_max_position_embeddings=48),
}


def describe_others(writer, config, head_size):
    """What the keys of llama-tiny do not say."""
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    if config.get("sliding_window") and config["model_type"] == "mistral":
        writer.add_sliding_window(config["sliding_window"])
    rope = config["rope_parameters"]
    if rope["rope_type"] in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"]))
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])


def write_gguf(folder, model, architecture):
    config = json.loads((folder / "config.json").read_text())
    weights = {name: value.float().numpy()
               for name, value in load_file(folder / "model.safetensors").items()}
    writer = gguf.GGUFWriter(folder / "model.gguf", architecture)
    head_size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    describe(writer, config, head_size)
    describe_others(writer, config, head_size)
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    written = set()

    def add(ours, theirs, kind):
        name = f"{ours}.{kind}"
        if name not in weights:
            return
        value = weights[name]
        turned = heads.get(ours.rsplit(".", 1)[-1]) if architecture == "llama" else None
        if turned:
            value = permuted(value, turned)
        kind_of = Type.BF16 if value.ndim == 2 else Type.F32  # what the numbers are exactly
        encoded = gguf.quants.quantize(numpy.ascontiguousarray(value), kind_of)
        writer.add_tensor(f"{theirs}.{kind}", encoded, raw_dtype=kind_of)
        written.add(name)

    for ours, theirs in stored_names(config):
        add(ours, theirs, "weight")
        add(ours, theirs, "bias")
    for layer in range(config["num_hidden_layers"]):
        for part in "qk":
            add(f"model.layers.{layer}.self_attn.{part}_norm", f"blk.{layer}.attn_{part}_norm",
                "weight")
    assert written == set(weights), set(weights) - written
    if config["rope_parameters"]["rope_type"] == "llama3":
        plain = 10000.0 ** (-torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
        slower = plain / model.model.rotary_emb.inv_freq.double()
        writer.add_tensor("rope_freqs.weight", slower.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "families")
    output = parser.parse_args().output
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    for seed, (name, (model_class, config, architecture)) in enumerate(MODELS.items()):
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        model = built(model_class, config, seed=20 + seed, dtype=torch.bfloat16)
        model.config.dtype = torch.bfloat16
        model.save_pretrained(folder, state_dict={key: value.to(torch.bfloat16) for key, value
                                                  in model.state_dict().items()})
        (folder / "generation_config.json").unlink(missing_ok=True)
        save_golden(golden_causal(model, torch.Generator().manual_seed(40 + seed)), model, folder)
        write_gguf(folder, model, architecture)
        print(f"{name}: {sum(path.stat().st_size for path in folder.iterdir()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
