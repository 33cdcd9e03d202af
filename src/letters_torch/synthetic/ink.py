"""Ink on paper: draws the path of a pen as a 28 x 28 image, with the size and softness of EMNIST's letters.

EMNIST (Cohen, Afshar, Tapson and van Schaik 2017, https://arxiv.org/abs/1702.05373, section II) blurs the scanned
letter by a Gaussian, cuts out its bounding box, centres it, its aspect kept, in a square with a margin of two pixels,
and scales that to 28 x 28 and to 0..255. Here the path is scaled to the box first and the blur is exact: at a distance
s outside a straight edge, a Gaussian of standard deviation sigma leaves Phi(-s / sigma), where Phi is the normal
distribution function.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from letters_torch.letters import SIDE, UInt8

Floats = npt.NDArray[np.float64]

_REACH = 3.0  # standard deviations of blur; beyond them there is no ink


def fit(paths: Floats, pen: Floats, box: Floats) -> tuple[Floats, Floats]:
    """Scales letters, their aspect kept, until the longer side of the ink fills the box, and centres them.

    The paths (N, P, 2), y up, and the widths of the pen (N,) are in units of the templates, the sides of the box (N,)
    in pixels. Returned are paths and widths in pixels, y down; pixel (row, column) has its centre at y = row,
    x = column.
    """
    low, high = paths.min(axis=1), paths.max(axis=1)
    scale = box / ((high - low).max(axis=1) + pen)
    centred = (paths - ((low + high) / 2)[:, None]) * scale[:, None, None]
    return centred * [1, -1] + (SIDE - 1) / 2, pen * scale


def draw(paths: Floats, down: npt.NDArray[np.bool_], radii: Floats, blur: Floats, side: int = SIDE) -> UInt8:
    """Draws letters, (N, side, side), the darkest ink at 255; all lengths are in pixels.

    Args:
        paths: (N, P, 2), as `fit` returns them.
        down: (N, P), whether the pen is down from this place to the next.
        radii: (N, P), half the width of the pen at each place.
        blur: (N,), standard deviation of the blur.
        side: of the images.
    """
    images = np.zeros((len(paths), side, side), np.uint8)
    _draw_all(paths, down, radii, blur, images)
    return images


@numba.njit(cache=True)
def _draw_all(paths: Floats, down: npt.NDArray[np.bool_], radii: Floats, blur: Floats, images: UInt8) -> None:
    side = images.shape[1]
    for n in range(len(paths)):
        outside = _distances(paths[n], down[n], radii[n], _REACH * blur[n], side)
        peak = _edge(outside.min(), blur[n])
        for row in range(side):
            for column in range(side):
                ink = _edge(outside[row, column], blur[n]) / peak
                images[n, row, column] = np.uint8(255 * ink + 0.5)


@numba.njit(cache=True)
def _edge(outside: float, blur: float) -> float:
    """Phi(-outside / blur), and 0 beyond the reach of the blur."""
    if outside >= _REACH * blur:
        return 0.0
    return 0.5 * math.erfc(outside / (blur * math.sqrt(2.0)))


@numba.njit(cache=True)
def _distances(path: Floats, down: npt.NDArray[np.bool_], radii: Floats, reach: float, side: int) -> Floats:
    """The distance of each pixel from the edge of the stroke, negative inside, at most `reach`; (side, side)."""
    outside = np.full((side, side), reach)
    for k in range(len(path) - 1):
        if not down[k]:
            continue
        (x0, y0), (x1, y1) = path[k], path[k + 1]
        dx, dy = x1 - x0, y1 - y0
        square = max(dx * dx + dy * dy, 1e-12)
        far = max(radii[k], radii[k + 1]) + reach
        for row in range(max(0, math.ceil(min(y0, y1) - far)), min(side, math.floor(max(y0, y1) + far) + 1)):
            for column in range(max(0, math.ceil(min(x0, x1) - far)), min(side, math.floor(max(x0, x1) + far) + 1)):
                t = min(1.0, max(0.0, ((column - x0) * dx + (row - y0) * dy) / square))
                away = math.sqrt((column - x0 - t * dx) ** 2 + (row - y0 - t * dy) ** 2)
                outside[row, column] = min(outside[row, column], away - radii[k] - t * (radii[k + 1] - radii[k]))
    return outside
