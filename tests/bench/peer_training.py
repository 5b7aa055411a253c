"""A peer of the bench: a step of training ESM-2 or GPT-2 from random weights, of transformers, by eager
PyTorch or torch.compile, of all weights or, as peft does it, of adapters beside every linear but the
head's.

Forward, backward, clipping and AdamW over one batch of full rows, without an attention mask and without
dropout: of ESM-2 15 % are masked, GPT-2 predicts each next token. peer_protocol.py says what is read
and written.
"""

import argparse

import torch
import transformers

import peer_protocol
from peer_esm2 import SIZES, batch_of_residues, built_model

WARM_UP_STEPS = 1
MASK_FRACTION, RATE, CLIP = 0.15, 3e-4, 1.0


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("eager", "compile"), default="eager")
    parser.add_argument("--size", choices=(*SIZES, "gpt2"), default="150m")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--sequence", type=int, default=256)
    parser.add_argument("--lora-rank", type=int, default=0, help="0: all weights are trained")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(precision="f32", attention="sdpa")
    return parser.parse_args()


def built_gpt2():
    """GPT-2 124M with the attention that PyTorch chooses."""
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, attn_implementation="sdpa"))


def batch_of_text(arguments):
    return torch.randint(50257, (arguments.batch, arguments.sequence))


def with_adapters(model, rank):
    import peft

    targets = [name for name, module in model.named_modules()
               if isinstance(module, torch.nn.Linear) and "contact_head" not in name
               and name != "lm_head.decoder"]
    return peft.get_peft_model(model, peft.LoraConfig(r=rank, lora_alpha=8, target_modules=targets))


def step_of(model, ids, arguments):
    """One step, and how many numbers it changes."""
    if arguments.size == "gpt2":
        inputs = labels = ids  # transformers shifts them
    else:
        masked = torch.rand(ids.shape, device=ids.device) < MASK_FRACTION
        masked[:, 0] = masked[:, -1] = False
        labels = ids.masked_fill(~masked, -100)
        inputs = ids.masked_fill(masked, 32)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=RATE, weight_decay=0.01, fused=ids.is_cuda or None)
    called = torch.compile(model) if arguments.engine == "compile" else model

    def step():
        optimizer.zero_grad()
        called(input_ids=inputs, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, CLIP)
        optimizer.step()

    return step, sum(p.numel() for p in learned)


def main():
    arguments = parsed_arguments()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    torch.set_num_interop_threads(1)
    imported_rss_bytes = peer_protocol.rss_bytes("VmRSS")
    causal = arguments.size == "gpt2"
    model = (built_gpt2() if causal else built_model(arguments)).train()  # its dropout is 0
    ids = batch_of_text(arguments) if causal else batch_of_residues(arguments)
    if arguments.lora_rank:
        model = with_adapters(model, arguments.lora_rank)
    step, trained = step_of(model, ids, arguments)
    for _ in range(WARM_UP_STEPS):
        step()
    tokens = arguments.batch * arguments.sequence
    weights_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    peer_protocol.serve(
        {"peer": arguments.engine, "torch": torch.__version__, "trained": trained,
         "transformers": transformers.__version__, "threads": torch.get_num_threads(),
         "weights_bytes": weights_bytes,
         "state_bytes": weights_bytes + 12 * trained,  # a gradient and AdamW's two means, in f32
         "imported_rss_bytes": imported_rss_bytes,
         "model_rss_bytes": peer_protocol.rss_bytes("VmRSS"), **vars(arguments)},
        {"step": lambda: {"tokens": tokens, **peer_protocol.timed(step)}})


if __name__ == "__main__":
    main()
