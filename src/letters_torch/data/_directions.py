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
    framed = np.zeros((height + 4, width + 4), out.dtype)
    average, slope = np.empty(width + 4, out.dtype), np.empty(width + 4, out.dtype)
    components = np.zeros((4, height + 2, width + 2), out.dtype)
    halved = np.empty((height // 2, width + 2), out.dtype)
    for n in range(len(images)):
        for i in range(height):
            for j in range(width):
                framed[i + 2, j + 2] = images[n, i, j]
        _decompose(framed, average, slope, components)
        for k in range(4):
            top, left = (k // 2) * (height // 2), (k % 2) * (width // 2)
            _halve(components[k], halved, out[n, top : top + height // 2, left : left + width // 2])


@njit(cache=True, error_model="numpy")
def _decompose(framed, average, slope, components):  # type: ignore[no-untyped-def]
    """The four components of the gradient at each pixel of a framed image, in a frame of zeros.

    Sobel's operator is separable: a weighted average and a slope down each column come first, then those along the row.
    """
    real = framed.dtype.type
    two, four, six, zero = real(2), real(4), real(6), real(0)
    unit, diagonal = real(1 / 48), real(DIAGONAL)
    for i in range(2, framed.shape[0] - 2):
        for j in range(framed.shape[1]):
            outer, inner = framed[i - 2, j] + framed[i + 2, j], framed[i - 1, j] + framed[i + 1, j]
            average[j] = outer + four * inner + six * framed[i, j]
            slope[j] = (framed[i + 2, j] - framed[i - 2, j]) + two * (framed[i + 1, j] - framed[i - 1, j])
        for j in range(2, framed.shape[1] - 2):
            across = (average[j + 2] - average[j - 2]) + two * (average[j + 1] - average[j - 1])
            down = (slope[j - 2] + slope[j + 2]) + four * (slope[j - 1] + slope[j + 1]) + six * slope[j]
            horizontal, vertical = unit * across, unit * down
            x, y = abs(horizontal), abs(vertical)
            least = min(x, y)
            slanted = diagonal * least
            falling = slanted if horizontal * vertical > zero else zero
            components[0, i - 1, j - 1] = x - least
            components[1, i - 1, j - 1] = y - least
            components[2, i - 1, j - 1] = falling
            components[3, i - 1, j - 1] = slanted - falling


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
