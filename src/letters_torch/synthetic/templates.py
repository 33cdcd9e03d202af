"""The forms in which people write each letter: reads templates.txt and turns its strokes into smooth curves.

A curve is linear in its control points: with the points of a form in a matrix of shape (points, 2), its path is
`curve @ points`. So a form is parsed once, and variations of its points cost one matrix product.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TEMPLATES = "templates.txt"
X_HEIGHT = 6.0
CAPITAL_HEIGHT = 10.0
PATH = 72  # places along the path of a form, enough that a straight piece is under two pixels
_SOFTEN = 2.5  # places over which a softened path is averaged


@dataclass(frozen=True)
class Form:
    """One way of writing one letter."""

    letter: str  # "A".."Z" or "a".."z"
    share: float  # how often people choose it, relative to the other forms of the letter
    name: str  # for people
    strokes: tuple[Floats, ...]  # (points, 2) for each stroke, x to the right and y up from the baseline
    sharp: tuple[tuple[bool, ...], ...]  # for each stroke, whether the pen turns sharply at the point


@dataclass(frozen=True)
class Forms:
    """All F forms, stacked and padded to the same number K of control points, so that many are drawn at once."""

    letters: npt.NDArray[np.uint8]  # (F,) which letter each form writes, in ASCII
    shares: Floats  # (F,) how often it is chosen, summing to 1 over the forms of a letter
    points: Floats  # (F, K, 2) control points; 0 beyond the last
    stroke: npt.NDArray[np.int64]  # (F, K) the number of the stroke of a control point; -1 beyond the last
    curve: Floats  # (F, PATH, K) maps control points to the path
    soften: Floats  # (F, PATH, K) maps control points to an offset that rounds corners; 0 at ends of strokes
    tails: Floats  # (F, K, K) maps control points to the outward direction at a stroke's two ends; 0 at other points
    down: npt.NDArray[np.bool_]  # (F, PATH) whether the pen is down from this place of the path to the next


def parse(line: str) -> Form:
    """A line of templates.txt, `letter share name stroke / stroke ...`, as a Form; ValueError if it is another."""
    letter, share, name, path = line.split(maxsplit=3)
    strokes = [stroke.split() for stroke in path.split("/")]
    if any(len(stroke) < 2 for stroke in strokes):
        raise ValueError(f"a stroke of fewer than two points: {line}")
    points = tuple(np.array([p.rstrip("!").split(",") for p in stroke], float) for stroke in strokes)
    sharp = tuple(tuple(p.endswith("!") for p in stroke) for stroke in strokes)
    return Form(letter, float(share), name, points, sharp)


@cache
def all_forms() -> tuple[Form, ...]:
    """Every form in templates.txt, in the file's order."""
    text = resources.files(__package__).joinpath(TEMPLATES).read_text(encoding="utf-8")
    return tuple(parse(line) for line in text.splitlines() if line and not line.startswith("#"))


@cache
def stacked() -> Forms:
    """Every form in templates.txt, as one `Forms`."""
    return stack(all_forms())


def stack(forms: tuple[Form, ...]) -> Forms:
    """Stacks forms with different numbers of control points."""
    size = max(sum(len(stroke) for stroke in form.strokes) for form in forms)
    letters = np.array([ord(form.letter) for form in forms], np.uint8)
    shares = np.array([form.share for form in forms])
    parts = [_matrices(form, size) for form in forms]
    points, stroke, curve, soften, tails, down = (np.stack(part) for part in zip(*parts, strict=True))
    totals = (letters[:, None] == letters) @ shares
    return Forms(letters, shares / totals, points, stroke, curve, soften, tails, down)


def _matrices(form: Form, size: int) -> tuple[npt.NDArray, ...]:
    """The arrays of one form in `Forms`, padded to `size` control points."""
    points = np.zeros((size, 2))
    stroke = np.full(size, -1)
    curve, soften = np.zeros((PATH, size)), np.zeros((PATH, size))
    tails = np.zeros((size, size))
    down = np.ones(PATH, bool)
    at = row = 0
    for number, (path, sharp, rows) in enumerate(zip(form.strokes, form.sharp, _places_of_strokes(form), strict=True)):
        to, end = at + len(path), row + rows
        points[at:to], stroke[at:to] = path, number
        curve[row:end, at:to] = stroke_curve(path, sharp, rows)
        soften[row:end, at:to] = (_averaging(rows) - np.eye(rows)) @ curve[row:end, at:to]
        tails[[at, at, to - 1, to - 1], [at, at + 1, to - 1, to - 2]] = [1, -1, 1, -1]
        down[end - 1] = False
        at, row = to, end
    return points, stroke, curve, soften, tails, down


def _places_of_strokes(form: Form) -> list[int]:
    """The number of places of each stroke, PATH in all: at least two, the others in proportion to its length."""
    lengths = np.array([np.linalg.norm(np.diff(path, axis=0), axis=1).sum() for path in form.strokes])
    spare = PATH - 2 * len(lengths)
    ends = np.round(np.cumsum(lengths) / lengths.sum() * spare).astype(int)
    return [2 + int(rows) for rows in np.diff(ends, prepend=0)]


def stroke_curve(points: Floats, sharp: tuple[bool, ...], rows: int) -> Floats:
    """The matrix, (rows, points), that maps a stroke's points to evenly spaced places along its curve.

    Between sharp points the curve is a Catmull-Rom spline (Catmull and Rom 1974, A class of local interpolating
    splines); beyond its ends the next point is mirrored.
    """
    count = len(points)
    chord = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.interp(np.linspace(0, chord.sum(), rows), np.r_[0, np.cumsum(chord)], np.arange(count))
    piece = np.minimum(along.astype(int), count - 2)
    fraction = (along - piece)[:, None]
    each = np.eye(count)
    ends = np.array([True, *sharp[1:-1], True])
    start, stop = each[piece], each[piece + 1]
    before = np.where(ends[piece][:, None], 2 * start - stop, each[piece - 1])
    after = np.where(ends[piece + 1][:, None], 2 * stop - start, each[np.minimum(piece + 2, count - 1)])
    return (
        start
        + fraction * (stop - before) / 2
        + fraction**2 * (before - 2.5 * start + 2 * stop - after / 2)
        + fraction**3 * (1.5 * (start - stop) + (after - before) / 2)
    )


def _averaging(rows: int) -> Floats:
    """A Gaussian average over neighbouring places, (rows, rows); it becomes narrower towards the ends of the stroke."""
    place = np.arange(rows)
    width = np.minimum(_SOFTEN, np.minimum(place, rows - 1 - place) / 2)[:, None]
    weight = np.exp(-0.5 * ((place - place[:, None]) / np.maximum(width, 1e-3)) ** 2)
    return weight / weight.sum(axis=1, keepdims=True)
