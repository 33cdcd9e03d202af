"""Photographs of letters on paper, made of the built-in pen strokes."""

import numpy as np
import pytest

from benchmarks.photographs import KINDS, photograph


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_determines_a_photograph(kind: str) -> None:
    first, again, other = photograph("g", kind, 3), photograph("g", kind, 3), photograph("g", kind, 4)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.uint8
    assert first.ndim == 3
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not set(kind.split()) & {"afar,", "edge,", "tilted,"}])
def test_the_strokes_of_a_seed_are_the_same_on_any_paper(kind: str) -> None:
    drawn, photo = (photograph("R", name, 5).mean(2) for name in ("drawn", kind))
    ink = drawn < drawn.min() + 20
    around = photo[drawn > 250]
    assert photo.shape == drawn.shape
    assert photo[ink].mean() < np.quantile(around, 0.25)


def test_every_kind_is_what_it_is_called() -> None:
    spread = {kind: np.ptp(np.percentile(photograph("I", kind, 2).mean(2), (10, 90))) for kind in KINDS[:5]}
    assert spread["plain"] < 20
    assert spread["smooth shadow"] > 40
    assert spread["hard shadow"] > 40
    assert spread["ruled"] < 20
