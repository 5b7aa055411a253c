"""Writes label_scores.json: what SciPy and scikit-learn say of predicted numbers and classes."""

import argparse
import json
import random
import warnings
from pathlib import Path

from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, root_mean_squared_error


def numbers(draw, count, step):
    expected = [draw.gauss(0, 2) for _ in range(count)]
    predictions = [x + draw.gauss(0, 1) for x in expected]
    if step:  # with equals
        expected, predictions = ([round(x / step) * step for x in side]
                                 for side in (expected, predictions))
    return {"predictions": predictions, "expected": expected,
            "pearson": pearsonr(predictions, expected).statistic,
            "spearman": spearmanr(predictions, expected).statistic,
            "rmse": root_mean_squared_error(expected, predictions)}


def classes(draw, count, names):
    expected = [draw.choice(names[:-1]) for _ in range(count)]
    predictions = [x if draw.random() < 0.6 else draw.choice(names[1:]) for x in expected]
    all_names = sorted(set(expected) | set(predictions))
    return {"predictions": predictions, "expected": expected, "classes": all_names,
            "accuracy": accuracy_score(expected, predictions),
            "macro_f1": f1_score(expected, predictions, average="macro"),
            "confusion": confusion_matrix(expected, predictions, labels=all_names).tolist()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    output = parser.parse_args().output
    warnings.simplefilter("ignore")
    draw = random.Random(1)
    found = {"numbers": [numbers(draw, count, step) for count in (2, 3, 50) for step in (0, 1)],
             "classes": [classes(draw, count, names) for count in (1, 7, 60)
                         for names in (["cytoplasm", "nucleus", "vacuole"], list("abcdefgh"))]}
    with open(output / "label_scores.json", "w", encoding="utf-8") as file:
        json.dump(found, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
