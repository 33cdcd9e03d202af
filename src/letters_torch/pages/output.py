"""Writes a page to its file."""

from pathlib import Path

from letters_torch import files
from letters_torch.errors import UserError


def write(file: Path, text: str) -> None:
    """Writes the page whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        files.write(file, text.encode())
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"--output {file}: cannot be written ({reason}); name a file in an existing folder") from error
