"""Direction features: a letter as maps of its edges, one for each direction, in place of its grey levels.

The gradient of the image, by Sobel's operator of 5 x 5 pixels, is decomposed into components along the two nearest of
sixteen directions. Each map of components is averaged over the cells of a coarse grid, and the square root is taken of
it. Strokes of different directions then excite different inputs, whatever their width and grey level, and so do the two
edges of a stroke. After C.-L. Liu, K. Nakashima, H. Sako and H. Fujisawa, "Handwritten digit recognition: investigation
of normalization and feature extraction techniques" (Pattern Recognition 37, 2004).

The sixteen maps of 7 x 7 numbers fill an image of 28 x 28, row by row: gradients to the right (left edges of strokes)
come first, then those turned by 22.5 degrees more each, clockwise. So a network has as many inputs as for pixels, and
all that stores or shows an image applies.

Where Numba is installed, the features are compiled (`_directions.py`); otherwise torch computes the same.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.letters import UInt8

CHUNK = 2048  # images at once
DIRECTIONS = 16
TILES = 4  # maps in a row of the image that they fill
STRIDE = 4  # pixels from one cell of a map to the next
SLOPE, AVERAGE = np.array([-1, -2, 0, 2, 1]), np.array([1, 4, 6, 4, 1])  # along the axis and across it
SOBEL = np.outer(AVERAGE, SLOPE) / 48  # of the derivative in x; at most a grey level
SMOOTHING = np.array([1, 3, 5, 7, 7, 5, 3, 1]) / 32  # along either axis: a cell reaches to the middle of the next
LARGEST = 255.0  # of a feature: sqrt(LARGEST * component), clipped and rounded
_ANGLES = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
# The cross product of direction k with a gradient (x, y) is TURNS[k] @ (x, y), but for a factor. A gradient between the
# directions k and k + 1 has the component TURNS[k] @ (x, y) along k + 1, and -TURNS[k + 1] @ (x, y) along k.
TURNS = np.stack([-np.sin(_ANGLES), np.cos(_ANGLES)], 1) / np.sin(2 * np.pi / DIRECTIONS)


def directions(images: Tensor) -> Tensor:
    """The features of images (N, 28, 28) in grey levels, float32 or float64.

    Returns:
        (N, 28, 28), whole numbers 0 to 255, of the images' dtype: 4 x 4 maps of 7 x 7.
    """
    compiled = _compiled()
    if compiled is None or images.device.type != "cpu":
        return by_torch(images)
    features = torch.empty_like(images, memory_format=torch.contiguous_format)
    compiled(images.contiguous().numpy(), features.numpy())
    return features


def of_images(images: UInt8) -> UInt8:
    """The features of images (N, 28, 28) as images."""
    features = np.empty_like(images)
    for begin in range(0, len(images), CHUNK):
        piece = torch.from_numpy(images[begin : begin + CHUNK])
        features[begin : begin + CHUNK] = directions(piece.float()).numpy()
    return features


def by_torch(images: Tensor) -> Tensor:
    """As `directions`, by torch's convolutions."""
    sobel, turns, smoothing = (torch.from_numpy(array).to(images) for array in (SOBEL, TURNS, SMOOTHING))
    gradient = F.conv2d(images[:, None], torch.stack([sobel, sobel.T])[:, None], padding=2)
    turned = F.conv2d(gradient, turns[:, :, None, None])
    components = torch.minimum(turned.roll(1, 1), -turned.roll(-1, 1)).clamp_(min=0)
    window = torch.outer(smoothing, smoothing).expand(DIRECTIONS, 1, -1, -1)
    maps = F.conv2d(components, window, stride=STRIDE, padding=STRIDE // 2, groups=DIRECTIONS)
    features = (LARGEST * maps).sqrt().clamp(max=LARGEST).round()
    return features.unflatten(1, (TILES, TILES)).transpose(2, 3).reshape(images.shape)


@cache
def _compiled() -> Any:
    """The compiled features, or None without Numba."""
    try:
        from letters_torch.data._directions import directions as compiled
    except ImportError:
        return None
    return compiled
