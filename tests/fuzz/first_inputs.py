#!/usr/bin/env python3
"""Writes what a search begins with: small inputs of each target, from the tests' own files and from hand.

    python3 tests/fuzz/first_inputs.py FOLDER        # FOLDER/TARGET/NUMBER
"""
import gzip
import hashlib
import json
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN, RESOURCES = ROOT / "tests/golden", ROOT / "resources"
TEXT = "Hello  wörld 123, it's\n\te\u0301 😀 <s>x</s>"


def parts(*texts):
    return b"\n%%\n".join(text if isinstance(text, bytes) else text.encode() for text in texts)


def safetensors(tensors, metadata=None):
    """Tensors of zeros by name and shape, in f32."""
    header, end = ({"__metadata__": metadata} if metadata else {}), 0
    for name, shape in tensors.items():
        size = 4
        for count in shape:
            size *= count
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


def tiny_llama():
    block = "model.layers.0."
    return {"model.embed_tokens.weight": [3, 2], block + "input_layernorm.weight": [2],
            **{block + f"self_attn.{part}_proj.weight": [2, 2] for part in "qkvo"},
            block + "post_attention_layernorm.weight": [2],
            **{block + f"mlp.{part}_proj.weight": [2, 2] for part in ("gate", "up", "down")},
            "model.norm.weight": [2], "lm_head.weight": [3, 2]}


def packed_llama(kind):
    """Linears of 8 by 8 in words of eight codes, as GPTQ and the two tools of AWQ have them; the rest in f32."""
    shapes = {"gptq": ([1, 8], [1, 1], [1, 8]), "gemm": ([8, 1], [1, 1], [1, 8]), "gemv": ([8, 1], [8, 4], [8, 32])}[kind]
    header, end = {}, 0

    def add(name, dtype, shape):
        nonlocal end
        size = 2 if dtype == "F16" else 4
        for count in shape:
            size *= count
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size

    for name, shape in tiny_llama().items():
        if "_proj" not in name:
            add(name, "F32", [8 if size == 2 else size for size in shape])
            continue
        for ending, dtype, of in zip(("qweight", "qzeros", "scales"), ("I32", "I32", "F16"), shapes):
            add(name.replace("weight", ending), dtype, of)
    method = {"quant_method": "gptq"} if kind == "gptq" else {"quant_method": "awq", "version": kind}
    group = 8 if kind == "gemm" else 32 if kind == "gemv" else -1
    text = json.dumps(header, separators=(",", ":")).encode()
    config = {"quantization_config": {**method, "bits": 4, "group_size": -1 if kind != "gemm" else group}}
    return parts(json.dumps(config), struct.pack("<Q", len(text)) + text + bytes(end))


def llama2c():
    """One layer, width 2, two positions, with the tables of its rotations."""
    import math
    header = struct.pack("<7i", 2, 2, 1, 1, 1, -3, 2)
    before = [0.0] * (6 + 2 + 4 * 4 + 2 + 3 * 4 + 2)
    turns = [math.cos(0), math.cos(1), math.sin(0), math.sin(1)]
    return header + struct.pack(f"<{len(before) + 4 + 6}f", *before, *turns, *[0.0] * 6)


def gguf(entries, tensors=()):
    """Entries of texts, integers, floats and lists of one of these; tensors of zeros: name, ggml's type, bytes, shape."""
    def text(value):
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def one(value):
        return {str: text, int: lambda v: struct.pack("<i", v), float: lambda v: struct.pack("<f", v)}[type(value)](value)

    kinds = {str: 8, int: 5, float: 6}
    y = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    for key, value in entries.items():
        if isinstance(value, list):
            y += text(key) + struct.pack("<IIQ", 9, kinds[type(value[0])], len(value)) + b"".join(map(one, value))
        else:
            y += text(key) + struct.pack("<I", kinds[type(value)]) + one(value)
    at, data = 0, b""
    for name, kind, size, shape in tensors:
        y += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data))
        data += bytes(size) + bytes(-size % 32)
    return y + bytes(-len(y) % 32) + data


def gguf_llama():
    """One layer, width 32, MLP in blocks of Q4_0, the rest in f32."""
    entries = {"general.architecture": "llama", "llama.block_count": 1, "llama.embedding_length": 32,
               "llama.attention.head_count": 1, "llama.feed_forward_length": 32, "llama.context_length": 8,
               "llama.attention.layer_norm_rms_epsilon": 1e-5}
    dense = [("token_embd", [32, 3]), ("output_norm", [32]), ("blk.0.attn_norm", [32]), ("blk.0.ffn_norm", [32]),
             *[(f"blk.0.attn_{part}", [32, 32]) for part in ("q", "k", "v", "output")]]
    tensors = [(name + ".weight", 0, 4 * 32 * (shape[1] if len(shape) > 1 else 1), shape) for name, shape in dense]
    return gguf(entries, tensors + [(f"blk.0.ffn_{part}.weight", 2, 18 * 32, [32, 32]) for part in ("gate", "up", "down")])


def llama2c_tokenizer():
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(97, 105)] + [" ", "a", "b", "ab", " ab"]
    return struct.pack("<i", 8) + b"".join(
        struct.pack("<fi", -float(at), len(piece)) + piece.encode() for at, piece in enumerate(pieces))


def bgzip(text):
    """One member with its size, and the end mark."""
    import zlib
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(text) + packer.flush()
    begin = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0"
    end = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
    return begin + struct.pack("<H", len(packed) + 25) + packed + struct.pack("<II", zlib.crc32(text), len(text)) + end


def inputs():
    small = [{"a": [1, -2, 3.5e-7, 18446744073709551615, None, True, "\u00e9\n"], "b": {"c": []}}]
    yield "json", [json.dumps(each) for each in small] + ['"\\ud83d\\ude00"', "[[[[]]]]", "-0.0", "1e400"]
    yield "model", [path.read_bytes() for folder in ("esm2-tiny", "gpt2-tiny", "llama-tiny")
                    for path in [GOLDEN / folder / "config.json"]] + [(RESOURCES / "models/esm2-8m.json").read_bytes()]
    whole = tiny_llama()
    yield "safetensors", [safetensors(whole, {"format": "pt"}), safetensors({"x": [1]}),
                          safetensors({k: v for k, v in whole.items() if k != "lm_head.weight"})]
    index = json.dumps({"metadata": {"total_size": 128}, "weight_map": {name: "a.safetensors" for name in whole}})
    yield "weights_index", [parts(index, safetensors(whole))]
    yield "packed_weights", [packed_llama(kind) for kind in ("gptq", "gemm", "gemv")]
    yield "llama2c", [llama2c()]
    yield "gguf", [gguf_llama(), gguf({"general.architecture": "llama"})]
    families = sorted((GOLDEN / "tokenizer-families").glob("*.json"))
    yield "tokenizer_json", [parts(TEXT, path.read_bytes()) for path in families]
    yield "tokenizer_config", [parts("a b", json.dumps(each)) for each in (
        {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>"},
        {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": {"content": "<s>"}, "unk_token": "<unk>"},
        {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "errors": "replace"})]
    yield "sentencepiece", [parts(TEXT, (GOLDEN / "sentencepiece/tokenizer.model").read_bytes())]
    pieces = ["<unk>", "<s>", "</s>", "\u2581", "a", "b", "ab", "\u2581a"]
    begin = "tokenizer.ggml."
    yield "gguf_tokenizer", [
        parts("ab abc", gguf({begin + "model": "llama", begin + "tokens": pieces, begin + "scores": [-float(at) for at in range(8)],
                              begin + "token_type": [2, 3, 3, 1, 1, 1, 1, 1], begin + "bos_token_id": 1})),
        parts("ab abc", gguf({begin + "model": "gpt2", begin + "pre": "llama-bpe", begin + "tokens": ["a", "b", "ab", "<s>"],
                              begin + "token_type": [1, 1, 1, 3], begin + "merges": ["a b"], begin + "bos_token_id": 3}))]
    vocab = {piece: at for at, piece in enumerate("H e l o Ġ w He ll llo Hello <|endoftext|>".split())}
    yield "gpt2_tokenizer", [parts("Hello low", "#version: 0.2\nH e\nl l\nll o\nHe llo\n", json.dumps(vocab))]
    yield "llama2c_tokenizer", [parts("ab abc", llama2c_tokenizer())]
    alphabet = "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>"
    yield "alphabet", [alphabet.replace(" ", "\n"), "L\nA\n"]
    fasta, table = ">sp|P1 one\nMKTA\nYIAK*\n;old\n>two\nacdefg\n", 'name,sequence\na,MKT\nb,"M,""K"\n'
    texts = [fasta, "@r1\nACGT\n+\nIIII\n", table, table.replace(",", "\t"),
             '{"sequence": "MKT", "name": "x"}\n{"name": "y", "sequence": "\\u004d"}\n', "MKT\r\nAAA\r\n", "Once upon a time.\n"]
    sequences = [bytes([choice]) + text.encode() for text in texts for choice in (0, 8, 17, 130)]
    yield "sequences", sequences + [b"\0" + gzip.compress(fasta.encode(), mtime=0), b"\0\xef\xbb\xbf" + fasta.encode()]
    yield "packed", [gzip.compress(b"abc" * 50, mtime=0) * 2 + bytes(8), bgzip(b"abc" * 50)]
    yield "lengths", ["# lengths\n12\n7 # short\n", fasta, "250\n" * 3]
    yield "length_rule", ["fixed", "uniform:1:50", "lognormal:300:0.5"]
    specs = sorted((RESOURCES / "experiments").glob("*.json"))
    yield "spec", [path.read_bytes() for path in specs] + ['{"base": {}, "points": [{"batch": 2}], "zip": true}']
    yield "values", ["1,2,4", "1-64*2", "128-1024+128", "[pow2]=[7:11]", "[1:64:9]", "[1,2],flash", "a b , c"]
    yield "record_line", record_lines()
    yield "config_line", ['{"model": "esm2-8m", "batch": 4, "task": "generate", "attention": "naive", "device": "plan"}']
    yield "device_line", ['{"name":"cuda","available":true,"gpu":0,"meaning":"","memory_bytes":1e9,"free_bytes":1.5}']
    yield "database", ["runs.config={\"batch\": 2}\nruns.status=done", "sweeps.tags=[\"a\"]\nsweeps.spec={}",
                       "environments.facts={\"host\": 1}", "samples.value=-1\nrounds.idx=3", "metrics.name=x\nregions.path=", "?Batch=1 flash done"]
    yield "database_bytes", [bytes([0, 0, 83]), bytes([8, 0, 13, 9, 5, 200])]
    yield "adapter", [parts(json.dumps(settings), safetensors(adapter(settings["r"], names))) for settings, names in (
        ({"peft_type": "LORA", "r": 1, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none"}, ["self_attn.q_proj"]),
        ({"peft_type": "LORA", "r": 2, "use_rslora": True, "task_type": "CAUSAL_LM"}, ["self_attn.v_proj", "mlp.down_proj"]))]
    state = {"step": 200, "epoch": 1, "next": 8, "tokens": 4096, "seconds": 2.5, "validation_loss": None, "best_loss": 1.5,
             "best_step": 100, "worse": 0, "weights": {"loaded": False, "path": "", "sha256": "", "seed": 7}, "data_sha256": ""}
    text = json.dumps(state)
    yield "training_state", [parts(hashlib.sha256(text.encode()).hexdigest() + "  state.json\n", text)]
    head = {"run": "run 12", "model": "tiny", "precision": "f32", "data_sha256": "0", "tokenizer": "esm", "marks": "", "tokens_sha256": "0",
            "window": 8, "vocabulary": 2, "layers": 1, "width": 1, "tokens": 2, "stride": 1, "looked_at": 1}
    places = 6
    yield "reference", [b"\0" + json.dumps({**head, **less}).encode() + b"\n" + bytes(size) for less, size in (
        ({}, 4 * (4 + count)) for count in range(1, places + 1))] + [b"\1SWEETSPOT REFERENCE 1 "]
    run = {"run_id": 3, "hash": "0", "status": "done", "batch": 2, "model": "esm2-8m", "started": "2026-11-22T10:00:00Z",
           "environment": {"host": "here"}, "texts": {"generated": "a"}, "weights_loaded": True, "weights_sha256": "0", "parameters": 7,
           "data_sha256": "0", "samples": {"step_seconds": [0.5, 0.25]}, "sample_rounds": {"step_seconds": [0, 1]},
           "warmup_samples": {"step_seconds": [1]}, "warmup_rounds": {"step_seconds": [0]}, "rounds_done_at": [[0, 1.0, 2.0]],
           "metrics": {"loss": 2.5}}
    yield "runs_json", [json.dumps([run]), json.dumps(run) + "\n" + json.dumps({"batch": 2, "status": "failed", "failure": "file", "reason": "r"})]
    row = {"build_commit": "a1", "cpu_info": "c", "gpu_info": "", "model_filename": "m.gguf", "model_type": "llama", "model_n_params": 7,
           "n_threads": 2, "n_gpu_layers": 0, "n_prompt": 512, "n_gen": 0, "n_depth": 0, "test_time": "2026-11-22T10:00:00Z", "avg_ns": 5}
    names, cells = ",".join(row), ",".join(f'"{value}"' for value in row.values())
    yield "llama_bench", [json.dumps([{**row, "samples_ns": [4, 6]}]), json.dumps({**row, "n_prompt": 0, "n_gen": 8}), names + "\n" + cells,
                          "CREATE TABLE IF NOT EXISTS t (a TEXT);\nINSERT INTO t (" + names + ") VALUES (" + cells.replace('"', "'") + ");"]
    # Names, a region, an activity, a shape, a series and its reading, a counter and its count, a span, a change of memory.
    lists = [[b"\4step"], [b"\0\1\0\4" + bytes(16) + b"\0\0"], [bytes(4) + b"\0\0\0\2\0"], [bytes(8)], [b"\1p\1W"], [b"\0\2" + bytes(8)],
             [b"\1c"], [bytes(2) + bytes(16)], [b"\2\0\0\2"], [b"\0\0\0\2"]]
    trace = b"".join(bytes([len(each)]) + b"".join(each) for each in lists)
    yield "trace", [b"\0" + trace + bytes(count) for count in range(8, 16)] + [b"\0" + bytes(10) + bytes(count) for count in range(8, 16)] + [
        b"\1SWEETSPOT TRACE \1\0\0\0" + bytes(40)]
    yield "ceilings_line", ['{"device":"c","threads":2,"unix_seconds":1.5,"ceilings":[{"name":"copy","unit":"B/s","value":1e9,"spread":0.1}]}']
    yield "filter", ["flash batch>=8", "peak_memory<2GiB,status=failed", "/^(naive|flash)$/ loss!=3", "batch >= 8 /a{2,}(?=b)/"]
    yield "texts_scored", [parts("The cat sat. On a mat.", "the cat is on the mat"), parts("", "a"), parts("Ünï\u0301 x", "x, y!")]
    yield "machine", [parts("0::/a\n", "30 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "MemTotal: 8 kB\nMemAvailable: 4 kB\n",
                            "Cpus_allowed_list:\t0-3,8\n", "0-7", "150000 100000", "4096", "1024", "inactive_file 512\n"),
                      parts("3:cpu:/a\n2:memory:/\n", "31 1 0:1 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\n", "", "", "0")]


def adapter(rank, modules):
    return {f"base_model.model.model.layers.0.{module}.lora_{which}.weight": [rank, 2] if which == "A" else [2, rank]
            for module in modules for which in "AB"}


def record_lines():
    """One of each kind, as the worker writes them."""
    return ['{"line":"weights","loaded":true,"path":"w","sha256":"0","seed":0,"parameters":7}',
            '{"line":"data","path":"d","sha256":"0","sequences":2,"letters":9}', '{"line":"metric","name":"loss","value":2.5}', '{"line":"text","name":"generated","text":"a"}',
            '{"line":"sample","metric":"step_seconds","index":0,"value":0.5,"warmup":false,"round":0}',
            '{"line":"phase","name":"loading","fraction":0.5}', '{"line":"environment","facts":{"host":"here"}}',
            '{"line":"memory","seconds":0.5,"purpose":"weights","bytes":4.0}',
            '{"line":"region","path":"step","calls":1,"start_seconds":0.0,"seconds":0.1,"flops":1.0,"bytes":2.0}',
            '{"line":"round","index":0,"started_unix_seconds":1.0,"ended_unix_seconds":2.0}',
            '{"line":"finished","unix_seconds":2.0}', '{"line":"failed","failure":"file","reason":"r","unix_seconds":2.0}',
            '{"line":"started","hash":"0","config":{"batch":2},"unix_seconds":1.0}']


def main():
    folder = Path(sys.argv[1])
    for target, all_inputs in inputs():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for at, each in enumerate(all_inputs):
            (folder / target / f"{at:02}").write_bytes(each if isinstance(each, bytes) else each.encode())


if __name__ == "__main__":
    main()
