"""Small sets of built-in letters, in a cache of their own."""

from pathlib import Path

from letters_torch import synthetic
from letters_torch.letters import LetterSets

SIZES = {"train": 208, "test": 104}


def read(folder: Path, **more: int) -> LetterSets:
    return synthetic.read(**{**SIZES, **more}, cache=folder, progress=False)


def bytes_of(sets: LetterSets) -> list[bytes]:
    return [part.tobytes() for half in (sets.train, sets.test) for part in (half.images, half.labels, half.writers)]  # type: ignore[union-attr]
