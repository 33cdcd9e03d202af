"""Figures show what they are given."""

import re
from xml.etree import ElementTree

import numpy as np

from letters_torch.drawing import figures
from tests.support.pages import axes_lines


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
