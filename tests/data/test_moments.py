"""Letters are brought to the moments that are asked for, by the map that the page says."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from letters_torch.data import moments as module
from letters_torch.data.moments import Moments, moments
from letters_torch.letters import SIDE, UInt8

POSITION = np.arange(SIDE) - 13.5


def blob(x: float, y: float, wide: float, high: float, lean: float) -> UInt8:
    """Ink about (x, y), so wide and high (standard deviations), that leans so far to the side for each pixel down."""
    down, right = np.meshgrid(POSITION - y, POSITION - x, indexing="ij")
    ink = np.exp(-(((right - lean * down) / wide) ** 2 + (down / high) ** 2) / 2)
    return np.rint(255 * ink).astype(np.uint8)


BLOBS = np.stack([blob(2, -1, 2, 4, -0.4), blob(-3, 2, 3, 2, 0.3), blob(0, 0, 2.5, 2.5, 0), blob(1, 2, 1.6, 3, 0.2)])


def found(images: UInt8) -> npt.NDArray[np.float64]:
    """Centre x, y; spread, correlation slope and aspect; (5, N)."""
    _, (m_x, m_y), (v_x, v_y, v_xy) = moments(images)
    upright = np.sqrt(v_x - v_xy**2 / v_y)
    return np.stack([m_x, m_y, np.sqrt(upright * np.sqrt(v_y)), v_xy / v_y, upright / np.sqrt(v_y)])


def test_moments_are_those_of_the_ink() -> None:
    mass, centre, (v_x, v_y, v_xy) = moments(BLOBS)
    np.testing.assert_array_equal(mass, BLOBS.sum((1, 2)))
    np.testing.assert_allclose(centre, [[2, -3, 0, 1], [-1, 2, 0, 2]], atol=0.05)
    np.testing.assert_allclose(v_y, [16, 4, 6.25, 9], rtol=0.05)
    np.testing.assert_allclose(v_xy / v_y, [-0.4, 0.3, 0, 0.2], atol=0.02)
    np.testing.assert_allclose(v_x, [4 + 0.16 * 16, 9 + 0.09 * 4, 6.25, 2.56 + 0.04 * 9], rtol=0.05)


def test_everything_taken_out_leaves_the_same_moments() -> None:
    m_x, m_y, spread, slope, aspect = found(Moments(3.2, slant=1, aspect=1)(BLOBS))
    np.testing.assert_allclose([m_x, m_y], 0, atol=0.02)
    np.testing.assert_allclose(spread, 3.2, rtol=0.03)
    np.testing.assert_allclose(slope, 0, atol=0.01)
    np.testing.assert_allclose(aspect, 1, rtol=0.04)


def test_nothing_taken_out_leaves_shape_and_slant() -> None:
    m_x, m_y, _, slope, aspect = found(Moments(3.5, slant=0, aspect=0)(BLOBS))
    np.testing.assert_allclose([m_x, m_y], 0, atol=0.02)
    np.testing.assert_allclose([slope, aspect], found(BLOBS)[3:], rtol=0.04, atol=0.01)


@pytest.mark.parametrize("part", [0.25, 0.7])
def test_parts_of_slant_and_aspect_are_taken_out(part: float) -> None:
    before = found(BLOBS)
    upright = found(Moments(3.5, slant=1, aspect=part)(BLOBS))
    np.testing.assert_allclose(upright[2], 3.5, rtol=0.03)
    np.testing.assert_allclose(upright[4], before[4] ** (1 - part), rtol=0.05)
    same_shape = found(Moments(3.5, slant=part, aspect=0)(BLOBS))
    np.testing.assert_allclose(same_shape[3], (1 - part) * before[3], atol=0.02)


@pytest.mark.parametrize(("slope", "shear"), [(0.8, 0.8485), (1.5, 1.0), (2.5, 1.0), (-1.5, -1.0)])
def test_no_more_than_one_pixel_of_slant_is_removed_for_each_pixel_down(slope: float, shear: float) -> None:
    down, right = np.meshgrid(POSITION, POSITION, indexing="ij")
    image = (255 * (np.abs(right - slope * down) < 2) * (np.abs(down) < 5)).astype(np.uint8)[None]
    ((z_x, k_z_y, _), (_, z_y, _)) = Moments(4.0, slant=1, aspect=0).maps(image)[0]
    assert k_z_y / z_y == pytest.approx(shear, abs=1e-4)
    assert z_x == pytest.approx(z_y)


def test_the_map_is_scipys_affine_transform() -> None:
    rng = np.random.default_rng(0)
    images = (BLOBS * rng.random(BLOBS.shape)).astype(np.uint8)
    normal = Moments(4.5, slant=0.6, aspect=0.5)
    for image, moved, map_ in zip(images, normal(images), normal.maps(images), strict=True):
        (z_x, k, m_x), (_, z_y, m_y) = map_
        matrix = np.array([[z_y, 0], [k, z_x]])  # of (down, right)
        offset = np.array([m_y, m_x]) * SIDE / 2 + 13.5 - matrix @ [13.5, 13.5]
        expected = ndimage.affine_transform(image.astype(float), matrix, offset, order=1)
        np.testing.assert_allclose(moved, expected, atol=0.51)


def test_a_letter_is_not_mirrored() -> None:
    image = np.zeros((1, SIDE, SIDE), np.uint8)
    image[0, 4:20, 10:12], image[0, 18:20, 10:18] = 255, 255  # an L
    moved = Moments(5, slant=0, aspect=0)(image)[0]
    left, right, top, bottom = moved[:, :14].sum(), moved[:, 14:].sum(), moved[:14].sum(), moved[14:].sum()
    assert (left > right) == (image[0, :, :14].sum() > image[0, :, 14:].sum())
    assert moved[:10, 14:].sum() < moved[18:, 14:].sum()
    assert bottom > 0.8 * top


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("ink", ["none", "dot", "corner", "bar", "all"])
def test_odd_images_are_moved_too(ink: str, part: float) -> None:
    image = np.zeros((1, SIDE, SIDE), np.uint8)
    places: dict[str, Any] = {"dot": (0, 14, 14), "corner": (0, 0, 27), "bar": (0, slice(2, 26), 13), "all": ...}
    if ink != "none":
        image[places[ink]] = 255
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moved = Moments(6, slant=part, aspect=part)(image)
    assert moved.dtype == np.uint8
    assert moved.any() == (ink != "none")
    if ink == "none":
        np.testing.assert_array_equal(Moments(6).maps(image)[0], np.eye(2, 3))
    if ink != "none":
        _, centre, _ = moments(moved)
        np.testing.assert_allclose(centre, 0, atol=0.1)
        for axis in (1, 2):
            assert (moved > 127).any(axis).sum() <= 2 * (image > 0).any(axis).sum() + 1
        assert (moved > 127).sum() <= 4 * max((image > 0).sum(), 1) + 8  # no more than twice as large


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Moments()(BLOBS)
    monkeypatch.setattr(module, "CHUNK", 3)
    np.testing.assert_array_equal(Moments()(BLOBS), whole)
    assert Moments()(BLOBS[:0]).shape == (0, SIDE, SIDE)


def test_images_on_file_stay_as_they_are() -> None:
    before = BLOBS.copy()
    Moments()(BLOBS)
    np.testing.assert_array_equal(BLOBS, before)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"spread": 0.5}, "moments.spread must be 1 to 14 pixels, not 0.5"),
        ({"spread": float("nan")}, "moments.spread"),
        ({"slant": -0.1}, "moments.slant must be 0 to 1, not -0.1"),
        ({"aspect": 1.5}, "moments.aspect must be 0 to 1, not 1.5"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Moments(**settings)
