"""result.csv, column by column."""

import csv
from pathlib import Path

import numpy as np
import pytest

from letters_torch.reading import result_csv
from letters_torch.reading.predictions import Predictions


def predictions() -> Predictions:
    probabilities = np.zeros((3, 26))
    probabilities[0, [0, 1, 2]] = [0.97314159, 0.02, 0.00685841]
    probabilities[1, [25, 3, 4]] = [0.5, 0.3, 0.2]
    probabilities[2, [7, 8, 9]] = [0.6, 0.4, 0.0]
    return Predictions(probabilities)


def written(path: Path, *args: object, **kwargs: object) -> str:
    result_csv.write(path / "result.csv", predictions(), *args, **kwargs)  # type: ignore[arg-type]
    return (path / "result.csv").read_bytes().decode()


def test_the_competitions_file(tmp_path: Path) -> None:
    assert written(tmp_path) == "Id,Category\n1,1\n2,26\n3,8\n"


def test_pictures_have_letter_confidence_to_four_digits_and_file(tmp_path: Path) -> None:
    assert written(tmp_path, [Path("a.png"), Path("of, Ann/b.png"), Path("c.png")]) == (
        "Id,Category,Letter,Confidence,Unsure,File\n"
        "1,1,A,0.9731,,a.png\n"
        '2,26,Z,0.5000,yes,"of, Ann/b.png"\n'
        "3,8,H,0.6000,,c.png\n"
    )


def test_the_most_probable_letters(tmp_path: Path) -> None:
    assert written(tmp_path, top=3) == (
        "Id,Category,Letter,Confidence,Letter2,Confidence2,Letter3,Confidence3\n"
        "1,1,A,0.9731,B,0.0200,C,0.0069\n"
        "2,26,Z,0.5000,D,0.3000,E,0.2000\n"
        "3,8,H,0.6000,I,0.4000,A,0.0000\n"
    )
    header = written(tmp_path, [Path("a")] * 3, top=2).splitlines()[0]
    assert header == "Id,Category,Letter,Confidence,Letter2,Confidence2,Unsure,File"


def test_a_file_name_that_is_not_utf_8(tmp_path: Path) -> None:
    text = written(tmp_path, [Path("\udcff\n.png")] * 3)
    assert next(csv.DictReader(text.splitlines(keepends=True)))["File"] == "\\udcff\n.png"


def test_as_many_files_as_predictions(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="argument"):
        written(tmp_path, [Path("a.png")])
    assert not list(tmp_path.iterdir())
