"""Direction features: a letter as four maps of its edges, one for each direction, in place of its grey levels.

The gradient of the image, by Sobel's operator of 5 x 5 pixels, is decomposed into components along the two nearest of
four directions, its sign ignored. Each map of components is smoothed and halved in size, and the square root is taken
of it. Strokes of different directions then excite different inputs, whatever their width and grey level. After C.-L.
Liu, K. Nakashima, H. Sako and H. Fujisawa, "Handwritten digit recognition: investigation of normalization and feature
extraction techniques" (Pattern Recognition 37, 2004).

The four maps of 14 x 14 numbers fill an image of 28 x 28: edges whose gradient is horizontal (upright strokes) are in
the upper left quarter, vertical ones in the upper right, those along the falling and the rising diagonal below. So a
network has as many inputs as for pixels, and all that stores or shows an image applies.

Where Numba is installed, the features are compiled (`_directions.py`); otherwise torch computes the same.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.letters import UInt8

CHUNK = 4096  # images at once
SLOPE, AVERAGE = (-1.0, -2.0, 0.0, 2.0, 1.0), (1.0, 4.0, 6.0, 4.0, 1.0)  # along the axis and across it
SOBEL = tuple(tuple(a * b / 48 for b in SLOPE) for a in AVERAGE)  # of the derivative in x; at most a grey level
SMOOTHING = (1.0, 3.0, 3.0, 1.0)  # divided by 8: along either axis, at every second pixel
LARGEST = 255.0  # of a feature: sqrt(LARGEST * component), clipped and rounded


def directions(images: Tensor) -> Tensor:
    """The features of images (N, H, W) in grey levels, float32 or float64; H and W are even.

    Returns:
        (N, H, W), whole numbers 0 to 255, of the images' dtype: four maps of (H / 2, W / 2).
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
    sobel = torch.tensor(SOBEL, dtype=torch.float64).to(images)
    horizontal, vertical = F.conv2d(images[:, None], torch.stack([sobel, sobel.T])[:, None], padding=2).unbind(1)
    x, y = horizontal.abs(), vertical.abs()
    least = torch.minimum(x, y)
    falling = torch.where(horizontal * vertical > 0, 2**0.5 * least, 0)
    components = torch.stack([x - least, y - least, falling, 2**0.5 * least - falling], 1)
    smoothing = torch.tensor(SMOOTHING).to(images) / 8
    window = torch.outer(smoothing, smoothing).expand(4, 1, -1, -1)
    maps = F.conv2d(components, window, stride=2, padding=1, groups=4)
    features = (LARGEST * maps).sqrt().clamp(max=LARGEST).round()
    upper, lower = (torch.cat([pair[:, 0], pair[:, 1]], 2) for pair in features.split(2, 1))
    return torch.cat([upper, lower], 1)


@cache
def _compiled() -> Any:
    """The compiled features, or None without Numba."""
    try:
        from letters_torch.data._directions import directions as compiled
    except ImportError:
        return None
    return compiled
