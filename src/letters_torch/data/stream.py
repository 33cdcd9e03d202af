"""Which sample a step uses, and which random draws: a pure function of (seed, step).

Philox is a counter-based generator: its words number n, n + 1, ... can be computed without those before. Each step
owns WORDS of them, so no worker, no resume and no block length can change what a step sees.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

# The first draw of a step chooses its sample; the others are the augmentation's. 16 leave room for any of ours.
WORDS = 16

Draws = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Sampling = Literal["replacement", "rounds"]


def draws(seed: int, first_step: int, count: int) -> Draws:
    """The random numbers of consecutive steps.

    Args:
        seed: 0 or more.
        first_step: number of the first step, from 0.
        count: how many steps.

    Returns:
        (count, WORDS), uniform in [0, 1), multiples of 2**-53.
    """
    key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    words = np.random.Philox(key=key, counter=first_step * WORDS // 4)  # a count of the counter makes 4 words
    top = (words.random_raw(count * WORDS) >> np.uint64(11)).astype(np.float64)  # 53 bits, all that a float64 holds
    return top.reshape(count, WORDS) * np.float64(2.0**-53)


def rows(draw: Draws, size: int) -> Rows:
    """The rows of a training set of `size` that steps with these draws use: uniform, with replacement; (count,)."""
    return (draw[:, 0] * size).astype(np.int64)


def rows_in_rounds(seed: int, first_step: int, count: int, size: int) -> Rows:
    """The same without replacement: every `size` steps use each row once, each time in another order; (count,)."""
    first, last = first_step // size, (first_step + count) // size
    order = np.concatenate([_round(seed, size, number) for number in range(first, last + 1)])
    return order[first_step - first * size :][:count]


@lru_cache(maxsize=4)  # the rounds that blocks being prepared lie in: a shuffle takes as long as a block
def _round(seed: int, size: int, number: int) -> Rows:
    return _shuffled((seed, 2, number), size)


def shuffled(seed: int, size: int) -> Rows:
    """A permutation of range(size), the same for the same seed; it splits validation rows from training rows."""
    return _shuffled((seed, 1), size)


def _shuffled(entropy: tuple[int, ...], size: int) -> Rows:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy))).permutation(size)
