"""Reads pictures of letters, photographed, scanned or drawn, and makes them look like the training letters.

Those are 28 x 28, light ink on black, their ink 23 pixels along its longer side and centred by its bounding box, with
soft strokes of about 3 pixels. A picture therefore becomes grey; uneven light and printed lines are removed (paper.py);
the paper becomes black and the ink white; the letter is cut out, scaled and centred; thin strokes are thickened.

A picture of 28 x 28 on black is taken to be such a letter already and is not changed. One picture is one letter.
"""

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError
from scipy import ndimage

from letters_torch.data.readers import paper
from letters_torch.errors import UserError, reason
from letters_torch.letters import SIDE, Letters, UInt8
from letters_torch.paths import printable, require_regular

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
# A phone's formats, which Pillow reads with plugins or not at all: the brand of an ISO base media file.
_PHONES = {b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"avif": "AVIF"}
_SHOWN = 160  # pixels of the longer side of `Picture.shown`, at most
_LONGER_SIDE = 23  # of the ink's box, in pixels brighter than a quarter: the median of the training letters
_QUARTER = 0.25
_FINE = 4  # strokes are measured and thickened on a grid this much finer than the final one
_THIN, _PEN = 1.8, 2.6  # stroke widths in final pixels: thinner than 98 of 100 training letters; of the finer ones
_BLUR = 0.3  # final pixels: the deviation of a Gaussian that makes edges as soft as a small image's
_FAINTEST = 16  # grey levels of 255 between paper and ink
_SPECK = 0.02  # of the largest stroke's area; the dot of an i is a tenth
_HINT = "give image files or a folder of them"

_log = logging.getLogger(__name__)

_Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Picture:
    """A picture that was read, in its stages."""

    file: Path
    shown: UInt8  # (H, W), the picture in grey, at most 160 pixels on its longer side
    cleaned: UInt8  # (H, W), the same without shadow and ruling; equal to `shown` if there were none
    letter: UInt8  # (28, 28), light ink on black: the input of the network


@dataclass(frozen=True)
class Pictures:
    """The pictures among some files."""

    read: tuple[Picture, ...]  # those that were read, in order; at least one
    failed: tuple[tuple[Path, str], ...]  # the other files, each with a line that says why

    @property
    def letters(self) -> Letters:
        """The letters of those that were read, without labels."""
        return Letters(np.stack([picture.letter for picture in self.read]))

    @property
    def files(self) -> list[Path]:
        """The files of those that were read."""
        return [picture.file for picture in self.read]


def read(paths: Sequence[Path]) -> Pictures:
    """Reads every picture among these files and folders, in this order; those in a folder in natural order (2, 10).

    PNG, JPEG, BMP, GIF, TIFF and WebP of any size and colour; a camera's orientation is applied. A file in a folder
    that is no picture by its name and its content is skipped with a warning in the log; folders in a folder are not
    entered. A picture that cannot be read does not stop the others.

    Raises:
        UserError: no path is given, or none of the files can be read.
    """
    found = [each for path in paths for each in _pictures(Path(path))]
    pictures = [picture for _, picture in found if isinstance(picture, Picture)]
    failed = [(file, str(error)) for file, error in found if isinstance(error, UserError)]
    if not found:
        raise UserError(f"no picture was named; {_HINT}")
    if not pictures:
        raise UserError(failed[0][1] + (f" (as with {len(failed) - 1} other files)" if len(failed) > 1 else ""))
    return Pictures(tuple(pictures), tuple(failed))


def normalise(grey: _Float) -> UInt8:
    """Makes a grey picture on even paper look like the training letters; ValueError if it is blank.

    Its ink, (H, W) in 0..255, may be lighter or darker than its paper; that of the letter, (28, 28) uint8, is light on
    black.
    """
    paper = float(np.median(_border(grey)))
    ink = _ink(grey, paper)
    if grey.shape == (SIDE, SIDE) and paper < _FAINTEST:
        return np.rint(grey).astype(np.uint8)
    fine = _soften(_fitted(ink, _FINE * SIDE, _FINE * (_LONGER_SIDE - 1)))
    letter = _fitted(fine, SIDE, _LONGER_SIDE)
    return np.rint(255 * np.clip(letter / letter.max(), 0, 1)).astype(np.uint8)


def _pictures(path: Path) -> Iterator[tuple[Path, Picture | UserError]]:
    """Each file at the path, and the picture or why it cannot be read."""
    if not path.is_dir():
        yield path, _try(path)
        return
    found = False
    for file in sorted((file for file in path.iterdir() if file.is_file()), key=_natural):
        picture = _try(file)
        if isinstance(picture, _NoPicture) and file.suffix.lower() not in _SUFFIXES:
            _log.warning("%s is not a picture and was skipped", printable(file))
            continue
        found = True
        yield file, picture
    if not found:
        kinds = ", ".join(_FORMATS)
        yield path, UserError(f"{printable(path)} holds no picture; give image files ({kinds}) or a folder of them")


def _try(file: Path) -> Picture | UserError:
    try:
        grey = _open(file)
        cleaned = paper.clean(grey)
        return Picture(file, _small(grey), _small(cleaned), normalise(cleaned))
    except UserError as error:
        return error
    except ValueError as error:
        return UserError(f"{printable(file)}: {error}; leave it out, or write darker")


class _NoPicture(UserError):
    """The file has none of the formats that are read here."""


def _natural(file: Path) -> list[str | int]:
    parts = re.split(r"([0-9]+)", file.name.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _open(file: Path) -> _Float:
    """The picture in grey, (H, W) in 0..255; raises UserError."""
    require_regular(file, _HINT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of metadata, which do not concern the pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=_FORMATS) as image:
                return _grey(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        kind = _of_a_phone(file)
        if kind is not None:
            raise UserError(f"{printable(file)} is a picture in {kind}, which is not read; save it as JPEG") from error
        raise _NoPicture(f"{printable(file)} is not a picture; give a file of {', '.join(_FORMATS)}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"{printable(file)} has too many pixels; make it smaller") from error
    # On a damaged picture Pillow raises OSError, SyntaxError, ValueError, struct.error and more.
    except Exception as error:
        raise UserError(
            f"{printable(file)} cannot be read ({reason(error)}); it may be damaged, save it again"
        ) from error


def _of_a_phone(file: Path) -> str | None:
    """The name of a format in `_PHONES`."""
    with file.open("rb") as content:
        head = content.read(12)
    return _PHONES.get(head[8:]) if head[4:8] == b"ftyp" else None


def _small(grey: _Float) -> UInt8:
    shrink = -(-max(grey.shape) // _SHOWN)
    return np.asarray(Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8)).reduce(shrink))


def _grey(image: Image.Image) -> _Float:
    """(H, W) in 0..255; a large picture is reduced to less than 1,000 pixels a side."""
    if image.mode.startswith(("I", "F")):
        grey: _Float = np.nan_to_num(np.asarray(image, np.float32))
        highest = float(grey.max())
        if highest > 255:
            grey = grey * (255 / max(65_535, highest))
        image = Image.fromarray(grey)
    else:
        image = (_opaque(image) if image.has_transparency_data else image).convert("L")
    shrink = max(image.size) // 500
    return np.asarray(image.reduce(shrink) if shrink > 1 else image, np.float32)


def _opaque(image: Image.Image) -> Image.Image:
    """A transparent picture on white, or on black if what is drawn on it is light."""
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"), np.float32)
    drawn = float((np.asarray(image.convert("L")) * alpha).sum() / max(1.0, alpha.sum()))
    opaque = alpha.min() == 255
    paper = Image.new("RGBA", image.size, "black" if drawn > 127 and not opaque else "white")
    return Image.alpha_composite(paper, image)


def _border(grey: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _ink(grey: _Float, paper: float) -> _Float:
    """The ink, (H, W) in 0..1: 0 for paper and its grain, 1 for the darkest ink."""
    lighter = float(grey.max()) - paper > paper - float(grey.min())
    ink = grey - paper if lighter else paper - grey
    grain = 4 * float(np.median(np.abs(_border(grey) - paper)))
    deepest = float(ink.max())
    if deepest - grain < _FAINTEST:
        raise ValueError("nothing can be seen on it")
    return np.clip((ink - grain) / (deepest - grain), 0, 1)


def _fitted(ink: _Float, side: int, longer: int) -> _Float:
    """(side, side): the ink scaled to `longer` pixels on its longer side, and centred."""
    top, bottom, left, right = _box(ink)
    window = max(bottom - top, right - left) * side / longer
    margin = int(window) + 1  # enough for the window around ink in a corner
    image = Image.fromarray(np.pad(ink, margin).astype(np.float32))
    x, y = (left + right) / 2 + margin, (top + bottom) / 2 + margin
    box = (x - window / 2, y - window / 2, x + window / 2, y + window / 2)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box))


def _box(ink: _Float) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the strokes; specks are ignored."""
    labels, count = ndimage.label(ink > _QUARTER * ink.max(), np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    strokes = np.isin(labels, 1 + np.flatnonzero(areas >= _SPECK * areas.max()))
    rows, columns = np.flatnonzero(strokes.any(1)), np.flatnonzero(strokes.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _soften(fine: _Float) -> _Float:
    """The letter on the fine grid, its strokes thickened if they are thin, and blurred like a small image."""
    ink = np.sort(fine[fine > _QUARTER * fine.max()])
    missing = _FINE * _PEN - _stroke(fine / np.median(ink))
    if missing > _FINE * (_PEN - _THIN):
        # A hairline is brighter where two of them cross: all of it becomes as bright as most of it.
        image = _image(fine / np.median(ink)).filter(ImageFilter.MaxFilter(1 + 2 * round(missing / 2)))
    else:
        # The grey levels of thicker strokes are kept: to saturate half of them costs 0.005 to 0.02 of the accuracy.
        image = _image(fine / ink[len(ink) * 9 // 10])
    return np.asarray(image.filter(ImageFilter.GaussianBlur(_FINE * _BLUR)), np.float32)


def _image(ink: _Float) -> Image.Image:
    return Image.fromarray(np.rint(255 * np.clip(ink, 0, 1)).astype(np.uint8))


def _stroke(fine: _Float) -> float:
    """The width of the strokes: a long line's area is its length times its width, its outline twice its length."""
    ink = np.pad(fine > 0.5, 1)
    # Counted along pixels, the outline of a line of random direction is 4 / pi times too long.
    outline = (np.sum(ink[1:] != ink[:-1]) + np.sum(ink[:, 1:] != ink[:, :-1])) * np.pi / 4
    return float(2 * ink.sum() / max(1.0, outline))
