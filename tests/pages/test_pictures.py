"""The page about pictures shows each one's stages and most probable letters."""

from pathlib import Path

import numpy as np

from letters_torch.data.readers.pictures import Picture, Pictures
from letters_torch.pages.pictures import document
from letters_torch.reading.predictions import Predictions
from tests.support.making import pictures
from tests.support.pages import Page


def page() -> tuple[Page, list[Picture]]:
    shown = np.arange(60 * 90, dtype=np.uint8).reshape(60, 90)
    read = [Picture(Path(f"{n}.jpg"), shown + n, 255 - shown, letter) for n, letter in enumerate(pictures(2))]
    probabilities = np.zeros((2, 26))
    probabilities[0, [0, 1, 2]] = [0.9, 0.075, 0.025]
    probabilities[1, [13, 16, 7]] = [0.5, 0.3, 0.2]
    failed = ((Path("bad.png"), "bad.png is <not> a picture"),)
    return Page(document(Pictures(tuple(read), failed), Predictions(probabilities), "best.ckpt")), read


def test_each_picture_in_its_stages() -> None:
    found, read = page()
    expected = [stage for picture in read for stage in (picture.shown, picture.cleaned, 255 - picture.letter)]
    assert len(found.figures) == len(expected)
    for (_, pixels), stage in zip(found.figures, expected, strict=True):
        np.testing.assert_array_equal(pixels, stage)
    assert found.headings == ["letters_torch: pictures", "Not read", "0.jpg", "1.jpg"]
    assert not [link for link in found.fetched if not link.startswith("data:")]


def test_a_picture_that_needed_no_cleaning_is_shown_once() -> None:
    shown = np.zeros((60, 90), np.uint8)
    picture = Picture(Path("0.jpg"), shown, shown.copy(), pictures(1)[0])
    found = Page(document(Pictures((picture,), ()), Predictions(np.eye(26)[:1]), "best.ckpt"))
    assert len(found.figures) == 2


def test_the_most_probable_letters_and_what_was_not_read() -> None:
    found, _ = page()
    assert "A 90.0%; then B 7.5%, C 2.5%" in found.text
    assert "N 50.0% (unsure); then Q 30.0%, H 20.0%" in found.text
    assert "2 pictures read" in found.text
    assert "1 unsure" in found.text
    assert "bad.png is <not> a picture" in found.text
    assert "Read by best.ckpt." in found.text
