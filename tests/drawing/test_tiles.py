"""Pictures made of pixels."""

import numpy as np

from letters_torch.drawing import tiles


def corner(count: int = 1) -> np.ndarray:
    """Letters that are black but for a bright spot at line 2, column 20."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 2, 20] = 255
    return images


def test_signed_is_blue_above_red_below_and_clear_at_nothing() -> None:
    above, nothing, below, half = tiles.signed(np.array([[4.0, 0.0, -4.0, 2.0]]), 4.0)[0]
    assert tuple(above) == (*tiles.POSITIVE, 255)
    assert tuple(below) == (*tiles.NEGATIVE, 255)
    assert nothing[3] == 0
    assert half[3] == 128
    assert tuple(tiles.on_white(np.stack([above, nothing]))[0]) == tiles.POSITIVE
    assert tuple(tiles.on_white(np.stack([above, nothing]))[1]) == (255, 255, 255)


def test_grid_goes_row_by_row() -> None:
    sheet = tiles.grid(np.arange(1, 6, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2), columns=3)
    assert sheet.shape == (2 * 30 + 2, 3 * 30 + 2)
    assert [[int(sheet[15 + 30 * r, 15 + 30 * c]) for c in range(3)] for r in range(2)] == [[1, 2, 3], [4, 5, 0]]


def test_hidden_units_are_those_with_the_largest_outgoing_weights() -> None:
    V = np.arange(4)[:, None] * np.ones((4, 785))
    V[2, 30] = 7.0
    W = np.ones((26, 5)) * np.array([1.0, -3.0, 9.0, 0.5, 100.0])  # the last column is the bias
    shown = tiles.weights(V, W, 2)
    assert [image[5, 5] for image in shown] == [2.0, 1.0]
    assert shown[0][1, 2] == 7.0
