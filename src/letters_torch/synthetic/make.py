"""Makes sets of built-in letters, one writer after another."""

import sys

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from letters_torch.letters import ALPHABET, SIDE, Letters
from letters_torch.synthetic.hand import Hand, Writer
from letters_torch.synthetic.templates import Forms, stacked

# The letters of a writer: as many capitals as small letters, in alphabetical order, so that any part is balanced.
SHEET = np.frombuffer((ALPHABET + ALPHABET.lower()).encode() * 2, np.uint8)


def make(
    count: int, test: bool, seed: int = 0, hand: Hand | None = None, forms: Forms | None = None, progress: bool = False
) -> Letters:
    """Makes labelled letters, the classes balanced, in an order drawn from the seed.

    A writer's letters depend on nothing but the seed and the writer's number: odd for the test set, even for the
    training set. A larger set holds the writers of a smaller one.
    """
    hand, forms = hand or Hand(), forms or stacked()
    images = np.empty((count, SIDE, SIDE), np.uint8)
    letters = np.resize(SHEET, count)
    writers = np.arange(count) // len(SHEET) * 2 + test
    starts = range(0, count, len(SHEET))
    what = f"writing {count:,} {'test' if test else 'training'} letters"
    quiet = not (progress and sys.stderr.isatty())
    for start in tqdm(starts, what, unit=" writers", leave=False, disable=quiet):
        sheet = slice(start, min(start + len(SHEET), count))
        rng = np.random.default_rng([seed, int(writers[start])])
        images[sheet] = Writer(hand, forms, rng).write(SHEET)[: sheet.stop - start]
    order = np.random.default_rng([seed, int(test), count]).permutation(count)
    return Letters(images[order], labels_of(letters)[order], writers[order])


def labels_of(letters: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Labels 1..26 of letters in ASCII, either case."""
    return (letters - ord("A")) % (ord("a") - ord("A")) + np.uint8(1)
