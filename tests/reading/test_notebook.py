"""The notebook's log, and when it may be compared."""

import numpy as np
import pytest

from letters_torch.letters import Letters, LetterSets
from letters_torch.reading import notebook


def test_the_notebooks_milestones() -> None:
    """As they were told beside the log; and every validation once and in order, those logged twice too."""
    points = {point.step: point.val_acc for point in notebook.curve()}
    told = {2000: 0.484, 10000: 0.531, 58000: 0.683, 106000: 0.720, 204000: 0.812, 302000: 0.845, 348000: 0.853}
    assert {step: points[step] for step in told} == pytest.approx(told, abs=1e-3)
    assert points[438000] == pytest.approx(0.8635, abs=1e-4)
    assert [step for step in points if step % 2000 == 0] == list(range(0, 456_001, 2000))
    assert [step for step in points if step % 2000] == [9999, 49999]  # where a run of its ended
    assert list(points) == sorted(points)
    assert len(notebook.curve()) == len(points)


@pytest.mark.parametrize(
    ("source", "rows", "comparable"),
    [("kaggle", 124_800, True), ("kaggle", 70_815, False), ("emnist", 124_800, False), ("builtin", 124_800, False)],
)
def test_only_the_competitions_own_file_is_comparable(source: str, rows: int, comparable: bool) -> None:
    blank = np.zeros((1, 28, 28), np.uint8)
    train, test = (Letters(np.broadcast_to(blank, (count, 28, 28))) for count in (rows, 20_800))
    assert notebook.is_comparable(LetterSets(train, test, "", source)) == comparable
