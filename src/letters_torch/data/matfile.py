"""Loads variables of a MATLAB v5 file: scipy reads the arrays, once what they declare has been checked here.

scipy believes what a file declares, and on a damaged one may reserve gigabytes, recurse until the stack ends, or raise
nearly anything. So each wanted variable is inflated here, at most to its declared size; its tags are walked; and only
a variable whose parts all fit inside it is handed on. Variables that nobody asked for are skipped unread.

A file is a header of 128 bytes, then elements: a tag (type, bytes), then the bytes. A matrix is an element that holds
others: flags with its class, dimensions, name, then its numbers, or for a struct its field names and a matrix for each.
"""

import io
import math
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import scipy.io

from letters_torch.data.arrays import inflates_to
from letters_torch.errors import UserError

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15  # types of elements
_STRUCT, _CHAR, _NUMERIC = 2, 4, range(6, 16)  # classes of matrices
_PEEK = 1024  # holds the flags, dimensions and name of any matrix
_DEEPEST = 4  # EMNIST's dataset.train.images is at 2
_FIELD_NAMES = 4096  # bytes; a struct with more fields than that is none of ours


@dataclass(frozen=True)
class _Variable:
    offset: int  # of its tag in the file
    size: int  # bytes after the tag
    compressed: bool


def names(path: Path) -> list[str]:
    """The names of the variables in the file, without reading them.

    Raises:
        UserError: the file cannot be opened, is no MATLAB v5 file, or is damaged.
    """
    with _explained(path), path.open("rb") as file:
        return list(_directory(file, _byte_order(file.read(_HEADER), path)))


def load(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """The variables asked for, as scipy.io.loadmat gives them; without those of `optional` that the file lacks.

    Raises:
        UserError: the file cannot be opened, is no MATLAB v5 file, is damaged, or lacks a required variable.
    """
    with _explained(path), path.open("rb") as file:
        header = file.read(_HEADER)
        order = _byte_order(header, path)
        directory = _directory(file, order)
        if not all(name in directory for name in required):
            raise UserError(
                f"{path} holds {listed(list(directory))}, but {listed(required)} are expected;"
                " give another file with --data.path"
            )
        wanted = [name for name in (*required, *optional) if name in directory]
        return {name: _array(name, header + _element(file, directory[name], order), order) for name in wanted}


def listed(found: Sequence[str]) -> str:
    """Names for a message: quoted, so that a damaged one cannot break the line, and not too many of them."""
    return ", ".join(repr(name[:40]) for name in found[:12]) + (", ..." if len(found) > 12 else "") or "nothing"


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be opened: {error.strerror or error}") from error
    # On a malformed file the walk below and scipy raise whatever the bytes led them to (ValueError, TypeError,
    # KeyError, ZeroDivisionError, MemoryError, zlib.error, struct.error ...): all of them mean the same to the user.
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{path} is damaged or incomplete ({reason}); copy or download it again") from error


def _byte_order(header: bytes, path: Path) -> str:
    """How the file's integers are to be unpacked, "<" or ">"; UserError where it is no MATLAB v5 file."""
    if not header:
        raise UserError(f"{path} is empty; copy or download it again")
    if header.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise UserError(f"{path} is a MATLAB v7.3 (HDF5) file; in MATLAB, load it and save it again with '-v7'")
    order = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}.get(header[124:128])
    if order is None:
        raise UserError(f"{path} is no MATLAB v5 file; give one saved with '-v7' (or '-v6')")
    return order


def _directory(file: BinaryIO, order: str) -> dict[str, _Variable]:
    """Where each variable lies; the file is read tag by tag."""
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
    """The variable's tag and bytes, inflated; never more of them than it declares."""
    file.seek(variable.offset)
    stored = file.read(8 + variable.size)
    if not variable.compressed:
        return stored
    (declared,) = struct.unpack_from(order + "I", zlib.decompressobj().decompress(stored[8 : 8 + _PEEK], 8), 4)
    if not inflates_to(declared, variable.size):
        raise ValueError(f"{variable.size} bytes declare that they inflate to {declared}")
    stream = zlib.decompressobj()
    element = stream.decompress(stored[8:], 8 + declared + 1)
    if len(element) != 8 + declared or not stream.eof:  # at its end zlib has compared the checksum
        raise ValueError("a compressed variable is not as long as it declares")
    return element


def _array(name: str, file: bytes, order: str) -> Any:
    """What scipy makes of a file that holds one variable, uncompressed."""
    kind, start, stop, _ = _part(file, _HEADER, order)
    if kind != _MATRIX or stop != len(file):
        raise ValueError(f"{name} is no matrix")
    _check(file, start, stop, order)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scipy only warns of a variable that it could not read
        return scipy.io.loadmat(io.BytesIO(file), variable_names=[name])[name]


def _check(buffer: bytes, start: int, stop: int, order: str, depth: int = 0) -> None:
    """Raises ValueError unless the matrix in buffer[start:stop] and those inside it hold what they declare."""
    if start == stop and depth:
        return  # an empty field of a struct
    _, at, _, position = _part(buffer, start, order)
    kind = struct.unpack_from(order + "I", buffer, at)[0] & 0xFF
    _, at, to, position = _part(buffer, position, order)
    size = math.prod(dimensions := struct.unpack(f"{order}{(to - at) // 4}i", buffer[at:to]))
    if kind not in (_STRUCT, _CHAR, *_NUMERIC) or depth > _DEEPEST or (kind == _STRUCT and size != 1):
        raise ValueError("neither numbers nor a plain struct of them")
    if min(dimensions) < 0 or size > stop - start:
        raise ValueError(f"{dimensions} declared in {stop - start} bytes")
    while position < stop:
        inner, at, to, position = _part(buffer, position, order)
        if to > stop or (kind == _STRUCT and inner != _MATRIX and to - at > _FIELD_NAMES):
            raise ValueError(f"{to - at} bytes declared where {stop - at} are left")
        if inner == _MATRIX:
            _check(buffer, at, to, order, depth + 1)


def _part(buffer: bytes, position: int, order: str) -> tuple[int, int, int, int]:
    """The element at `position`: its type, where its bytes start and stop, and where the next element is."""
    kind, size = struct.unpack_from(order + "II", buffer, position)
    if small := kind >> 16:  # up to four bytes lie in the tag itself, and their number in the upper half of the type
        if small > 4:
            raise ValueError(f"{small} bytes declared in a tag that holds 4")
        return kind & 0xFFFF, position + 4, position + 4 + small, position + 8
    return kind, position + 8, position + 8 + size, position + 8 + -(-size // 8) * 8
