"""MATLAB v5 files: read as the format is described, and not trusted in what they declare."""

import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from letters_torch.data.readers import kaggle, matfile
from letters_torch.errors import UserError
from tests.support.making import kaggle_arrays, message, pictures, save_mat

BYTES_8_MIB = 8 * 2**20


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; copy or download it again"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "not a MATLAB v5 file"),
        (
            b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF",
            "(HDF5) file; in MATLAB, load it and save it again with '-v7'",
        ),
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


@pytest.mark.parametrize(("name", "said"), [("nowhere.mat", "does not exist"), (".", "is a folder")])
def test_a_path_that_cannot_be_opened_is_explained(tmp_path: Path, name: str, said: str) -> None:
    for read in (matfile.names, kaggle.read):
        with pytest.raises(UserError) as error:
            read(tmp_path / name)
        message(error, tmp_path, said, "--data.path")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "letters.mat")
    with pytest.raises(UserError) as error:
        kaggle.read(tmp_path / "letters.mat")
    message(error, "letters.mat", "is a FIFO", "--data.path")


def test_the_names_of_the_variables(tmp_path: Path) -> None:
    for compressed in (True, False):
        path = save_mat(tmp_path / "letters.mat", {**kaggle_arrays(), "note": "hello"}, compressed)
        assert matfile.names(path) == ["train_x", "train_y", "test_x", "note"]


def test_only_what_is_asked_for_is_loaded_and_named_for_what_it_is(tmp_path: Path) -> None:
    cells = np.array([1, "a"], object)
    path = save_mat(tmp_path / "some.mat", {"a": np.eye(3), "b": {"c": np.arange(4.0), "d": "x"}, "e": "t", "f": cells})
    found = matfile.load(path, ("a", "b"), ("e", "f", "g"))
    assert list(found) == ["a", "b", "e", "f"]
    np.testing.assert_array_equal(found["a"], np.eye(3))
    assert isinstance(found["b"], dict)
    np.testing.assert_array_equal(found["b"]["c"], [[0, 1, 2, 3]])
    assert (found["b"]["d"], found["e"], found["f"]) == ("text", "text", "cells")
    assert list(matfile.load(path, (), ("a",))) == ["a"]


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


def struct_matrix(names: bytes, fields: bytes) -> bytes:
    """A struct whose names of fields are one letter long."""
    inside = element(6, struct.pack("<II", 2, 0)) + element(5, struct.pack("<ii", 1, 1)) + element(1, b"train_x")
    return element(14, inside + element(5, struct.pack("<i", 1)) + element(1, names) + fields)


@pytest.mark.parametrize(
    ("train_x", "said"),
    [
        (matrix("train_x", ONE, (2**31 - 1, 784)), "784 bytes of uint8 for the dimensions"),
        (matrix("train_x", ONE, (2**31 - 1, 2**31 - 1)), "784 bytes of uint8 for the dimensions"),
        (matrix("train_x", ONE, (-1, -784)), "784 bytes of uint8 for the dimensions"),
        (struct.pack("<II", 14, 2**32 - 8) + matrix("train_x", ONE)[8:], "4294967288 bytes declared at"),
        (element(15, zlib.compress(struct.pack("<II", 14, 2**32 - 8) + matrix("train_x", ONE)[8:])), "inflate to 4294"),
        (zeros_that_inflate(784 * 150_000), "inflate to 1176"),
        (zeros_that_inflate(784 * 150_000, declared=2000), "a compressed variable is not as long as it declares"),
        (element(15, zlib.compress(matrix("train_x", ONE))[:-4]), "not as long"),
        (zeros_that_inflate(784, declared=2**31), "bytes declare that they inflate to 2147483648"),
        (element(14, element(6, bytes(8)) + struct.pack("<II", 5, 400)), "400 bytes declared, but 0 are left"),
        (struct_matrix(b"a" * 1000, b""), "1000 bytes of field names"),
        (struct_matrix(b"a", element(2, bytes(8))), "a field is not a matrix"),
    ],
    ids=[
        *("rows", "both", "negative", "element", "compressed", "bomb", "bomb that says it is small", "no checksum"),
        *("declared", "cut", "names", "field"),
    ],
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
    found: Any = matfile.load(path, ("train_x",))["train_x"]
    for _ in range(4):
        found = found["a"]
    assert found == "objects or structs in structs"
