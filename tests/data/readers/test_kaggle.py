import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from letters_torch.data.readers import kaggle
from letters_torch.errors import UserError
from tests.support.making import kaggle_arrays, labels, message, pictures, save_mat

REAL = Path(__file__).parents[4] / "shared/data/letters_data.mat"
BYTES_8_MIB = 8 * 2**20


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
        ({**kaggle_arrays(), "train_x": np.zeros((6, 700), np.uint8)}, ["train_x", "(6, 700)", "N x 784"]),
        ({**kaggle_arrays(), "train_x": pictures().reshape(6, 784).T}, ["train_x", "(784, 6)"]),
        ({**kaggle_arrays(), "test_x": np.zeros((4, 28, 28), np.uint8)}, ["test_x", "(4, 28, 28)"]),
        ({**kaggle_arrays(), "test_x": np.zeros((0, 784), np.uint8)}, ["test_x", "(0, 784)"]),
        ({**kaggle_arrays(), "train_y": labels(5)[:, None]}, ["train_y", "(5, 1)", "6 x 1"]),
        ({**kaggle_arrays(), "train_y": np.eye(6)}, ["train_y", "(6, 6)"]),
        ({**kaggle_arrays(), "test_y": labels(3)[:, None]}, ["test_y", "(3, 1)", "4 x 1"]),
        (with_value("train_y", 0), ["train_y", "1..26", "found 0"]),
        (with_value("train_y", 27), ["train_y", "1..26", "found 27"]),
        (with_value("train_y", 1.5), ["train_y", "1..26", "found 1.5"]),
        (with_value("train_y", np.nan), ["train_y", "1..26", "found nan"]),
        (with_value("train_x", np.nan), ["train_x", "0..255", "found nan"]),
        (with_value("train_x", np.inf), ["train_x", "0..255", "found inf"]),
        (with_value("train_x", -1), ["train_x", "0..255", "found -1"]),
        (with_value("train_x", 256), ["train_x", "0..255", "found 256"]),
        (with_value("test_x", 0.25), ["test_x", "0..255", "found 0.25"]),
        ({**kaggle_arrays(), "train_x": pictures().reshape(6, 784) * 1j}, ["train_x", "complex"]),
        ({**kaggle_arrays(), "train_x": "a text"}, ["train_x", "numbers"]),
        ({"X": np.eye(2), "Y": np.eye(2)}, ["'X', 'Y'", "'train_x', 'train_y', 'test_x'"]),
        ({}, ["nothing", "'train_x'"]),
    ],
)
def test_arrays_that_are_no_letters_are_explained(tmp_path: Path, arrays: dict[str, Any], said: list[str]) -> None:
    path = save_mat(tmp_path / "letters.mat", arrays)
    with pytest.raises(UserError) as error:
        kaggle.read(path)
    message(error, path, *said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "no MATLAB v5 file"),
        (b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF", "-v7"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "-v7"),
        (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"\x0f\0\0\0", "damaged or incomplete"),
    ],
)
def test_files_that_are_no_mat_are_explained(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "letters.mat"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        kaggle.read(path)
    message(error, path, said)


@pytest.mark.parametrize("name", ["nowhere.mat", "."])
def test_a_path_that_cannot_be_opened_is_explained(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as error:
        kaggle.read(tmp_path / name)
    message(error, tmp_path, "cannot be opened")


def element(kind: int, content: bytes, order: str = "<") -> bytes:
    padding = b"" if kind == 15 else bytes(-len(content) % 8)  # what is compressed is not padded
    return struct.pack(order + "II", kind, len(content)) + content + padding


def matrix(name: str, rows: np.ndarray, dimensions: tuple[int, int] | None = None, order: str = "<") -> bytes:
    """A matrix of class uint8 as the format's description has it, not as scipy writes it."""
    inside = element(6, struct.pack(order + "II", 9, 0), order)
    inside += element(5, struct.pack(order + "ii", *(dimensions or rows.shape)), order)
    inside += element(1, name.encode(), order) + element(2, rows.tobytes(order="F"), order)
    return element(14, inside, order)


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def test_a_file_of_a_big_endian_machine_is_read(tmp_path: Path) -> None:
    path = tmp_path / "letters.mat"
    matrices = [matrix(name, array, order=">") for name, array in kaggle_arrays().items()]
    path.write_bytes(HEADER[:124] + b"\x01\x00MI" + b"".join(matrices))
    np.testing.assert_array_equal(kaggle.read(path).train.images, pictures())


def zeros_that_inflate(count: int, declared: int | None = None) -> bytes:
    plain = matrix("train_x", np.zeros((count // 784, 784), np.uint8))
    if declared is not None:
        plain = plain[:4] + struct.pack("<I", declared) + plain[8:]
    return element(15, zlib.compress(plain, 1))


ONE = np.zeros((1, 784), np.uint8)


@pytest.mark.parametrize(
    ("train_x", "said"),
    [
        (matrix("train_x", ONE, (2**31 - 1, 784)), "784 bytes of uint8"),
        (matrix("train_x", ONE, (2**31 - 1, 2**31 - 1)), "784 bytes of uint8"),
        (matrix("train_x", ONE, (-1, -784)), "784 bytes of uint8"),
        (struct.pack("<II", 14, 2**32 - 8) + matrix("train_x", ONE)[8:], "4294967288 bytes declared"),
        (element(15, zlib.compress(struct.pack("<II", 14, 2**32 - 8) + matrix("train_x", ONE)[8:])), "inflate to 4294"),
        (zeros_that_inflate(784 * 150_000), "inflate to 1176"),
        (zeros_that_inflate(784 * 150_000, declared=2000), "not as long"),
        (element(15, zlib.compress(matrix("train_x", ONE))[:-4]), "not as long"),
    ],
    ids=["rows", "both", "negative", "element", "compressed", "bomb", "bomb that says it is small", "no checksum"],
)
def test_sizes_that_are_declared_are_not_believed(tmp_path: Path, train_x: bytes, said: str) -> None:
    path = tmp_path / "letters.mat"
    others = [matrix(name, kaggle_arrays()[name]) for name in ("train_y", "test_x")]
    path.write_bytes(HEADER + b"".join([train_x, *others]))
    tracemalloc.start()
    with pytest.raises(UserError) as error:
        kaggle.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    message(error, path, "damaged or incomplete", said)
    assert peak < BYTES_8_MIB


def test_a_compressed_file_made_by_hand_is_read(tmp_path: Path) -> None:
    path = tmp_path / "letters.mat"
    path.write_bytes(HEADER + b"".join(element(15, zlib.compress(matrix(*item))) for item in kaggle_arrays().items()))
    np.testing.assert_array_equal(kaggle.read(path).train.images, pictures())


def test_a_struct_nested_without_end_is_refused(tmp_path: Path) -> None:
    nested: Any = 1.0
    for _ in range(30):
        nested = {"a": nested}
    path = save_mat(tmp_path / "letters.mat", {**kaggle_arrays(), "train_x": nested}, compressed=False)
    with pytest.raises(UserError) as error:
        kaggle.read(path)
    message(error, path, "train_x", "plain numbers", "a struct")


@pytest.mark.skipif(not REAL.is_file(), reason="../shared/data/letters_data.mat is not here")
def test_the_real_file() -> None:
    tracemalloc.start()
    sets = kaggle.read(REAL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(sets.train), len(sets.test)) == (70_815, 16_612)
    assert sets.train.labels is not None
    assert set(np.unique(sets.train.labels)) == set(range(1, 27))
    # Upright: more of an L's ink lies in its lower half, and of an F's in its upper half.
    upper, lower = sets.train.images[:, :14].sum((1, 2), np.int64), sets.train.images[:, 14:].sum((1, 2), np.int64)
    assert np.mean((lower > upper)[sets.train.labels == 12]) > 0.6
    assert np.mean((upper > lower)[sets.train.labels == 6]) > 0.6
    assert peak < 8 * REAL.stat().st_size  # a copy in float32 alone would take that
