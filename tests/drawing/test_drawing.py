"""Pictures and figures show what they are given, where they should."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import ImageDraw

from letters_torch.drawing import figures, sheets, tiles
from letters_torch.letters import ALPHABET
from tests.support.pages import axes_lines


def corner(count: int = 1) -> np.ndarray:
    """Letters that are black but for a bright spot at line 2, column 20."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 2, 20] = 255
    return images


def test_signed_is_blue_above_red_below_and_clear_at_nothing() -> None:
    above, nothing, below, half = tiles.signed(np.array([[4.0, 0.0, -4.0, 2.0]]), 4.0)[0]
    assert tuple(above) == (*tiles.POSITIVE, 255)
    assert tuple(below) == (*tiles.NEGATIVE, 255)
    assert nothing[3] == 0
    assert half[3] == 128
    assert tuple(tiles.on_white(np.stack([above, nothing]))[0]) == tiles.POSITIVE
    assert tuple(tiles.on_white(np.stack([above, nothing]))[1]) == (255, 255, 255)


def test_grid_goes_row_by_row() -> None:
    sheet = tiles.grid(np.arange(1, 6, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2), columns=3)
    assert sheet.shape == (2 * 30 + 2, 3 * 30 + 2)
    assert [[int(sheet[15 + 30 * r, 15 + 30 * c]) for c in range(3)] for r in range(2)] == [[1, 2, 3], [4, 5, 0]]


def test_hidden_units_are_those_with_the_largest_outgoing_weights() -> None:
    V = np.arange(4)[:, None] * np.ones((4, 785))
    V[2, 30] = 7.0
    W = np.ones((26, 5)) * np.array([1.0, -3.0, 9.0, 0.5, 100.0])  # the last column is the bias
    shown = tiles.weights(V, W, 2)
    assert [image[5, 5] for image in shown] == [2.0, 1.0]
    assert shown[0][1, 2] == 7.0


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
    sheet = sheets.letter_accuracy(counts, width=400, line=18)
    lengths = [(sheet[4 + 18 * row + 5] == tiles.POSITIVE).all(-1).sum() for row in range(3)]
    assert lengths == pytest.approx([400, 100, 0], abs=1)


def test_curves_are_those_of_the_run_with_another_under_them() -> None:
    val = [(0, 0.25), (100, 0.5), (250, 0.75)]
    figure = figures.curves({"val/acc": val, "val/loss": [(0, 3.0)]}, [100, 200, 400], [(0, 0.1), (50, 0.2)], "another")
    accuracy, loss = figure.axes
    lines = axes_lines(accuracy)
    assert lines["validation"] == val
    assert "training" not in lines
    assert lines["another"] == [(0, 0.1), (50, 0.2)]
    assert axes_lines(loss)["validation"] == [(0, 3.0)]
    ends = [line for name, line in lines.items() if name.startswith("_")]
    assert [line[0][0] for line in ends] == [100, 200]  # the third stage is not over
    assert [text.get_text() for text in accuracy.texts] == ["1", "2", "3"]
    assert accuracy.get_xlim() == (0, 250)


def test_confusion_figure_has_its_counts_in_their_cells() -> None:
    counts = np.zeros((26, 26), np.int64)
    counts[1, 4], counts[2, 2] = 3, 8
    axes = figures.confusion_matrix(counts).axes[0]
    assert {(text.get_position(), text.get_text()) for text in axes.texts} == {((4, 1), "3"), ((2, 2), "8")}
    coloured = np.asarray(axes.images[0].get_array())[..., 3]
    assert [tuple(cell) for cell in np.argwhere(coloured)] == [(1, 4), (2, 2)]
    assert axes.yaxis_inverted()
    assert [label.get_text() for label in axes.get_yticklabels()][:3] == ["A", "B", "C"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("read as", "true letter")


def test_svg_takes_the_pages_colour_and_keeps_its_ids_to_itself() -> None:
    one, two = (figures.svg(figures.curves({}, [9]), name, "1 < 2") for name in ("one", "two"))
    element = ElementTree.fromstring(one)
    assert element.tag.endswith("svg")
    assert (element.get("role"), element.get("aria-label")) == ("img", "1 < 2")
    assert "currentColor" in one
    assert figures.INK not in one
    assert "metadata" not in one
    ids = [set(re.findall(r'\bid="([^"]*)"', text)) for text in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    used = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]*)', one))
    assert used
    assert used <= ids[0]
