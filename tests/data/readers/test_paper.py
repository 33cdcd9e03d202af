"""Photographs of paper: shadow, ruling and what shines through go, strokes stay, and a clean drawing is not touched."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from benchmarks.photographs import KINDS, photograph
from letters_torch.data.readers import paper
from letters_torch.data.readers.pictures import normalise

UNEVEN = [kind for kind in KINDS[:8] if kind not in ("drawn", "plain")]
HARDER = [
    "at the edge, ruled",
    "pencil, smooth shadow",
    "blue ink, ruled",
    "noisy, smooth shadow",
    "blurred, hard shadow",
]


def grey(letter: str, kind: str, seed: int = 1) -> paper.Float:
    return np.asarray(Image.fromarray(photograph(letter, kind, seed)).convert("L"), np.float32)


@pytest.mark.parametrize("kind", [*UNEVEN, *HARDER])
def test_a_photograph_becomes_the_letter_that_was_drawn(kind: str) -> None:
    """The same strokes, drawn on white, photographed and cleaned; without cleaning they are something else."""
    alike, before = [], []
    for letter in "ENgk":
        drawn, photo = normalise(grey(letter, "drawn")), grey(letter, kind)
        alike.append(np.corrcoef(drawn.ravel(), normalise(paper.clean(photo)).ravel())[0, 1])
        try:
            before.append(np.corrcoef(drawn.ravel(), normalise(photo).ravel())[0, 1])
        except ValueError:  # nothing can be seen
            before.append(0)
    assert min(alike) > 0.85
    assert np.mean(alike) > 0.95
    assert np.mean(before) < 0.9


@pytest.mark.parametrize("kind", ["drawn", "plain"])
def test_even_paper_is_not_touched(kind: str) -> None:
    for letter in "ENgk":
        picture = grey(letter, kind)
        assert paper.clean(picture) is picture


def test_what_is_written_on_the_back_is_left_out() -> None:
    """A letter is what it is without the writing behind it; the same sheet, without that writing, is not touched."""
    for letter in "DKhW":
        photo = grey(letter, "seen through")
        drawn, cleaned, raw = (normalise(each) for each in (grey(letter, "drawn"), paper.clean(photo), photo))
        assert np.corrcoef(drawn.ravel(), cleaned.ravel())[0, 1] > 0.97
        assert np.mean((raw > 20) & (drawn == 0)) > 5 * np.mean((cleaned > 20) & (drawn == 0))


@pytest.mark.parametrize("kind", UNEVEN)
def test_light_ink_on_dark_is_cleaned_too(kind: str) -> None:
    for letter in "Ek":
        photo = grey(letter, kind)
        positive, negative = paper.clean(photo), paper.clean(255 - photo * 0.8)
        if "shadow" not in kind:
            assert np.corrcoef(normalise(positive).ravel(), normalise(negative).ravel())[0, 1] > 0.9
        assert np.median(negative) == 255


@pytest.mark.parametrize("turned", [False, True], ids=["rows", "columns"])
def test_a_stroke_along_a_line_or_across_it_stays(turned: bool) -> None:
    sheet = np.full((300, 300), 240, np.float32)
    sheet[100:102], sheet[200:202] = 190, 190  # ruling
    inked = sheet.copy()
    inked[60:206, 120:130] = 30  # an L that stands on the second line
    inked[196:206, 120:200] = 30
    blurred = ndimage.gaussian_filter(inked, 0.7)
    cleaned = paper.clean(blurred.T).T if turned else paper.clean(blurred)
    assert cleaned[62:204, 124].max() < 60  # not cut where it crosses the first line
    assert cleaned[199:203, 130:196].max() < 60
    assert cleaned[100:102, :110].min() == 255
    assert cleaned[200:202, 210:].min() == 255


def test_a_line_that_is_printed_over_a_stroke_does_not_cut_it() -> None:
    sheet = np.full((300, 300), 240, np.float32)
    sheet[60:206, 120:130] = 120
    sheet[98:103] = 170
    cleaned = paper.clean(sheet)
    assert cleaned[62:204, 124].max() < 150
    assert cleaned[98:103, :110].min() == 255


def test_paper_in_shadow_with_nothing_on_it_stays_blank() -> None:
    light = np.linspace(60, 240, 300, dtype=np.float32)[None].repeat(200, 0)
    noise = np.random.default_rng(0).normal(0, 2, light.shape).astype(np.float32)
    for sheet in (light + noise, np.where(np.arange(300) < 170, 220, 120).astype(np.float32) + noise):
        with pytest.raises(ValueError, match="nothing can be seen"):
            normalise(paper.clean(sheet))


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (31, 400), (32, 32), (400, 40)])
@pytest.mark.parametrize("level", [0, 255])
def test_odd_pictures_do_no_harm(shape: tuple[int, int], level: int) -> None:
    flat = np.full(shape, level, np.float32)
    assert paper.clean(flat) is flat
    noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    cleaned = paper.clean(noise)
    assert cleaned.shape == shape
    assert np.isfinite(cleaned).all()
