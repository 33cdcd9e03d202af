"""Opens the letters that a person names, or the best that can be found when nobody named any."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from letters_torch.data.readers import emnist, kaggle, matfile
from letters_torch.errors import UserError
from letters_torch.letters import LetterSets

SOURCES = ("auto", "kaggle", "emnist", "builtin")
ACCEPTED = (
    "a letters_data.mat with train_x, train_y and test_x, EMNIST's emnist-letters.mat,"
    " or a folder that holds EMNIST/raw/emnist-letters-*-ubyte"
)
_FILES = (Path("letters_data.mat"), Path("data/letters_data.mat"))
_FOLDERS = (Path("data"), Path())


def open_letters(
    source: str = "auto", path: Path | None = None, transposed: bool = False, download: bool = False
) -> LetterSets:
    """The letters to train on and to be tested on.

    Args:
        source: "kaggle", "emnist" or "builtin"; "auto" tells from what lies at the path.
        path: a file or folder. None looks in the current folder for letters_data.mat, data/letters_data.mat, and
            EMNIST/ under data or right here; where there is none, "auto" falls back to the built-in letters, marked
            as `fallback` and said so in `origin`.
        transposed: the pictures of a letters_data.mat lie column by column.
        download: fetch EMNIST where it is missing; needs `source` "emnist".

    Raises:
        UserError: nothing at the path, nothing that is accepted, or flags that contradict each other.
    """
    path = Path(path).expanduser() if path is not None else None
    _check_flags(source, path, transposed, download)
    if source == "builtin":
        return _builtin()
    found = path or _default(source)
    if found is None and not download:
        if source == "auto":
            return _fallback()
        raise UserError(f"no letters for --data.source {source} in the current folder; set --data.path to {ACCEPTED}")
    if found is not None and not found.exists() and (not download or found.suffix == ".mat"):
        raise UserError(f"{found} does not exist; set --data.path to {ACCEPTED}")
    return _open(source, found or _FOLDERS[0], transposed, download)


def _check_flags(source: str, path: Path | None, transposed: bool, download: bool) -> None:
    if source not in SOURCES:
        raise UserError(f"--data.source must be one of {', '.join(SOURCES)}, not {source!r}")
    if source == "builtin" and path is not None:
        raise UserError(f"--data.source builtin reads no file, but --data.path is {path}; leave one of them out")
    if download and source != "emnist":
        raise UserError(f"--data.download fetches EMNIST; add --data.source emnist (it is {source})")
    if transposed and source in ("emnist", "builtin"):
        raise UserError(f"--data.transposed is for a letters_data.mat; the letters of {source} are upright without it")


def _default(source: str) -> Path | None:
    """The first of the default places that holds letters of this source."""
    files = [file for file in _FILES if file.is_file()] if source != "emnist" else []
    folders = [folder for folder in _FOLDERS if emnist.holds_emnist(folder)] if source != "kaggle" else []
    return next(iter([*files, *folders]), None)


def _open(source: str, path: Path, transposed: bool, download: bool) -> LetterSets:
    kind = source if source != "auto" else _kind(path)
    if kind == "kaggle":
        return kaggle.read(path, transposed)
    if transposed:
        raise UserError(f"--data.transposed is for a letters_data.mat, but {path} is EMNIST's; leave it out")
    return emnist.read_mat(path) if path.is_file() else emnist.read(path, download)


def _kind(path: Path) -> str:
    """Which source the file or folder belongs to; a damaged .mat is reported as such."""
    if path.is_dir():
        if emnist.holds_emnist(path) or (path / "EMNIST").is_dir() or path.name == "EMNIST":
            return "emnist"
        raise UserError(f"{path} is a folder without EMNIST's files; --data.path takes {ACCEPTED}")
    found = matfile.names(path)
    if "train_x" in found or "dataset" in found:
        return "kaggle" if "train_x" in found else "emnist"
    raise UserError(f"{path} holds {matfile.listed(found)}; --data.path takes {ACCEPTED}")


def _builtin() -> LetterSets:
    # Imported only here: where a file is read, nothing of the maker is needed.
    letters: LetterSets = import_module("letters_torch.synthetic").read()
    return replace(letters, source="builtin")


def _fallback() -> LetterSets:
    letters = _builtin()
    origin = (
        f"{letters.origin}; no letters_data.mat or EMNIST folder was found: for the real ones set --data.path to"
        " Kaggle's letters_data.mat or to EMNIST, or fetch EMNIST with --data.source emnist --data.download true"
    )
    return replace(letters, origin=origin, fallback=True)
