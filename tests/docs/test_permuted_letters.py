"""The continual-learning example, on a few letters."""

from pathlib import Path

import numpy as np
import pytest

from docs.examples import permuted_letters
from docs.examples.permuted_letters import run, stream
from tests.support.running import save_letters


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> permuted_letters.Stream:
    return stream(save_letters(tmp_path_factory.mktemp("letters") / "letters_data.mat", rows=5200))


def test_each_task_is_learned_and_the_first_forgotten(letters: permuted_letters.Stream) -> None:
    curves = run(letters, learning_rate=0.1, tasks=3, samples=1500, hidden=8)
    assert len(curves.online) == len(curves.first_task) == 3
    assert min(curves.online) > 0.5  # of 26 classes, from the first letter of the task on
    assert curves.first_task[0] > curves.first_task[2] + 0.3


def test_figure(letters: permuted_letters.Stream, tmp_path: Path) -> None:
    permuted_letters.draw(letters, tasks=2, samples=50, file=tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_online_accuracy_counts_predictions_before_their_step(letters: permuted_letters.Stream) -> None:
    """The first letter of all is predicted by a network that knows nothing."""
    first = [run(letters, 0.01, tasks=1, samples=1, seed=seed).online[0] for seed in range(20)]
    assert np.mean(first) < 0.5
