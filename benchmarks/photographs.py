"""Photographs of letters on paper, made from the built-in pen strokes: to test and to measure the reading of pictures.

The paper has a colour, grain, and perhaps printed lines or what is written on its back; a light that is uneven
multiplies it; the camera stands at an angle, and adds blur, noise and JPEG's artefacts. The sizes and strengths are
estimates, by eye, of photographs by a phone.
"""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.special import expit

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
    "several lights",
    "tilted, ruled",
    "from afar, squared",
    "at the edge, ruled",
    "pencil, smooth shadow",
    "blue ink, ruled",
    "seen through",
    "blurred, hard shadow",
    "noisy, smooth shadow",
    "tilted, from afar, ruled, seen through, noisy, hard shadow",
)

_SCALE = 8  # pixels of the photograph for each pixel of a 28 x 28 image
_PAPERS = ((252, 252, 250), (246, 240, 222))  # white, cream
_PENS = ((25, 30, 45), (35, 50, 130), (90, 90, 95))  # black, blue, pencil
_PENCIL, _BLUE = (130, 130, 134), (60, 80, 170)
_LINES = ((150, 175, 215), (175, 175, 185))  # printed blue, printed grey


def photograph(letter: str, kind: str, seed: int) -> UInt8:
    """A photograph of one letter.

    Args:
        letter: "A".."Z" or "a".."z".
        kind: one of `KINDS`, or other words of them; "drawn" is a clean drawing on white.
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
    strokes, pen = _written(strokes, pen, kind, rng)
    height, width = strokes.shape
    colour = np.array(_PAPERS[rng.integers(len(_PAPERS))], float)
    paper = colour + gaussian_filter(rng.normal(0, 6, (height, width)), 1.0)[..., None]
    if "seen through" in kind:
        paper = paper + _back(height, width, rng)[..., None] * (pen - paper)
    if "ruled" in kind or "squared" in kind:
        paper = _print_lines(paper, "squared" in kind, rng)
    photo = paper + strokes[..., None] * (pen - paper)
    if "tilted" in kind:
        photo = _tilted(photo, rng)
    height, width = photo.shape[:2]
    for name, light in _LIGHTS.items():
        if name in kind:
            photo = photo * light(height, width, rng)[..., None]
    return _camera(photo, kind, rng)


def _written(strokes: Floats, pen: Floats, kind: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The strokes and the colour of the pen, changed as the kind of photograph says."""
    if "pencil" in kind:  # its lead leaves the hollows of the paper white
        grain = gaussian_filter(rng.normal(0, 1, strokes.shape), 1.0)
        strokes, pen = strokes * np.clip(0.85 + 0.5 * grain, 0.3, 1), np.array(_PENCIL, float)
    if "blue ink" in kind:
        pen = np.array(_BLUE, float)
    if "afar" in kind:  # the letter is a third of the picture, or less
        before, after = rng.integers(150, 300, (2, 2))
        strokes = np.pad(strokes, list(zip(before, after, strict=True)))
    if "edge" in kind:  # cut two pixels beside the ink, at a corner
        rows, columns = (np.flatnonzero((strokes > 0.1).any(axis)) for axis in (1, 0))
        strokes = strokes[max(rows[0] - 2, 0) :, max(columns[0] - 2, 0) :]
    if "tilted" in kind:
        strokes = np.pad(strokes, _OUTSIDE)
    return strokes, pen


def _back(height: int, width: int, rng: np.random.Generator) -> Floats:
    """How much of the ink on the back of the sheet is seen, (height, width) in 0..1: letters, mirrored and soft."""
    back = np.zeros((height, width))
    for letter in rng.choice(list("AEKMRW"), 2):
        ink_there = _strokes(str(letter), max(height, SIDE * _SCALE), max(width, SIDE * _SCALE), rng)
        back = np.maximum(back, ink_there[:height, :width])
    return rng.uniform(0.12, 0.22) * gaussian_filter(back[:, ::-1], 2.5)


_OUTSIDE = 80  # pixels of paper around a sheet that is photographed at an angle


def _tilted(photo: Floats, rng: np.random.Generator) -> Floats:
    """The sheet seen at an angle: the corners of the picture lie up to 75 pixels outside of it, each by itself."""
    height, width = photo.shape[:2]
    inner = np.array([[0, 0], [0, height], [width, height], [width, 0]]) + _OUTSIDE * np.array(
        [[1, 1], [1, -1], [-1, -1], [-1, 1]]
    )
    quad = inner + rng.uniform(5, 75, (4, 1)) * np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    size = (width - 2 * _OUTSIDE, height - 2 * _OUTSIDE)
    image = Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8))
    seen = image.transform(size, Image.Transform.PERSPECTIVE, _perspective(size, quad), Image.Resampling.BICUBIC)
    return np.asarray(seen, float)


def _perspective(size: tuple[int, int], quad: Floats) -> list[float]:
    """The eight coefficients by which Pillow maps the corners of a picture of this size to those of the quadrilateral.

    x' = (a x + b y + c) / (g x + h y + 1), y' = (d x + e y + f) / (g x + h y + 1).
    """
    corners = [(0, 0), (0, size[1]), (size[0], size[1]), (size[0], 0)]
    rows = []
    for (x, y), (u, v) in zip(corners, quad, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return [float(each) for each in np.linalg.solve(np.array(rows, float), quad.ravel())]


def _strokes(letter: str, height: int, width: int, rng: np.random.Generator) -> Floats:
    """The ink of a letter somewhere on the sheet, (height, width) in 0..1."""
    writer = Writer(Hand(coarse=0), stacked(), rng)  # none is scanned on a coarse grid
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
    return 1 - rng.uniform(0.3, 0.55) * expit(edge / rng.uniform(0.8, 4))


def _several(height: int, width: int, rng: np.random.Generator) -> Floats:
    """Two lights that fall off, and two straight shadows; (height, width), at most 1."""
    light = np.prod([each(height, width, rng) for each in (_smooth, _smooth, _hard, _hard)], axis=0)
    return light / light.max()


_LIGHTS: dict[str, Callable[[int, int, np.random.Generator], Floats]] = {
    "smooth shadow": _smooth,
    "hard shadow": _hard,
    "several lights": _several,
}


def _camera(photo: Floats, kind: str, rng: np.random.Generator) -> UInt8:
    """Exposure, blur, noise and JPEG. By little light the exposure is short, the noise strong and JPEG coarse."""
    dark = "noisy" in kind
    exposure, blur = rng.uniform(0.75, 1.0) * (0.6 if dark else 1), rng.uniform(4, 6) if "blurred" in kind else 0.7
    exposed = gaussian_filter(photo * exposure, (blur, blur, 0)) + rng.normal(0, 9 if dark else 3, photo.shape)
    file = io.BytesIO()
    image = Image.fromarray(np.clip(exposed, 0, 255).astype(np.uint8))
    image.save(file, "JPEG", quality=int(rng.integers(25, 45) if dark else rng.integers(60, 90)))
    return np.asarray(Image.open(file))
