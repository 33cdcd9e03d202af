"""The curve of the original notebook, to be drawn under ours."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from letters_torch.letters import LetterSets

FILE = Path(__file__).with_name("notebook_curve.csv")
ROWS = (124_800, 20_800)  # of the competition's letters_data.mat: labelled, to be predicted


class Point(NamedTuple):
    """One line of the notebook's log: accuracies after `step` steps."""

    step: int
    train_acc: float
    val_acc: float


@cache
def curve() -> tuple[Point, ...]:
    """The notebook's log, by step; a step logged again after a resume counts once."""
    with FILE.open(newline="") as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        points = (Point(int(row["step"]), float(row["train_acc"]), float(row["val_acc"])) for row in lines)
        return tuple({point.step: point for point in points}.values())


def is_comparable(sets: LetterSets) -> bool:
    """Whether a run on these letters may be held against the notebook's: only on the competition's own file."""
    return sets.source == "kaggle" and (len(sets.train), len(sets.test)) == ROWS
