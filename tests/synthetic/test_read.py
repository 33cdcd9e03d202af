import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from letters_torch import synthetic as builtin
from letters_torch.errors import UserError
from letters_torch.letters import LetterSets
from letters_torch.synthetic import __main__ as command
from letters_torch.synthetic import cache

SIZES = {"train": 208, "test": 104}
READ = """
import pathlib, sys
from letters_torch import synthetic as builtin
builtin.read(208, 104, cache=pathlib.Path(sys.argv[1]))
"""


def _read(folder: Path, **more: int) -> LetterSets:
    return builtin.read(**{**SIZES, **more}, cache=folder, progress=False)


def _bytes(sets: LetterSets) -> list[bytes]:
    return [part.tobytes() for half in (sets.train, sets.test) for part in (half.images, half.labels, half.writers)]  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> LetterSets:
    return _read(tmp_path_factory.mktemp("fresh"))


def test_both_sets_are_labelled(fresh: LetterSets) -> None:
    assert (len(fresh.train), len(fresh.test)) == (208, 104)
    assert fresh.train.labels is not None
    assert fresh.test.labels is not None
    assert "seed 0" in fresh.origin


def test_the_second_call_reads(tmp_path: Path, fresh: LetterSets, monkeypatch: pytest.MonkeyPatch) -> None:
    _read(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(builtin, "make", refuse)
    assert _bytes(_read(tmp_path)) == _bytes(fresh)


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
    _read(tmp_path)
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
    assert _bytes(_read(tmp_path)) == _bytes(fresh)
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
        assert kept is None or _bytes(LetterSets(*kept, origin="")) == _bytes(sets)
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
    assert _bytes(_read(tmp_path)) == _bytes(fresh)
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
    _read(tmp_path)
    kept = {*ours, *alike, folder, cache.path_for(208, 104, 0).name}
    assert {file.name for file in tmp_path.iterdir()} == kept
    _read(tmp_path)  # which keeps nothing new
    assert {file.name for file in tmp_path.iterdir()} == kept


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no file that is open")
def test_who_reads_a_file_of_another_version_reads_on(tmp_path: Path, fresh: LetterSets) -> None:
    old = tmp_path / "builtin-208-104-seed0-0123456789ab.npz"
    cache.save(cache.path_for(**SIZES, seed=0, folder=tmp_path / "other"), fresh.train, fresh.test)
    shutil.copy(cache.path_for(**SIZES, seed=0, folder=tmp_path / "other"), old)
    with old.open("rb") as opened, np.load(opened) as file:
        _read(tmp_path)
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
    assert _bytes(LetterSets(*kept, origin="")) == _bytes(fresh)


def test_letters_are_made_where_nothing_can_be_kept(tmp_path: Path, fresh: LetterSets) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.warns(RuntimeWarning, match="not kept") as said:
        assert _bytes(_read(in_the_way)) == _bytes(fresh)
    assert len(said) == 1


@pytest.mark.parametrize("wrong", [{"train": 0}, {"test": -1}, {"seed": -1}])
def test_what_cannot_be_made_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        _read(tmp_path, **wrong)


def test_the_command_writes_the_competitions_schema(
    tmp_path: Path, fresh: LetterSets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    out = tmp_path / "letters_data.mat"
    assert command.main([str(out), "--train", "208", "--test", "104"]) == 0
    file = loadmat(out)
    assert {name: (part.dtype, part.shape) for name, part in file.items() if not name.startswith("_")} == {
        "train_x": (np.uint8, (208, 784)),
        "train_y": (np.uint8, (208, 1)),
        "test_x": (np.uint8, (104, 784)),
    }
    np.testing.assert_array_equal(file["train_x"].reshape(-1, 28, 28), fresh.train.images)
    np.testing.assert_array_equal(file["train_y"].ravel(), fresh.train.labels)
    np.testing.assert_array_equal(file["test_x"].reshape(-1, 28, 28), fresh.test.images)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no/such/folder/x.mat"], "no folder"),
        ([".", "--train", "9"], "is a folder"),
        (["x.mat", "--test", "0"], "test"),
    ],
)
def test_a_users_mistake_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_an_interrupted_command_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "savemat", interrupted)
    assert command.main([str(tmp_path / "letters.mat"), "--train", "9", "--test", "9"]) == 130
    assert capsys.readouterr().err == "interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []
