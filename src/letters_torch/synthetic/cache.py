"""Keeps letters that were made, so that the next run reads them in a moment.

Whatever happens, a file under its final name is whole: it is written under another name in the same folder and then
renamed, which replaces in one step. Two processes that make the same letters write the same bytes, and the later
rename wins. A file that was damaged afterwards is noticed, by the check sums of its zip format, and made again.

Files of other versions of the generator, a hundred megabytes each, are deleted when a new one is kept.
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
# What decides how letters look; a change to any of them gives their file another name.
_SOURCES = ("templates.txt", "templates.py", "hand.py", "ink.py", "make.py")
_FIELDS = ("images", "labels", "writers")
_NAME = re.compile(r"builtin-\d+-\d+-seed\d+-(?P<fingerprint>[0-9a-f]{12})\.npz")


def path_for(train: int, test: int, seed: int, folder: Path | None = None) -> Path:
    """Where letters of these sizes and this seed, by this version of the generator, are kept."""
    if folder is None:
        folder = Path(os.environ.get(FOLDER_VARIABLE) or platformdirs.user_cache_dir("letters_torch"))
    return Path(folder) / f"builtin-{train}-{test}-seed{seed}-{_fingerprint()}.npz"


def load(path: Path, train: int, test: int) -> tuple[Letters, Letters] | None:
    """The training and test letters kept in a file, or None where it is absent, damaged or not of these sizes."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            sets = (
                Letters(*(file[f"train_{name}"] for name in _FIELDS)),
                Letters(*(file[f"test_{name}"] for name in _FIELDS)),
            )
    except Exception:  # absent, or damaged: what a damaged zip raises is anything from OSError to NotImplementedError
        return None
    return sets if (len(sets[0]), len(sets[1])) == (train, test) else None


def save(path: Path, train: Letters, test: Letters) -> None:
    """Keeps letters in a file, and deletes those beside it that another version of the generator kept.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    both = {"train": train, "test": test}
    arrays = {f"{part}_{name}": getattr(letters, name) for part, letters in both.items() for name in _FIELDS}
    with replacing(path) as file:
        np.savez(file, **arrays)
    with suppress(OSError):  # what cannot be deleted now is tried again the next time
        _delete_outdated(path.parent)


def _delete_outdated(folder: Path) -> None:
    """Deletes letters of other versions of the generator: no path_for of this one ever leads to them.

    A process that has such a file open reads on (its content lasts until it is closed; Windows does not let it be
    deleted before), and one that looks for it later makes its letters again.
    """
    current = _fingerprint()
    for file in folder.iterdir():
        name = _NAME.fullmatch(file.name)
        if name and name["fingerprint"] != current:
            with suppress(OSError):
                file.unlink()


def _fingerprint() -> str:
    """Twelve digits that change with the generator."""
    folder = resources.files(__package__)
    sources = b"".join(folder.joinpath(name).read_bytes() for name in _SOURCES)
    return hashlib.sha256(sources).hexdigest()[:12]
