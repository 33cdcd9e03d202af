import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from letters_torch.synthetic import ink


def _draw(path: list[list[float]], radius: float, blur: float) -> np.ndarray:
    paths = np.array([path], float)
    down = np.ones((1, len(path)), bool)
    return ink.draw(paths, down, np.full((1, len(path)), float(radius)), np.array([blur]))[0]


def test_a_straight_stroke_is_the_normal_distribution_across_its_edge() -> None:
    image = _draw([[13, -20], [13, 50]], radius=2, blur=0.7)
    away = np.abs(np.arange(28) - 13)
    expected = ndtr((2 - away) / 0.7) / ndtr(2 / 0.7)
    expected[away - 2 >= 2.1] = 0  # three blurs off: no ink
    np.testing.assert_allclose(image / 255, np.broadcast_to(expected, (28, 28)), atol=0.5 / 255 + 1e-9)


def test_ink_is_a_blurred_stroke() -> None:
    """Against an independent way: the same stroke drawn sharp on a grid 16 times as fine, blurred and thinned."""
    fine = 16
    y, x = (np.mgrid[: 28 * fine, : 28 * fine] + 0.5) / fine - 0.5
    t = np.clip(((x - 6) * 14 + (y - 5) * 17) / (14**2 + 17**2), 0, 1)
    sharp = (np.hypot(x - 6 - 14 * t, y - 5 - 17 * t) < 2.5).astype(float)
    blurred = gaussian_filter(sharp, 0.6 * fine).reshape(28, fine, 28, fine).mean(axis=(1, 3))
    image = _draw([[6, 5], [20, 22]], radius=2.5, blur=0.6) / 255
    assert np.abs(image - blurred).mean() < 0.01
    assert np.abs(image - blurred).max() < 0.2  # round ends are the worst


def test_a_lifted_pen_leaves_no_ink() -> None:
    paths = np.array([[[4, 4], [8, 4], [20, 24], [24, 24]]], float)
    lifted = np.array([[True, False, True, False]])
    image = ink.draw(paths, lifted, np.ones((1, 4)), np.array([0.5]))[0]
    assert image[4, 6] == 255
    assert image[24, 22] == 255
    assert image[8:20].max() == 0


def test_a_pen_that_widens() -> None:
    image = ink.draw(
        np.array([[[2, 14], [25, 14]]], float), np.array([[True, True]]), np.array([[1.0, 5.0]]), np.array([0.4])
    )[0]
    thickness = (image > 127).sum(axis=0)
    assert thickness[23] > thickness[13] > thickness[3]


def test_fit_fills_the_box_and_centres() -> None:
    rng = np.random.default_rng(0)
    paths = rng.normal(size=(50, 9, 2)) * rng.uniform(0.1, 20, (50, 1, 2))
    fitted, pen = ink.fit(paths, np.full(50, 0.5), np.full(50, 22.0))
    low, high = fitted.min(axis=1), fitted.max(axis=1)
    np.testing.assert_allclose((low + high) / 2, 13.5)
    np.testing.assert_allclose((high - low).max(axis=1) + pen, 22)
    scale = pen / 0.5
    np.testing.assert_allclose(np.ptp(fitted, axis=1), np.ptp(paths, axis=1) * scale[:, None])


def test_fit_turns_y_downwards() -> None:
    fitted, _ = ink.fit(np.array([[[0, 0], [0, 10.0]]]), np.array([1.0]), np.array([22.0]))
    assert fitted[0, 0, 1] == pytest.approx(13.5 + 10)
    assert fitted[0, 1, 1] == pytest.approx(13.5 - 10)
