"""What a network predicts for a set of letters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from letters_torch.errors import UserError
from letters_torch.finite import all_finite
from letters_torch.letters import ALPHABET, CLASSES

# A prediction of lower confidence is called unsure. With a network trained by best-438k.yaml these are 11 of 100
# validation rows. Half of them are wrong; of the others, 6 of 100 are wrong.
UNSURE = 0.6

_NAMES = np.array(list(ALPHABET))


@dataclass(frozen=True)
class Predictions:
    """The predictions for N letters."""

    probabilities: npt.NDArray[np.floating]  # (N, 26), of A..Z; each row sums to 1
    truth: npt.NDArray[np.int64] | None = None  # (N,) integers 0..25, the true classes, where there are labels

    def __post_init__(self) -> None:
        if self.probabilities.ndim != 2 or self.probabilities.shape[1] != CLASSES:
            raise ValueError(f"probabilities must have shape (N, {CLASSES}), not {self.probabilities.shape}")
        if self.truth is not None and self.truth.shape != (len(self),):
            raise ValueError(f"truth has shape {self.truth.shape}, but there are {len(self)} predictions")

    def __len__(self) -> int:
        return len(self.probabilities)

    @cached_property
    def classes(self) -> npt.NDArray[np.int64]:
        """(N,) integers 0..25: the most probable class of each letter."""
        return self.probabilities.argmax(1)

    @cached_property
    def confidence(self) -> npt.NDArray[np.floating]:
        """(N,): the probability of that class."""
        return self.probabilities.max(1)

    @property
    def letters(self) -> npt.NDArray[np.str_]:
        """(N,): that class as "A".."Z"."""
        return _NAMES[self.classes]

    @property
    def unsure(self) -> npt.NDArray[np.bool_]:
        """(N,): whether the confidence is below `UNSURE`."""
        return self.confidence < UNSURE

    def top(self, count: int) -> list[list[tuple[str, float]]]:
        """For each row the `count` (1 to 26) most probable letters, as pairs (letter, probability), best first."""
        if not 1 <= count <= CLASSES:
            raise ValueError(f"count must be 1 to {CLASSES}, not {count}")
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :count]
        chosen = np.take_along_axis(self.probabilities, order, 1)
        rows = zip(_NAMES[order].tolist(), chosen.tolist(), strict=True)
        return [list(zip(letters, row, strict=True)) for letters, row in rows]

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """(N,): whether the prediction is the true class. Needs `truth`."""
        if self.truth is None:
            raise ValueError("these predictions have no true classes")
        return self.classes == self.truth

    @property
    def num_correct(self) -> int:
        """How many predictions are correct. Needs `truth`."""
        return int(self.correct.sum())

    def correct_rows(self, count: int) -> list[int]:
        """The first `count` correct rows. The rows are in random order, so this is a random sample."""
        return np.flatnonzero(self.correct)[:count].tolist()

    def worst_rows(self, count: int) -> list[int]:
        """The `count` wrong rows with the highest confidence, the highest first."""
        wrong = np.flatnonzero(~self.correct)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")][:count].tolist()

    def caption(self, row: int) -> tuple[str, str]:
        """`("G read as Q", "97.3%")` for a wrong prediction, `("G", "97.3%")` for a correct one. Needs `truth`."""
        assert self.truth is not None
        truth, letter = ALPHABET[int(self.truth[row])], ALPHABET[int(self.classes[row])]
        return truth if truth == letter else f"{truth} read as {letter}", f"{float(self.confidence[row]):.1%}"


def finite(logits: Tensor) -> Tensor:
    """The logits, unchanged; UserError if one of them is not finite, so that nothing can be predicted."""
    if not all_finite(logits):
        raise UserError("the network's logits are not finite numbers; its weights or its inputs are too large")
    return logits


def softmax(logits: Tensor) -> Tensor:
    """Logits (N, 26) to probabilities (N, 26); raises as `finite`."""
    return torch.softmax(finite(logits), 1)


@torch.no_grad()
def predict(module: nn.Module, batches: Iterable[tuple[Any, ...]]) -> Predictions:
    """The predictions of a network for batches; raises as `finite`.

    A batch is standardised pixels (N, 784), classes (None where there are no labels) and, from a data module, levels.
    The network maps pixels, and levels if there are any, to logits (N, 26), on its device and in its precision.
    """
    probabilities, truth = [], []
    weights = next(module.parameters())
    for x, y, *levels in batches:
        probabilities.append(softmax(module(x.to(weights), *levels)).cpu().numpy())
        if y is not None:
            truth.append(y.cpu().numpy())
    return Predictions(np.concatenate(probabilities), np.concatenate(truth) if truth else None)


def average(parts: Sequence[Predictions]) -> Predictions:
    """The mean of several networks' probabilities for the same N letters: a simple ensemble of at least one."""
    if len({len(part) for part in parts}) != 1:
        raise ValueError(f"predictions of different numbers of letters: {[len(part) for part in parts]}")
    if len(parts) == 1:
        return parts[0]
    return Predictions(np.mean([part.probabilities for part in parts], axis=0), parts[0].truth)
