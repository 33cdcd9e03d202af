"""Numbers of a file become the arrays of Letters, or are refused by name."""

from typing import Any

import numpy as np
import pytest

from letters_torch.data.readers.arrays import as_images, as_labels, as_writers, inflates_to, whole
from letters_torch.errors import UserError
from tests.support.making import message, pictures


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_rows_become_images_and_columns_are_turned(dtype: Any) -> None:
    for transposed in (False, True):
        stored = pictures().transpose(0, 2, 1) if transposed else pictures()
        images = as_images(stored.reshape(6, 784).astype(dtype), "x", transposed)
        np.testing.assert_array_equal(images, pictures())
        assert images.dtype == np.uint8
        assert images.flags.c_contiguous


def test_images_and_labels_are_copies() -> None:
    rows, column = pictures().reshape(6, 784), np.ones((6, 1), np.uint8)
    images, labels = as_images(rows, "x"), as_labels(column, 6, "y")
    rows[:], column[:] = 7, 7
    assert images.max() == 255
    assert labels.tolist() == [1] * 6


@pytest.mark.parametrize("shape", [(0, 784), (784,), (6, 28, 28), (6, 783)])
def test_images_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError) as error:
        as_images(np.zeros(shape), "letters.mat: train_x")
    message(error, "letters.mat: train_x", shape, "N x 784")


@pytest.mark.parametrize("shape", [(6,), (6, 1), (1, 6)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_labels_and_writers_are_one_column_or_one_row(shape: tuple[int, ...], dtype: Any) -> None:
    numbers = np.array([1, 26, 3, 4, 5, 6], dtype).reshape(shape)
    labels, writers = as_labels(numbers, 6, "y"), as_writers(numbers, 6, "w")
    assert labels.tolist() == writers.tolist() == [1, 26, 3, 4, 5, 6]
    assert (labels.shape, labels.dtype, writers.shape, writers.dtype) == ((6,), np.uint8, (6,), np.int64)


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (5,), (7, 1), (6, 2), (), (0,)])
def test_labels_of_another_shape(shape: tuple[int, ...]) -> None:
    for convert in (as_labels, as_writers):
        with pytest.raises(UserError) as error:
            convert(np.ones(shape), 6, "letters.mat: train_y")
        message(error, "letters.mat: train_y", shape, "6 x 1")


@pytest.mark.parametrize("label", [0, 27, 255, -1, 282, 1.5, np.nan])
def test_labels_that_are_no_letter(label: float) -> None:
    with pytest.raises(UserError) as error:
        as_labels(np.array([1, label, 2]), 3, "y")
    message(error, "y", "1..26", f"found {label:g}")


def test_writers_may_be_negative_and_large() -> None:
    assert as_writers(np.array([-1, 2**40]), 2, "w").tolist() == [-1, 2**40]


def test_whole_keeps_numbers_or_names_the_first_that_it_cannot() -> None:
    same = np.arange(3, dtype=np.uint8)
    assert whole(same, "x", np.uint8, "") is same
    with pytest.raises(UserError) as error:
        whole(np.array([3.0, 1e30, 0.5]), "x", np.int64, "must be small")
    message(error, "x: must be small, found 1e+30")


def test_a_size_is_plausible_up_to_64_mib_or_a_hundred_times_what_is_stored() -> None:
    assert inflates_to(64 * 2**20, 1)
    assert not inflates_to(64 * 2**20 + 1, 1)
    assert inflates_to(100 * 2**20, 2**20)
    assert not inflates_to(100 * 2**20 + 1, 2**20)
