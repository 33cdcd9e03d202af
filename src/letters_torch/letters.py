"""Sets of letters: upright images, labels, and their origin."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from letters_torch.errors import UserError

SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 26
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNKNOWN = -1  # in `Letters.writers`

UInt8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Letters:
    """A set of letters.

    Raises:
        UserError: the shapes do not match, or a label is not in 1..26.
    """

    images: UInt8  # (N, 28, 28), upright, light ink (up to 255) on black (0)
    labels: UInt8 | None = None  # (N,), 1..26 for A..Z, upper and lower case merged
    writers: npt.NDArray[np.int64] | None = None  # (N,), a number for each writer, UNKNOWN where that is not known

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 3 or self.images.shape[1:] != (SIDE, SIDE):
            raise UserError(f"images must be uint8 of shape (N, 28, 28), not {self.images.dtype} {self.images.shape}")
        for name, array in (("labels", self.labels), ("writers", self.writers)):
            if array is not None and array.shape != (len(self.images),):
                raise UserError(f"{name} have shape {array.shape}, but there are {len(self.images)} images")
        if self.labels is not None and len(self.labels):
            low, high = int(self.labels.min()), int(self.labels.max())
            if low < 1 or high > CLASSES:
                raise UserError(f"labels must lie in 1..26 (A..Z), found {low}..{high}")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> "Letters":
        """The letters of these rows, in this order."""
        labels = None if self.labels is None else self.labels[rows]
        writers = None if self.writers is None else self.writers[rows]
        return Letters(self.images[rows], labels, writers)


@dataclass(frozen=True)
class LetterSets:
    """What a source returns."""

    train: Letters  # labelled; the validation rows are split off from these
    test: Letters  # letters to predict; without labels in the competition's file
    origin: str  # one line for the user, such as "letters_data.mat (the competition's schema)"
    source: str = ""  # "kaggle", "emnist" or "builtin"
    fallback: bool = False  # whether these letters are used only because no file was found
