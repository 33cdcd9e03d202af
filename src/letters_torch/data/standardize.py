"""Pixels to numbers of zero mean and unit variance, as sklearn.preprocessing.scale does: population variance.

Letters may be brought to the same moments first (moments.py).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from letters_torch.data.moments import Moments, placed
from letters_torch.letters import SIDE, UInt8

Scaling = Literal["pixel", "pixel_each_set", "global"]


@dataclass(frozen=True)
class Standardizer:
    """(image - mean) * inverse_deviation, pixel by pixel.

    Attributes:
        mean: (28, 28) float64, in grey levels.
        inverse_deviation: (28, 28) float64; 0 for a pixel that never varied, which so stays 0 whatever it meets.
        outside: the value that a pixel from beyond the image's edge takes. With statistics of each pixel, 0: the
            mean of wherever it lands. With one mean and deviation, black.
        moments: what the letters are brought to first; None for nothing.
    """

    mean: Tensor
    inverse_deviation: Tensor
    outside: float
    moments: Moments | None = None

    def __call__(self, images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """uint8 (N, 28, 28), as on file -> `dtype` (N, 28, 28)."""
        return self.scale(self.place(images), dtype)

    def place(self, images: Tensor) -> Tensor:
        """The first half: uint8 (N, 28, 28) -> the same, brought to the moments."""
        return torch.from_numpy(placed(images.numpy(), self.moments))

    def scale(self, images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The second half: uint8 (N, 28, 28) -> `dtype` (N, 28, 28)."""
        mean, inverse = self.mean.to(dtype), self.inverse_deviation.to(dtype)
        return images.to(dtype).sub_(mean).mul_(inverse)

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers, for a checkpoint."""
        moments = asdict(self.moments) if self.moments else None
        tables = {"mean": self.mean, "inverse_deviation": self.inverse_deviation}
        return {**tables, "outside": self.outside, "moments": moments}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Standardizer":
        """That of a `state_dict`; of one from before there were moments, too."""
        moments = state.get("moments")
        return cls(**{**state, "moments": Moments(**moments) if moments else None})


def fit(images: UInt8, scaling: Scaling, moments: Moments | None = None) -> Standardizer:
    """The statistics of a set.

    Args:
        images: (N, 28, 28), at least one, brought to the moments.
        scaling: "global" for one mean and deviation, otherwise one of each pixel.
        moments: those, for the images to come.
    """
    count, total, squares = len(images), np.zeros((SIDE, SIDE), np.int64), np.zeros((SIDE, SIDE), np.int64)
    for begin in range(0, count, 8192):  # by pieces, to stay small
        piece = images[begin : begin + 8192].astype(np.float32)
        total += piece.sum(0, dtype=np.float64).astype(np.int64)
        squares += np.einsum("nij,nij->ij", piece, piece, dtype=np.float64, casting="safe").astype(np.int64)
    if scaling == "global":
        count, total, squares = count * SIDE**2, np.full_like(total, total.sum()), np.full_like(squares, squares.sum())
    # In whole numbers of Python's, of any size: in floating point what little variance a pixel has would drown in the
    # rounding of its squares, and a constant pixel could not be told from it.
    n, s, q = count, total.astype(object), squares.astype(object)
    mean, variance = (s / n).astype(np.float64), ((n * q - s * s) / n**2).astype(np.float64)
    constant = variance == 0
    inverse = np.where(constant, 0, 1 / np.sqrt(np.where(constant, 1, variance)))
    outside = float(-mean[0, 0] * inverse[0, 0]) if scaling == "global" else 0.0
    return Standardizer(torch.from_numpy(mean), torch.from_numpy(inverse), outside, moments)
