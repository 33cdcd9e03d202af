"""Standardisation of pixels to zero mean and unit variance, as in sklearn.preprocessing.scale (population variance).

Moment normalisation (moments.py) and direction features (directions.py) may come before it.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from letters_torch.data.directions import directions, of_images
from letters_torch.data.moments import Moments, normalised
from letters_torch.data.rows import Rows, standardised
from letters_torch.errors import UserError
from letters_torch.exact_sgd import Levels
from letters_torch.exact_sgd.threads import run_in_parts
from letters_torch.letters import SIDE, UInt8

EXACT = 2**24 // 255**2  # images whose squares float32 adds up without rounding
Scaling = Literal["pixel", "pixel_each_set", "global"]


@dataclass(frozen=True)
class Standardizer:
    """(image - mean) * inv_std, pixel by pixel, of an image or of its direction features."""

    mean: Tensor  # (28, 28) float64, in grey levels
    inv_std: Tensor  # (28, 28) float64; 0 for a pixel that is constant over the set, so that it is 0 in every image
    # Of pixels from beyond the image's edge in augmentation: 0, the mean of every pixel, with statistics per pixel;
    # black with one mean and deviation for all pixels, and with direction features.
    fill: float
    moments: Moments | None = None  # the moment normalisation that comes first
    directions: bool = False  # whether direction features take the place of the pixels, after the moments

    def __call__(self, images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Letters as on file, uint8 (N, 28, 28) -> `dtype` (N, 28, 28)."""
        return self.standardised(self.seen(images), dtype)

    def standardised(self, seen: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """What `seen` returns -> `dtype` (N, 28, 28)."""
        return standardised(seen, self.mean, self.inv_std, dtype)

    def levels(self, seen: Tensor) -> Levels:
        """What `seen` returns, for `parallel_logits`."""
        return Levels(seen.flatten(1).bfloat16(), self.mean.flatten(), self.inv_std.flatten())

    def seen(self, images: Tensor) -> Tensor:
        """What is standardised of letters as on file: grey levels or direction features, uint8 (N, 28, 28)."""
        moved = normalised(images.numpy(), self.moments)
        return torch.from_numpy(of_images(moved) if self.directions else moved)

    def rows(self, images: Tensor, rows: Tensor, dtype: torch.dtype) -> Rows:
        """Rows (N,) of a set as augmentation gets them: standardised or, if direction features follow, in grey levels.

        The set, (M, 28, 28) uint8, has gone through moment normalisation.
        """
        if self.directions:
            return Rows(images, rows, torch.zeros_like(self.mean), torch.ones_like(self.inv_std), dtype)
        return Rows(images, rows, self.mean, self.inv_std, dtype)

    def augmented(self, images: Tensor) -> Tensor:
        """What the network sees of `rows` after their augmentation, (N, 28, 28)."""
        if not self.directions:
            return images
        features = torch.empty_like(images)

        def write(begin: int, end: int) -> None:
            part = directions(images[begin:end])
            features[begin:end] = standardised(part, self.mean, self.inv_std, images.dtype)

        run_in_parts(write, len(images))
        return features

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers, for a checkpoint."""
        moments = asdict(self.moments) if self.moments else None
        tables = {"mean": self.mean, "inv_std": self.inv_std, "fill": self.fill}
        return {**tables, "moments": moments, "directions": self.directions}

    @classmethod
    def from_state(cls, state: dict[str, Any], where: str = "--ckpt_path") -> "Standardizer":
        """The standardizer of a `state_dict`; UserError, saying `where` it is from, if its moments are invalid."""
        try:
            moments = Moments(**state["moments"]) if state["moments"] else None
        except ValueError as error:
            raise UserError(f"{where}: {error}; use another checkpoint of the run") from error
        return cls(**{**state, "moments": moments})


def fit(images: UInt8, scaling: Scaling, moments: Moments | None = None, directions: bool = False) -> Standardizer:
    """Computes the statistics of a set of letters.

    Args:
        images: (N, 28, 28), at least one, after moment normalisation if there is any.
        scaling: "global" for one mean and one deviation of all pixels, otherwise those of each pixel.
        moments: the moment normalisation that the images went through; later images will go through it too.
        directions: whether the statistics are those of direction features, which later images are turned into.
    """
    images = of_images(images) if directions else images
    count, total, squares = len(images), *_sums(images)
    if scaling == "global":
        count, total, squares = count * SIDE**2, np.full_like(total, total.sum()), np.full_like(squares, squares.sum())
    # Exact, in Python's integers: in floating point the variance of a pixel that rarely differs would be lost in the
    # rounding of its squares, and a constant pixel could not be recognised.
    n, s, q = count, total.astype(object), squares.astype(object)
    mean, variance = (s / n).astype(np.float64), ((n * q - s * s) / n**2).astype(np.float64)
    constant = variance == 0
    inv_std = np.where(constant, 0, 1 / np.sqrt(np.where(constant, 1, variance)))
    fill = float(-mean[0, 0] * inv_std[0, 0]) if scaling == "global" and not directions else 0.0
    return Standardizer(torch.from_numpy(mean), torch.from_numpy(inv_std), fill, moments, directions)


def _sums(images: UInt8) -> tuple[Any, Any]:
    """The sums of each pixel and of its square over the set, int64 (28, 28) each."""
    total, squares = np.zeros((SIDE, SIDE), np.int64), np.zeros((SIDE, SIDE), np.int64)
    for begin in range(0, len(images), EXACT):
        piece = images[begin : begin + EXACT].astype(np.float32)
        total += piece.sum(0).astype(np.int64)
        squares += np.square(piece, out=piece).sum(0).astype(np.int64)
    return total, squares
