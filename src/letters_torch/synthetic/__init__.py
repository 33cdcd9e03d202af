"""Built-in letters: synthetic handwriting to train on without a data file or a network connection.

Pen strokes (templates.txt) are written by many simulated writers (hand.py) and drawn at EMNIST's size (ink.py).
docs/builtin-letters.md shows them, and how well a network trained on them reads real handwriting.
"""

import warnings
from pathlib import Path

from letters_torch.errors import UserError
from letters_torch.letters import LetterSets
from letters_torch.synthetic import cache as cached
from letters_torch.synthetic.make import make


def read(
    train: int = 124_800, test: int = 20_800, seed: int = 0, cache: Path | None = None, progress: bool = True
) -> LetterSets:
    """Makes built-in letters, or reads them from the cache if they were made before.

    The same arguments give the same letters. The classes are balanced, capitals and small letters are equally frequent,
    and no writer of the test set wrote a training letter. Both sets have labels and writers.

    Args:
        train, test: the numbers of letters, at least 1; by default as many as the competition has.
        seed: of the letters, 0 or more.
        cache: the folder to keep them in; by default that of LETTERS_TORCH_CACHE, or the user's cache folder. If it
            cannot be written, a RuntimeWarning says so and the letters are made all the same.
        progress: show a bar on the standard error while letters are made, if that is a terminal.

    Raises:
        UserError: a number of letters is below 1, or the seed below 0.
    """
    for name, value, least in (("train", train, 1), ("test", test, 1), ("seed", seed, 0)):
        if value < least:
            raise UserError(f"built-in letters: {name} must be at least {least}, not {value}")
    path = cached.path_for(train, test, seed, cache)
    sets = cached.load(path, train, test)
    if sets is None:
        sets = make(train, False, seed, progress=progress), make(test, True, seed, progress=progress)
        try:
            cached.save(path, *sets)
        except OSError as error:
            warnings.warn(f"built-in letters are not kept: {error}", RuntimeWarning, stacklevel=2)
    return LetterSets(*sets, origin=f"built-in letters (made from pen strokes, seed {seed})")
