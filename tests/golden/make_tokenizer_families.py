"""Trains tokenizers set up as those of nineteen families, and writes what they make of hard texts.

Each is trained by Hugging Face's `tokenizers` on the same few lines, saved as a tokenizer.json, and
then asked for the ids of 1,000 texts: emoji, combining marks, runs of blanks, digits, mixed scripts,
special tokens that are spelled in the text. `expected.json.gz` has the texts and all ids.
"""

import argparse
import gzip
import json
import random
from pathlib import Path

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
DEEPSEEK_CJK = "[一-龥ࠀ-一가-퟿]+"
DEEPSEEK = (r"\s?[A-Za-z]+|\s?[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]+|\s?\p{N}+|[^\s\p{L}\p{N}]+")

LINES = [
    "The protein folds when the water around the chain lets it fold.",
    "It isn't the fastest model, but it's the one that they've measured; we'll see what she'd say.",
    "There are 20 standard residues, 1 024 positions and 65536 products in 2024.",
    "for (int row = 0; row < rows; ++row) {\n    sum += values[row] * weights[row];\n\treturn sum;\n}",
    "The café near the station sells crème brûlée; the naïve visitor asks for Straße and Größe.",
    "Быстрая лисица прыгает через ленивую собаку. Η γρήγορη αλεπού πηδάει πάνω από τον σκύλο.",
    "敏捷的狐狸跳过懒狗。日本語のテキストも少しあります。한국어 문장도 하나 있습니다.",
    "الثعلب البني السريع يقفز فوق الكلب الكسول. नमस्ते दुनिया, यह एक वाक्य है। สวัสดีชาวโลก",
    "🙂 emoji 🎉🎉 and 👩‍👩‍👧 families 🇫🇷, ½ and ² and Ⅻ.",
    "    indented   text\twith  runs   of    blanks\n\n\nand lines\r\n",
]

PIECES = [
    "the", "The", "protein", "isn't", "we'LL", "SHE'S", "they've", "I'm", "naïve", "nai\u0308ve", "café", "cafe\u0301",
    "Straße", "GRÖSSE", "İstanbul", "ΑΣΣΟΣ", "ﬁne", "ﬀ", "Å", "A\u030a", "ｆｕｌｌ", "１２３", "²³", "Ⅻ", "½", "٣٤٥", "१२३",
    "0", "7", "42", "123", "1234", "12345678", "3.14", "1,024", "1e-5", "0x1F", "$5.00", "50%", "#1",
    "🙂", "🎉🎉", "👩‍👩‍👧", "🇫🇷", "👍🏽", "❤️", "☃", "\u0301", "e\u0301\u0327", "q\u0307\u0323", "\u200d", "\ufe0f",
    "Привет", "мир", "ёлка", "Ελλάδα", "ὀδός", "שלום", "שָׁלוֹם", "مرحبا", "عَرَبِيّ", "नमस्ते", "हिन्दी", "ไทย", "ภาษาไทย",
    "中文", "漢字", "日本語", "カタカナ", "ｶﾀｶﾅ", "がっこう", "か\u3099", "한국어", "\u1112\u1161\u11ab", "丽", "龘", "𠮷", "𝔘𝔫𝔦", "🀄",
    "_", "__init__", "a_b", "->", "::", "...", "…", "—", "–", "«quoted»", "“q”", "¿qué?", "!", "?!", "。", "、", "،", "।", "(", ")",
    "[x]", "{y}", "<z>", "@me", "a+b", "x²", "C++", "don’t", "rock'n'roll", "'", "''", "'s", "'S", "'ll", "'Re",
    "ſ", "\u212a", "'ſ", "\u00ad", "\u200b", "\ufeff", "\u2060", "\u202e", "\ue000", "\ufffd", "\U0010ffff", "\u0378",
    "\x00", "\x01", "\x1f", "\x7f", "\x85", "\u0090", "▁", "▁the", "Ġ", "Ġthe", "##s", "</w>", "<0x0A>", "Ċ",
    "<s>", "</s>", "<unk>", "<pad>", "<mask>", "[CLS]", "[MASK]", "[SEP]", "[UNK]", "<|endoftext|>", "<|im_start|>", "<prot>", "<PROT>",
    "<word>", "<word>s", "s<word>", "<left>", "<right>", "<both>", "MKTAYIAKQR", "LAGVSERTIDPK", "\u0e33", "\u0f77", "\u1e9b\u0323",
    "ǆ", "Ǆ", "ǅ", "ŉ", "ﬆ", "㎏", "①", "℡", "ℵ", "™", "\u2126", "ß", "ẞ", "ı",
]
BLANKS = [" ", " ", " ", " ", "  ", "   ", "    ", "        ", "\t", "\t\t", "\n", "\n\n", "\r\n", "\r", " \n ", "\n  ", "\u00a0", "\u3000",
          "\u2003", "\u2028", "\u2029", "\u0085", "\u180e", "\x0b", "\x0c", "\u1680", "\u202f", ""]


def hard_texts(count):
    random.seed(20240607)
    texts = ["", " ", "  ", "\n", "a", "\u0301", "<s>", " <mask> ", "<mask>", "  <mask>  x", "x <left>  <right>  <both> y", "▁", " ▁ "]
    texts += LINES
    while len(texts) < count:
        text = random.choice(["", "", " ", "  ", "\n"])
        for _ in range(random.randint(1, 9)):
            text += random.choice(PIECES)
            if random.random() < 0.75:
                text += random.choice(BLANKS)
        texts.append(text)
    return texts


def trained(tokenizer, size, special, **options):
    kind = {"BPE": trainers.BpeTrainer, "WordPiece": trainers.WordPieceTrainer,
            "WordLevel": trainers.WordLevelTrainer, "Unigram": trainers.UnigramTrainer}[type(tokenizer.model).__name__]
    tokenizer.train_from_iterator(LINES * 4, kind(vocab_size=size, special_tokens=special, show_progress=False, **options))
    return tokenizer


BYTES = pre_tokenizers.ByteLevel.alphabet()
FALLBACK = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]


def template(single, *special):
    return processors.TemplateProcessing(single=single, pair=f"{single} $B", special_tokens=list(special))


def gpt2():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained(t, 420, ["<|endoftext|>"], initial_alphabet=BYTES)
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.decoder = decoders.ByteLevel()
    t.add_tokens([AddedToken("<prot>", normalized=False), AddedToken("    ", normalized=True),
                  AddedToken("<word>", single_word=True), AddedToken("<left>", lstrip=True),
                  AddedToken("<right>", rstrip=True), AddedToken("<both>", lstrip=True, rstrip=True)])
    return t


def llama2():
    t = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained(t, 430, FALLBACK, limit_alphabet=100)
    t.post_processor = template("<s> $A", ("<s>", t.token_to_id("<s>")))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return cleared(t, FALLBACK[3:])


def cleared(t, plain):
    """Bytes are pieces of the model, not added tokens."""
    data = json.loads(t.to_str())
    data["added_tokens"] = [a for a in data["added_tokens"] if a["content"] not in plain]
    return Tokenizer.from_str(json.dumps(data))


def llama3():
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trained(t, 440, ["<|begin_of_text|>", "<|end_of_text|>"], initial_alphabet=BYTES)
    data = json.loads(t.to_str())
    data["model"]["merges"] = [m for i, m in enumerate(data["model"]["merges"]) if i % 7]  # so that ignoring them matters
    data["model"]["merges"] = closed(data["model"])
    t = Tokenizer.from_str(json.dumps(data))
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False),
                                            template("<|begin_of_text|> $A", ("<|begin_of_text|>", 0))])
    t.decoder = decoders.ByteLevel()
    return t


def closed(model):
    return [m for m in model["merges"] if "".join(m) in model["vocab"]]


def qwen2():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trained(t, 420, [], initial_alphabet=BYTES)
    t.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.decoder = decoders.ByteLevel()
    return t


def gpt_neox():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained(t, 420, ["<|endoftext|>", "<|padding|>"], initial_alphabet=BYTES)
    t.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    t.add_tokens([AddedToken("cafe\u0301", normalized=True)])
    t.post_processor = template("<|endoftext|> $A", ("<|endoftext|>", 0))
    t.decoder = decoders.ByteLevel()
    return t


def roberta():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trained(t, 420, ["<s>", "<pad>", "</s>", "<unk>"], initial_alphabet=BYTES)
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    t.decoder = decoders.ByteLevel()
    return t


def bert():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trained(t, 400, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.decoder = decoders.WordPiece()
    return t


def bert_cased():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=12))
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trained(t, 400, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    t.post_processor = template("[CLS] $A [SEP]", ("[CLS]", 2), ("[SEP]", 3))
    t.decoder = decoders.WordPiece()
    return t


def t5():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " "),
                                         normalizers.Strip(left=False, right=True)])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    trained(t, 400, ["<pad>", "</s>", "<unk>"], unk_token="<unk>")
    t.post_processor = template("$A </s>", ("</s>", 1))
    t.decoder = decoders.Metaspace()
    return t


def xglm():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.NFKD()
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    trained(t, 660, FALLBACK, unk_token="<unk>")
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    data = json.loads(t.to_str())
    data["model"]["byte_fallback"] = True
    return cleared(Tokenizer.from_str(json.dumps(data)), FALLBACK[3:])


def esm():
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    letters = list("LAGVSERTIDPKQNFYMHWCXBUZO.-")
    vocab = {token: i for i, token in enumerate(["<cls>", "<pad>", "<eos>", "<unk>"] + letters + ["<null_1>", "<mask>"])}
    t = Tokenizer(models.WordLevel(vocab=vocab, unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    t.add_special_tokens(["<cls>", "<pad>", "<eos>", "<unk>", "<mask>"])
    t.post_processor = processors.BertProcessing(("<eos>", 2), ("<cls>", 0))
    return t


def gemma():
    t = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    t.normalizer = normalizers.Replace(" ", "▁")
    t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    trained(t, 430, ["<pad>", "<eos>", "<bos>"] + FALLBACK, limit_alphabet=100)
    t.post_processor = template("<bos> $A", ("<bos>", 2))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    t = cleared(t, FALLBACK[3:])
    t.add_tokens([AddedToken("▁" * n, normalized=False) for n in range(2, 6)] + [AddedToken("\n" * n, normalized=False) for n in range(1, 4)])
    return t


def mistral():
    t = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    trained(t, 430, FALLBACK, limit_alphabet=100)
    t.post_processor = template("<s> $A", ("<s>", 1))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return cleared(t, FALLBACK[3:])


def clip():
    t = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token="<|endoftext|>"))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), "removed", invert=True),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trained(t, 700, ["<|startoftext|>", "<|endoftext|>"], initial_alphabet=BYTES, end_of_word_suffix="</w>")
    t.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    return t


def bloom():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(BLOOM), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trained(t, 420, ["<unk>", "<s>", "</s>", "<pad>"], initial_alphabet=BYTES)
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.decoder = decoders.ByteLevel()
    return t


def falcon():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False),
                                               pre_tokenizers.Digits(individual_digits=False),
                                               pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")])
    trained(t, 420, ["<|endoftext|>"], initial_alphabet=BYTES)
    t.decoder = decoders.ByteLevel()
    return t


def deepseek():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex("[\r\n]"), "isolated"),
                                               pre_tokenizers.Split(Regex(DEEPSEEK), "isolated"),
                                               pre_tokenizers.Split(Regex(r"\s+$"), "isolated"),
                                               pre_tokenizers.Split(Regex(DEEPSEEK_CJK), "isolated"),
                                               pre_tokenizers.Digits(individual_digits=True),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trained(t, 420, ["<s>", "</s>"], initial_alphabet=BYTES)
    t.post_processor = template("<s> $A", ("<s>", 0))
    t.decoder = decoders.ByteLevel()
    return t


def words():
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True),
                                               pre_tokenizers.Punctuation("merged_with_next"), pre_tokenizers.CharDelimiterSplit("_")])
    trained(t, 300, ["[UNK]", "[PAD]"])
    return t


def subwords():
    t = Tokenizer(models.BPE(continuing_subword_prefix="##", unk_token="[UNK]", fuse_unk=False))
    t.normalizer = normalizers.Replace("protein", "PROTEIN")
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(),
                                               pre_tokenizers.Split(Regex(r"[\p{Lu}\d]+"), "merged_with_next"),
                                               pre_tokenizers.Split("a", "contiguous")])
    trained(t, 300, ["[UNK]"], continuing_subword_prefix="##", limit_alphabet=70)
    return t


FAMILIES = [gpt2, llama2, llama3, qwen2, gpt_neox, roberta, bert, bert_cased, t5, xglm, esm, gemma, mistral, clip, bloom, falcon,
            deepseek, words, subwords]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "tokenizer-families")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    texts = hard_texts(1000)
    expected = {"texts": texts, "ids": {}}
    for family in FAMILIES:
        name = family.__name__.replace("_", "-")
        path = output / f"{name}.json"
        text = family().to_str()
        path.write_text(json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")) + "\n")
        tokenizer = Tokenizer.from_file(str(path))
        expected["ids"][name] = [tokenizer.encode(each).ids for each in texts]
        print(name, tokenizer.get_vocab_size(), path.stat().st_size, sum(map(len, expected["ids"][name])))
    data = json.dumps(expected, ensure_ascii=False, separators=(",", ":")).encode()
    (output / "expected.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
