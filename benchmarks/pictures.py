"""How well photographs of paper are read, with and without cleaning: a table for docs/pictures.md.

Letters of the built-in pen strokes, photographed on several kinds of paper (benchmarks.photographs), the same
strokes on each kind. Run it with `python -m benchmarks.pictures CHECKPOINT [--writers N]`.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.photographs import KINDS, photograph
from letters_torch.data.readers.paper import clean
from letters_torch.data.readers.pictures import normalise
from letters_torch.letters import ALPHABET, SIDE, UInt8
from letters_torch.reading.reader import Reader, load

LETTERS = ALPHABET + ALPHABET.lower()


def main(arguments: list[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="a checkpoint or a run folder")
    parser.add_argument("--writers", type=int, default=5, help="each writes 52 letters on each kind of paper")
    options = parser.parse_args(arguments)
    reader = load(options.checkpoint)
    print("| paper | letters | cut out only | cleaned first | unsure | accuracy of the others |")
    print("|---|---|---|---|---|---|")
    for kind in KINDS:
        print(_row(reader, kind, options.writers), flush=True)


def _row(reader: Reader, kind: str, writers: int) -> str:
    names = [(letter, seed) for seed in range(writers) for letter in LETTERS]
    photos = [Image.fromarray(photograph(letter, kind, seed)).convert("L") for letter, seed in names]
    greys = [np.asarray(photo, np.float32) for photo in photos]
    truth = np.array([letter.upper() for letter, _ in names])
    plain, cleaned = ([_letter(grey) for grey in images] for images in (greys, map(clean, greys)))
    before, after = (reader.read(np.stack(images)) for images in (plain, cleaned))
    seen, sure = np.array([image.any() for image in plain]), ~after.unsure
    figures = ((before.letters == truth) & seen).mean(), (after.letters == truth).mean()
    rest = (1 - sure.mean(), (after.letters == truth)[sure].mean())
    return f"| {kind} | {len(names)} | " + " | ".join(f"{figure:.2f}" for figure in (*figures, *rest)) + " |"


def _letter(grey: np.ndarray) -> UInt8:
    """The letter, (28, 28); black where nothing can be seen."""
    try:
        return normalise(grey)
    except ValueError:
        return np.zeros((SIDE, SIDE), np.uint8)


if __name__ == "__main__":
    main()
