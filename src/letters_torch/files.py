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

    Whenever the program is killed, `path` holds the new content or the old one, never a part of it.

    Args:
        path: the file to write. Its folder must exist.
        sync: wait until the disk holds the content before it gets its name, so that this is true of a power cut too.

    Raises:
        OSError: the file cannot be written, or there is something at `path` that is not a regular file, such as a
            symbolic link or a device; what was at `path` before is untouched.
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
    """Checks that there is nothing at a path, or a regular file.

    Raises:
        OSError: something else: a folder, a symbolic link, a device.
    """
    if path.name in ("", "..") or (path.is_dir() and not path.is_symlink()):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def write(path: Path, content: bytes, sync: bool = True) -> None:
    """Writes a file in one step; arguments and errors as those of `replacing`."""
    with replacing(path, sync) as file:
        file.write(content)
