"""Affine maps of images, one for each image of a block, equal to torchvision's image by image.

Where Numba is installed, bilinear sampling is compiled (`_sampler.py`); otherwise torch samples at a grid.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.data.rows import Rows
from letters_torch.data.stream import Draws
from letters_torch.exact_sgd.threads import run_in_parts


class AffineParameters(NamedTuple):
    """torchvision's parameters of an affine map, one row an image: degrees, pixels, a factor, degrees."""

    angle: Draws  # (N,)
    translate: Draws  # (N, 2): x, y
    scale: Draws  # (N,)
    shear: Draws  # (N, 2): x, y


class Field(NamedTuple):
    """Positions in the input for each pixel of the output: coefficients @ base, in grid_sample's units (-1..1)."""

    coefficients: Draws  # (N, 2, K): of x, of y
    base: Tensor  # (K, H W); the first three rows are x, y and 1

    def grid(self, images: Tensor) -> Tensor:
        """The positions (N, H, W, 2) for images (N, H, W), of their dtype and on their device."""
        coefficients = torch.from_numpy(self.coefficients).to(images).flatten(0, 1)
        positions = coefficients @ self.base.to(images)
        return positions.view(-1, 2, *images.shape[1:]).permute(0, 2, 3, 1)


def affine_field(parameters: AffineParameters, height: int, width: int) -> Field:
    """The field of these parameters, N of each."""
    return Field(_inverse_matrices(parameters, height, width), affine_base(height, width, torch.float64))


def sample_field(images: Tensor | Rows, field: Field, interpolation: str, around: float, fill: float | None) -> Tensor:
    """Each image at the positions of a field; where the sampling is compiled, by all threads.

    Args:
        images: (N, H, W) float, or rows of a set.
        field: of N images.
        interpolation: "nearest" or "bilinear".
        around: the value of the images beyond their edge; pixels at the edge are interpolated with it.
        fill: if not None, replaces `around`, and is mixed in as torchvision mixes in a fill.

    Returns:
        (N, H, W).
    """
    if interpolation == "bilinear" and _sampler() is not None and _can_compile(images):
        return _sample_compiled(images, field, around, fill)
    if isinstance(images, Rows):
        images = images.standardised()
    grid = field.grid(images)
    if fill is not None or around == 0:
        return sample(images, grid, interpolation, fill)
    return sample(images - around, grid, interpolation, None).add_(around)


def _can_compile(images: Tensor | Rows) -> bool:
    if isinstance(images, Rows):
        return images.images.device.type == "cpu"
    return images.device.type == "cpu" and images.dtype in (torch.float32, torch.float64) and not images.requires_grad


def _sample_compiled(images: Tensor | Rows, field: Field, around: float, fill: float | None) -> Tensor:
    if isinstance(images, Rows):
        pixels, rows, dtype = images.images, images.rows.numpy(), images.dtype
        scaling = torch.stack([images.mean, images.inv_std]).to(dtype).numpy()
    else:
        pixels, rows, dtype, scaling = images.contiguous(), np.arange(len(images)), images.dtype, None
    height, width = pixels.shape[1:]
    sides = np.array([width, height])
    coefficients = field.coefficients * (sides / 2)[:, None]  # in pixels
    coefficients[:, :, 2] += sides / 2 + 0.5  # from the middle of the frame's first pixel
    out = torch.empty(len(rows), height * width, dtype=dtype)
    result, base = out.numpy(), field.base.to(dtype).numpy()
    given, coefficients = result.dtype.type(around if fill is None else fill), coefficients.astype(result.dtype)

    def write(begin: int, end: int) -> None:
        part = slice(begin, end)
        _sampler()(pixels.numpy(), rows[part], scaling, coefficients[part], base, given, fill is not None, result[part])

    run_in_parts(write, len(rows))
    return out.view(-1, height, width)


@cache
def _sampler() -> Any:
    """The compiled sampler, or None without Numba."""
    try:
        from letters_torch.data._sampler import sample as compiled
    except ImportError:
        return None
    return compiled


def sample(images: Tensor, grid: Tensor, interpolation: str, fill: float | None) -> Tensor:
    """Each image at the positions of a grid.

    Args:
        images: (N, H, W), float.
        grid: (N, H, W, 2), as `torch.nn.functional.grid_sample` takes it.
        interpolation: "nearest" or "bilinear".
        fill: value of pixels from beyond the edge, mixed in by a mask; None for 0 without a mask, as in torchvision.
    """
    if fill is None:
        return F.grid_sample(images[:, None], grid, interpolation, "zeros", align_corners=False)[:, 0]
    # torchvision samples a mask beside the image, and mixes in the fill where the mask is not 1.
    masked = torch.stack([images, torch.ones_like(images)], 1)
    sampled, mask = F.grid_sample(masked, grid, interpolation, "zeros", align_corners=False).unbind(1)
    if interpolation == "nearest":
        return torch.where(mask < 0.5, fill, sampled)
    return sampled * mask + (1 - mask) * fill


def affine_grid(theta: Tensor, height: int, width: int) -> Tensor:
    """`torch.nn.functional.affine_grid(theta, (N, 1, height, width), align_corners=False)` as one matrix product.

    torch's own does one product of (H W x 3)(3 x 2) for each image, which took six times as long as the sampling.

    Args:
        theta: (N, 2, 3).

    Returns:
        (N, H, W, 2): x, y of the input for each pixel of the output, from -1 to 1.
    """
    base = affine_base(height, width, theta.dtype).to(theta.device)
    return (theta.reshape(-1, 3) @ base).view(-1, 2, height, width).permute(0, 2, 3, 1)


@cache
def affine_base(height: int, width: int, dtype: torch.dtype) -> Tensor:
    """x, y (-1..1) and 1 for each pixel; (3, H W)."""
    x = (torch.arange(width, dtype=dtype) * 2 + 1) / width - 1
    y = (torch.arange(height, dtype=dtype) * 2 + 1) / height - 1
    rows = [x.expand(height, width), y[:, None].expand(height, width), torch.ones(height, width, dtype=dtype)]
    return torch.stack(rows).reshape(3, -1)


def _inverse_matrices(parameters: AffineParameters, height: int, width: int) -> Draws:
    """From output to input positions, in grid_sample's units (-1..1); (N, 2, 3).

    The map is torchvision's (transforms.functional._get_inverse_affine_matrix) about the image's centre:
    inverse(rotation, shear, scale) after undoing the translation.
    """
    # Contiguous: NumPy may round functions of strided arrays differently, and the result would depend on the block's
    # size.
    rotation, (shear_x, shear_y) = np.deg2rad(parameters.angle), np.ascontiguousarray(np.deg2rad(parameters.shear).T)
    cos, sin, tan = np.cos(rotation - shear_y), np.sin(rotation - shear_y), np.tan(shear_x)
    a, c = cos / np.cos(shear_y), sin / np.cos(shear_y)
    b = -cos * tan / np.cos(shear_y) - np.sin(rotation)
    d = -sin * tan / np.cos(shear_y) + np.cos(rotation)
    inverse = np.stack([d, -b, -c, a], 1).reshape(-1, 2, 2) / parameters.scale[:, None, None]
    shift = -(inverse * parameters.translate[:, None, :]).sum(2)
    half = np.array([width, height]) / 2
    inverse = inverse * half / half[:, None]
    return np.concatenate([inverse, (shift / half)[:, :, None]], 2)
