"""A file is written whole or not at all."""

from pathlib import Path

import pytest

from letters_torch import files


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    files.write(file, b"old")
    with pytest.raises(TypeError), files.replacing(file) as part:
        part.writelines([b"new", "text"])  # type: ignore[list-item]
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
    files.write(file, b"new", sync=False)
    assert file.read_bytes() == b"new"


def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    for name, said in (("link", "not a regular file"), ("folder", "Is a directory")):
        with pytest.raises(OSError, match=said):
            files.write(tmp_path / name, b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
