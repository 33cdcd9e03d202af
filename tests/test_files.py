"""A file is written whole or not at all."""

import sys
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows replaces no open file")
def test_who_reads_the_old_file_reads_all_of_it(tmp_path: Path) -> None:
    """The new content never stands in the old file, where a kill could leave half of it."""
    files.write(tmp_path / "a.txt", b"old")
    with (tmp_path / "a.txt").open("rb") as old:
        files.write(tmp_path / "a.txt", b"newer")
        assert old.read() == b"old"


def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    for name, said in (("link", "not a regular file"), ("folder", "Is a directory")):
        with pytest.raises(OSError, match=said):
            files.write(tmp_path / name, b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
