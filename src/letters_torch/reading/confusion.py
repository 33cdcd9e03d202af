"""The confusion matrix, and the most frequent mistakes for a letter."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from letters_torch.letters import ALPHABET, CLASSES


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Counts pairs of true and predicted class.

    Args:
        truth: (N,) integers 0..25; an array, or a tensor on the CPU.
        predicted: (N,) integers 0..25, likewise.

    Returns:
        (26, 26), indexed [truth, predicted].
    """
    pairs = np.asarray(truth, np.int64) * CLASSES + np.asarray(predicted, np.int64)
    return np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES).astype(np.int64)


def mistaken_for(letter: str, row: Sequence[int], most: int = 3) -> list[tuple[str, float]]:
    """The letters that a letter is most often taken for.

    Args:
        letter: the true letter, "A".."Z".
        row: its row of the confusion matrix, 26 counts.
        most: the largest number of letters to return.

    Returns:
        Pairs (letter, share of the row), the most frequent first. Equal counts are in reverse alphabetical order.
    """
    total = sum(row)
    wrong = sorted(((n, other) for n, other in zip(row, ALPHABET, strict=True) if n and other != letter), reverse=True)
    return [(other, n / total) for n, other in wrong[:most]]
