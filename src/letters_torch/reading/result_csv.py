"""result.csv: the competition's file, and readings of pictures."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from letters_torch import files
from letters_torch.letters import ALPHABET


def write(path: Path, probabilities: Tensor, pictures: Sequence[Path] | None = None) -> None:
    """Writes one row an image, in order: `Id,Category`, and for pictures `Letter,Confidence,File` behind them.

    Args:
        path: written whole or not at all.
        probabilities: of A..Z, (N, 26).
        pictures: the file of each image, if they are pictures.

    Raises:
        OSError: the file cannot be written.
    """
    confidence, reading = (column.tolist() for column in probabilities.max(1))
    rows: list[list[object]] = [["Id", "Category"], *([i + 1, c + 1] for i, c in enumerate(reading))]
    if pictures is not None:
        rows[0] += ["Letter", "Confidence", "File"]
        for row, c, p, file in zip(rows[1:], reading, confidence, pictures, strict=True):
            row += [ALPHABET[c], f"{p:.4f}", file]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    files.write(path, text.getvalue().encode())
