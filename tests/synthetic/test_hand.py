from dataclasses import fields, replace

import numpy as np
import pytest

from letters_torch.letters import UInt8
from letters_torch.synthetic.hand import Hand, Writer
from letters_torch.synthetic.templates import CAPITAL_HEIGHT, all_forms, stack, stacked

ALL = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", np.uint8)


def _write(hand: Hand, letters: str, seed: int = 0, form: str | None = None) -> UInt8:
    forms = stacked() if form is None else stack(tuple(f for f in all_forms() if f.name == form))
    return Writer(hand, forms, np.random.default_rng(seed)).write(np.frombuffer(letters.encode(), np.uint8))


def _ink(image: UInt8) -> tuple[float, float, float, float]:
    """The parts of the ink in the left, right, upper and lower third of the letter's frame (4..23)."""
    ink = image / image.sum()
    return ink[:, :11].sum(), ink[:, 17:].sum(), ink[:11].sum(), ink[17:].sum()


def test_a_still_hand_writes_a_form_the_same_way_every_time() -> None:
    images = _write(Hand.still(), "R" * 20, form="two-strokes")
    assert (images == images[0]).all()


def test_a_writer_keeps_to_the_usual_form_as_often_as_the_habit_says() -> None:
    usual = _write(replace(Hand.still(), habit=1.0), "a" * 200)
    assert len(np.unique(usual, axis=0)) == 1
    mixed = _write(replace(Hand.still(), habit=0.0), "a" * 400)
    count = sum(form.letter == "a" for form in all_forms())
    assert len(np.unique(mixed, axis=0)) == count


@pytest.mark.parametrize(
    ("letter", "form", "stem", "bar"),
    [("L", "print", "left", "lower"), ("F", "print", "left", "upper"), ("P", "print", "left", "upper"),
     ("b", "print", "left", "lower"), ("d", "print", "right", "lower"), ("q", "print", "right", "upper"),
     ("p", "print", "left", "upper"), ("J", "plain", "right", "lower")],
)  # fmt: skip
def test_letters_have_their_ink_where_a_reader_expects_it(letter: str, form: str, stem: str, bar: str) -> None:
    left, right, upper, lower = _ink(_write(Hand.still(), letter, form=form)[0])
    if letter in "LJ":  # the other letters' stems and bowls are too close together to tell by thirds
        assert (left > right) == (stem == "left")
    assert (upper > lower) == (bar == "upper")
    columns = (_write(Hand.still(), letter, form=form)[0] > 127).sum(axis=0)
    covered = np.flatnonzero(columns)
    longest = (columns.argmax() - covered[0]) / np.ptp(covered)
    assert (longest < 0.5) == (stem == "left")


def test_every_trait_of_the_hand_shows() -> None:
    still = Writer(Hand.still(), stacked(), np.random.default_rng(3)).write(ALL)
    for field in fields(Hand):
        if field.name in ("pen_mean", "blur_mean", "pen_pixels", "coarse", "cell"):
            continue  # a still hand has them too; the last two have a test of their own
        hand = replace(Hand.still(), **{field.name: getattr(Hand(), field.name)})
        written = Writer(hand, stacked(), np.random.default_rng(3)).write(ALL)
        assert (written != still).any(), field.name


def test_strokes_are_stretched_about_their_middles() -> None:
    forms = stacked()
    writer = Writer(replace(Hand.still(), stretch=(0.3, 0.3)), forms, np.random.default_rng(0))
    moved = writer._move_points(np.arange(len(forms.letters)))
    assert np.abs(moved - forms.points).max() > 1
    for stroke in range(forms.stroke.max() + 1):
        mine = ((forms.stroke == stroke) & forms.curve.any(axis=1))[..., None]  # without what is padding
        np.testing.assert_allclose((moved * mine).sum(axis=1), (forms.points * mine).sum(axis=1), atol=1e-9)


@pytest.mark.parametrize(("less", "more"), [(0.7, 1.6), (1.6, 3.0)])
def test_a_wider_pen_leaves_more_ink(less: float, more: float) -> None:
    thin, thick = (_write(replace(Hand.still(), pen_mean=pen), "H", form="print").sum() for pen in (less, more))
    assert thick > thin


def test_a_pen_is_never_thinner_or_wider_than_said() -> None:
    stems = [
        (_write(replace(Hand.still(), pen_mean=pen, blur_mean=0.2), "I", form="stick")[0, 14] > 127).sum()
        for pen in (0.01, 100.0)
    ]
    lowest, highest = Hand().pen_pixels
    assert stems[0] == pytest.approx(lowest, abs=1)
    assert stems[1] == pytest.approx(highest, abs=1)


def test_a_coarse_scanner_leaves_square_cells() -> None:
    cell = CAPITAL_HEIGHT / 5
    hand = replace(Hand.still(), coarse=1.0, cell=(cell, cell), slant_mean=0.3)
    writer = Writer(hand, stacked(), np.random.default_rng(0))
    path = writer.trace(np.full(20, ord("O"), np.uint8))[0]
    for letter in path:
        places = [np.unique(np.round(axis, 6)) for axis in letter.T]
        assert all(len(axis) <= 8 for axis in places)
        steps = np.concatenate([np.diff(axis) for axis in places])
        np.testing.assert_allclose(steps, steps[0], rtol=1e-6)


def test_as_many_writers_as_said_have_a_coarse_scanner() -> None:
    writers = [Writer(replace(Hand(), coarse=0.25), stacked(), np.random.default_rng(n)) for n in range(400)]
    sides = np.array([writer._cell for writer in writers if writer._cell is not None])
    assert len(sides) == pytest.approx(100, abs=30)
    low, high = Hand().cell
    assert low <= sides.min() < low * 1.1
    assert high / 1.1 < sides.max() <= high


def test_slant_leans_to_the_right_and_rotation_turns() -> None:
    leaning = _write(replace(Hand.still(), slant_mean=0.5), "l", form="stick")[0]
    assert leaning[6].argmax() > leaning[21].argmax() + 3
    turned = _write(replace(Hand.still(), rotation=(0.3, 0.0)), "l", form="stick")
    assert abs(int(turned[0, 6].argmax()) - int(turned[0, 21].argmax())) >= 1


def test_letters_of_one_writer_share_what_is_the_writers_own() -> None:
    hand = replace(Hand.still(), slant=(0.3, 0.0), points=(0.5, 0.0), pen=(0.4, 0.0))
    images = _write(hand, "h" * 5 + "k" * 5, form="print")
    assert (images[:5] == images[0]).all()
    assert (images[5:] == images[5]).all()
    assert (_write(hand, "h", seed=1, form="print")[0] != images[0]).any()
