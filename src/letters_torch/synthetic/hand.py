"""A model of handwriting: the variation between writers, and between the letters of one writer.

The numbers are estimates, by eye, of how much handwriting varies; nothing is fitted to the pixels of a data set.
benchmarks/builtin_ablation.py measures the effect of each part.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve1d

from letters_torch.letters import UInt8
from letters_torch.synthetic import ink
from letters_torch.synthetic.templates import CAPITAL_HEIGHT, X_HEIGHT, Forms

Floats = npt.NDArray[np.float64]
Spread = tuple[float, float]  # standard deviations: between writers, and between the letters of one writer


@dataclass(frozen=True)
class Hand:
    """How people's writing varies. Lengths are in units of the templates: capitals are 10 high."""

    habit: float = 0.8  # the probability that a writer writes a letter in this writer's usual form
    slant: Spread = (0.18, 0.07)  # sideways shift per unit of height; positive leans to the right
    slant_mean: float = 0.08
    rotation: Spread = (0.05, 0.06)  # of the letter, in radians
    width: Spread = (0.2, 0.12)  # logarithm of width over height
    zones: Spread = (0.2, 0.1)  # logarithm of the lengths of bodies, ascenders and descenders of small letters
    bend: Spread = (0.05, 0.05)  # of the letter as a whole: quadratic terms, as a part of half the letter's height
    points: Spread = (0.4, 0.4)  # displacement of the points of a template
    strokes: Spread = (0.25, 0.3)  # displacement of whole strokes against each other
    stretch: Spread = (0.1, 0.1)  # logarithm of the size of a stroke against the others
    ends: Spread = (0.08, 0.12)  # strokes that overshoot, as a part of the distance to the stroke's next point
    rounding: Spread = (0.5, 0.25)  # of corners at speed: 0 leaves them sharp, 1 is the softened path; its size counts
    tremor: Spread = (0.1, 0.05)  # the size of the waves in a line that an unsteady hand, or a coarse tablet, makes
    pen: Spread = (0.35, 0.1)  # logarithm of the width of the pen
    pen_mean: float = 1.0  # the geometric mean of that width
    flow: Spread = (0.0, 0.1)  # logarithm of the width of the pen along a stroke
    blur: Spread = (0.35, 0.05)  # logarithm of the blur
    blur_mean: float = 0.5  # the geometric mean of the blur's standard deviation, in pixels
    box: tuple[float, float] = (20.0, 24.0)  # the sides of the box that letters are fitted to, in pixels
    coarse: float = 0.5  # the probability that a writer's letters are scanned on a coarse grid, one cell to a stroke
    cell: tuple[float, float] = (0.4, 1.2)  # the sides of such a grid's cells
    # The widths of the pen that a letter comes out with, in pixels: thinner ink would vanish, wider would fill it.
    pen_pixels: tuple[float, float] = (1.2, 4.2)

    @classmethod
    def still(cls) -> Self:
        """A hand that never varies: it draws the templates as they stand, upright and in the middle of the box."""
        never: dict[str, Any] = {f.name: (0.0, 0.0) for f in fields(cls) if isinstance(f.default, tuple)}
        middle = sum(cls.box) / 2
        never |= {"habit": 1.0, "slant_mean": 0.0, "box": (middle, middle), "pen_pixels": cls.pen_pixels}
        never |= {"coarse": 0.0, "cell": cls.cell}
        return cls(**never)


class Writer:
    """One writer, drawn from the distribution that a Hand describes; each letter draws from `rng` too."""

    def __init__(self, hand: Hand, forms: Forms, rng: np.random.Generator) -> None:
        self.hand, self.forms, self.rng = hand, forms, rng
        self._usual = _choose(forms, np.arange(128, dtype=np.uint8), rng)  # indexed by ASCII
        self._box = rng.uniform(*hand.box)
        self._cell = np.exp(rng.uniform(*np.log(hand.cell))) if hand.coarse and rng.random() < hand.coarse else None
        self._own: dict[str, Floats] = {}

    def write(self, letters: npt.NDArray[np.uint8]) -> UInt8:
        """Images, (N, 28, 28), of letters given in ASCII, (N,)."""
        return ink.draw(*self.trace(letters))

    def trace(self, letters: npt.NDArray[np.uint8]) -> tuple[Floats, npt.NDArray[np.bool_], Floats, Floats]:
        """The arguments of `ink.draw`, in pixels of a 28 x 28 image, for letters given in ASCII, (N,)."""
        form = self._pick_forms(letters)
        paths = self._shape(letters, form)
        count, places, _ = paths.shape
        pen = self.hand.pen_mean * np.exp(self._vary("pen", (count,)))
        if self._cell is not None:
            shift = self.rng.random((count, 1, 2))  # of the letter against the grid
            paths = self._cell * np.round(paths / self._cell + shift)
            pen = np.full(count, self._cell * 2 / np.pi**0.5)  # a disc of a cell's area
        paths, pen = ink.fit(paths, pen, np.full(count, self._box))
        flow = np.exp(_smooth(self._vary("flow", (count, places))))
        radii = np.clip(pen, *self.hand.pen_pixels)[:, None] / 2 * flow
        blur = self.hand.blur_mean * np.exp(self._vary("blur", (count,)))
        return paths, self.forms.down[form], radii, blur

    def _pick_forms(self, letters: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """The form of each letter, (N,)."""
        habitual = self.rng.random(len(letters)) < self.hand.habit
        return np.where(habitual, self._usual[letters], _choose(self.forms, letters, self.rng))

    def _vary(self, name: str, shape: tuple[int, ...], form: npt.NDArray[np.int64] | None = None) -> Floats:
        """Draws what the Hand calls `name`: this writer's own part, drawn once, plus each letter's.

        With `form`, the writer has an own part for each form.
        """
        between_writers, between_letters = getattr(self.hand, name)
        if name not in self._own:
            own = shape[1:] if form is None else (len(self.forms.letters), *shape[1:])
            self._own[name] = between_writers * self.rng.standard_normal(own)
        own_part = self._own[name] if form is None else self._own[name][form]
        return own_part + between_letters * self.rng.standard_normal(shape)

    def _shape(self, letters: npt.NDArray[np.uint8], form: npt.NDArray[np.int64]) -> Floats:
        """Paths, (N, PATH, 2), in units of the templates."""
        points = self._move_points(form)
        rounding = np.abs(self._vary("rounding", (len(form),)))[:, None, None]
        paths = self.forms.curve[form] @ points + rounding * (self.forms.soften[form] @ points)
        tremor = np.abs(self._vary("tremor", (len(form),)))[:, None, None]
        paths += tremor * _smooth(self.rng.standard_normal(paths.shape))
        small = letters >= ord("a")
        paths[small, :, 1] = self._zones(paths[small, :, 1])
        return self._tilt(self._bend(paths))

    def _move_points(self, form: npt.NDArray[np.int64]) -> Floats:
        """Control points, (N, K, 2), after the displacements of strokes and points."""
        points, stroke = self.forms.points[form], self.forms.stroke[form]
        count, size, _ = points.shape
        most = int(self.forms.stroke.max()) + 1
        stretch = np.exp(self._vary("stretch", (count, most, 2), form))
        shift = self._vary("strokes", (count, most, 2), form)
        middle = np.stack([_middles(points, stroke == s) for s in range(most)], axis=1)
        row = np.arange(count)[:, None]
        centre = middle[row, stroke]
        points = centre + (points - centre) * stretch[row, stroke] + shift[row, stroke]
        points = points + self._vary("points", (count, size, 2), form)
        return points + self._vary("ends", (count, size, 1), form) * (self.forms.tails[form] @ points)

    def _zones(self, y: Floats) -> Floats:
        """Heights, (n, PATH), of small letters with this writer's lengths of body, ascender and descender."""
        body, above, below = np.exp(self._vary("zones", (len(y), 3))).T[:, :, None]
        inside = np.clip(y, 0, X_HEIGHT) * body
        return inside + np.maximum(y - X_HEIGHT, 0) * above + np.minimum(y, 0) * below

    def _bend(self, paths: Floats) -> Floats:
        """Bends letters by the six quadratic terms of the plane."""
        half = CAPITAL_HEIGHT / 2
        low, high = paths.min(axis=1, keepdims=True), paths.max(axis=1, keepdims=True)
        x, y = np.moveaxis((paths - (low + high) / 2) / half, 2, 0)
        terms = np.stack([x * x, x * y, y * y], axis=2)
        return paths + half * terms @ self._vary("bend", (len(paths), 3, 2))

    def _tilt(self, paths: Floats) -> Floats:
        """Applies width, slant and rotation."""
        count = len(paths)
        width = np.exp(self._vary("width", (count,)))
        slant = self.hand.slant_mean + self._vary("slant", (count,))
        angle = self._vary("rotation", (count,))
        x = width[:, None] * paths[..., 0] + slant[:, None] * paths[..., 1]
        y = paths[..., 1]
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        return np.stack([cos * x - sin * y, sin * x + cos * y], axis=2)


def _choose(forms: Forms, letters: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A form for each letter, (N,), by the forms' shares."""
    # The largest of log(share) + Gumbel noise is a draw in proportion to the shares.
    score = np.log(forms.shares) + rng.gumbel(size=(len(letters), len(forms.letters)))
    return np.where(letters[:, None] == forms.letters, score, -np.inf).argmax(axis=1)


def _middles(points: Floats, mine: npt.NDArray[np.bool_]) -> Floats:
    """The mean of each letter's points that are `mine`, (N, 2)."""
    return (points * mine[..., None]).sum(axis=1) / np.maximum(mine.sum(axis=1), 1)[:, None]


def _smooth(noise: Floats) -> Floats:
    """Noise, (N, P) or (N, P, 2), turned smooth along the second axis, its variance kept."""
    window = np.hanning(15)[1:-1]
    return convolve1d(noise, window / np.linalg.norm(window), axis=1)
