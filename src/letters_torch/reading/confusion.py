"""The confusion matrix, and the most frequent mistakes for a letter."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from letters_torch.letters import ALPHABET, CLASSES


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Counts pairs of true and predicted class, integers 0..25, (N,), in arrays or in tensors on the CPU.

    Returns:
        (26, 26), indexed [truth, predicted].
    """
    pairs = np.asarray(truth, np.int64) * CLASSES + np.asarray(predicted, np.int64)
    return np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES).astype(np.int64)


def mistaken_for(letter: str, row: Sequence[int], most: int = 3) -> list[tuple[str, float]]:
    """The letters that a letter is most often taken for, by its `row` of the confusion matrix, 26 counts.

    Returns:
        `most` pairs (letter, share of the row) or fewer, the most frequent first; of equal counts, the later letter.
    """
    total = sum(row)
    wrong = sorted(((n, other) for n, other in zip(row, ALPHABET, strict=True) if n and other != letter), reverse=True)
    return [(other, n / total) for n, other in wrong[:most]]
