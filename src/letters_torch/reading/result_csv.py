"""result.csv: the competition's file, or a table of the predictions for pictures."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from letters_torch import files
from letters_torch.paths import printable
from letters_torch.reading.predictions import Predictions


def write(path: Path, predictions: Predictions, pictures: Sequence[Path] | None = None, top: int = 1) -> None:
    """Writes one row per image, in order.

    The columns are `Id,Category`, as the competition wants them: the row from 1 and the letter from 1 (A) to 26. For
    pictures, or if more than the first prediction is asked for, `Letter,Confidence` follow, then
    `Letter2,Confidence2` and so on. For pictures there are also `Unsure` ("yes" or empty, see `Predictions.unsure`)
    and `File`.

    Args:
        path: the file; it is written whole or not at all.
        predictions: of N images.
        pictures: the file of each image, if they are pictures.
        top: letters to list for each image, the most probable first; 1 to 26.

    Raises:
        OSError: the file cannot be written.
    """
    rows = [["Id", "Category"], *([str(i), str(c + 1)] for i, c in enumerate(predictions.classes.tolist(), 1))]
    if pictures is not None or top > 1:
        rows[0] += [name + place for place in ("", *map(str, range(2, top + 1))) for name in ("Letter", "Confidence")]
        for row, letters in zip(rows[1:], predictions.top(top), strict=True):
            row += [text for letter, p in letters for text in (letter, f"{p:.4f}")]
    if pictures is not None:
        rows[0] += ["Unsure", "File"]
        for row, unsure, file in zip(rows[1:], predictions.unsure.tolist(), pictures, strict=True):
            row += ["yes" if unsure else "", printable(file)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    files.write(path, text.getvalue().encode())
