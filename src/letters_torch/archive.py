"""The file format of torch.save: a zip archive of one pickle and the tensors' bytes.

`torch.load(weights_only=True)` runs no code, but it trusts the file in other ways: it verifies no checksum, it lets a
pickle allocate memory that the file does not hold (`bytearray(6_000_000_000)`), and it lets a tensor claim more bytes
than its record has. All of this is validated here before torch sees the file.
"""

import io
import pickle
import pickletools
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from letters_torch.errors import UserError, reason

LARGEST_PICKLE = 1 << 20  # bytes; that of a checkpoint has a few thousand

# The opcodes that torch.save writes for tensors, numbers, strings, tuples, lists and dicts.
_OPCODES = frozenset(
    (
        *("PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("BINUNICODE", "EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE"),
        *("TUPLE1", "TUPLE2", "TUPLE3", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
        *("GLOBAL", "REDUCE", "BINPERSID"),
    )
)
# Bytes of an item of each of torch's storage types.
_STORAGES = {
    **dict.fromkeys(("DoubleStorage", "LongStorage"), 8),
    **dict.fromkeys(("FloatStorage", "IntStorage"), 4),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    **dict.fromkeys(("CharStorage", "ByteStorage", "BoolStorage"), 1),
}
_FUNCTIONS = {("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2")}


class ArchiveError(Exception):
    """The file is damaged, or it is no archive of tensors and plain values. The message is a part of a sentence."""


def require_intact(path: Path) -> None:
    """Checks a checkpoint file as `verify` does; raises UserError."""
    with opened(path) as file:
        verify(file)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Opens a checkpoint file; an ArchiveError or OSError inside becomes a UserError that names the file."""
    if not path.is_file():
        raise UserError(f"--ckpt_path {path}: no such file")
    try:
        with path.open("rb") as file:
            yield file
    except ArchiveError as error:
        raise UserError(f"--ckpt_path {path}: {error}; use another checkpoint of the run") from error
    except OSError as error:
        raise UserError(f"--ckpt_path {path}: cannot be read ({reason(error)})") from error


def read(file: IO[bytes]) -> Any:
    """Reads an archive onto the CPU; raises as `verify`."""
    verify(file)
    import torch

    with _archive_errors():
        return torch.load(file, map_location="cpu", weights_only=True)


def verify(file: IO[bytes], checksums: bool = True) -> None:
    """Checks that an archive is whole and that its pickle builds nothing but tensors and plain values.

    It needs no torch, which takes a second to import. What was just written needs no check of its `checksums`.

    Raises:
        ArchiveError: the archive is damaged, or its pickle holds something else.
    """
    with _archive_errors(), zipfile.ZipFile(file) as archive:
        if checksums:
            _compare(archive, file.seek(0, io.SEEK_END))
        _rehearse(archive)
    file.seek(0)


@contextmanager
def _archive_errors() -> Iterator[None]:
    try:
        yield
    except pickle.UnpicklingError as error:
        raise ArchiveError("not a checkpoint, or one with more than tensors and plain values; not loaded") from error
    except Exception as error:  # a damaged archive fails wherever the damage is
        raise ArchiveError(f"damaged or not a checkpoint ({reason(error)})") from error


def _compare(archive: zipfile.ZipFile, size: int) -> None:
    """Compares every record with its checksum, and the sum of the records with the size of the file."""
    entries = archive.infolist()
    for entry in entries:
        # torch does not compress its records; a compressed one could unfold to any size
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise zipfile.BadZipFile(f"{entry.filename} is compressed")
    if sum(entry.file_size for entry in entries) > size:
        raise zipfile.BadZipFile("its records overlap")
    damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"{damaged} does not match its checksum")


def _rehearse(archive: zipfile.ZipFile) -> None:
    """Runs the pickle with stand-ins, so that nothing is built from it."""
    (name,) = (entry.filename for entry in archive.infolist() if entry.filename.endswith("/data.pkl"))
    if archive.getinfo(name).file_size > LARGEST_PICKLE:
        raise pickle.UnpicklingError(f"a pickle of more than {LARGEST_PICKLE} bytes")
    stream = archive.read(name)
    for opcode, _, _ in pickletools.genops(stream):
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"opcode {opcode.name}")
    prefix = name.removesuffix("data.pkl") + "data/"
    records = {entry.filename.removeprefix(prefix): entry.file_size for entry in archive.infolist()}
    _Rehearsal(io.BytesIO(stream), records).load()


class _StandIn:
    """Stands for any function of the pickle, and for what it returns."""

    def __init__(self, item_size: int = 0) -> None:
        self.item_size = item_size  # bytes, of a storage type

    def __call__(self, *args: Any) -> "_StandIn":
        return _StandIn()

    def __setitem__(self, key: Any, value: Any) -> None:
        """As an OrderedDict takes items."""


class _Rehearsal(pickle._Unpickler):
    """Python's own unpickler (the compiled one allocates memory that the stream asks for), with stand-ins."""

    def __init__(self, stream: IO[bytes], records: dict[str, int]) -> None:
        super().__init__(stream)
        self._records = records  # size in bytes of each tensor's record, by its key

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _FUNCTIONS:
            return _StandIn()
        if module == "torch" and name in _STORAGES:
            return _StandIn(item_size=_STORAGES[name])
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        match pid:
            case ("storage", _StandIn(item_size=size), str(key), str(), int(count)) if size > 0 and count >= 0:
                if size * count <= self._records.get(key, -1):
                    return _StandIn()
        raise pickle.UnpicklingError("a tensor that is larger than its record")
