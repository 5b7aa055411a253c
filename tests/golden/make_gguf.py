"""Writes what `gguf`, llama.cpp's own package, makes of numbers, of a small LLaMA and of tokenizers.

    pip install torch transformers safetensors gguf sentencepiece
    python tests/golden/make_gguf.py            # --output FOLDER writes elsewhere

README.md lists the files. Everything is seeded.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy
import torch
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import load_file, save_file
from transformers import LlamaForCausalLM

HERE = Path(__file__).resolve().parent
ENCODED = (Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1)
DECODED = (Type.Q4_K, Type.Q5_K, Type.Q6_K)
K_SCALES = {Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,)}  # bytes where a block has f16
NF4 = numpy.array([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                   -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                   0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                   0.7229568362236023, 1.0], numpy.float32)  # bitsandbytes' table


def numbers(generator):
    """Blocks of many sizes, among them zeros, equal numbers, and ties of the greatest magnitude."""
    x = generator.standard_normal((24, 256)).astype(numpy.float32)
    x *= numpy.float32(10) ** numpy.linspace(-5, 3, 24, dtype=numpy.float32)[:, None]
    x[3] = 0
    x[5] = 1.5
    x[7, ::2], x[7, 1::2] = 2, -2
    x[9] = numpy.abs(x[9])
    x[11] = -numpy.abs(x[11])
    x[13] = numpy.round(x[13] * 4) / 4
    return x


def nf4(x):
    """(absmax, packed codes, decoded) of blocks of 64: the nearest value, the first code in the upper half."""
    blocks = x.reshape(-1, 64)
    absmax = numpy.abs(blocks).max(axis=1, keepdims=True)
    scale = numpy.where(absmax == 0, numpy.float32(0), numpy.float32(1) / numpy.where(absmax == 0, 1, absmax))
    middles = (NF4[1:] + NF4[:-1]) / numpy.float32(2)
    codes = (blocks[..., None] * scale[..., None] > middles).sum(axis=-1).astype(numpy.uint8)
    packed = codes[:, ::2] << 4 | codes[:, 1::2]
    return numpy.concatenate([absmax.view(numpy.uint8), packed], axis=1), absmax * NF4[codes]


def blocks(folder):
    """Numbers, the blocks that `gguf` makes of them or random ones, and what it reads in those."""
    generator = numpy.random.default_rng(1)
    x = numbers(generator)
    written = {"numbers": x}
    for kind in ENCODED:
        encoded = gguf.quants.quantize(x, kind)
        written |= {f"{kind.name.lower()}.blocks": encoded,
                    f"{kind.name.lower()}.numbers": gguf.quants.dequantize(encoded, kind)}
    for kind in DECODED:
        size = gguf.GGML_QUANT_SIZES[kind][1]
        encoded = generator.integers(0, 256, (24, size), numpy.uint8)
        for at in K_SCALES[kind]:
            scales = generator.standard_normal(24).astype(numpy.float16)
            encoded[:, at:at + 2] = scales.view(numpy.uint8).reshape(24, 2)
        written |= {f"{kind.name.lower()}.blocks": encoded,
                    f"{kind.name.lower()}.numbers": gguf.quants.dequantize(encoded, kind)}
    encoded, decoded = nf4(x)
    written |= {"nf4.blocks": encoded, "nf4.numbers": decoded.reshape(x.shape)}
    save_file({name: numpy.ascontiguousarray(value) for name, value in written.items()}, folder / "blocks.safetensors")


def describe(writer, config, head_size):
    writer.add_name("tiny")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")


def permuted(weight, heads):
    """Halves of a head become neighbours, as llama.cpp's converter writes q and k."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def unpermuted(weight, heads):
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def stored_names(config):
    """Each tensor of the checkpoint with its name in GGUF."""
    yield "model.embed_tokens", "token_embd"
    yield "model.norm", "output_norm"
    yield "lm_head", "output"
    names = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    for layer in range(config["num_hidden_layers"]):
        for ours, theirs in names.items():
            yield f"model.layers.{layer}.{ours}", f"blk.{layer}.{theirs}"


def write_llama(path, kind_of):
    """llama-tiny in GGUF, each matrix in the type that kind_of(its number) says; returns the weights that it holds."""
    source = HERE / "llama-tiny"
    config = json.loads((source / "config.json").read_text())
    weights = load_file(source / "model.safetensors")
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    writer = gguf.GGUFWriter(path, "llama")
    describe(writer, config, config["hidden_size"] // config["num_attention_heads"])
    held = {}
    for number, (ours, theirs) in enumerate(stored_names(config)):
        value = weights[f"{ours}.weight"]
        turned = heads.get(ours.rsplit(".", 1)[-1])
        if turned:
            value = permuted(value, turned)
        kind = kind_of(number) if value.ndim == 2 else Type.F32
        encoded = gguf.quants.quantize(numpy.ascontiguousarray(value), kind)
        writer.add_tensor(f"{theirs}.weight", encoded, raw_dtype=kind)
        back = gguf.quants.dequantize(encoded, kind).reshape(value.shape)
        held[f"{ours}.weight"] = unpermuted(back, turned) if turned else back
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


@torch.inference_mode()
def llamas(folder):
    same = write_llama(folder / "llama-f32.gguf", lambda number: Type.F32)
    for name, value in load_file(HERE / "llama-tiny/model.safetensors").items():
        assert (same[name] == value).all(), name
    kinds = (Type.F16, Type.BF16, *ENCODED)
    held = write_llama(folder / "llama-mixed.gguf", lambda number: kinds[number % len(kinds)])
    model = LlamaForCausalLM.from_pretrained(HERE / "llama-tiny", dtype=torch.float64).eval()
    model.load_state_dict({name: torch.tensor(value, dtype=torch.float64) for name, value in held.items()})
    ids = torch.randint(0, model.config.vocab_size, (24,), generator=torch.Generator().manual_seed(2))
    logits = model(input_ids=ids[None]).logits[0]
    save_file({"ids": ids.to(torch.int32).numpy(), "logits": logits.to(torch.float32).numpy()},
              folder / "golden.safetensors")


def sentencepiece(folder):
    """The pieces of a tokenizer.model, as llama.cpp's converter takes them over."""
    from sentencepiece import SentencePieceProcessor
    pieces = SentencePieceProcessor(str(HERE / "sentencepiece/tokenizer.model"))
    writer = gguf.GGUFWriter(folder / "tokenizer-llama.gguf", "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    every = range(pieces.vocab_size())
    kinds = [gguf.TokenType.CONTROL if pieces.is_control(i) else gguf.TokenType.UNKNOWN if pieces.is_unknown(i)
             else gguf.TokenType.BYTE if pieces.is_byte(i) else gguf.TokenType.NORMAL for i in every]
    writer.add_token_list([pieces.id_to_piece(i) for i in every])
    writer.add_token_scores([pieces.get_score(i) for i in every])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_unk_token_id(pieces.unk_id())
    finish(writer)


def byte_pairs(folder):
    vocabulary = json.loads((HERE / "byte-pair/vocab.json").read_text())
    merges = (HERE / "byte-pair/merges.txt").read_text().splitlines()[1:]
    writer = gguf.GGUFWriter(folder / "tokenizer-gpt2.gguf", "gpt2")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    tokens = sorted(vocabulary, key=vocabulary.get)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token == "<|endoftext|>" else gguf.TokenType.NORMAL
                            for token in tokens])
    writer.add_token_merges([merge for merge in merges if merge])
    writer.add_bos_token_id(vocabulary["<|endoftext|>"])
    writer.add_eos_token_id(vocabulary["<|endoftext|>"])
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE / "gguf")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for write in (blocks, llamas, sentencepiece, byte_pairs):
        write(output)
    for path in sorted(output.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
