import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from letters_torch.data.sources import ACCEPTED, announce, open_letters
from letters_torch.errors import UserError
from letters_torch.letters import Letters, LetterSets
from tests.support.making import emnist_dataset, kaggle_arrays, message, pictures, save_emnist, save_mat


@pytest.fixture(autouse=True)
def _a_maker_of_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for the maker of the built-in letters, which takes minutes; and nothing lies in the current folder."""
    made = LetterSets(Letters(np.full((2, 28, 28), 7, np.uint8)), Letters(pictures(1)), "built-in letters")
    maker = types.ModuleType("letters_torch.synthetic")
    maker.read = lambda: made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, maker.__name__, maker)
    monkeypatch.chdir(tmp_path)


def kaggle_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return save_mat(path, kaggle_arrays())


def emnist_file(path: Path) -> Path:
    return save_mat(path, {"dataset": emnist_dataset()})


@pytest.mark.parametrize("source", ["auto", "kaggle"])
def test_a_file_of_the_competitions_schema_whatever_its_name(tmp_path: Path, source: str) -> None:
    sets = open_letters(source, kaggle_file(tmp_path / "mine.mat"))
    assert (sets.source, len(sets.test), sets.fallback) == ("kaggle", 4, False)


@pytest.mark.parametrize("source", ["auto", "emnist"])
def test_emnists_own_file(tmp_path: Path, source: str) -> None:
    sets = open_letters(source, emnist_file(tmp_path / "mine.mat"))
    assert (sets.source, len(sets.test), sets.fallback) == ("emnist", 6, False)


@pytest.mark.parametrize("source", ["auto", "emnist"])
@pytest.mark.parametrize("inside", ["", "EMNIST", "EMNIST/raw"])
def test_a_folder_of_emnist(tmp_path: Path, source: str, inside: str) -> None:
    assert open_letters(source, save_emnist(tmp_path / "there") / inside).source == "emnist"


def test_transposed_reaches_the_reader(tmp_path: Path) -> None:
    arrays = kaggle_arrays()
    arrays["train_x"] = pictures().transpose(0, 2, 1).reshape(6, 784)
    sets = open_letters(path=save_mat(tmp_path / "mine.mat", arrays), transposed=True)
    np.testing.assert_array_equal(sets.train.images, pictures())


@pytest.mark.parametrize("name", ["letters_data.mat", "data/letters_data.mat"])
@pytest.mark.parametrize("source", ["auto", "kaggle"])
def test_the_default_file_is_found(name: str, source: str) -> None:
    kaggle_file(Path(name))
    sets = open_letters(source)
    assert sets.source == "kaggle"
    assert name in sets.origin


@pytest.mark.parametrize("folder", ["data", "."])
@pytest.mark.parametrize("source", ["auto", "emnist"])
def test_the_default_folder_is_found(folder: str, source: str) -> None:
    save_emnist(Path(folder))
    assert open_letters(source).source == "emnist"


def test_the_default_file_goes_before_the_default_folder() -> None:
    save_emnist(Path("data"))
    kaggle_file(Path("data/letters_data.mat"))
    assert open_letters().source == "kaggle"
    assert open_letters("emnist").source == "emnist"


def test_default_places_are_searched_in_their_order() -> None:
    """The last of them is there first; each that is added before it wins."""
    save_emnist(Path())
    assert open_letters("emnist").origin == ". (EMNIST Letters)"
    save_emnist(Path("data"))
    assert open_letters("emnist").origin == "data (EMNIST Letters)"
    for name in ("data/letters_data.mat", "letters_data.mat"):
        kaggle_file(Path(name))
        assert open_letters().origin == f"{Path(name)} (the competition's schema)"


def test_a_home_folder_that_is_not_known() -> None:
    with pytest.raises(UserError) as error:
        open_letters(path=Path("~nouser_of_this_name/letters.mat"))
    message(error, "--data.path", "~nouser_of_this_name")


def test_a_file_whose_name_is_not_utf_8(tmp_path: Path) -> None:
    try:
        path = kaggle_file(tmp_path / os.fsdecode(b"\xff.mat"))
    except OSError:
        pytest.skip("the file system takes no such name")
    open_letters(path=path).origin.encode()
    path.write_bytes(b"no letters")
    with pytest.raises(UserError) as error:
        open_letters(path=path)
    str(error.value).encode()


def test_without_any_file_the_built_in_letters_say_that_they_stand_in(capsys: pytest.CaptureFixture[str]) -> None:
    sets = open_letters()
    assert (sets.source, sets.fallback, sets.origin, len(sets.train)) == ("builtin", True, "built-in letters", 2)
    announce(sets)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    for part in ("letters: built-in letters; no letters_data.mat", "--data.path", "--data.download"):
        assert part in out


def test_built_in_letters_that_were_asked_for_stand_in_for_nothing() -> None:
    kaggle_file(Path("letters_data.mat"))
    sets = open_letters("builtin")
    assert (sets.source, sets.fallback, sets.origin) == ("builtin", False, "built-in letters")


def test_a_damaged_default_file_is_no_missing_one() -> None:
    path = kaggle_file(Path("letters_data.mat"))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError) as error:
        open_letters()
    message(error, path, "damaged")


@pytest.mark.parametrize("source", ["auto", "kaggle", "emnist"])
def test_a_path_that_was_given_must_exist(tmp_path: Path, source: str) -> None:
    kaggle_file(Path("letters_data.mat"))
    with pytest.raises(UserError) as error:
        open_letters(source, tmp_path / "typo.mat")
    message(error, f"{tmp_path / 'typo.mat'} does not exist; set --data.path to {ACCEPTED}")


def test_a_missing_file_is_no_folder_to_download_into(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        open_letters("emnist", tmp_path / "emnist-letters.mat", download=True)
    message(error, "emnist-letters.mat", "does not exist")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("source", ["kaggle", "emnist"])
def test_a_source_that_was_named_has_no_stand_in(source: str) -> None:
    with pytest.raises(UserError) as error:
        open_letters(source)
    fetch = ", or fetch it with --data.download true" if source == "emnist" else ""
    message(error, f"no letters for --data.source {source} in the current folder; set --data.path to {ACCEPTED}{fetch}")


def test_other_files_and_folders_are_told_what_is_accepted(tmp_path: Path) -> None:
    other = save_mat(tmp_path / "other.mat", {"X": np.eye(3)})
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    for path, said in (
        (other, f"{other} holds 'X'; --data.path takes {ACCEPTED}"),
        (tmp_path / "empty", f"empty is a folder without EMNIST's files; --data.path takes {ACCEPTED}"),
        (tmp_path / "notes.txt", "not a MATLAB"),
    ):
        with pytest.raises(UserError) as error:
            open_letters(path=path)
        message(error, path, said)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"source": "mnist"}, ["--data.source", "auto, kaggle, emnist, builtin", "'mnist'"]),
        (
            {"source": "builtin", "path": Path("letters.mat")},
            ["--data.source builtin reads no file, but --data.path is letters.mat; leave one of them out"],
        ),
        ({"download": True}, ["--data.download fetches EMNIST; add --data.source emnist (it is auto)"]),
        (
            {"source": "emnist", "transposed": True},
            ["--data.transposed is for", "letters of emnist are upright without it"],
        ),
    ],
)
def test_flags_that_contradict_each_other(flags: dict, said: list[str]) -> None:
    with pytest.raises(UserError) as error:
        open_letters(**flags)
    message(error, *said)


def test_transposed_is_refused_for_a_file_of_emnists(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        open_letters(path=emnist_file(tmp_path / "mine.mat"), transposed=True)
    message(error, "--data.transposed is for a letters_data.mat, but ", "mine.mat is EMNIST's; leave it out")


@pytest.mark.parametrize(("path", "folder"), [(None, "data"), (Path("new/place"), "new/place")])
def test_download_goes_to_the_folder_named_or_to_data(
    monkeypatch: pytest.MonkeyPatch, path: Path | None, folder: str
) -> None:
    def fetch(root: str, **_: object) -> None:
        if not Path(root, "EMNIST").exists():
            save_emnist(Path(root))

    monkeypatch.setattr("torchvision.datasets.EMNIST", fetch)
    assert open_letters("emnist", path, download=True).source == "emnist"
    assert Path(folder, "EMNIST/raw").is_dir()
