"""A peer of the bench: ESM-2's forward in eager PyTorch, by transformers, with random weights.

Times the logits of one batch of full rows without an attention mask, the cheapest way that
transformers can be asked. peer_protocol.py says what is read and written.
"""

import argparse
import ctypes
import gc

import torch
import transformers

import peer_protocol

SIZES = {  # layers, width, heads
    "8m": (6, 320, 20),
    "35m": (12, 480, 20),
    "150m": (30, 640, 20),
    "650m": (33, 1280, 20),
}
PRECISIONS = {"f32": torch.float32, "bf16": torch.bfloat16}
WARM_UP_ROUNDS = 2


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="150m")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--sequence", type=int, default=512)
    parser.add_argument("--precision", choices=PRECISIONS, default="f32")
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def built_model(arguments):
    layers, width, heads = SIZES[arguments.size]
    config = transformers.EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=width,
        num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * width,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layer_norm_eps=1e-5,
        position_embedding_type="rotary", token_dropout=True, emb_layer_norm_before=False)
    config._attn_implementation = arguments.attention
    model = transformers.EsmForMaskedLM(config).to(PRECISIONS[arguments.precision]).eval()
    # What building and converting left on the heap is no part of the forward's memory.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return model


def batch_of_residues(arguments):
    """<cls>, uniformly drawn standard residues, <eos>; no row is padded."""
    ids = torch.randint(4, 24, (arguments.batch, arguments.sequence))
    ids[:, 0] = 0
    ids[:, -1] = 2
    return ids


def main():
    arguments = parsed_arguments()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    torch.set_num_interop_threads(1)
    imported_rss_bytes = peer_protocol.rss_bytes("VmRSS")
    model = built_model(arguments)
    ids = batch_of_residues(arguments)

    def forward():
        with torch.inference_mode():
            return model(input_ids=ids).logits

    for _ in range(WARM_UP_ROUNDS):
        forward()
    weights_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    ready = {"peer": "torch", "torch": torch.__version__, "transformers": transformers.__version__,
             "threads": torch.get_num_threads(), "weights_bytes": weights_bytes,
             "imported_rss_bytes": imported_rss_bytes,
             "model_rss_bytes": peer_protocol.rss_bytes("VmRSS"), **vars(arguments)}
    tokens = arguments.batch * arguments.sequence
    peer_protocol.serve(ready, {
        "forward": lambda: {"tokens": tokens, **peer_protocol.timed(forward)}})


if __name__ == "__main__":
    main()
