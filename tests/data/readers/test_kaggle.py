"""The competition's file: images, labels, the test set, and who wrote the training rows."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from letters_torch.data.readers import kaggle
from letters_torch.errors import UserError
from letters_torch.letters import UNKNOWN
from tests.support.making import kaggle_arrays, labels, message, pictures, save_mat
from tests.support.shared import LETTERS, needs_letters


@pytest.mark.parametrize("compressed", [True, False])
def test_reads_pictures_labels_and_the_unlabelled_test_set(tmp_path: Path, compressed: bool) -> None:
    path = save_mat(tmp_path / "letters_data.mat", kaggle_arrays(), compressed)
    sets = kaggle.read(path)
    np.testing.assert_array_equal(sets.train.images, pictures())
    np.testing.assert_array_equal(sets.train.labels, labels())
    np.testing.assert_array_equal(sets.test.images, pictures(4, seed=1))
    assert sets.test.labels is None
    assert sets.train.images.flags.c_contiguous
    assert str(path) in sets.origin
    assert (sets.source, sets.fallback) == ("kaggle", False)


def test_transposed_pictures_are_turned_upright(tmp_path: Path) -> None:
    arrays = kaggle_arrays()
    arrays["train_x"] = pictures().transpose(0, 2, 1).reshape(6, 784)
    path = save_mat(tmp_path / "letters.mat", arrays)
    np.testing.assert_array_equal(kaggle.read(path, transposed=True).train.images, pictures())
    assert not np.array_equal(kaggle.read(path).train.images, pictures())


def test_a_labelled_test_set_keeps_its_labels(tmp_path: Path) -> None:
    path = save_mat(tmp_path / "letters.mat", {**kaggle_arrays(), "test_y": labels(4)[:, None]})
    np.testing.assert_array_equal(kaggle.read(path).test.labels, labels(4))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint16])
def test_whole_numbers_of_any_dtype_will_do(tmp_path: Path, dtype: Any) -> None:
    arrays = {name: array.astype(dtype) for name, array in kaggle_arrays().items()}
    sets = kaggle.read(save_mat(tmp_path / "letters.mat", arrays))
    np.testing.assert_array_equal(sets.train.images, pictures())
    np.testing.assert_array_equal(sets.train.labels, labels())
    assert sets.train.images.dtype == np.uint8


def test_labels_in_a_row_and_other_variables_are_no_matter(tmp_path: Path) -> None:
    arrays = {**kaggle_arrays(), "train_y": labels()[None], "note": "hello", "cells": np.array([1, "a"], object)}
    np.testing.assert_array_equal(kaggle.read(save_mat(tmp_path / "letters.mat", arrays)).train.labels, labels())


def with_value(name: str, value: float) -> dict[str, Any]:
    arrays = kaggle_arrays()
    arrays[name] = arrays[name].astype(np.float64)
    arrays[name][2, 0] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {**kaggle_arrays(), "train_x": np.zeros((6, 700), np.uint8)},
            ["train_x has shape (6, 700); it must be N x 784"],
        ),
        ({**kaggle_arrays(), "train_x": pictures().reshape(6, 784).T}, ["train_x", "(784, 6)"]),
        ({**kaggle_arrays(), "test_x": np.zeros((4, 28, 28), np.uint8)}, ["test_x", "(4, 28, 28)"]),
        ({**kaggle_arrays(), "test_x": np.zeros((0, 784), np.uint8)}, ["test_x", "(0, 784)"]),
        (
            {**kaggle_arrays(), "train_y": labels(5)[:, None]},
            ["train_y has shape (5, 1); it must be 6 x 1, as there are 6 images"],
        ),
        ({**kaggle_arrays(), "train_y": np.eye(6)}, ["train_y", "(6, 6)"]),
        ({**kaggle_arrays(), "test_y": labels(3)[:, None]}, ["test_y", "(3, 1)", "4 x 1"]),
        (with_value("train_y", 0), ["train_y: labels must be whole numbers 1..26 (A..Z), found 0"]),
        (with_value("train_y", 27), ["train_y: labels must be whole numbers 1..26 (A..Z), found 27"]),
        (with_value("train_y", 1.5), ["train_y: labels must be whole numbers 1..26 (A..Z), found 1.5"]),
        (with_value("train_y", np.nan), ["train_y: labels must be whole numbers 1..26 (A..Z), found nan"]),
        (with_value("train_x", np.nan), ["train_x: pixels must be whole numbers 0..255, found nan"]),
        (with_value("train_x", np.inf), ["train_x: pixels must be whole numbers 0..255, found inf"]),
        (with_value("train_x", -1), ["train_x: pixels must be whole numbers 0..255, found -1"]),
        (with_value("train_x", 256), ["train_x: pixels must be whole numbers 0..255, found 256"]),
        (with_value("test_x", 0.25), ["test_x: pixels must be whole numbers 0..255, found 0.25"]),
        (
            {**kaggle_arrays(), "train_x": pictures().reshape(6, 784) * 1j},
            ["must hold plain numbers, found complex"],
        ),
        ({**kaggle_arrays(), "train_x": "a text"}, ["train_x must hold plain numbers, found text"]),
        (
            {"X": np.eye(2), "Y": np.eye(2)},
            ["holds 'X', 'Y', but 'train_x', ", "are expected; give another file with --data.path"],
        ),
        ({}, ["nothing", "'train_x'"]),
    ],
)
def test_arrays_that_are_no_letters_are_explained(tmp_path: Path, arrays: dict[str, Any], said: list[str]) -> None:
    path = save_mat(tmp_path / "letters.mat", arrays)
    with pytest.raises(UserError) as error:
        kaggle.read(path)
    message(error, path, *said)


@needs_letters
def test_the_real_file() -> None:
    tracemalloc.start()
    sets = kaggle.read(LETTERS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(sets.train), len(sets.test)) == (70_815, 16_612)
    assert sets.train.labels is not None
    assert set(np.unique(sets.train.labels)) == set(range(1, 27))
    # Upright: more of an L's ink lies in its lower half, and of an F's in its upper half.
    upper, lower = sets.train.images[:, :14].sum((1, 2), np.int64), sets.train.images[:, 14:].sum((1, 2), np.int64)
    assert np.mean((lower > upper)[sets.train.labels == 12]) > 0.6
    assert np.mean((upper > lower)[sets.train.labels == 6]) > 0.6
    assert peak < 8 * LETTERS.stat().st_size  # a copy in float32 alone would take that
    writers = sets.train.writers
    assert writers is not None
    assert (len(np.unique(writers)), (writers == UNKNOWN).sum()) == (180, 77)


WHO = np.array([3, 3, -1, 12, 0, 12])


@pytest.mark.parametrize("where", ["in the file", "beside it"])
@pytest.mark.parametrize("dtype", [np.int32, np.float64])
def test_who_wrote_the_training_rows(tmp_path: Path, where: str, dtype: Any) -> None:
    writers = WHO.astype(dtype)
    stored = {"train_writers": writers[:, None]} if where == "in the file" else {}
    path = save_mat(tmp_path / "letters.mat", {**kaggle_arrays(), **stored})
    if where == "beside it":
        np.save(tmp_path / "train_writers.npy", writers)
    sets = kaggle.read(path)
    assert sets.train.writers is not None
    assert sets.train.writers.tolist() == WHO.tolist()
    assert sets.train.writers.dtype == np.int64
    assert sets.test.writers is None


def test_nobody_says_who_wrote_the_rows(tmp_path: Path) -> None:
    assert kaggle.read(save_mat(tmp_path / "letters.mat", kaggle_arrays())).train.writers is None


def test_the_file_itself_goes_before_the_one_beside_it(tmp_path: Path) -> None:
    path = save_mat(tmp_path / "letters.mat", {**kaggle_arrays(), "train_writers": WHO})
    np.save(tmp_path / "train_writers.npy", WHO + 1)
    np.testing.assert_array_equal(kaggle.read(path).train.writers, WHO)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (np.arange(5), ["(5,)", "6 x 1"]),
        (np.arange(6) / 2, ["whole numbers", "found 0.5"]),
        (np.array(["Ann"] * 6), ["plain numbers"]),
        (np.array([None] * 6), ["damaged"]),
        (b"", ["damaged"]),
        (b"\x93NUMPY\x01\x00", ["damaged"]),
        (b"hello", ["is not a NumPy array or is damaged (", "); mend or remove it"]),
    ],
    ids=["too few", "halves", "text", "objects", "empty", "cut", "no array"],
)
def test_a_file_of_writers_that_cannot_be_used(tmp_path: Path, content: Any, said: list[str]) -> None:
    path, beside = save_mat(tmp_path / "letters.mat", kaggle_arrays()), tmp_path / "train_writers.npy"
    if isinstance(content, bytes):
        beside.write_bytes(content)
    else:
        np.save(beside, content)
    with pytest.raises(UserError) as error:
        kaggle.read(path)
    message(error, beside, *said)


def test_a_size_that_a_file_of_writers_only_claims_is_not_allocated(tmp_path: Path) -> None:
    path = save_mat(tmp_path / "letters.mat", kaggle_arrays())
    with (tmp_path / "train_writers.npy").open("wb") as file:
        header = {"descr": "<i8", "fortran_order": False, "shape": (600_000_000,)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(WHO.tobytes())
    tracemalloc.start()
    with pytest.raises(UserError) as error:
        kaggle.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    message(error, "train_writers.npy", "damaged")
    assert peak < 2**20
