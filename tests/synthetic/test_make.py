import numpy as np
import pytest

from letters_torch.letters import CLASSES, Letters
from letters_torch.synthetic.make import SHEET, labels_of, make

SMALL = 2_600


@pytest.fixture(scope="module")
def letters() -> Letters:
    return make(SMALL, test=False)


@pytest.fixture(scope="module")
def others() -> Letters:
    return make(SMALL, test=True)


def _labels(letters: Letters) -> np.ndarray:
    assert letters.labels is not None
    return letters.labels


def _writers(letters: Letters) -> np.ndarray:
    assert letters.writers is not None
    return letters.writers


def _sheets(letters: Letters) -> dict[int, list[bytes]]:
    """What each writer wrote, in an order that does not depend on how the set was shuffled."""
    writers = _writers(letters)
    return {int(w): sorted(image.tobytes() for image in letters.images[writers == w]) for w in np.unique(writers)}


def test_shapes(letters: Letters) -> None:
    assert letters.images.shape == (SMALL, 28, 28)
    assert _labels(letters).dtype == np.uint8
    assert _writers(letters).dtype == np.int64


def test_labels_are_the_letters_places_in_the_alphabet() -> None:
    assert labels_of(np.frombuffer(b"AaBbZz", np.uint8)).tolist() == [1, 1, 2, 2, 26, 26]


@pytest.mark.parametrize("count", [26, 52, 104, 1_000, SMALL])
def test_classes_are_balanced(count: int) -> None:
    counts = np.bincount(_labels(make(count, test=False)), minlength=CLASSES + 1)[1:]
    assert counts.max() - counts.min() <= (count % CLASSES > 0)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(letters: Letters) -> None:
    again = make(SMALL, test=False)
    assert again.images.tobytes() == letters.images.tobytes()
    assert _labels(again).tobytes() == _labels(letters).tobytes()
    assert _writers(again).tobytes() == _writers(letters).tobytes()
    assert make(SMALL, test=False, seed=1).images.tobytes() != letters.images.tobytes()


def test_a_larger_set_holds_the_writers_of_a_smaller_one(letters: Letters) -> None:
    small, large = _sheets(make(3 * len(SHEET), test=False)), _sheets(letters)
    assert sorted(small) == [0, 2, 4]
    assert all(large[writer] == sheet for writer, sheet in small.items())


def test_letters_come_in_no_order(letters: Letters) -> None:
    steps = np.diff(_writers(letters))
    assert (steps == 0).mean() < 0.2
    assert (np.diff(_labels(letters).astype(int)) == 1).mean() < 0.2


def test_who_tests_has_not_trained(letters: Letters, others: Letters) -> None:
    assert not set(_writers(letters)) & set(_writers(others))
    trained = {image.tobytes() for image in letters.images}
    assert not any(image.tobytes() in trained for image in others.images)


def test_letters_fill_the_frame_and_are_centred(letters: Letters) -> None:
    ink = letters.images > 127
    assert (letters.images.max(axis=(1, 2)) == 255).all()
    assert not ink[:, [0, -1]].any()
    assert not ink[:, :, [0, -1]].any()
    extents = np.stack([_extent(np.asarray(ink.any(axis=axis))) for axis in (1, 2)])
    assert np.abs(extents.mean(axis=2) - 13.5).max() <= 1.5
    sides = np.ptp(extents, axis=2).max(axis=0) + 1
    assert sides.min() >= 18
    assert sides.max() <= 26


def _extent(covered: np.ndarray) -> np.ndarray:
    """The first and the last covered row (or column) of each letter, (N, 2)."""
    return np.stack([covered.argmax(axis=1), 27 - covered[:, ::-1].argmax(axis=1)], axis=1)


def test_letters_stand_upright(letters: Letters) -> None:
    """Where the ink of letters whose two cases look alike must be, as seen by a reader."""
    mean = {c: letters.images[_labels(letters) == 1 + ord(c) - ord("A")].mean(axis=0) for c in "CJPUVW"}
    left, right, top, bottom = np.s_[:, :14], np.s_[:, 14:], np.s_[:14], np.s_[14:]
    assert mean["C"][left].sum() > mean["C"][10:18, 14:].sum() * 1.3
    assert mean["P"][top].sum() > mean["P"][bottom].sum() * 1.3
    assert mean["J"][bottom][left].sum() > mean["J"][top][left].sum()
    assert np.ptp(mean["V"][4].argsort()[-6:]) > np.ptp(mean["V"][23].argsort()[-6:])
    assert mean["U"][20:25, 10:18].sum() > mean["U"][3:8, 10:18].sum() * 1.3
    assert mean["C"][10:18][left].sum() > mean["C"][10:18][right].sum() * 1.3


def test_letters_of_one_writer_agree(letters: Letters) -> None:
    """The amount of ink varies less within a writer than between writers."""
    ink = letters.images.mean(axis=(1, 2))
    writers = _writers(letters)
    means = np.array([ink[writers == w].mean() for w in np.unique(writers)])
    chance = ink.std() / np.sqrt(len(SHEET))
    assert means.std() > 3 * chance


def test_a_linear_reader_reads_unseen_writers(letters: Letters, others: Letters) -> None:
    """Least squares on the pixels, trained on 25 writers, reads 25 others far better than chance (1 in 26)."""
    x, y = _rows(letters), np.eye(CLASSES)[_labels(letters) - 1]
    weights = np.linalg.solve(x.T @ x + 10 * np.eye(x.shape[1]), x.T @ y)
    right = (_rows(others) @ weights).argmax(axis=1) + 1 == _labels(others)
    assert right.mean() > 0.3


def _rows(letters: Letters) -> np.ndarray:
    pixels = letters.images.reshape(len(letters), -1) / 255
    return np.column_stack([pixels, np.ones(len(letters))])
