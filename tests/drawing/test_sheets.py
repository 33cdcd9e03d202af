"""Pictures with words."""

import numpy as np
import pytest
from PIL import ImageDraw

from letters_torch.drawing import sheets, tiles
from letters_torch.letters import ALPHABET


def corner(count: int = 1) -> np.ndarray:
    """Letters that are black but for a bright spot at line 2, column 20."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 2, 20] = 255
    return images


def test_gallery_is_upright_dark_on_white_with_captions_below() -> None:
    sheet = sheets.gallery(corner(2), [("A read as B", "90.0%"), ("", "")])
    first, second = sheet[:, :70], sheet[:, 70:140]
    assert sheet.shape == (4 + 28 * sheets.ZOOM + 34, sheets.WIDTH, 3)
    dark = np.argwhere(np.all(first < 128, axis=-1))
    letter = dark[dark[:, 0] < 4 + 28 * sheets.ZOOM]
    assert (letter.min(0) == (4 + 2 * sheets.ZOOM, 7 + 20 * sheets.ZOOM)).all()
    assert len(letter) == sheets.ZOOM**2
    below = slice(4 + 28 * sheets.ZOOM, None)
    assert (first[below] < 128).any()
    assert (second[below] == 255).all()


def test_confusion_sheet_has_the_truth_down_and_the_reading_across() -> None:
    counts = np.zeros((26, 26), np.int64)
    counts[1, 4] = 3  # B read as E
    sheet = sheets.confusion_matrix(counts)
    blue = np.argwhere(sheet[..., 2].astype(int) - sheet[..., 0] > 60)
    assert (blue.min(0) == ((1 + 2) * sheets.CELL, (4 + 2) * sheets.CELL)).all()
    assert (blue.max(0) == ((1 + 3) * sheets.CELL - 1, (4 + 3) * sheets.CELL - 1)).all()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[float, float], str]:
    """What is written on the sheets, by place."""
    texts: dict[tuple[float, float], str] = {}
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda _, at, text, **__: texts.update({at: text}))
    return texts


def test_confusion_sheet_has_its_numbers_in_per_cent_of_the_letter(written: dict[tuple[float, float], str]) -> None:
    counts = np.zeros((26, 26), np.int64)
    counts[1, 4], counts[1, 5], counts[1, 6], counts[2, 2] = 4000, 5980, 20, 7
    sheets.confusion_matrix(counts)
    numbers = {(x / sheets.CELL, y / sheets.CELL): text for (x, y), text in written.items() if text.isdecimal()}
    assert numbers == {(6.5, 3.5): "40", (7.5, 3.5): "60", (4.5, 4.5): "100"}  # and not a word of 0.2 per cent
    assert [written[1.5 * sheets.CELL, (2.5 + n) * sheets.CELL] for n in range(3)] == ["A", "B", "C"]


def test_the_accuracy_of_a_letter_without_rows_is_none(written: dict[tuple[float, float], str]) -> None:
    counts = np.zeros((26, 26), np.int64)
    counts[0, 0], counts[0, 1], counts[1, 2] = 3, 1, 2
    sheets.letter_accuracy(counts)
    assert [text for text in written.values() if text not in ALPHABET] == ["75.0%", "0.0%", *["-"] * 24]


def test_bars_are_as_long_as_the_accuracies() -> None:
    counts = np.zeros((26, 26), np.int64)
    counts[0, 0], counts[1, 1], counts[1, 2] = 5, 1, 3
    sheet = sheets.letter_accuracy(counts)
    lengths = [(sheet[4 + sheets.LINE * row + 5] == tiles.POSITIVE).all(-1).sum() for row in range(3)]
    assert lengths == pytest.approx([sheets.BAR, sheets.BAR / 4, 0], abs=1)
