"""A cache of built-in letters, so that the next run reads them instead of making them.

Two processes that make the same letters write the same bytes. A file that was damaged is detected by the checksums of
its zip format and made again. Files of other versions of the generator, a hundred megabytes each, are deleted when a
new one is saved.
"""

import hashlib
import os
import re
from contextlib import suppress
from importlib import resources
from pathlib import Path

import numpy as np
import platformdirs

from letters_torch.files import replacing
from letters_torch.letters import Letters

FOLDER_VARIABLE = "LETTERS_TORCH_CACHE"
# The files that determine the letters; a change to any of them changes the name of the cache file.
_SOURCES = ("templates.txt", "templates.py", "hand.py", "ink.py", "make.py")
_FIELDS = ("images", "labels", "writers")
_NAME = re.compile(r"builtin-\d+-\d+-seed\d+-(?P<fingerprint>[0-9a-f]{12})\.npz")


def path_for(train: int, test: int, seed: int, folder: Path | None = None) -> Path:
    """The cache file for these sizes, this seed and this version of the generator."""
    usual = os.environ.get(FOLDER_VARIABLE) or platformdirs.user_cache_dir("letters_torch")
    return Path(folder or usual) / f"builtin-{train}-{test}-seed{seed}-{_fingerprint()}.npz"


def load(path: Path, train: int, test: int) -> tuple[Letters, Letters] | None:
    """The training and test letters of a cache file; None if it is absent, damaged or of other sizes."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            sets = (
                Letters(*(file[f"train_{name}"] for name in _FIELDS)),
                Letters(*(file[f"test_{name}"] for name in _FIELDS)),
            )
    except Exception:  # absent, or damaged: a damaged zip raises anything from OSError to NotImplementedError
        return None
    return sets if (len(sets[0]), len(sets[1])) == (train, test) else None


def save(path: Path, train: Letters, test: Letters) -> None:
    """Saves letters to a cache file, and deletes those of other versions of the generator in its folder.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    both = {"train": train, "test": test}
    arrays = {f"{part}_{name}": getattr(letters, name) for part, letters in both.items() for name in _FIELDS}
    with replacing(path) as file:
        np.savez(file, **arrays)
    with suppress(OSError):  # the next save tries again
        _delete_outdated(path.parent)


def _delete_outdated(folder: Path) -> None:
    """Deletes letters of other versions of the generator, which this version never reads.

    A process that has such a file open can still read it (on Windows the file is not deleted then); one that looks
    for it later makes its letters again.
    """
    current = _fingerprint()
    for file in folder.iterdir():
        name = _NAME.fullmatch(file.name)
        if name and name["fingerprint"] != current:
            with suppress(OSError):
                file.unlink()


def _fingerprint() -> str:
    """Twelve hexadecimal digits that change with the generator."""
    folder = resources.files(__package__)
    sources = b"".join(folder.joinpath(name).read_bytes() for name in _SOURCES)
    return hashlib.sha256(sources).hexdigest()[:12]
