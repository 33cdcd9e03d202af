"""Cleans photographs of paper: removes shadows and ruling, so that only what is written remains.

The light on a photograph multiplies the paper's brightness. A grey closing (the largest, then the smallest value of a
window) removes everything dark that is narrower than the window, so it leaves the paper under its light, and a shadow's
edge stays sharp in it. The picture divided by it is even. Printed lines are straight, thin, lighter than the pen, and
run from one edge of the picture to the other. They are found as peaks of the ink summed along slightly tilted rows and
columns, and removed where nothing darker was written over them.

Faint marks, such as writing on the back of the sheet, are left out. SciPy's image operations do all of it. A picture
with an even background, without lines and faint marks is not touched.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Float = npt.NDArray[np.float32]

_WINDOW = 0.2  # of the longer side: wider than a pen's stroke, narrower than a shadow
_EVEN = 12  # grey levels by which an even background differs, at most; the grain of a scan is 4
_TILTS = np.tan(np.deg2rad(np.arange(-5, 5.01, 0.25)))  # of ruling against the picture
_REACHES = 0.8  # of a line's length at least this much is found inked, and of its parts at the picture's edges
_FAINTEST = 0.06  # of the paper's brightness between ink and paper
_THICKEST = 12  # pixels of a printed line, with its blur
_BROAD = 7  # pixels across a faint mark, at least
_FEW = 0.1  # of the strokes' area: fewer faint marks are specks
_WEAK = 0.25  # of the pen's darkness: lighter spots are not written
_STRONG = 0.5  # of the pen's darkness: a stroke reaches it somewhere


def clean(grey: Float) -> Float:
    """Removes uneven light, ruling and what shines through from a photograph of paper, (H, W) in 0..255, dark ink on
    light or light on dark.

    A picture whose background is even, without ruling and faint marks, is returned as it is, others with dark ink on
    white.
    """
    if min(grey.shape) < 32 or np.ptp(grey) == 0:
        return grey
    positive = 255 - grey if _is_light_ink(grey) else grey
    ink, light = _flattened(positive)
    lines = _ruling(ink, 0) + _ruling(ink, 1)
    if not lines and np.ptp(np.percentile(light, (2, 98))) <= _EVEN and not _has_faint_marks(ink):
        return grey
    for line in lines:
        ink = line.removed_from(ink)
    return _on_white(ink)


def _is_light_ink(grey: Float) -> bool:
    """Whether the ink is lighter than the paper: few pixels differ much from the local median, and ink's are these."""
    step = max(1, max(grey.shape) // 80)
    small = ndimage.uniform_filter(grey, step)[::step, ::step]
    away = small - ndimage.median_filter(small, 1 + 2 * (max(small.shape) // 6), mode="nearest")
    return float((away.astype(np.float64) ** 3).sum()) > 0


def _flattened(grey: Float) -> tuple[Float, Float]:
    """The ink, 0 on paper to 1 for black, and the brightness of the paper in 0..255; (H, W) each."""
    smooth = ndimage.gaussian_filter(grey, 1.0)
    window = 1 + 2 * round(_WINDOW * max(grey.shape) / 2)
    # Continued beyond its edges as its light goes on there, or a gradient's dark end would be taken for ink.
    continued = np.pad(smooth, window, mode="reflect", reflect_type="odd")
    light = ndimage.grey_closing(continued, (window, window))[window:-window, window:-window]
    return np.clip(1 - smooth / np.maximum(light, 1), 0, 1), light


def _ruling(ink: Float, axis: int) -> "list[_Line]":
    """The printed lines along the rows (axis 0) or along the columns (axis 1)."""
    turned = ink if axis == 0 else ink.T
    floor = _noise(ink)
    if not (turned > floor).any():
        return []
    tilt = _tilt(turned, floor)
    straight, valid = _sheared(turned, tilt)
    inked = ndimage.maximum_filter1d(straight, 3, axis=0) > floor
    rows = _covered(inked, valid) & ~_covered(np.minimum(np.roll(inked, 6, 0), np.roll(inked, -6, 0)), valid)
    labels, count = ndimage.label(rows)
    bands = [np.flatnonzero(labels == number) for number in range(1, count + 1)]
    return [_Line(axis, tilt, int(band[0]), int(band[-1]) + 1) for band in bands if len(band) <= _THICKEST]


def _noise(ink: Float) -> float:
    """The ink that paper's grain rarely reaches: five deviations above the median, estimated from the median one."""
    middle = float(np.median(ink))
    return middle + 5 * 1.48 * float(np.median(np.abs(ink - middle))) + 0.01


def _sheared(ink: Float, tilt: float) -> tuple[Float, npt.NDArray[np.bool_]]:
    """The ink along rows of this tilt, so that tilted lines are rows, and which pixels lie inside the picture.

    Row r holds the pixels (row r + tilt * x, column x).
    """
    height, width = ink.shape
    row = np.arange(height)[:, None] + np.rint(tilt * (np.arange(width) - width / 2)).astype(int)
    valid = (row >= 0) & (row < height)
    return np.where(valid, ink[np.clip(row, 0, height - 1), np.arange(width)], 0), valid


def _tilt(ink: Float, floor: float) -> float:
    """The tilt at which sums of ink along tilted rows differ most from row to row: that of ruling, if there is any."""
    y, x = np.nonzero(ink > floor)
    weights, across = np.minimum(ink[y, x], 4 * floor), x - ink.shape[1] / 2

    def sharpness(tilt: float) -> float:
        row = np.rint(y - tilt * across).astype(np.int64)
        return float((np.diff(np.bincount(row - row.min(), weights)) ** 2).sum())

    return float(max(_TILTS, key=sharpness))


def _covered(inked: npt.NDArray[np.bool_], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which rows are inked all along, and at both edges of the picture."""
    margin = max(4, inked.shape[1] // 10)
    parts = (slice(None), slice(0, margin), slice(-margin, None))
    enough = valid.sum(1) >= 0.4 * valid.shape[1]
    shares = [(inked & valid)[:, part].sum(1) / np.maximum(valid[:, part].sum(1), 1) for part in parts]
    empty = [valid[:, part].sum(1) == 0 for part in parts]  # a tilted line may leave the picture above or below
    return enough & np.all([(share >= _REACHES) | none for share, none in zip(shares, empty, strict=True)], axis=0)


@dataclass(frozen=True)
class _Line:
    axis: int
    tilt: float
    start: int  # rows of the sheared picture
    stop: int

    def removed_from(self, ink: Float) -> Float:
        """The ink without this line: only what is darker than it, or part of a stroke across it, remains."""
        turned = ink if self.axis == 0 else ink.T
        height, width = turned.shape
        band = np.arange(max(self.start - 1, 0), min(self.stop + 1, height))
        row = np.clip(band[:, None] + np.rint(self.tilt * (np.arange(width) - width / 2)).astype(int), 0, height - 1)
        column = np.arange(width)
        line = turned[row, column]
        level = np.median(line, axis=1, keepdims=True)  # the pen covers a smaller part of it
        pen = _pen(ink)
        above, below = (
            turned[np.clip(edge + sign * np.arange(1, 4)[:, None], 0, height - 1), column].min(0) > _STRONG * pen
            for edge, sign in ((row[0], -1), (row[-1], 1))
        )
        kept = (line > level + 0.5 * np.maximum(pen - level, 0)) | (above & below)
        cleaned = turned.copy()
        cleaned[row, column] = np.where(kept, line, 0)
        return cleaned if self.axis == 0 else cleaned.T


def _pen(ink: Float) -> float:
    """The darkness of the pen: the median of all that is at least half as dark as the darkest."""
    dark = float(np.percentile(ink, 99.9))
    return float(np.median(ink[ink >= dark / 2]))


def _has_faint_marks(ink: Float) -> bool:
    """Whether there are marks that the pen did not make, such as the writing on the back of the sheet."""
    strokes = ink > _WEAK * _pen(ink)
    faint = (ink > max(_noise(ink), _FAINTEST)) & ~strokes
    broad = ndimage.minimum_filter(faint, _BROAD)  # the soft edge of a stroke is narrower
    return bool(broad.sum() > _FEW * strokes.sum())


def _on_white(ink: Float) -> Float:
    """The strokes, dark on white, (H, W) in 0..255; what no stroke of the pen's darkness belongs to is left out."""
    floor, pen = _noise(ink), _pen(ink)
    if pen - floor < _FAINTEST:
        return np.full_like(ink, 255)
    labels, count = ndimage.label(ink > max(floor, _WEAK * pen), np.ones((3, 3)))
    numbers = np.arange(1, count + 1)
    darkest = np.asarray(ndimage.maximum(ink, labels, numbers))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    # A corner that a shadow cuts off is narrower than the window, and so taken for ink.
    at_edge = np.isin(numbers, np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    written = (darkest >= _STRONG * pen) & ~(at_edge & (areas < areas.max() / 2))
    strokes = np.isin(labels, numbers[written])
    soft = ndimage.binary_dilation(strokes, np.ones((3, 3)), 2)  # with the edges that blur made
    return np.where(soft, 255 * (1 - np.clip((ink - floor) / (pen - floor), 0, 1)), 255).astype(np.float32)
