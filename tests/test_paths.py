"""Paths as users give them."""

import os
import socket
from pathlib import Path

import pytest

from letters_torch.errors import UserError
from letters_torch.paths import expanded, printable, require_regular
from tests.support.making import message


def test_a_leading_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert expanded("~/letters.mat", "--data.path") == tmp_path / "letters.mat"
    assert expanded(Path("some/letters.mat"), "--data.path") == Path("some/letters.mat")


@pytest.mark.skipif(os.name == "nt", reason="on Windows any user has a home folder")
def test_a_user_that_there_is_not() -> None:
    with pytest.raises(UserError) as error:
        expanded("~nouser_of_this_name/x.mat", "--data.path")
    message(error, "--data.path ~nouser_of_this_name/x.mat", "there is no user of that name; write the folder out")


def test_a_null_character() -> None:
    with pytest.raises(UserError) as error:
        expanded("a\0b", "--data.path")
    message(error, "--data.path", "a path cannot hold a null character")


def test_a_regular_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    require_regular(tmp_path / "file", "hint")
    require_regular(tmp_path / "link", "hint")


@pytest.mark.skipif(os.name == "nt", reason="these are POSIX's")
def test_what_is_no_regular_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.chdir(tmp_path)  # a socket's path may have no more than a hundred characters
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket")
        for name, said in {
            "pipe": "is a FIFO, not a regular file",
            "folder": "is a folder",
            "socket": "is a socket",
            "nowhere": "does not exist",
            "file/inside": "cannot be opened (Not a directory)",
            os.devnull: "is a device",
        }.items():
            with pytest.raises(UserError) as error:
                require_regular(Path(name), "name another")
            message(error, name, said, "; name another")


def test_a_name_that_is_not_utf_8_can_be_printed() -> None:
    name = os.fsdecode(b"\xffletters.mat")
    assert printable(Path("of Ann") / name).encode("utf-8")
    assert printable("über/letters.mat") == "über/letters.mat"
