"""Arrays as text in a page, and back."""

import numpy as np
import pytest

from letters_torch.pages.draw import embed
from tests.support.javascript import Engine


def test_numbers_survive_the_way_through_text() -> None:
    js = Engine()
    halves = np.array([0, -0.0, 1, -2.5, 65504, 2.0**-24, 6.1e-5, -0.333], np.float16)
    assert js.get(f"bytes.halves('{embed.base64_of(halves, '<f2')}')") == halves.astype(float).tolist()
    singles = np.array([1e-30, -3.25, 7e7], np.float32)
    assert js.get(f"bytes.floats('{embed.base64_of(singles, '<f4')}')") == singles.astype(float).tolist()
    for text in (b"", b"a", b"ab", b"abc", bytes(range(256))):
        encoded = embed.base64_of(np.frombuffer(text, np.uint8), "u1")
        assert js.get(f"bytes.fromBase64('{encoded}')") == list(text)


@pytest.mark.parametrize(
    "values", [[], [0], [5], [0] * 255, [0] * 256, [0] * 255 + [1], [0] * 700 + [1], [3, 0, 0, 4, 0], [0, 9] * 40]
)
def test_pixels_survive_the_way_through_text(values: list[int]) -> None:
    encoded = embed.pixels(np.array(values, np.uint8))
    assert Engine().get(f"bytes.pixels('{encoded}', {len(values)})") == values
