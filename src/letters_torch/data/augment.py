"""Random changes of letters, drawn separately for every image and applied to a whole block at once.

An augmentation maps (images, draws) to images and has no state. All its randomness is in the draws of the stream, so
the sample of a step depends on nothing but the seed and the step.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

import letters_torch._torchvision_guard  # noqa: F401  isort: skip
from torchvision.transforms import v2

from letters_torch.data.affine import AffineParameters, Field, affine_base, affine_field, sample_field
from letters_torch.data.rows import Rows
from letters_torch.data.stream import Draws
from letters_torch.exact_sgd.threads import run_in_parts

SMALLEST = 0.01  # factor of RandomAffine


class Augmentation(ABC):
    """The base class of a data module's `augment`.

    Attributes:
        given: the arguments of the constructor, positional and by name, for a checkpoint.
        can_fade: whether draws of 0.5 leave an image unchanged if its ranges are symmetric, so that `faded` weakens it.
    """

    given: tuple[tuple[Any, ...], dict[str, Any]]
    can_fade: bool = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Keeps the arguments."""
        made = super().__new__(cls)
        object.__setattr__(made, "given", (args, kwargs))
        return made

    @abstractmethod
    def augment(self, images: Tensor, draws: Draws, fill: float) -> Tensor:
        """Changes each image according to its own draws.

        Args:
            images: (N, H, W), standardised, float.
            draws: (N, at least 14), uniform in [0, 1).
            fill: value of pixels from beyond the edge.

        Returns:
            (N, H, W), of the images' dtype.
        """

    def augment_rows(self, rows: Rows, draws: Draws, fill: float) -> Tensor:
        """As `augment`, for rows of a set, which an augmentation may read without a copy of the standardised images."""
        images = torch.empty(len(rows.rows), *rows.images.shape[1:], dtype=rows.dtype)

        def write(begin: int, end: int) -> None:
            part = slice(begin, end)
            images[part] = self.augment(rows._replace(rows=rows.rows[part]).standardised(), draws[part], fill)

        run_in_parts(write, len(images))
        return images


def faded(draws: Draws, first_step: int, fade: tuple[int, int]) -> Draws:
    """Draws that move towards 0.5, the middle of every range, as the steps pass.

    Args:
        draws: (N, words), uniform in [0, 1), of consecutive steps.
        first_step: the number of the first of these steps.
        fade: the step until which the draws are unchanged, and the step from which they are 0.5.

    Returns:
        (N, words); the distance from 0.5 falls linearly from one step of `fade` to the other.
    """
    begin, end = fade
    strength = np.clip((end - np.arange(first_step, first_step + len(draws))) / (end - begin), 0, 1)
    return np.asarray(0.5 + (draws - 0.5) * strength[:, None])


class RandomAffine(v2.RandomAffine, Augmentation):
    """torchvision's RandomAffine, drawn separately for every image of a block.

    The arguments, their validation and the distribution of the parameters are torchvision's, where a translation is a
    whole number of pixels. Each image equals `v2.functional.affine` with the same parameters.

    Args:
        degrees: the angle is drawn from (-degrees, degrees), or from this range.
        translate: the largest shifts (x, y), as fractions of the side.
        scale: the range of the factor.
        shear: in degrees; one number or two are the range for x, four are those for x and y.
        interpolation: "nearest" or "bilinear".
        fill: value of pixels from beyond the edge; None for that of the standardised letters (`Standardizer.fill`).

    Raises:
        ValueError: an argument is invalid for torchvision or not finite, the scale is below SMALLEST, the shear reaches
            90 degrees, or torchvision has no such interpolation for tensors.
    """

    can_fade = True

    def __init__(
        self,
        degrees: float | tuple[float, float],
        translate: tuple[float, float] | None = None,
        scale: tuple[float, float] | None = None,
        shear: float | tuple[float, float] | tuple[float, float, float, float] | None = None,
        interpolation: Literal["nearest", "bilinear"] = "bilinear",
        fill: float | None = None,
    ) -> None:
        if interpolation not in ("nearest", "bilinear"):
            raise ValueError(f"interpolation must be nearest or bilinear, not {interpolation}")
        super().__init__(degrees, translate, scale, shear, v2.InterpolationMode(interpolation), fill or 0)
        for name, value in (("degrees", degrees), ("scale", scale), ("shear", shear), ("fill", fill)):
            if value is not None and not all(map(_is_finite, value if isinstance(value, Sequence) else [value])):
                raise ValueError(f"{name} must be finite, not {value}")
        if self.scale is not None and min(self.scale) < SMALLEST:
            raise ValueError(f"scale must be at least {SMALLEST}, not {scale}")
        if self.shear is not None and max(map(abs, self.shear)) >= 90:
            raise ValueError(f"shear must be below 90 degrees, not {shear}")
        self.fixed_fill = fill  # not None also for 0

    def augment(self, images: Tensor, draws: Draws, fill: float) -> Tensor:
        """See `Augmentation.augment`."""
        return self._sampled(images, self.field(draws, *images.shape[1:]), fill)

    def augment_rows(self, rows: Rows, draws: Draws, fill: float) -> Tensor:
        """See `Augmentation.augment_rows`."""
        if type(self).augment is not RandomAffine.augment:  # a subclass does something else
            return super().augment_rows(rows, draws, fill)
        return self._sampled(rows, self.field(draws, *rows.images.shape[1:]), fill)

    def _sampled(self, images: Tensor | Rows, field: Field, fill: float) -> Tensor:
        return sample_field(images, field, self.interpolation.value, fill, self.fixed_fill)

    def field(self, draws: Draws, height: int, width: int) -> Field:
        """The position in its image from which each new pixel is taken."""
        return affine_field(self.parameters_from(draws, height, width), height, width)

    def parameters_from(self, draws: Draws, height: int, width: int) -> AffineParameters:
        """torchvision's `make_params` for every row of draws (N, at least 6) at once."""
        u = draws.T
        tx, ty = self.translate or (0.0, 0.0)
        shear = [*(self.shear or (0.0, 0.0)), 0.0, 0.0][:4]
        low, high = self.scale or (1.0, 1.0)
        return AffineParameters(
            _between(u[0], *self.degrees),
            np.rint(np.stack([_between(u[1], -tx * width, tx * width), _between(u[2], -ty * height, ty * height)], 1)),
            _between(u[3], low, high),
            np.stack([_between(u[4], shear[0], shear[1]), _between(u[5], shear[2], shear[3])], 1),
        )


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _between(u: Draws, low: float, high: float) -> Draws:
    return low + u * (high - low)


class RandomWarp(RandomAffine):
    """`RandomAffine`, and a random displacement of each quarter of the image: strokes bend, parts of letters move.

    Four points, the centres of the quarters, are displaced by up to `pull` pixels along either axis. The displacement
    of a pixel is the sum of theirs, weighted by a Gaussian of the distance. The field takes eight draws, after the six
    of the affine map. Both maps are applied in one sampling, so the image is blurred once.

    Args:
        *args: as `RandomAffine`'s.
        pull: the largest displacement of a quarter along an axis, in pixels.
        **kwargs: as `RandomAffine`'s.

    Raises:
        ValueError: as `RandomAffine`; or `pull` is not a finite number, 0 or more.
    """

    def __init__(self, *args: Any, pull: float = 1.5, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not _is_finite(pull) or pull < 0:
            raise ValueError(f"pull must be a finite number of pixels, 0 or more, not {pull}")
        self.pull = pull

    def field(self, draws: Draws, height: int, width: int) -> Field:
        """As `RandomAffine.field`, with the pull added: the weights of the quarters join the base."""
        affine = super().field(draws, height, width).coefficients
        pulls = self.pull * (2 * draws[:, 6:14] - 1).reshape(-1, 2, 4) * np.array([[2 / width], [2 / height]])
        return Field(np.concatenate([affine, pulls], 2), _warp_base(height, width))


@cache
def _warp_base(height: int, width: int) -> Tensor:
    """The base of a warp's field; (7, H W)."""
    return torch.cat([affine_base(height, width, torch.float64), _quarters(height, width)])


def _quarters(height: int, width: int) -> Tensor:
    """The weight of each quarter at each pixel; (4, H W)."""
    across, down = (_halves(side) for side in (width, height))
    return torch.einsum("iy,jx->ijyx", down, across).reshape(4, -1)


def _halves(side: int) -> Tensor:
    """Gaussians about the centres of the two halves of a side, of a quarter of the side's deviation; (2, side)."""
    position = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    return torch.exp(-((position - torch.tensor([[0.25], [0.75]])) ** 2) / (2 * 0.25**2))


class RollAndRotate(Augmentation):
    """The notebook's augmentation of the standardised image: a roll, then a rotation.

    A roll by floor(u / 0.3) pixels (0, 1, 2 with probability 0.3 each, 3 with 0.1) of random sign along one random
    axis, pixels wrapping around; then a rotation by a uniform angle of less than `degrees`, of random sign, as
    `scipy.ndimage.rotate(order=3, reshape=False, mode="nearest")` does it.

    Args:
        degrees: the largest angle.

    Raises:
        ValueError: the angle is not a finite number, 0 or more.
    """

    def __init__(self, degrees: float = 10.0) -> None:
        if not _is_finite(degrees) or degrees < 0:
            raise ValueError(f"degrees must be a finite number, 0 or more, not {degrees}")
        self.degrees = degrees

    def augment(self, images: Tensor, draws: Draws, fill: float) -> Tensor:
        """See `Augmentation.augment`."""
        shift, axis, angle = self.parameters_from(draws)
        return rotate(roll(images, shift, axis), angle)

    def parameters_from(self, draws: Draws) -> tuple[Draws, Draws, Draws]:
        """Shift in pixels, axis (0 down, 1 right) and angle in degrees for every row of draws; (N,) each."""
        u = draws.T
        shift = np.floor(u[0] / 0.3) * np.where(u[1] < 0.5, -1, 1)
        angle = u[3] * self.degrees * np.where(u[4] < 0.5, -1, 1)
        return shift, np.floor(u[2] * 2), angle


def roll(images: Tensor, shift: Draws, axis: Draws) -> Tensor:
    """`numpy.roll(image, shift, axis)` for each image of (N, H, W)."""
    count, height, width = images.shape
    down, right = torch.from_numpy(np.stack([np.where(axis == 0, shift, 0), np.where(axis == 1, shift, 0)])).long()
    row = (torch.arange(height) - down[:, None]) % height
    column = (torch.arange(width) - right[:, None]) % width
    return images[torch.arange(count)[:, None, None], row[:, :, None], column[:, None, :]]


# SciPy pads an image by this many edge pixels before it fits the spline, for mode="nearest".
_PADDING = 12


@cache
def _spline_matrix(side: int) -> Tensor:
    """The linear map from a row of pixels to its cubic B-spline coefficients; (side + 2 * _PADDING, side)."""
    padded = np.pad(np.eye(side), ((_PADDING, _PADDING), (0, 0)), mode="edge")
    return torch.from_numpy(ndimage.spline_filter1d(padded, order=3, axis=0, mode="nearest"))


def rotate(images: Tensor, degrees: Draws) -> Tensor:
    """`scipy.ndimage.rotate(image, degrees, reshape=False, order=3, mode="nearest")` for each image of (N, H, W)."""
    height, width = images.shape[1:]
    down, across = _spline_matrix(height).to(images), _spline_matrix(width).to(images)
    coefficients = down @ images @ across.T
    turn = torch.from_numpy(np.deg2rad(degrees)).to(images)[:, None, None]
    y = (torch.arange(height).to(images) - (height - 1) / 2)[:, None]
    x = torch.arange(width).to(images) - (width - 1) / 2
    # The position of each output pixel in the padded image; no rotation of 28 pixels leaves it.
    row = torch.cos(turn) * y + torch.sin(turn) * x + ((height - 1) / 2 + _PADDING)
    column = torch.cos(turn) * x - torch.sin(turn) * y + ((width - 1) / 2 + _PADDING)
    return _spline_values(coefficients, row, column)


def _spline_values(coefficients: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The values of cubic B-splines (N, H', W') at the positions row, column (N, H, W), of 4 x 4 neighbours each."""
    count, _, stride = coefficients.shape
    (first_row, row_weights), (first_column, column_weights) = _cubic(row), _cubic(column)
    flat, start = coefficients.reshape(count, -1), (first_row * stride + first_column).reshape(count, -1)
    values = torch.zeros_like(row)
    for i, by_row in enumerate(row_weights):
        for j, by_column in enumerate(column_weights):
            neighbour = flat.gather(1, start + (i * stride + j)).view_as(row)
            values += by_row * by_column * neighbour
    return values


def _cubic(position: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The first of the four knots around each position, and their cubic B-spline weights."""
    knot = position.floor()
    t = position - knot
    weights = [(1 - t) ** 3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6, t**3 / 6]
    return knot.long() - 1, weights
