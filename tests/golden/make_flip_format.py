"""Writes resources/data/flip-format.csv: a small table as FLIP has them, of made-up proteins."""

import argparse
import random
from pathlib import Path

RESIDUES = "LAGVSERTIDPKQNFYMHWC"
ROWS, TRAIN, VALIDATION = 96, 68, 10


def target(protein, draw):
    """Near a line through the share of IVYWREL, which growth temperatures of prokaryotes follow
    (Zeldovich, Berezovsky, Shakhnovich 2007), with noise of 2 degrees."""
    share = sum(residue in "IVYWREL" for residue in protein) / len(protein)
    return 20 + 70 * share + draw.gauss(0, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = Path(__file__).parent / "../../resources/data"
    parser.add_argument("--output", type=Path, default=folder / "flip-format.csv")
    output = parser.parse_args().output
    draw = random.Random(1)
    with open(output, "w", encoding="utf-8") as file:
        file.write("sequence,target,set,validation\n")
        for row in range(ROWS):
            liking = [draw.random() + 0.2 for _ in RESIDUES]
            protein = "M" + "".join(draw.choices(RESIDUES, liking, k=draw.randint(12, 36)))
            split = "train" if row < TRAIN else "test"
            validation = "True" if row < VALIDATION else ""
            file.write(f"{protein},{target(protein, draw):.2f},{split},{validation}\n")


if __name__ == "__main__":
    main()
