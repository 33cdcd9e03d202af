"""Photographs of letters on paper, made from the built-in pen strokes: to test and to measure the reading of pictures.

The paper has a colour, grain, and perhaps printed lines; a light that is uneven multiplies it; the camera adds noise
and JPEG's artefacts. The sizes and strengths are estimates, by eye, of photographs by a phone.
"""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from letters_torch.letters import SIDE, UInt8
from letters_torch.synthetic import ink
from letters_torch.synthetic.hand import Hand, Writer
from letters_torch.synthetic.templates import stacked

Floats = npt.NDArray[np.float64]

KINDS = (
    "drawn",
    "plain",
    "smooth shadow",
    "hard shadow",
    "ruled",
    "squared",
    "ruled, smooth shadow",
    "squared, hard shadow",
)

_SCALE = 8  # pixels of the photograph for each pixel of a 28 x 28 image
_PAPERS = ((252, 252, 250), (246, 240, 222))  # white, cream
_PENS = ((25, 30, 45), (35, 50, 130), (90, 90, 95))  # black, blue, pencil
_LINES = ((150, 175, 215), (175, 175, 185))  # printed blue, printed grey


def photograph(letter: str, kind: str, seed: int) -> UInt8:
    """A photograph of one letter.

    Args:
        letter: "A".."Z" or "a".."z".
        kind: one of `KINDS`; "drawn" is a clean drawing on white.
        seed: of the writer and of everything else.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    rng = np.random.default_rng([seed, ord(letter)])
    height, width = int(rng.integers(260, 340)), int(rng.integers(260, 420))
    strokes = _strokes(letter, height, width, rng)
    pen = np.array(_PENS[rng.integers(len(_PENS))], float)
    if kind == "drawn":
        return np.rint(255 - strokes[..., None] * (255 - pen)).astype(np.uint8)
    colour = np.array(_PAPERS[rng.integers(len(_PAPERS))], float)
    paper = colour + gaussian_filter(rng.normal(0, 6, (height, width)), 1.0)[..., None]
    if "ruled" in kind or "squared" in kind:
        paper = _print_lines(paper, "squared" in kind, rng)
    photo = paper + strokes[..., None] * (pen - paper)
    for name, light in _LIGHTS.items():
        if name in kind:
            photo = photo * light(height, width, rng)[..., None]
    return _camera(photo, rng)


def _strokes(letter: str, height: int, width: int, rng: np.random.Generator) -> Floats:
    """The ink of a letter somewhere on the sheet, (height, width) in 0..1."""
    writer = Writer(Hand(), stacked(), rng)
    paths, down, radii, blur = writer.trace(np.array([ord(letter)], np.uint8))
    side = SIDE * _SCALE
    drawn = ink.draw(paths * _SCALE + (_SCALE - 1) / 2, down, radii * _SCALE * 0.8, blur * 2, side)[0] / 255.0
    sheet = np.zeros((height, width))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    sheet[top : top + side, left : left + side] = drawn
    return sheet


def _print_lines(paper: Floats, squared: bool, rng: np.random.Generator) -> Floats:
    """The paper with printed lines, slightly turned against the picture."""
    height, width, _ = paper.shape
    tilt, spacing = np.tan(np.deg2rad(rng.uniform(-3, 3))), rng.uniform(40, 60) if squared else rng.uniform(70, 110)
    thickness, colour = rng.uniform(1.2, 2.4), np.array(_LINES[rng.integers(len(_LINES))], float)
    y, x = np.mgrid[:height, :width].astype(float)
    positions = [y - tilt * x, *([x + tilt * y] if squared else [])]
    for position in positions:
        away = np.abs((position + rng.uniform(0, spacing)) % spacing - spacing / 2)
        line = np.clip(thickness / 2 + 0.5 - away, 0, 1)[..., None]
        paper = paper + line * (colour - paper)
    return paper


def _smooth(height: int, width: int, rng: np.random.Generator) -> Floats:
    """Light that falls off across the picture, and a soft shadow; (height, width), at most 1."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    centre_x, centre_y = rng.uniform(0, 1, 2)
    blob = np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * 0.35**2))
    light = 1 + rng.uniform(0.3, 0.7) * slope - rng.uniform(0.1, 0.35) * blob
    return light / light.max()


def _hard(height: int, width: int, rng: np.random.Generator) -> Floats:
    """The shadow of something straight over a part of the picture; (height, width), at most 1."""
    y, x = np.mgrid[:height, :width].astype(float)
    angle = rng.uniform(0, 2 * np.pi)
    edge = (x - width * rng.uniform(0.3, 0.7)) * np.cos(angle) + (y - height * rng.uniform(0.3, 0.7)) * np.sin(angle)
    return 1 - rng.uniform(0.3, 0.55) / (1 + np.exp(-edge / rng.uniform(0.8, 4)))


_LIGHTS: dict[str, Callable[[int, int, np.random.Generator], Floats]] = {"smooth shadow": _smooth, "hard shadow": _hard}


def _camera(photo: Floats, rng: np.random.Generator) -> UInt8:
    """Exposure, blur, noise and JPEG."""
    exposed = gaussian_filter(photo * rng.uniform(0.75, 1.0), (0.7, 0.7, 0)) + rng.normal(0, 3, photo.shape)
    file = io.BytesIO()
    image = Image.fromarray(np.clip(exposed, 0, 255).astype(np.uint8))
    image.save(file, "JPEG", quality=int(rng.integers(60, 90)))
    return np.asarray(Image.open(file))
