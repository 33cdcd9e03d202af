"""Reads the competition's `letters_data.mat`, and who wrote its training rows where that is known."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from letters_torch.data.readers import matfile
from letters_torch.data.readers.arrays import as_images, as_labels, as_writers
from letters_torch.errors import UserError, reason
from letters_torch.letters import Letters, LetterSets
from letters_torch.paths import printable, require_regular

WRITERS = "train_writers"  # an array in the file, or a file WRITERS.npy beside it


def read(path: Path, transposed: bool = False) -> LetterSets:
    """Reads a file with the competition's schema.

    The MATLAB v5 file holds train_x (N x 784, pixels 0..255), train_y (N x 1, labels 1..26) and test_x (M x 784).
    Optional are test_y (M x 1, labels of the test set) and train_writers (N x 1, a number for the writer of each
    training row, -1 where the writer is not known), which may also be a file train_writers.npy in the same folder.
    The numbers may have any numeric dtype. The images of a `transposed` file are stored column by column, as EMNIST
    does; they are turned upright.

    Raises:
        UserError: the file cannot be read or is damaged, an array is missing or has a wrong shape, or a number is not a
            pixel, label or writer. The message names the file and the array.
    """
    arrays = matfile.load(path, ("train_x", "train_y", "test_x"), ("test_y", WRITERS))
    file, sets = printable(path), {}
    for name in ("train", "test"):
        images = as_images(arrays.pop(f"{name}_x"), f"{file}: {name}_x", transposed)
        labels = arrays.get(f"{name}_y")
        if labels is not None:
            labels = as_labels(labels, len(images), f"{file}: {name}_y")
        sets[name] = Letters(images, labels, _writers(path, arrays, len(images)) if name == "train" else None)
    return LetterSets(sets["train"], sets["test"], f"{file} (the competition's schema)", source="kaggle")


def _writers(path: Path, arrays: dict[str, Any], count: int) -> npt.NDArray[np.int64] | None:
    """The writers of the training rows, from the file or from the one beside it; None if there is neither."""
    if WRITERS in arrays:
        return as_writers(arrays[WRITERS], count, f"{printable(path)}: {WRITERS}")
    beside = path.with_name(f"{WRITERS}.npy")
    return as_writers(_load(beside), count, printable(beside)) if beside.exists() else None


def _load(path: Path) -> npt.NDArray[Any]:
    """The array of a .npy file."""
    require_regular(path, f"{WRITERS}.npy must be a NumPy file; mend or remove it")
    try:
        # Mapped, so that nothing is allocated for a size that the file only claims.
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy raises ValueError, OSError, EOFError, SyntaxError, tokenize.TokenError and more
        raise UserError(
            f"{printable(path)} is not a NumPy array or is damaged ({reason(error)}); mend or remove it"
        ) from error
    return array
