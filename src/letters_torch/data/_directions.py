"""Direction features, compiled by Numba. `directions.py` describes them, and holds the same in plain torch.

Each image is computed by itself, in the same order of operations in any block. Operations are not reordered.
"""

import numpy as np
from numba import njit

DIAGONAL = np.sqrt(2)


@njit(nogil=True, cache=True, error_model="numpy")
def directions(images, out):  # type: ignore[no-untyped-def]
    """Writes the features of images (N, H, W) to out (N, H, W), of the same dtype; H and W are even."""
    height, width = images.shape[1:]
    framed = np.zeros((height + 2, width + 2), out.dtype)
    components = np.zeros((4, height + 2, width + 2), out.dtype)
    halved = np.empty((height // 2, width + 2), out.dtype)
    for n in range(len(images)):
        for i in range(height):
            for j in range(width):
                framed[i + 1, j + 1] = images[n, i, j]
        _decompose(framed, components)
        for k in range(4):
            top, left = (k // 2) * (height // 2), (k % 2) * (width // 2)
            _halve(components[k], halved, out[n, top : top + height // 2, left : left + width // 2])


@njit(cache=True, error_model="numpy")
def _decompose(framed, components):  # type: ignore[no-untyped-def]
    """The four components of the gradient at each pixel, in a frame of zeros."""
    real = framed.dtype.type
    quarter, two, diagonal, zero = real(0.25), real(2), real(DIAGONAL), real(0)
    for i in range(1, framed.shape[0] - 1):
        for j in range(1, framed.shape[1] - 1):
            right = framed[i - 1, j + 1] + two * framed[i, j + 1] + framed[i + 1, j + 1]
            left = framed[i - 1, j - 1] + two * framed[i, j - 1] + framed[i + 1, j - 1]
            lower = framed[i + 1, j - 1] + two * framed[i + 1, j] + framed[i + 1, j + 1]
            upper = framed[i - 1, j - 1] + two * framed[i - 1, j] + framed[i - 1, j + 1]
            horizontal, vertical = quarter * (right - left), quarter * (lower - upper)
            x, y = abs(horizontal), abs(vertical)
            least = min(x, y)
            slanted = diagonal * least
            falling = slanted if horizontal * vertical > zero else zero
            components[0, i, j] = x - least
            components[1, i, j] = y - least
            components[2, i, j] = falling
            components[3, i, j] = slanted - falling


@njit(cache=True, error_model="numpy")
def _halve(component, halved, out):  # type: ignore[no-untyped-def]
    """Smooths a framed map, takes every second pixel along either axis, and writes the rounded square roots."""
    real = out.dtype.type
    eighth, three, largest = real(0.125), real(3), real(255)
    for i in range(halved.shape[0]):
        for j in range(halved.shape[1]):
            near = component[2 * i + 1, j] + component[2 * i + 2, j]
            halved[i, j] = eighth * (three * near + (component[2 * i, j] + component[2 * i + 3, j]))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            near = halved[i, 2 * j + 1] + halved[i, 2 * j + 2]
            mean = eighth * (three * near + (halved[i, 2 * j] + halved[i, 2 * j + 3]))
            out[i, j] = np.rint(min(np.sqrt(largest * mean), largest))
