"""Draws the letters that builtin-letters.md and recipes.md show, into docs/images: python docs/make_pictures.py."""

from pathlib import Path

import numpy as np
from PIL import Image

from letters_torch.data.directions import TILES, of_images
from letters_torch.data.moments import Moments
from letters_torch.letters import ALPHABET, SIDE, UInt8
from letters_torch.synthetic.hand import Hand, Writer
from letters_torch.synthetic.make import SHEET
from letters_torch.synthetic.templates import Forms, all_forms, stack, stacked

IMAGES = Path(__file__).parent / "images"
LETTERS = ALPHABET + ALPHABET.lower()
GAP = SIDE // 2


def main() -> None:
    """Draws all pictures."""
    IMAGES.mkdir(exist_ok=True)
    half = len(ALPHABET)
    for name, letters in (("capitals", LETTERS[:half]), ("small", LETTERS[half:])):
        _save(f"builtin-templates-{name}", np.concatenate([_templates(letter) for letter in letters]))
    _save("builtin-written", _written(writers=14))
    _save("builtin-writers", np.concatenate([_page(number) for number in range(4)]))
    _save("moments", _moments("aHmrW", writers=5))
    _save("directions", _directions("aHmrW"))


def _templates(letter: str) -> UInt8:
    """Every form of a letter in a row, as long as the longest such row."""
    most = max(sum(form.letter == other for form in all_forms()) for other in LETTERS)
    drawn = [_draw(stack((form,)), letter) for form in all_forms() if form.letter == letter]
    return np.concatenate(drawn + [np.zeros_like(drawn[0])] * (most - len(drawn)), axis=1)


def _draw(forms: Forms, letters: str) -> UInt8:
    """Letters side by side, as the templates have them."""
    images = Writer(Hand.still(), forms, np.random.default_rng(0)).write(np.frombuffer(letters.encode(), np.uint8))
    return np.concatenate(list(images), axis=1)


def _written(writers: int) -> UInt8:
    """Two columns, of capitals and of small letters: the commonest form as the template has it, then people's."""
    commonest = stack(tuple(max((f for f in all_forms() if f.letter == x), key=lambda f: f.share) for x in LETTERS))
    people = [Writer(Hand(), stacked(), np.random.default_rng([0, number])) for number in range(writers)]
    ascii_letters = np.frombuffer(LETTERS.encode(), np.uint8)
    written = np.stack([person.write(ascii_letters) for person in people])  # (writers, 52, 28, 28)
    gap = np.zeros((SIDE, GAP), np.uint8)
    rows = [
        np.concatenate([_draw(commonest, letter), gap, *written[:, n], gap], axis=1) for n, letter in enumerate(LETTERS)
    ]
    half = len(ALPHABET)
    return np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], axis=1)


def _page(number: int) -> UInt8:
    """The alphabet twice, capitals and then small letters in one row each, by one writer."""
    images = Writer(Hand(), stacked(), np.random.default_rng([0, number])).write(SHEET)
    rows = images.reshape(4, len(ALPHABET), SIDE, SIDE)
    gap = np.zeros((GAP, len(ALPHABET) * SIDE), np.uint8)
    return np.concatenate([*(np.concatenate(list(row), axis=1) for row in rows), gap])


def _moments(letters: str, writers: int) -> UInt8:
    """Each letter by several writers: as they wrote it and, below, brought to its moments."""
    people = [Writer(Hand(), stacked(), np.random.default_rng([0, number])) for number in range(writers)]
    written = np.stack([person.write(np.frombuffer(letters.encode(), np.uint8)) for person in people], axis=1)
    images = written.reshape(-1, SIDE, SIDE)
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (images, Moments()(images))])


def _directions(letters: str) -> UInt8:
    """Letters after moment normalisation and, below, the sixteen maps of their direction features, twice as bright."""
    person = Writer(Hand(), stacked(), np.random.default_rng(0))
    moved = Moments()(person.write(np.frombuffer(letters.encode(), np.uint8)))
    bright = np.minimum(2 * of_images(moved).astype(int), 255).astype(np.uint8)
    moved, maps = (images.repeat(4, axis=1).repeat(4, axis=2) for images in (moved, bright))
    side = maps.shape[1] // TILES
    maps[:, ::side], maps[:, :, ::side] = 90, 90
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (moved, maps)])


def _save(name: str, picture: UInt8) -> None:
    Image.fromarray(picture).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
