"""The cache of built-in letters."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from letters_torch import synthetic as builtin
from letters_torch.letters import LetterSets
from letters_torch.synthetic import cache
from tests.support.builtin import SIZES, bytes_of, read

READ = """
import pathlib, sys
from letters_torch import synthetic as builtin
builtin.read(208, 104, cache=pathlib.Path(sys.argv[1]))
"""


def test_other_letters_have_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {cache.path_for(*wish, tmp_path).name for wish in [(1, 1, 0), (1, 1, 1), (1, 2, 0), (2, 1, 0)]}
    monkeypatch.setattr(cache, "_SOURCES", ("templates.txt",))
    names.add(cache.path_for(1, 1, 0, tmp_path).name)
    assert len(names) == 5


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "there"))
    assert cache.path_for(1, 1, 0).parent == tmp_path / "there"
    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    assert "letters_torch" in str(cache.path_for(1, 1, 0).parent)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other arrays", "other sizes"])
def test_a_damaged_file_is_made_again(tmp_path: Path, fresh: LetterSets, damage: str) -> None:
    read(tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    middle = len(whole) // 2
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(whole[:middle])
    elif damage == "flipped":
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    elif damage == "other arrays":
        np.savez(path, a=np.zeros(3))
    else:
        cache.save(path, fresh.test, fresh.train)
    assert bytes_of(read(tmp_path)) == bytes_of(fresh)
    assert path.read_bytes() == whole


def test_no_flipped_bit_is_taken_for_letters(tmp_path: Path) -> None:
    sets = builtin.read(1, 1, cache=tmp_path, progress=False)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    noticed = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        kept = cache.load(path, 1, 1)
        noticed += kept is None
        assert kept is None or bytes_of(LetterSets(*kept, origin="")) == bytes_of(sets)
    assert noticed > len(whole) / 14  # the rest of the flips fall on what the format does not use


def test_a_kill_half_way_leaves_the_old_file_or_none(tmp_path: Path, fresh: LetterSets) -> None:
    """A process killed while writing: its leftover is in no one's way and is never taken for letters."""
    dying = (
        "import os, pathlib, sys\n"
        "from letters_torch.synthetic import cache\n"
        "with cache.replacing(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'), file.flush(), os._exit(9)\n"
    )
    path = cache.path_for(**SIZES, seed=0, folder=tmp_path)
    assert subprocess.run([sys.executable, "-c", dying, str(path)], env=_environment()).returncode == 9
    assert [leftover.suffix for leftover in tmp_path.iterdir()] == [".part"]
    assert bytes_of(read(tmp_path)) == bytes_of(fresh)
    assert path.exists()


def test_files_of_other_versions_go_when_new_letters_are_kept(tmp_path: Path, fresh: LetterSets) -> None:
    """And nothing else does: not this version's, of any size and seed, nor what only looks alike, nor a folder."""
    digest = cache.path_for(1, 1, 0).stem.rsplit("-", 1)[1]
    ours = [cache.path_for(*wish, tmp_path).name for wish in [(1, 1, 0), (2, 1, 7)]]
    others = [f"builtin-208-104-seed0-{digest[::-1]}.npz", "builtin-1-1-seed3-0123456789ab.npz"]
    alike = [f"{others[0]}.{'0' * 32}.part", f"my-{others[0]}", "builtin-1-1-seed0-0123456789AB.npz", "builtin.npz"]
    folder = "builtin-9-9-seed9-0123456789ab.npz"
    (tmp_path / folder).mkdir()
    for name in (*ours, *others, *alike):
        (tmp_path / name).write_bytes(b"letters")
    read(tmp_path)
    kept = {*ours, *alike, folder, cache.path_for(208, 104, 0).name}
    assert {file.name for file in tmp_path.iterdir()} == kept
    read(tmp_path)  # which keeps nothing new
    assert {file.name for file in tmp_path.iterdir()} == kept


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no file that is open")
def test_who_reads_a_file_of_another_version_reads_on(tmp_path: Path, fresh: LetterSets) -> None:
    old = tmp_path / "builtin-208-104-seed0-0123456789ab.npz"
    cache.save(cache.path_for(**SIZES, seed=0, folder=tmp_path / "other"), fresh.train, fresh.test)
    shutil.copy(cache.path_for(**SIZES, seed=0, folder=tmp_path / "other"), old)
    with old.open("rb") as opened, np.load(opened) as file:
        read(tmp_path)
        assert not old.exists()
        assert np.array_equal(file["train_images"], fresh.train.images)


def test_an_error_half_way_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    writing = cache.replacing(path)
    writing.__enter__().write(b"half")
    assert not writing.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert [f.name for f in tmp_path.iterdir()] == ["kept"]
    assert path.read_bytes() == b"old"


def test_two_processes_at_once(tmp_path: Path, fresh: LetterSets) -> None:
    both = [subprocess.Popen([sys.executable, "-c", READ, str(tmp_path)], env=_environment()) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 1
    kept = cache.load(cache.path_for(**SIZES, seed=0, folder=tmp_path), **SIZES)
    assert kept is not None
    assert bytes_of(LetterSets(*kept, origin="")) == bytes_of(fresh)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
