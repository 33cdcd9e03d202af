"""What a set of letters must be."""

import numpy as np
import pytest

from letters_torch.errors import UserError
from letters_torch.letters import Letters

IMAGES = np.zeros((3, 28, 28), np.uint8)
ONE = np.ones(3, np.uint8)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ((IMAGES / 2,), "images must be uint8 of shape (N, 28, 28), not float64 (3, 28, 28)"),
        ((IMAGES[0],), "images must be uint8 of shape (N, 28, 28), not uint8 (28, 28)"),
        ((IMAGES, ONE[:2]), "labels have shape (2,), but there are 3 images"),
        ((IMAGES, ONE, np.zeros(4, np.int64)), "writers have shape (4,), but there are 3 images"),
        ((IMAGES, 0 * ONE), "labels must lie in 1..26 (A..Z), found 0..0"),
        ((IMAGES, 27 * ONE), "labels must lie in 1..26 (A..Z), found 27..27"),
    ],
)
def test_what_is_no_set_of_letters_is_refused(arrays: tuple[np.ndarray, ...], said: str) -> None:
    with pytest.raises(UserError) as error:
        Letters(*arrays)
    assert str(error.value) == said


def test_rows_are_taken_from_every_array() -> None:
    letters = Letters(IMAGES, np.array([1, 2, 3], np.uint8), np.array([7, 8, 9]))[np.array([2, 0])]
    assert letters.labels is not None
    assert letters.writers is not None
    assert (len(letters), letters.labels.tolist(), letters.writers.tolist()) == (2, [3, 1], [9, 7])
