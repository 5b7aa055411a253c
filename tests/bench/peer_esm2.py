"""A peer of the bench: ESM-2's forward with random weights, of transformers, computed by eager PyTorch,
by torch.compile with freezing, by OpenVINO or by ONNX Runtime.

Times the logits of one batch of full rows without an attention mask, the cheapest way that
transformers can be asked. What is not eager is held against it once: in f32, logits that are further
than 1e-4 from the eager ones are an error. peer_protocol.py says what is read and written.
"""

import argparse
import ctypes
import gc
import io

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
LARGEST_DIFFERENCE = 1e-4  # of logits in f32 from eager PyTorch's


class Logits(torch.nn.Module):
    """From ids to logits and nothing else, for what takes a model apart."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(input_ids=ids).logits


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, default="eager")
    parser.add_argument("--size", choices=SIZES, default="150m")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--sequence", type=int, default=512)
    parser.add_argument("--precision", choices=PRECISIONS, default="f32")
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def built_model(arguments, precision=None):
    """The model as transformers gives it, in the arguments' precision if none is named."""
    layers, width, heads = SIZES[arguments.size]
    config = transformers.EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=width,
        num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * width,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layer_norm_eps=1e-5,
        position_embedding_type="rotary", token_dropout=True, emb_layer_norm_before=False)
    config._attn_implementation = arguments.attention
    return transformers.EsmForMaskedLM(config).to(PRECISIONS[precision or arguments.precision]).eval()


def batch_of_residues(arguments):
    """<cls>, uniformly drawn standard residues, <eos>; no row is padded."""
    ids = torch.randint(4, 24, (arguments.batch, arguments.sequence))
    ids[:, 0] = 0
    ids[:, -1] = 2
    return ids


def in_eager(model, ids, arguments):
    """The forward, and which version of what computes it."""
    model.to(PRECISIONS[arguments.precision])
    return lambda: model(ids), torch.__version__


def in_compiled(model, ids, arguments):
    import torch._inductor.config

    torch._inductor.config.freezing = True
    model.to(PRECISIONS[arguments.precision])
    compiled = torch.compile(model)
    return lambda: compiled(ids), torch.__version__


def in_openvino(model, ids, arguments):
    import openvino

    converted = openvino.convert_model(model, example_input=ids)
    converted.reshape(list(ids.shape))
    compiled = openvino.Core().compile_model(
        converted, "CPU", {"INFERENCE_PRECISION_HINT": arguments.precision, "NUM_STREAMS": 1,
                           "INFERENCE_NUM_THREADS": arguments.threads})
    request, numbers = compiled.create_infer_request(), ids.numpy()
    return lambda: request.infer([numbers], share_inputs=True, share_outputs=True)[0], \
        openvino.__version__


def in_onnxruntime(model, ids, arguments):
    import onnxruntime

    if arguments.precision != "f32":
        raise SystemExit("ONNX Runtime's CPU provider computes in f32 only")
    file = io.BytesIO()
    torch.onnx.export(model, (ids,), file, dynamo=False, opset_version=17)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    session = onnxruntime.InferenceSession(file.getvalue(), options,
                                           providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: ids.numpy()}
    return lambda: session.run(None, inputs)[0], onnxruntime.__version__


ENGINES = {"eager": in_eager, "compile": in_compiled, "openvino": in_openvino,
           "onnxruntime": in_onnxruntime}


def difference(logits, expected):
    return float((torch.as_tensor(logits).float() - expected).abs().max())


def main():
    arguments = parsed_arguments()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    torch.set_num_interop_threads(1)
    imported_rss_bytes = peer_protocol.rss_bytes("VmRSS")
    model = Logits(built_model(arguments, "f32")).eval()  # as what others are held against
    ids = batch_of_residues(arguments)
    with torch.no_grad():  # freezing knows no other way of saying that nothing is trained
        expected = model(ids) if arguments.engine != "eager" else None
        forward, version = ENGINES[arguments.engine](model, ids, arguments)
        weights_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
        for _ in range(WARM_UP_ROUNDS):
            logits = forward()
        ready = {"peer": arguments.engine, "version": version, "torch": torch.__version__,
                 "transformers": transformers.__version__, "threads": torch.get_num_threads(),
                 "weights_bytes": weights_bytes, "imported_rss_bytes": imported_rss_bytes,
                 **vars(arguments)}
        if expected is not None:
            ready["largest_difference"] = difference(logits, expected)
            if arguments.precision == "f32" and ready["largest_difference"] > LARGEST_DIFFERENCE:
                raise SystemExit(f"logits differ by {ready['largest_difference']} from eager ones")
        # What building and converting left on the heap is no part of the forward's memory.
        del model, logits, expected
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        ready["model_rss_bytes"] = peer_protocol.rss_bytes("VmRSS")
        tokens = arguments.batch * arguments.sequence
        peer_protocol.serve(ready, {
            "forward": lambda: {"tokens": tokens, **peer_protocol.timed(forward)}})


if __name__ == "__main__":
    main()
