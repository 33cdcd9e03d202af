"""Loads arrays and structs of a MATLAB v5 file, without trusting what the file declares.

scipy.io.loadmat reads these files too, but trusts their tags: a damaged tag can crash the interpreter with a
segmentation fault, or make it allocate gigabytes. Here each size is compared with the bytes that are there, and a
compressed variable is inflated only to the size that it declares, which must be plausible. Variables that are not asked
for are skipped unread.

A file is a header of 128 bytes, then elements: a tag (type, bytes), then the bytes. A matrix is an element that holds
others: flags with its class, dimensions, name, then its numbers, or for a struct its field names and a matrix each.
"""

import math
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from letters_torch.data.readers.arrays import inflates_to
from letters_torch.errors import UserError, reason
from letters_torch.paths import printable, require_regular

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15  # types of elements; those below hold numbers
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_STRUCT, _NUMERIC = 2, range(6, 16)  # classes of matrices; so are those below
_OTHERS = {1: "cells", 4: "text", 5: "a sparse matrix"}
_COMPLEX = 0x800  # a flag
_PEEK = 1024  # bytes, enough for the flags, dimensions and name of any matrix
_DEEPEST = 4  # EMNIST's dataset.train.images is at 2
_FIELDS = 64  # of a struct; EMNIST's have 3

_HINT = "set --data.path to a letters_data.mat or emnist-letters.mat"

Buffer = bytes | memoryview
# Numbers; a struct's fields by name; for anything else a word for what it is.
Value = npt.NDArray[Any] | dict[str, Any] | str


class _Variable(NamedTuple):
    offset: int  # of its tag in the file
    size: int  # bytes after the tag
    compressed: bool


def names(path: Path) -> list[str]:
    """The names of the variables in the file, without reading them; errors as those of `load`."""
    with _opened(path) as (file, order):
        return list(_directory(file, order))


def load(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Value]:
    """The variables asked for, by name, without those of `optional` that the file lacks.

    Numbers are a read-only array of the dtype that is stored (MATLAB stores doubles that are whole as bytes), a struct
    is a dict, and for anything else there is a word, such as "text".

    Raises:
        UserError: the file cannot be opened, is not a MATLAB v5 file, is damaged, or lacks a required variable.
    """
    with _opened(path) as (file, order):
        directory = _directory(file, order)
        if not all(name in directory for name in required):
            raise UserError(
                f"{printable(path)} holds {listed(list(directory))}, but {listed(required)} are expected;"
                " give another file with --data.path"
            )
        wanted = [name for name in (*required, *optional) if name in directory]
        return {name: _variable(_element(file, directory[name], order), order) for name in wanted}


def listed(found: Sequence[str]) -> str:
    """Names for a message: quoted, so that a damaged one cannot break the line, and 12 at most."""
    return ", ".join(repr(name[:40]) for name in found[:12]) + (", ..." if len(found) > 12 else "") or "nothing"


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """Opens the file, finds its byte order, and turns whatever goes wrong inside into a UserError."""
    require_regular(path, _HINT)
    try:
        with path.open("rb") as file:
            yield file, _byte_order(file.read(_HEADER), path)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{printable(path)} cannot be read: {reason(error)}") from error
    except Exception as error:  # a damaged tag can raise almost anything later: KeyError, MemoryError, zlib.error, ...
        raise UserError(
            f"{printable(path)} is damaged or incomplete ({reason(error)}); copy or download it again"
        ) from error


def _byte_order(header: bytes, path: Path) -> str:
    """The byte order of the file's integers, "<" or ">"."""
    if not header:
        raise UserError(f"{printable(path)} is empty; copy or download it again")
    if header.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise UserError(
            f"{printable(path)} is a MATLAB v7.3 (HDF5) file; in MATLAB, load it and save it again with '-v7'"
        )
    order = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}.get(header[124:128])
    if order is None:
        raise UserError(f"{printable(path)} is not a MATLAB v5 file; give one saved with '-v7' (or '-v6')")
    return order


def _directory(file: BinaryIO, order: str) -> dict[str, _Variable]:
    """The position of each variable; only the tags are read."""
    end = os.fstat(file.fileno()).st_size
    found = {}
    position = _HEADER
    while position < end:
        file.seek(position)
        kind, size = struct.unpack(order + "II", file.read(8))
        if size == 0 or position + 8 + size > end:
            raise ValueError(f"{size} bytes declared at {position}, but it ends at {end}")
        start = file.read(min(size, _PEEK))
        if kind == _COMPRESSED:
            start = zlib.decompressobj().decompress(start, _PEEK)[8:]
        found[_name(start, order)] = _Variable(position, size, kind == _COMPRESSED)
        position += 8 + size
    return found


def _name(matrix: bytes, order: str) -> str:
    position = 0
    for _ in range(3):  # flags, dimensions, name
        _, start, stop, position = _part(matrix, position, order)
    return matrix[start:stop].decode("latin1")


def _element(file: BinaryIO, variable: _Variable, order: str) -> bytes:
    """The variable's tag and bytes, inflated; never more than it declares."""
    file.seek(variable.offset)
    stored = file.read(8 + variable.size)
    if not variable.compressed:
        return stored
    (declared,) = struct.unpack_from(order + "I", zlib.decompressobj().decompress(stored[8 : 8 + _PEEK], 8), 4)
    if not inflates_to(declared, variable.size):
        raise ValueError(f"{variable.size} bytes declare that they inflate to {declared}")
    stream = zlib.decompressobj()
    element = stream.decompress(stored[8:], 8 + declared + 1)
    if len(element) != 8 + declared or not stream.eof:  # at the end zlib compares the checksum
        raise ValueError("a compressed variable is not as long as it declares")
    return element


def _variable(element: bytes, order: str) -> Value:
    kind, start, stop, _ = _part(element, 0, order)
    if kind != _MATRIX or stop != len(element):
        raise ValueError("a variable is not a matrix")
    return _value(memoryview(element)[start:stop], order)


def _value(matrix: Buffer, order: str, depth: int = 0) -> Value:
    """The content of a matrix."""
    if not matrix:
        return np.zeros((0, 0))  # an empty field of a struct, as MATLAB writes it
    _, start, stop, position = _part(matrix, 0, order)
    (flags,) = struct.unpack_from(order + "I", matrix, start)
    _, start, stop, position = _part(matrix, position, order)
    dimensions = struct.unpack(f"{order}{(stop - start) // 4}i", matrix[start:stop])
    _, _, _, position = _part(matrix, position, order)  # the name
    if flags & 0xFF in _NUMERIC:
        return "complex numbers" if flags & _COMPLEX else _numbers(matrix, position, dimensions, order)
    if flags & 0xFF == _STRUCT and math.prod(dimensions) == 1 and depth < _DEEPEST:
        return _fields(matrix, position, order, depth)
    return _OTHERS.get(flags & 0xFF, "objects or structs in structs")


def _numbers(matrix: Buffer, position: int, dimensions: tuple[int, ...], order: str) -> npt.NDArray[Any]:
    kind, start, stop, _ = _part(matrix, position, order)
    dtype = np.dtype(order + _NUMBERS[kind])
    if min(dimensions) < 0 or math.prod(dimensions) * dtype.itemsize != stop - start:
        raise ValueError(f"{stop - start} bytes of {dtype} for the dimensions {dimensions}")
    return np.frombuffer(matrix[start:stop], dtype).reshape(dimensions, order="F")


def _fields(matrix: Buffer, position: int, order: str, depth: int) -> dict[str, Any]:
    _, start, _, position = _part(matrix, position, order)
    (width,) = struct.unpack_from(order + "i", matrix, start)  # of a name, padded with zeros
    _, start, stop, position = _part(matrix, position, order)
    if stop - start > _FIELDS * width:
        raise ValueError(f"{stop - start} bytes of field names")
    fields = {}
    for at in range(start, stop, width):
        kind, inner, end, position = _part(matrix, position, order)
        if kind != _MATRIX:
            raise ValueError("a field is not a matrix")
        name = bytes(matrix[at : at + width]).split(b"\0")[0].decode("latin1")
        fields[name] = _value(matrix[inner:end], order, depth + 1)
    return fields


def _part(buffer: Buffer, position: int, order: str) -> tuple[int, int, int, int]:
    """The element at `position`: its type, the start and stop of its bytes, and the position of the next element."""
    kind, size = struct.unpack_from(order + "II", buffer, position)
    start, limit = position + 8, len(buffer)
    following = start + -(-size // 8) * 8
    if kind >> 16:  # a short element: up to four bytes in the tag itself, their number in the type's upper half
        kind, size, start, limit, following = kind & 0xFFFF, kind >> 16, position + 4, position + 8, position + 8
    if start + size > limit:
        raise ValueError(f"{size} bytes declared, but {limit - start} are left")
    return kind, start, start + size, following
