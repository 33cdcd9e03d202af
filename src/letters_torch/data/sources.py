"""Opens the letters that are named, or the best that can be found if none are."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Literal, get_args

from letters_torch.console import say
from letters_torch.data.readers import emnist, kaggle, matfile
from letters_torch.errors import UserError, require_choice
from letters_torch.letters import LetterSets
from letters_torch.paths import expanded, printable

Source = Literal["auto", "kaggle", "emnist", "builtin"]
ACCEPTED = (
    "a letters_data.mat with train_x, train_y and test_x, EMNIST's emnist-letters.mat,"
    " or a folder that holds EMNIST/raw/emnist-letters-*-ubyte"
)
_FILES = (Path("letters_data.mat"), Path("data/letters_data.mat"))
_FOLDERS = (Path("data"), Path())


def open_letters(
    source: str = "auto", path: Path | None = None, transposed: bool = False, download: bool = False
) -> LetterSets:
    """Opens the training and the test letters; the arguments are those of `LettersDataModule`.

    Without a path it looks for letters_data.mat, data/letters_data.mat, data/EMNIST/ and EMNIST/, in this order, in the
    current folder. If there is none, "auto" falls back to the built-in letters, with `fallback` set.

    Raises:
        UserError: there is nothing at the path or nothing readable, or the arguments contradict each other.
    """
    path = expanded(path, "--data.path") if path is not None else None
    _check_flags(source, path, transposed, download)
    if source == "builtin":
        return _builtin()
    found = path or _default(source)
    if found is None and not download:
        if source == "auto":
            return _builtin(fallback=True)
        fetch = ", or fetch it with --data.download true" if source == "emnist" else ""
        raise UserError(
            f"no letters for --data.source {source} in the current folder; set --data.path to {ACCEPTED}{fetch}"
        )
    if found is not None and not found.exists() and (not download or found.suffix == ".mat"):
        raise UserError(f"{printable(found)} does not exist; set --data.path to {ACCEPTED}")
    return _open(source, found or _FOLDERS[0], transposed, download)


def _check_flags(source: str, path: Path | None, transposed: bool, download: bool) -> None:
    require_choice("--data.source", source, get_args(Source))
    if source == "builtin" and path is not None:
        raise UserError(
            f"--data.source builtin reads no file, but --data.path is {printable(path)}; leave one of them out"
        )
    if download and source != "emnist":
        raise UserError(f"--data.download fetches EMNIST; add --data.source emnist (it is {source})")
    if transposed and source in ("emnist", "builtin"):
        raise UserError(f"--data.transposed is for a letters_data.mat; the letters of {source} are upright without it")


def _default(source: str) -> Path | None:
    """The first default place that holds letters of this source."""
    files = [file for file in _FILES if file.is_file()] if source != "emnist" else []
    folders = [folder for folder in _FOLDERS if emnist.holds_emnist(folder)] if source != "kaggle" else []
    return next(iter([*files, *folders]), None)


def _open(source: str, path: Path, transposed: bool, download: bool) -> LetterSets:
    kind = source if source != "auto" else kind_of(path)
    if kind == "kaggle":
        return kaggle.read(path, transposed)
    if transposed:
        raise UserError(f"--data.transposed is for a letters_data.mat, but {printable(path)} is EMNIST's; leave it out")
    return emnist.read_mat(path) if path.is_file() else emnist.read(path, download)


def kind_of(path: Path) -> str:
    """The source, "kaggle" or "emnist", of an existing file or folder, by its structure; UserError if it has none."""
    if path.is_dir():
        if emnist.holds_emnist(path) or (path / "EMNIST").is_dir() or path.name == "EMNIST":
            return "emnist"
        raise UserError(f"{printable(path)} is a folder without EMNIST's files; --data.path takes {ACCEPTED}")
    found = matfile.names(path)
    if "train_x" in found or "dataset" in found:
        return "kaggle" if "train_x" in found else "emnist"
    raise UserError(f"{printable(path)} holds {matfile.listed(found)}; --data.path takes {ACCEPTED}")


def _builtin(fallback: bool = False) -> LetterSets:
    # Imported only here: numba, which makes the letters, takes a second to import.
    letters: LetterSets = import_module("letters_torch.synthetic").read()
    return replace(letters, source="builtin", fallback=fallback)


def announce(letters: LetterSets) -> None:
    """Prints where letters are from, and how to get real ones where no file was found."""
    hint = (
        "; no letters_data.mat or EMNIST folder was found: for the real ones set --data.path to Kaggle's"
        " letters_data.mat or to EMNIST, or fetch EMNIST with --data.source emnist --data.download true"
    )
    say(f"letters: {letters.origin}{hint if letters.fallback else ''}")
