"""Writes text_scores.json: what Python packages say of pairs of texts.

BLEU by NLTK (sentence_bleu without smoothing, tokens separated by white space and full stops),
ROUGE-L by rouge_score, token F1 and exact match by torchmetrics' SQuAD, the fuzzy ratio by rapidfuzz, SARI by Hugging
Face's evaluate, whose script (metrics/sari) lies in its repository. Needs nltk, rouge_score, torchmetrics, rapidfuzz,
evaluate, sacrebleu, sacremoses.
"""

import argparse
import json
import random
import re
import warnings
from pathlib import Path

import evaluate
from nltk.translate.bleu_score import sentence_bleu
from rapidfuzz import fuzz
from rouge_score.rouge_scorer import RougeScorer
from torchmetrics.functional.text import squad

WORDS = ["a", "an", "the", "The", "cat", "Cat's", "sat", "on", "mat.", "Mat", "ran,", "far", "1,000",
         "café", "CAFÉ", "naïve", "“the", "an”", "Ünder", "straße", "x_y", "½", "İstanbul", "木", "...",
         "-", "the-cat"]
GAPS = [" ", "  ", "\t", "\u00a0", "\u3000", ". ", "\n"]
PAIRS = [("the cat sat on the mat", "the cat sat on the mat"), ("", ""), ("", "a cat"),
         ("a cat", ""), ("the", "a"), ("The Cat.", "cat"), ("one two three four five six",
         "one two three four six five"), ("dog", "cat"), ("the the the the the the the",
         "the cat is on the mat"), (" . . ", "cat")]


def tokens(text):
    return [token for token in re.split(r"\s|\.", text) if token]


def scores(prediction, reference, source, sari):
    given, wanted = tokens(prediction), tokens(reference)
    bleu = [sentence_bleu([wanted], given, [1 / n] * n) if given and wanted else 0.0
            for n in range(1, 5)]
    rouge = RougeScorer(["rougeL"]).score(reference, prediction)["rougeL"].fmeasure
    answer = squad([{"id": "1", "prediction_text": prediction}],
                   [{"id": "1", "answers": {"answer_start": [0], "text": [reference]}}])
    simplified = sari.compute(sources=[source], predictions=[prediction], references=[[reference]])
    return {"prediction": prediction, "reference": reference, "source": source, "bleu": bleu, "rouge_l": rouge,
            "token_f1": float(answer["f1"]) / 100,
            "exact_match": float(answer["exact_match"]) / 100,
            "fuzzy_ratio": fuzz.ratio(prediction, reference) / 100, "sari": simplified["sari"] / 100}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--sari", required=True, help="folder of evaluate's metrics/sari")
    arguments = parser.parse_args()
    output, sari = arguments.output, evaluate.load(arguments.sari)
    warnings.simplefilter("ignore")  # NLTK warns of orders in which nothing is common
    draw = random.Random(1)

    def text():
        return "".join(draw.choice(WORDS) + draw.choice(GAPS) for _ in range(draw.randrange(1, 14)))

    pairs = PAIRS + [(text(), text()) for _ in range(60)]
    for _ in range(30):  # almost alike
        words = [draw.choice(WORDS) for _ in range(12)]
        other = list(words)
        other[draw.randrange(12)] = draw.choice(WORDS)
        pairs.append((" ".join(words), " ".join(other)))
    with open(output / "text_scores.json", "w", encoding="utf-8") as file:
        sources = [text() if place % 3 else reference + " " + text() for place, (_, reference) in enumerate(pairs)]
        json.dump([scores(*pair, source, sari) for pair, source in zip(pairs, sources)], file, ensure_ascii=False, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
