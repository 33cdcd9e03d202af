"""Standardisation is sklearn.preprocessing.scale's: population variance, and a constant pixel stays 0."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from letters_torch.data import standardize
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.letters import UInt8
from tests.support.making import save_mat

BLACK = np.zeros((28, 28), np.uint8)


def letters(count: int = 50, seed: int = 0) -> UInt8:
    """Random pixels inside, a border that is always black, one pixel always 200, one that varied once, by 1."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 2:26, 2:26] = np.random.default_rng(seed).integers(0, 256, (count, 24, 24))
    images[:, 5, 5] = 200
    images[:, 6, 6] = 255
    images[0, 6, 6] = 254
    return images


def scaled(images: UInt8) -> np.ndarray:
    """sklearn.preprocessing.scale: deviations from the mean over their root mean square, 1 in place of 0."""
    centred = images - images.mean(0, dtype=np.float64)
    deviation = np.sqrt((centred**2).mean(0))
    return centred / np.where(np.ptp(images, axis=0) == 0, 1, deviation)


def test_is_what_sklearn_does_in_float64() -> None:
    images = letters()
    result = standardize.fit(images, "pixel")(torch.from_numpy(images), torch.float64)
    assert result.dtype == torch.float64
    np.testing.assert_allclose(result, scaled(images), atol=1e-10)


def test_is_the_same_rounded_in_float32() -> None:
    images = letters()
    result = standardize.fit(images, "pixel")(torch.from_numpy(images))
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result, scaled(images), rtol=1e-3, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 30), st.just(28), st.just(28))))
def test_is_what_sklearn_does_on_any_pixels(images: UInt8) -> None:
    result = standardize.fit(images, "pixel")(torch.from_numpy(images), torch.float64)
    np.testing.assert_allclose(result, scaled(images), rtol=1e-9, atol=1e-9)


def test_a_pixel_that_varied_once_among_many_rows_is_exact() -> None:
    images = np.full((100_000, 28, 28), 255, np.uint8)
    images[0] = 254
    fitted = standardize.fit(images, "pixel")
    variance = 99_999 / 100_000**2
    np.testing.assert_allclose(fitted.inv_std, variance**-0.5, rtol=1e-12)


def test_zero_mean_and_unit_variance_of_all_that_varies() -> None:
    images = letters()
    result = standardize.fit(images, "pixel")(torch.from_numpy(images), torch.float64).numpy()
    varied = np.ptp(images, axis=0) > 0
    np.testing.assert_allclose(result.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(result.var(0)[varied], 1, rtol=1e-12)
    np.testing.assert_array_equal(result[:, ~varied], 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constant_pixels_stay_0_on_ink_never_seen(dtype: torch.dtype) -> None:
    white = torch.full((1, 28, 28), 255, dtype=torch.uint8)
    result = standardize.fit(letters(), "pixel")(white, dtype)[0]
    assert result.isfinite().all()
    assert result[0].tolist() == [0.0] * 28
    assert result[5, 5] == 0


@pytest.mark.parametrize("scaling", ["pixel", "global"])
def test_a_set_of_one_picture_or_of_equal_ones_is_0(scaling: Any) -> None:
    images = np.full((3, 28, 28), 7, np.uint8)
    assert not standardize.fit(images, scaling)(torch.from_numpy(images)).any()


def test_global_has_one_mean_one_deviation_and_a_black_fill() -> None:
    images = letters()
    fitted = standardize.fit(images, "global")
    result = fitted(torch.from_numpy(images), torch.float64).numpy()
    np.testing.assert_allclose(result, (images - images.mean()) / images.std(), rtol=1e-10)
    assert fitted.fill == pytest.approx(-images.mean() / images.std(), rel=1e-12)
    assert fitted.fill == pytest.approx(float(fitted(torch.from_numpy(BLACK[None]), torch.float64)[0, 0, 0]))


@pytest.mark.parametrize("scaling", ["pixel", "pixel_each_set"])
def test_the_fill_is_the_mean_for_statistics_of_each_pixel(scaling: Any) -> None:
    assert standardize.fit(letters(), scaling).fill == 0


@pytest.mark.parametrize("scaling", ["pixel", "global"])
def test_pieces_of_a_large_set_make_no_difference(scaling: Any) -> None:
    images = np.tile(letters(40), (500, 1, 1))  # more rows than are summed at once
    once, often = standardize.fit(letters(40), scaling), standardize.fit(images, scaling)
    np.testing.assert_allclose(often.mean, once.mean, rtol=1e-14)
    np.testing.assert_allclose(often.inv_std, once.inv_std, rtol=1e-12)


def test_the_images_are_left_as_they_were() -> None:
    images = letters()
    standardize.fit(images, "pixel")(torch.from_numpy(images), torch.float64)
    np.testing.assert_array_equal(images, letters())


def module(folder: Path, train: UInt8, test: UInt8, scaling: Any) -> LettersDataModule:
    labels = (np.arange(len(train)) % 26 + 1).astype(np.uint8)[:, None]
    content = {"train_x": train.reshape(-1, 784), "train_y": labels, "test_x": test.reshape(-1, 784)}
    data = LettersDataModule(path=save_mat(folder / "letters.mat", content), validation=20, scaling=scaling)
    data.setup("fit")
    return data


def rows_of(letters: UInt8, among: UInt8) -> np.ndarray:
    """Where pictures lie in the file, by their pixels."""
    found = {picture.tobytes(): row for row, picture in enumerate(among)}
    return np.array([found[picture.tobytes()] for picture in letters])


@pytest.mark.parametrize("scaling", ["pixel", "global"])
def test_statistics_are_of_the_training_rows_alone(tmp_path: Path, scaling: Any) -> None:
    images, test = letters(60), letters(10, seed=1)
    data = module(tmp_path, images, test, scaling)
    expected = standardize.fit(images[rows_of(data.train.images, images)], scaling)
    assert data.standardizer is not None
    assert torch.equal(data.standardizer.inv_std, expected.inv_std)

    changed = images.copy()
    changed[rows_of(data.val.images, images)] ^= 255
    after = module(tmp_path, changed, test ^ np.uint8(255), scaling).standardizer
    assert after is not None
    assert torch.equal(after.mean, data.standardizer.mean)
    assert torch.equal(after.inv_std, data.standardizer.inv_std)

    changed[rows_of(data.train.images, images)[0]] ^= 255
    other = module(tmp_path, changed, test, scaling).standardizer
    assert other is not None
    assert not torch.equal(other.mean, data.standardizer.mean)


def test_each_set_by_its_own_statistics_as_the_notebook_did(tmp_path: Path) -> None:
    images, test = letters(60), letters(10, seed=1)
    data = module(tmp_path, images, test, "pixel_each_set")
    [validation] = data.val_dataloader()[0]
    np.testing.assert_allclose(
        validation.x.view(-1, 28, 28), scaled(images)[rows_of(data.val.images, images)], rtol=1e-3, atol=1e-5
    )
    [tested] = data.predict_dataloader()
    np.testing.assert_allclose(tested.x.view(-1, 28, 28), scaled(test), rtol=1e-3, atol=1e-5)


def test_by_default_the_test_set_has_the_training_rows_statistics(tmp_path: Path) -> None:
    images, test = letters(60), letters(10, seed=1)
    data = module(tmp_path, images, test, "pixel")
    [tested] = data.predict_dataloader()
    expected = standardize.fit(data.train.images, "pixel")(torch.from_numpy(test))
    assert torch.equal(tested.x.view(-1, 28, 28), expected)


@pytest.mark.parametrize("count", [1, standardize.EXACT, 2 * standardize.EXACT + 3])
def test_the_sums_of_the_brightest_images_are_exact(count: int) -> None:
    total, squares = standardize._sums(np.full((count, 28, 28), 255, np.uint8))
    assert (total == 255 * count).all()
    assert (squares == 255**2 * count).all()
