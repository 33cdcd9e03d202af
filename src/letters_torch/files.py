"""Writes files whole or not at all: the project's one atomic write."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PART = ".part"  # ends the name of a file that is being written


@contextmanager
def replacing(path: Path, sync: bool = True) -> Iterator[IO[bytes]]:
    """Opens a file beside `path` for writing; it takes the place of `path` once it is complete.

    Whenever the program is killed, `path` holds the new content or the old one, never a part of it. With `sync`, the
    disk holds the content before it gets its name, so this is true of a power cut too.

    Raises:
        OSError: as `require_replaceable`; or the folder does not exist, or the file cannot be written. What was at
            `path` before is untouched.
    """
    require_replaceable(path)
    part = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}{PART}")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def require_replaceable(path: Path) -> None:
    """Raises OSError if there is something else than a regular file at a path: a folder, a symbolic link, a device."""
    if path.name in ("", "..") or (path.is_dir() and not path.is_symlink()):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def write(path: Path, content: bytes, sync: bool = True) -> None:
    """Writes a file in one step; arguments and errors as those of `replacing`."""
    with replacing(path, sync) as file:
        file.write(content)
