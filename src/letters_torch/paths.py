"""Paths that users give: expanded, checked to be regular files, and printable."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from letters_torch.errors import UserError, reason

_SPECIAL = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def expanded(path: str | os.PathLike[str], flag: str) -> Path:
    """The path with a leading `~` or `~user` replaced by the home folder; `flag` names it in an error.

    Raises:
        UserError: there is no such user, or the path holds a null character.
    """
    if "\0" in os.fspath(path):
        raise UserError(f"{flag} {os.fspath(path)!r}: a path cannot hold a null character")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{flag} {printable(path)}: there is no user of that name; write the folder out") from error


def require_regular(path: Path, hint: str) -> None:
    """Raises UserError, ending in `hint`, if there is no regular file at a path; symbolic links are followed.

    Opening something else, such as a FIFO, socket or terminal, could block.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be opened ({reason(error)})"
        raise UserError(f"{printable(path)} {what}; {hint}") from error
    if path.is_dir():
        raise UserError(f"{printable(path)} is a folder; {hint}")
    if not path.is_file():
        kind = next((name for test, name in _SPECIAL if test(mode)), "a special file")
        raise UserError(f"{printable(path)} is {kind}, not a regular file; {hint}")


def printable(path: str | os.PathLike[str]) -> str:
    r"""The path as text that can be printed and stored: a byte of its name that is not UTF-8 becomes `\udcff`."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode()


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turns an OSError inside into a UserError about `--output`."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"--output {printable(path)}: cannot be written ({reason(error)}); name a file in an existing folder"
        ) from error
