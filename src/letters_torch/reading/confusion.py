"""Which letter is taken for which: counts, and what they say of each letter."""

import torch
from torch import Tensor

from letters_torch.letters import ALPHABET, CLASSES


def confusion(truth: Tensor, predicted: Tensor) -> Tensor:
    """Counts pairs of true and predicted class.

    Args:
        truth: (N,) integers 0..25.
        predicted: (N,) integers 0..25.

    Returns:
        (26, 26) int64 on the CPU, indexed [truth, predicted].
    """
    pairs = (truth * CLASSES + predicted).cpu()
    return torch.bincount(pairs, minlength=CLASSES**2).view(CLASSES, CLASSES)


def mistaken_for(letter: str, row: list[int], most: int = 3) -> list[tuple[str, float]]:
    """What a letter is most often taken for.

    Args:
        letter: the true letter, "A".."Z".
        row: its row of the confusion matrix, 26 counts.
        most: how many to return at most.

    Returns:
        (letter, share of the row) pairs, the most frequent first; equal counts in reverse alphabetical order.
    """
    total = sum(row)
    wrong = sorted(((n, other) for n, other in zip(row, ALPHABET, strict=True) if n and other != letter), reverse=True)
    return [(other, n / total) for n, other in wrong[:most]]
