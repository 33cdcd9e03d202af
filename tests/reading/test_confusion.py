"""The confusion matrix, and what a letter is taken for."""

import numpy as np
import torch

from letters_torch.reading.confusion import confusion, mistaken_for


def test_counts_pairs_of_truth_and_prediction() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 26, (2, 500))
    expected = np.zeros((26, 26), int)
    for pair in zip(truth, predicted, strict=True):
        expected[pair] += 1
    for kind in (np.asarray, torch.from_numpy):
        counts = confusion(kind(truth), kind(predicted))
        np.testing.assert_array_equal(counts, expected)
        assert counts.dtype == np.int64
    assert not confusion(truth[:0], truth[:0]).any()


def test_the_most_frequent_mistakes_come_first() -> None:
    row = [0] * 26
    row[6], row[16], row[2], row[14], row[0] = 50, 25, 15, 9, 1  # a G, read as G, Q, C, O, A
    assert mistaken_for("G", row) == [("Q", 0.25), ("C", 0.15), ("O", 0.09)]
    assert mistaken_for("G", row, most=1) == [("Q", 0.25)]
    assert mistaken_for("G", [0] * 26) == []
