"""Trains the two small tokenizers of this folder and writes texts with their token ids.

The byte-level byte-pair tokenizer splits as GPT-2's does; the SentencePiece model is set up as
LLaMA's (pairs, single digits, bytes for what it never saw). README.md lists the files.
"""

import argparse
import io
import json
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Tokenizer

BYTE_PAIR_VOCABULARY = 1 + 256 + 400  # end of text, the bytes, the merges
SENTENCEPIECE_VOCABULARY = 420

TRAINING_TEXTS = [
    "The protein folds when the water around the chain lets it fold.",
    "A model reads the sequence from the first residue to the last one.",
    "It isn't the fastest model, but it's the one that they've measured.",
    "We'll measure the memory of the model, and then we'll measure its time.",
    "She said that she'd measure it again, because he doesn't trust a single number.",
    "There are 20 standard residues, 1 024 positions and 65536 products in the table.",
    "In 1998 there were 12 machines; in 2024 there are 4,096 of them.",
    "The attention of the model grows with the square of the length.",
    "Every token attends to every other token, unless the mask forbids it.",
    "Longer sequences need more memory, and shorter ones waste less of it.",
    "for (int row = 0; row < rows; ++row) {\n    sum += values[row] * weights[row];\n}",
    "The café near the station sells crème brûlée; the naïve visitor asks for coffee.",
    "Über die Länge der Kette entscheidet die Faltung, nicht über ihre Größe.",
    "Training the model takes time; running the model takes memory.",
    "The other measure of the running model is the quality of the text that it writes.",
    "What the machine can do in the morning, the machine can do in the evening.",
    "I'm sure you're right, but they weren't there, and I've seen the table.",
    "Once the water is gone, the chain unfolds, and the residues lie in a line.",
]

TEXTS = [
    "",
    " ",
    "The protein folds.",
    " The protein folds again",
    "the model doesn't fold; it's measured, they've said, we'll see, I'm sure, she'd go, you're in",
    "IT'S NOT THE SAME IN CAPITALS, ISN'T IT?",
    "1 12 123 1234 3.14159 2024-01-31 1,000,000",
    "two  spaces, three   spaces, and four at the end    ",
    "    four at the start",
    "tabs\tand\t\tnewlines\nand\n\ntwo, and\r\nanother\n",
    "  \n  \n",
    "naïve café, crème brûlée, Größe",
    "蛋白质折叠 タンパク質 Белки складываются بروتين",
    "emoji 🙂 and a family 👩‍👩‍👧 and a flag 🇳🇿!",
    "e\u0301 is not \u00e9, and \u00a0 is a space of its own, and so is \u3000",
    "<s>, </s> and <unk> are letters here, and so is \u2581",
    "x=values[i]*2+(y-1)/3;  // comment",
    "!!! ??? ... --- ___ ''' \"\"\"",
    "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ",
]


def write_texts(folder, encode):
    """One object a text, one a line: a difference shows the text it is about."""
    lines = [json.dumps({"text": text, "ids": encode(text)}) for text in TEXTS]
    (folder / "golden.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


def write_byte_pair(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TRAINING_TEXTS, trainers.BpeTrainer(
        vocab_size=BYTE_PAIR_VOCABULARY, min_frequency=1, show_progress=False,
        initial_alphabet=alphabet, special_tokens=["<|endoftext|>"]))
    assert tokenizer.get_vocab_size() == BYTE_PAIR_VOCABULARY
    tokenizer.model.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    from_files = GPT2Tokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        assert from_files.encode(text) == ids, text
        assert tokenizer.decode(ids) == text, text
    write_texts(folder, lambda text: tokenizer.encode(text).ids)


def write_sentencepiece(folder):
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TRAINING_TEXTS), model_writer=written, model_type="bpe",
        vocab_size=SENTENCEPIECE_VOCABULARY, character_coverage=0.995, byte_fallback=True,
        split_digits=True, allow_whitespace_only_pieces=True, remove_extra_whitespaces=False,
        normalization_rule_name="identity", num_threads=1, minloglevel=2)
    (folder / "tokenizer.model").write_bytes(written.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    write_texts(folder, processor.encode)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    output = parser.parse_args().output
    for name, write in {"byte-pair": write_byte_pair, "sentencepiece": write_sentencepiece}.items():
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        write(folder)


if __name__ == "__main__":
    main()
