"""The row and the random draws of every step: a pure function of (seed, step).

Philox is a counter-based generator: its n-th word can be computed without those before it. Each step owns WORDS of
them, so neither threads nor a resume nor the block length can change the sample of a step.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

# The first draw of a step chooses its row; the other 15 are for the augmentation, which uses 14 at most.
WORDS = 16

Draws = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Sampling = Literal["replacement", "rounds"]


def draws(seed: int, first_step: int, count: int) -> Draws:
    """The random draws of `count` steps from `first_step` on: (count, WORDS), uniform in [0, 1), in units of 2**-53."""
    words = np.random.Philox(key=_key(seed), counter=first_step * WORDS // 4)  # each count makes 4 words
    top = (words.random_raw(count * WORDS) >> np.uint64(11)).astype(np.float64)  # 53 bits, the precision of float64
    return top.reshape(count, WORDS) * np.float64(2.0**-53)


@lru_cache(maxsize=4)
def _key(seed: int) -> npt.NDArray[np.unsignedinteger]:
    return np.random.SeedSequence(seed).generate_state(2, np.uint64)


def rows(draw: Draws, size: int) -> Rows:
    """The rows of steps with these draws, uniform in range(size), drawn with replacement; (count,)."""
    return (draw[:, 0] * size).astype(np.int64)


def rows_in_rounds(seed: int, first_step: int, count: int, size: int) -> Rows:
    """The same without replacement: every `size` steps use each row once, in a new random order; (count,)."""
    first, last = first_step // size, (first_step + count) // size
    order = np.concatenate([_round(seed, size, number) for number in range(first, last + 1)])
    return order[first_step - first * size :][:count]


@lru_cache(maxsize=4)  # a shuffle takes as long as a block, and every block needs one or two of the same
def _round(seed: int, size: int, number: int) -> Rows:
    return _shuffled((seed, 2, number), size)


def shuffled(seed: int, size: int) -> Rows:
    """A permutation of range(size) for the seed; it splits the rows into training and validation rows."""
    return _shuffled((seed, 1), size)


def _shuffled(entropy: tuple[int, ...], size: int) -> Rows:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy))).permutation(size)
