"""Moment normalisation: the ink of every letter gets the same centre and spread and less slant.

Position, size, width and slant vary between writers and say little about the letter. They are removed before the
network sees the image, so that it need not learn to ignore them. After R. G. Casey, "Moment normalization of
handprinted characters" (IBM Journal of Research and Development 14, 1970); here slant and aspect may be removed in
part.
"""

from dataclasses import dataclass

import numpy as np
import torch

from letters_torch.data.affine import affine_grid, sample
from letters_torch.exact_sgd.schedule import Float64
from letters_torch.letters import SIDE, UInt8

CHUNK = 4096  # images that are moved at once
THINNEST = 0.5  # pixels: the smallest deviation along an axis that is assumed, for a thin stroke
STEEPEST = 1.0  # the largest shear, in pixels to the side per pixel down: no writer slants more
ZOOM = 0.5, 2.0  # the smallest and largest distance of old pixels per new pixel, along either axis


@dataclass(frozen=True)
class Moments:
    """Shifts, shears and scales images so that their ink, as a distribution over the plane, has these moments.

    Attributes:
        spread: the standard deviation of the ink about its centre, in pixels; the geometric mean over both axes.
        slant: the part of the slant that is removed, 0 to 1. 1 also tilts letters with slanted strokes, such as y.
        aspect: the part of the difference between width and height that is removed, 0 to 1. 1 makes an I as
            wide as a W.

    Raises:
        ValueError: the spread is not 1 to 14 pixels, or a part is not in 0 to 1.
    """

    spread: float = 6.0
    slant: float = 0.7
    aspect: float = 0.6

    def __post_init__(self) -> None:
        if not 1 <= self.spread <= SIDE / 2:
            raise ValueError(f"moments.spread must be 1 to {SIDE // 2} pixels, not {self.spread:g}")
        for name, part in (("slant", self.slant), ("aspect", self.aspect)):
            if not 0 <= part <= 1:
                raise ValueError(f"moments.{name} must be 0 to 1, not {part:g}")

    def __str__(self) -> str:
        """In the command line's syntax."""
        return f"{{spread: {self.spread}, slant: {self.slant}, aspect: {self.aspect}}}"

    def __call__(self, images: UInt8) -> UInt8:
        """The normalised images (N, 28, 28). Ink that is moved beyond the edge is lost; an empty image is unchanged."""
        moved = np.empty_like(images)
        for begin in range(0, len(images), CHUNK):
            piece = images[begin : begin + CHUNK]
            grid = affine_grid(torch.from_numpy(self.maps(piece)).float(), SIDE, SIDE)
            pixels = sample(torch.from_numpy(piece).float(), grid, "bilinear", None)
            moved[begin : begin + CHUNK] = pixels.round_().clamp_(0, 255).numpy()
        return moved

    def maps(self, images: UInt8) -> Float64:
        """The maps from new positions to old ones, in grid_sample's units (-1..1); (N, 2, 3).

        The new pixel at (x, y) from the image's centre is taken from (m_x + z_x x + k z_y y, m_y + z_y y), where m is
        the centre of the ink, k the shear, and z the zoom along each axis.
        """
        mass, (m_x, m_y), (v_x, v_y, v_xy) = moments(images)
        k = np.clip(self.slant * v_xy / np.maximum(v_y, THINNEST**2), -STEEPEST, STEEPEST)
        s_x = np.sqrt(np.maximum(v_x - 2 * k * v_xy + k * k * v_y, THINNEST**2))  # after the shear
        s_y = np.sqrt(np.maximum(v_y, THINNEST**2))
        size = np.sqrt(s_x * s_y)
        z_x, z_y = (np.clip(size / self.spread * (s / size) ** self.aspect, *ZOOM) for s in (s_x, s_y))
        zero, half = np.zeros_like(k), SIDE / 2
        maps = np.stack([np.stack([z_x, k * z_y, m_x / half], 1), np.stack([zero, z_y, m_y / half], 1)], 1)
        maps[mass == 0] = np.eye(2, 3)
        return maps


def normalised(images: UInt8, moments: Moments | None) -> UInt8:
    """The images (N, 28, 28) after moment normalisation; unchanged if there is none."""
    return images if moments is None else moments(images)


def moments(images: UInt8) -> tuple[Float64, tuple[Float64, Float64], tuple[Float64, Float64, Float64]]:
    """The mass, centre and variances of the ink of images (N, 28, 28), each (N,).

    The mass is in grey levels; the centre (x, y) in pixels from the centre of the image; the variances along x and y
    and the covariance in square pixels. Centre and variances are 0 for an empty image.
    """
    position = np.arange(SIDE) - (SIDE - 1) / 2
    y, x = (axis.ravel() for axis in np.meshgrid(position, position, indexing="ij"))
    ink = images.reshape(len(images), -1).astype(np.float64)
    mass = ink.sum(1)
    share = ink / np.maximum(mass, 1)[:, None]
    m_x, m_y = share @ x, share @ y
    v_x, v_y, v_xy = (share @ (a * b) - m for a, b, m in ((x, x, m_x**2), (y, y, m_y**2), (x, y, m_x * m_y)))
    return mass, (m_x, m_y), (v_x, v_y, v_xy)
