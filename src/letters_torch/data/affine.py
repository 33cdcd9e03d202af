"""Affine maps of images, one for each image of a block, equal to torchvision's image by image."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.data.stream import Draws


class AffineParameters(NamedTuple):
    """torchvision's parameters of an affine map, one row an image: degrees, pixels, a factor, degrees."""

    angle: Draws  # (N,)
    translate: Draws  # (N, 2): x, y
    scale: Draws  # (N,)
    shear: Draws  # (N, 2): x, y


def affine(images: Tensor, parameters: AffineParameters, interpolation: str, fill: float | None) -> Tensor:
    """`v2.functional.affine`, each image with its own parameters, in one grid and one sampling.

    Args:
        images: (N, H, W), float.
        parameters: N of each.
        interpolation: "nearest" or "bilinear".
        fill: value of pixels from beyond the edge; None for 0, with no second look at the edge, as in torchvision.

    Returns:
        (N, H, W).
    """
    return sample(images, grid_of(parameters, images), interpolation, fill)


def grid_of(parameters: AffineParameters, images: Tensor) -> Tensor:
    """`affine_grid` of these parameters, N of each, for images (N, H, W)."""
    theta = torch.from_numpy(_inverse_matrices(parameters, *images.shape[1:])).to(images)
    return affine_grid(theta, *images.shape[1:])


def sample(images: Tensor, grid: Tensor, interpolation: str, fill: float | None) -> Tensor:
    """Images (N, H, W) at the positions of a grid (N, H, W, 2); the other arguments as in `affine`."""
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
    x = (torch.arange(width).to(theta) * 2 + 1) / width - 1
    y = (torch.arange(height).to(theta) * 2 + 1) / height - 1
    base = torch.stack(
        [x.expand(height, width), y[:, None].expand(height, width), torch.ones_like(x).expand(height, width)]
    )
    return (theta.reshape(-1, 3) @ base.reshape(3, -1)).view(-1, 2, height, width).permute(0, 2, 3, 1)


def _inverse_matrices(parameters: AffineParameters, height: int, width: int) -> Draws:
    """From output to input positions, in grid_sample's units (-1..1); (N, 2, 3).

    The map is torchvision's (transforms.functional._get_inverse_affine_matrix) about the image's centre:
    inverse(rotation, shear, scale) after undoing the translation.
    """
    rotation, (shear_x, shear_y) = np.deg2rad(parameters.angle), np.deg2rad(parameters.shear).T
    a = np.cos(rotation - shear_y) / np.cos(shear_y)
    b = -np.cos(rotation - shear_y) * np.tan(shear_x) / np.cos(shear_y) - np.sin(rotation)
    c = np.sin(rotation - shear_y) / np.cos(shear_y)
    d = -np.sin(rotation - shear_y) * np.tan(shear_x) / np.cos(shear_y) + np.cos(rotation)
    inverse = np.stack([d, -b, -c, a], 1).reshape(-1, 2, 2) / parameters.scale[:, None, None]
    shift = -np.einsum("nij,nj->ni", inverse, parameters.translate)
    half = np.array([width, height]) / 2
    inverse = inverse * half / half[:, None]
    return np.concatenate([inverse, (shift / half)[:, :, None]], 2)
