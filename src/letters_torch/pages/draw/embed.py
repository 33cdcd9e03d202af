"""Arrays as text in a page; `js/bytes.js` turns them back."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from letters_torch.letters import UInt8


def base64_of(values: npt.NDArray[Any], dtype: str) -> str:
    """The values as little-endian numbers of a dtype such as "<f2", in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()


def pixels(images: UInt8) -> str:
    """Images in base64; each run of zeros is one zero and its length (1 to 255), every other pixel stands for itself.

    Args:
        images: of any shape, read in C order.
    """
    flat = images.ravel()
    zero = np.flatnonzero(np.diff(np.concatenate([[1], flat, [1]]) == 0))  # where runs of zeros begin and end
    coded, done = bytearray(), 0
    for begin, end in zero.reshape(-1, 2).tolist():
        coded += flat[done:begin].tobytes()
        for length in [255] * ((end - begin) // 255) + [(end - begin) % 255]:
            coded += bytes([0, length]) if length else b""
        done = end
    return base64.b64encode(bytes(coded + flat[done:].tobytes())).decode()
