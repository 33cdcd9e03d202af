"""How a network reads a labelled set, and what can be said of its accuracy."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor, nn

from letters_torch.data.datamodule import Batch
from letters_torch.letters import ALPHABET


@dataclass(frozen=True)
class Readings:
    """What a network made of the letters of a set, row by row, on the CPU.

    Attributes:
        truth: (N,) of 0..25.
        reading: (N,) of 0..25.
        confidence: the probability that the network gave its reading, (N,).
    """

    truth: Tensor
    reading: Tensor
    confidence: Tensor

    @property
    def right(self) -> int:
        """How many are read right."""
        return int((self.truth == self.reading).sum())

    def read_right(self, count: int) -> list[int]:
        """The first rows that are read right: a fair sample, as the order of the rows is a random one."""
        rows: list[int] = (self.truth == self.reading).nonzero().flatten()[:count].tolist()
        return rows

    def worst(self, count: int) -> list[int]:
        """The rows that are read wrong, those first that the network is surest of."""
        wrong = (self.truth != self.reading).nonzero().flatten()
        order = self.confidence[wrong].argsort(descending=True, stable=True)
        rows: list[int] = wrong[order][:count].tolist()
        return rows

    def caption(self, row: int) -> tuple[str, str]:
        """`("G read as Q", "97.3%")`, or `("G", "97.3%")` where it is read right."""
        truth, reading = ALPHABET[int(self.truth[row])], ALPHABET[int(self.reading[row])]
        return truth if truth == reading else f"{truth} read as {reading}", f"{float(self.confidence[row]):.1%}"


@torch.no_grad()
def read(module: nn.Module, batches: Iterable[Batch]) -> Readings:
    """Reads labelled batches, on the device and in the precision of the module; at least one batch."""
    parts = []
    for batch in batches:
        assert batch.y is not None
        weights = next(module.parameters())
        confidence, reading = torch.softmax(module(batch.x.to(weights)), 1).cpu().max(1)
        parts.append((batch.y.cpu(), reading, confidence))
    return Readings(*(torch.cat(column) for column in zip(*parts, strict=True)))


def wilson(right: int, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for an accuracy: where the true one lies with this confidence.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Args:
        right: how many of the rows are read right.
        rows: at least 1.
        confidence: between 0 and 1, neither of them.

    Returns:
        The interval's lower and upper end, as shares of 1.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = right / rows, z * z / rows
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * (share * (1 - share) / rows + weight / (4 * rows)) ** 0.5
    return middle - half, middle + half
