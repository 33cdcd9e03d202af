"""Direction features, compiled by Numba. `directions.py` describes them, and holds the same in plain torch.

Each image is computed by itself, in the same order of operations in any block. Operations are not reordered. Numba's
cache notices a change of this file, not one of the constants that it imports.
"""

import numpy as np
from numba import njit

from letters_torch.data.directions import DIRECTIONS, LARGEST, SMOOTHING, STRIDE, TILES

MARGIN = STRIDE // 2
SIN, COS = np.sin(np.pi / 8), np.cos(np.pi / 8)  # of the angle between two directions
STEEP, OUTER, LEFT, UP = 8, 4, 2, 1  # bits of a sector: see _sectors


def _directions_of_sectors():  # type: ignore[no-untyped-def]
    """The two directions at the edges of each of 16 sectors, first the one nearer to an axis; (2, 16)."""
    sector = np.arange(16)
    k = (sector & OUTER != 0) + np.arange(2)[:, None]
    for bit, mirror in ((STEEP, DIRECTIONS // 4), (LEFT, DIRECTIONS // 2), (UP, DIRECTIONS)):
        k = np.where(sector & bit, mirror - k, k)
    return k % DIRECTIONS


EDGES = _directions_of_sectors()


@njit(nogil=True, cache=True, error_model="numpy")
def directions(images, out):  # type: ignore[no-untyped-def]
    """Writes the features of images (N, H, W) to out (N, H, W), of the same dtype; H and W are multiples of 4."""
    height, width = images.shape[1:]
    framed = np.zeros((height + 4, width + 4), out.dtype)
    average, slope = np.empty(width + 4, out.dtype), np.empty(width + 4, out.dtype)
    components, sectors = np.empty((2, width), out.dtype), np.empty(width, np.int32)
    smoothing = SMOOTHING.astype(out.dtype)
    # A pixel near the edge also belongs to a cell beyond it, so there is one more at each side.
    row = np.empty((width // STRIDE + 2) * DIRECTIONS, out.dtype)
    cells = np.empty((height // STRIDE + 2, len(row)), out.dtype)
    for n in range(len(images)):
        for i in range(height):
            for j in range(width):
                framed[i + 2, j + 2] = images[n, i, j]
        cells[:] = 0
        for i in range(height):
            _gradient(framed[i : i + 5], average, slope, components)
            _sectors(components, sectors)
            _smooth(components, sectors, smoothing, row)
            cell, tap = (i + MARGIN) // STRIDE, (i + MARGIN) % STRIDE
            for k in range(len(row)):
                cells[cell, k] += smoothing[tap + STRIDE] * row[k]
            for k in range(len(row)):
                cells[cell + 1, k] += smoothing[tap] * row[k]
        _finish(cells, out[n])


@njit(cache=True, error_model="numpy")
def _gradient(five, average, slope, gradient):  # type: ignore[no-untyped-def]
    """The gradient (2, W) along the middle of five rows: Sobel's operator, down each column and then along the row."""
    real = gradient.dtype.type
    two, four, six, unit = real(2), real(4), real(6), real(1 / 48)
    for j in range(len(average)):
        outer, inner = five[0, j] + five[4, j], five[1, j] + five[3, j]
        average[j] = outer + four * inner + six * five[2, j]
        slope[j] = (five[4, j] - five[0, j]) + two * (five[3, j] - five[1, j])
    for j in range(gradient.shape[1]):
        across = (average[j + 4] - average[j]) + two * (average[j + 3] - average[j + 1])
        down = (slope[j] + slope[j + 4]) + four * (slope[j + 1] + slope[j + 3]) + six * slope[j + 2]
        gradient[0, j], gradient[1, j] = unit * across, unit * down


@njit(cache=True, error_model="numpy")
def _sectors(gradient, sectors):  # type: ignore[no-untyped-def]
    """Replaces gradients (2, W) by their components along the edges of the sectors that they are in.

    A sector has 22.5 degrees. Its bits say how the gradient is mirrored into the first octant, and in which half of the
    octant it is.
    """
    real = gradient.dtype.type
    zero, sin, steepest, narrow, root = real(0), real(SIN), real(SIN / COS), real(1 / (COS - SIN)), real(2**0.5)
    for j in range(len(sectors)):
        x, y = gradient[0, j], gradient[1, j]
        major, minor = max(abs(x), abs(y)), min(abs(x), abs(y))
        is_outer = minor > steepest * major
        middle = (major - minor) * narrow
        # Rounding must not leave a component below 0, which has no square root.
        gradient[0, j] = max(middle if is_outer else major - minor / steepest, zero)
        gradient[1, j] = max(root * (minor - sin * middle) if is_outer else minor / sin, zero)
        steep, outer = STEEP if abs(y) > abs(x) else 0, OUTER if is_outer else 0
        sectors[j] = steep + outer + (LEFT if x < zero else 0) + (UP if y < zero else 0)


@njit(cache=True, error_model="numpy")
def _smooth(components, sectors, smoothing, row):  # type: ignore[no-untyped-def]
    """Smooths the components of one row of pixels along it, into one row of cells."""
    row[:] = 0
    for j in range(len(sectors)):
        first, second = components[0, j], components[1, j]
        if first == 0 and second == 0:
            continue
        cell, tap = (j + MARGIN) // STRIDE * DIRECTIONS, (j + MARGIN) % STRIDE
        one, other = cell + EDGES[0, sectors[j]], cell + EDGES[1, sectors[j]]
        row[one] += smoothing[tap + STRIDE] * first
        row[other] += smoothing[tap + STRIDE] * second
        row[one + DIRECTIONS] += smoothing[tap] * first
        row[other + DIRECTIONS] += smoothing[tap] * second


@njit(cache=True, error_model="numpy")
def _finish(cells, out):  # type: ignore[no-untyped-def]
    """Writes the rounded square roots of the cells inside the image, map by map."""
    real = cells.dtype.type
    largest = real(LARGEST)
    height, width = len(cells) - 2, cells.shape[1] // DIRECTIONS - 2
    for i in range(height):
        for j in range(width):
            for k in range(DIRECTIONS):
                feature = np.rint(min(np.sqrt(largest * cells[i + 1, (j + 1) * DIRECTIONS + k]), largest))
                out[k // TILES * height + i, k % TILES * width + j] = feature
