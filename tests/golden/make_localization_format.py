"""Writes resources/data/localization-format.csv: made-up proteins whose composition and first residues hint at where they
go, as real ones do, in the columns that FLIP has. It shows the format and lets an experiment run; it says nothing of biology.
"""
import csv
import random
from pathlib import Path

KINDS = {  # how a protein begins, and residues that it has more of
    "extracellular": ("MKLLAVLLALLA", "CNTS"),
    "mitochondrial": ("MLRSRAARRL", "RASG"),
    "nuclear": ("MPKKKRKV", "KREQ"),
    "plasma_membrane": ("MDWI", "LIVF"),
}
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def protein(random_numbers, kind):
    start, favoured = KINDS[kind]
    length = random_numbers.randint(24, 56)
    rest = (random_numbers.choice(favoured if random_numbers.random() < 0.35 else RESIDUES) for _ in range(length))
    return start + "".join(rest)


def main():
    random_numbers = random.Random(6)
    rows = []
    for number in range(160):
        kind = sorted(KINDS)[number % len(KINDS)]
        part = "test" if number % 5 == 4 else "train"
        rows.append((protein(random_numbers, kind), kind, part, "True" if part == "train" and number % 10 == 0 else ""))
    path = Path(__file__).resolve().parents[2] / "resources/data/localization-format.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sequence", "target", "set", "validation"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
