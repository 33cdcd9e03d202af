"""What a set of letters is: upright images, labels, and where they came from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from letters_torch.errors import UserError

SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 26
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

UInt8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Letters:
    """A set of letters.

    Attributes:
        images: uint8, (N, 28, 28); upright, light ink (up to 255) on black (0).
        labels: uint8, (N,), 1..26 for A..Z, upper and lower case merged; None where nobody labelled them.
        writers: integers, (N,), who wrote which; None where it is not known.

    Raises:
        UserError: the arrays do not fit together, or a label lies outside 1..26.
    """

    images: UInt8
    labels: UInt8 | None = None
    writers: npt.NDArray[np.int64] | None = None

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
        """The letters of these rows, in their order."""
        labels, writers = self.labels, self.writers
        return Letters(
            self.images[rows],
            None if labels is None else labels[rows],
            None if writers is None else writers[rows],
        )


@dataclass(frozen=True)
class LetterSets:
    """What a source yields: a labelled set to train on, a set to be tested on, and a line that says what they are.

    Attributes:
        train: labelled letters; the validation rows are split off from these.
        test: letters to predict; without labels in the competition's file.
        origin: one line for people, such as "letters_data.mat (the competition's schema)".
        source: the reader or maker: "kaggle", "emnist" or "builtin".
        fallback: nobody asked for these letters; they stand in for a file that was not found.
    """

    train: Letters
    test: Letters
    origin: str
    source: str = ""
    fallback: bool = False
