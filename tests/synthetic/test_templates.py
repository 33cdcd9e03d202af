import numpy as np
import pytest

from letters_torch.synthetic.templates import CAPITAL_HEIGHT, PATH, all_forms, parse, stack, stacked, stroke_curve


def test_every_letter_has_forms_whose_shares_sum_to_one() -> None:
    forms = stacked()
    for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz":
        assert forms.shares[forms.letters == letter].sum() == pytest.approx(1)


def test_forms_of_a_letter_have_different_names() -> None:
    names = [(form.letter, form.name) for form in all_forms()]
    assert len(set(names)) == len(names)


def test_letters_stand_where_their_zones_are() -> None:
    for form in all_forms():
        y = np.concatenate(form.strokes)[:, 1]
        what = f"{form.letter} {form.name}"
        if form.letter.isupper():
            assert 9 <= y.max() <= CAPITAL_HEIGHT + 0.5, what
        if form.letter in "bdfhkl":
            assert y.max() >= 9.4, what
        if form.letter in "gpqy":
            assert y.min() <= -3, what
        if form.letter in "acemnorsuvwx" and form.name != "tall-loop":
            assert (y.min(), y.max()) == (pytest.approx(0, abs=0.3), pytest.approx(6, abs=0.5)), what


def test_a_line_is_read() -> None:
    form = parse("L 4 print  0,10 0,-0.5! 5.5,0 / 1,2 3,4")
    assert (form.letter, form.share, form.name) == ("L", 4, "print")
    assert form.strokes[0].tolist() == [[0, 10], [0, -0.5], [5.5, 0]]
    assert form.strokes[1].tolist() == [[1, 2], [3, 4]]
    assert form.sharp == ((False, True, False), (False, False))


@pytest.mark.parametrize("line", ["L 4 print", "L four print 0,0 1,1", "L 4 print 0,0 / 1,1 2,2", "L 4 print 0,0 1"])
def test_a_wrong_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - NumPy's and Python's words differ by version
        parse(line)


def test_a_curve_passes_through_its_points() -> None:
    points = np.array([[0, 0], [3, 0], [3, 4], [8, 4]], float)  # chords of 3, 4 and 5: a place at every unit
    path = stroke_curve(points, (False,) * 4, rows=13) @ points
    np.testing.assert_allclose(path[[0, 3, 7, 12]], points, atol=1e-12)


def test_a_smooth_point_is_passed_along_its_neighbours_line_and_a_sharp_one_is_not() -> None:
    points = np.array([[0, 0], [5, 10], [10, 0]], float)
    smooth = stroke_curve(points, (False, False, False), rows=2001) @ points
    sharp = stroke_curve(points, (False, True, False), rows=2001) @ points
    leaving = smooth[1001] - smooth[1000]
    assert abs(leaving[1] / leaving[0]) < 0.01  # Catmull-Rom: the tangent is parallel to (10, 0) - (0, 0)
    straight = np.linspace(points[1], points[2], 1001)
    np.testing.assert_allclose(sharp[1000:], straight, atol=1e-9)


def test_softening_rounds_corners_and_leaves_ends() -> None:
    forms = stack((parse("V 1 test 0,10 4,0! 8,10"),))
    soft = (forms.curve + forms.soften)[0] @ forms.points[0]
    assert 0.2 < soft[:, 1].min() < 3
    np.testing.assert_allclose(soft[[0, PATH - 1]], [[0, 10], [8, 10]], atol=1e-9)


def test_the_pen_lifts_between_strokes_only() -> None:
    forms = stack((parse("T 1 test 0,10 8,10 / 4,10 4,0"), parse("L 1 test 0,10 0,0! 5,0")))
    lifted = np.flatnonzero(~forms.down[0])
    assert len(lifted) == 2
    assert lifted[1] == PATH - 1
    path = forms.curve[0] @ forms.points[0]
    np.testing.assert_allclose(path[lifted[0] : lifted[0] + 2], [[8, 10], [4, 10]], atol=1e-9)
    assert forms.down[1].sum() == PATH - 1


def test_tails_point_out_of_the_ends_of_strokes() -> None:
    forms = stack((parse("L 1 test 0,10 0,0! 5,0"),))
    tails = forms.tails[0] @ forms.points[0]
    np.testing.assert_array_equal(tails, [[0, 10], [0, 0], [5, 0]])


def test_a_stroke_of_one_point_is_refused() -> None:
    with pytest.raises(ValueError, match="a stroke of fewer than two points: I 1 dot 0,0"):
        parse("I 1 dot 0,0")
