"""Writes a LLaMA with random weights as GGUF, for llama.cpp to run: f32 or bf16, norms in f32.

The default is the 110M model of the bench: 12 layers, 768 wide, 12 heads, MLP 2048, vocabulary
32,000, untied head. It has no tokenizer; the peer feeds it token ids.
"""

import argparse

import gguf
import numpy

TYPES = {"f32": gguf.GGMLQuantizationType.F32, "bf16": gguf.GGMLQuantizationType.BF16}
FILE_TYPES = {"f32": gguf.LlamaFileType.ALL_F32, "bf16": gguf.LlamaFileType.MOSTLY_BF16}


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", help="the .gguf file to write")
    parser.add_argument("--precision", choices=TYPES, default="f32")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--kv-heads", type=int, default=12)
    parser.add_argument("--mlp", type=int, default=2048)
    parser.add_argument("--vocabulary", type=int, default=32000)
    parser.add_argument("--positions", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def add_description(writer, arguments):
    writer.add_name("random LLaMA")
    writer.add_file_type(FILE_TYPES[arguments.precision])
    writer.add_block_count(arguments.layers)
    writer.add_context_length(arguments.positions)
    writer.add_embedding_length(arguments.width)
    writer.add_feed_forward_length(arguments.mlp)
    writer.add_head_count(arguments.heads)
    writer.add_head_count_kv(arguments.kv_heads)
    writer.add_rope_dimension_count(arguments.width // arguments.heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(arguments.vocabulary)
    writer.add_tokenizer_model("none")


def matrices(arguments):
    """Each matrix's name and shape, [outputs, inputs]."""
    width, mlp = arguments.width, arguments.mlp
    kv_width = width // arguments.heads * arguments.kv_heads
    yield "token_embd", (arguments.vocabulary, width)
    yield "output", (arguments.vocabulary, width)
    for layer in range(arguments.layers):
        yield f"blk.{layer}.attn_q", (width, width)
        yield f"blk.{layer}.attn_k", (kv_width, width)
        yield f"blk.{layer}.attn_v", (kv_width, width)
        yield f"blk.{layer}.attn_output", (width, width)
        yield f"blk.{layer}.ffn_gate", (mlp, width)
        yield f"blk.{layer}.ffn_up", (mlp, width)
        yield f"blk.{layer}.ffn_down", (width, mlp)


def norms(arguments):
    yield "output_norm"
    for layer in range(arguments.layers):
        yield f"blk.{layer}.attn_norm"
        yield f"blk.{layer}.ffn_norm"


def main():
    arguments = parsed_arguments()
    generator = numpy.random.default_rng(arguments.seed)
    kind = TYPES[arguments.precision]
    writer = gguf.GGUFWriter(arguments.output, "llama")
    add_description(writer, arguments)
    for name in norms(arguments):
        writer.add_tensor(f"{name}.weight", numpy.ones(arguments.width, numpy.float32))
    for name, shape in matrices(arguments):
        values = 0.02 * generator.standard_normal(shape, numpy.float32)
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
