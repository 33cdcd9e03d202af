"""Rows of a set of images, standardised when they are read."""

from typing import NamedTuple

import torch
from torch import Tensor


class Rows(NamedTuple):
    """Images as a set holds them, and which of them are meant."""

    images: Tensor  # (M, H, W) uint8, the set
    rows: Tensor  # (N,) int64
    mean: Tensor  # (H, W) float64
    inv_std: Tensor  # (H, W) float64
    dtype: torch.dtype  # of the standardised images, float32 or float64

    def standardised(self) -> Tensor:
        """(N, H, W)."""
        return standardised(self.images.index_select(0, self.rows), self.mean, self.inv_std, self.dtype)


def standardised(images: Tensor, mean: Tensor, inv_std: Tensor, dtype: torch.dtype) -> Tensor:
    """(image - mean) * inv_std, computed in `dtype`, (N, H, W). Images that have this dtype already are overwritten."""
    return images.to(dtype).sub_(mean.to(dtype)).mul_(inv_std.to(dtype))
