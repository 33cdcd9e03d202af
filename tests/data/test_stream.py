"""What a step sees is a function of (seed, step), and looks random."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from letters_torch.data import stream

SEEDS = st.integers(0, 2**64)


@settings(deadline=None)
@given(seed=SEEDS, first=st.integers(0, 10**12), cuts=st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_any_cut_gives_the_same_draws(seed: int, first: int, cuts: list[int]) -> None:
    whole = stream.draws(seed, first, sum(cuts))
    begins = np.cumsum([0, *cuts[:-1]])
    pieces = [stream.draws(seed, first + int(begin), count) for begin, count in zip(begins, cuts, strict=True)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_draws_are_53_bit_numbers_from_0_to_less_than_1() -> None:
    draws = stream.draws(0, 0, 1000)
    assert draws.shape == (1000, stream.WORDS)
    assert draws.dtype == np.float64
    assert draws.min() >= 0
    assert draws.max() < 1
    bits = draws * 2.0**53
    np.testing.assert_array_equal(bits, np.floor(bits))
    assert np.any(bits % 2)  # the last bit is used too


def test_every_word_is_uniform() -> None:
    draws = stream.draws(3, 0, 40_000)
    for word in draws.T:
        counts = np.histogram(word, 100, (0, 1))[0]
        chi_square = ((counts - 400.0) ** 2 / 400).sum()
        assert 50 < chi_square < 165  # 99 degrees of freedom: beyond these once in 20,000 times, and the seed is fixed


def test_words_steps_and_seeds_are_uncorrelated() -> None:
    n = 20_000
    draws = stream.draws(0, 0, n)
    bound = 5 / np.sqrt(n)  # five standard errors of a correlation
    between_words = np.corrcoef(draws.T) - np.eye(stream.WORDS)
    assert np.abs(between_words).max() < bound
    for other in (stream.draws(0, 1, n), stream.draws(0, n, n), stream.draws(1, 0, n), stream.draws(2**63, 0, n)):
        across = np.corrcoef(draws.T, other.T)[: stream.WORDS, stream.WORDS :]
        assert np.abs(across).max() < bound


def test_no_two_steps_share_a_word() -> None:
    assert len(np.unique(stream.draws(0, 0, 5000))) == 5000 * stream.WORDS


@settings(deadline=None)
@given(seed=SEEDS, size=st.integers(1, 200_000))
def test_rows_lie_in_the_set(seed: int, size: int) -> None:
    rows = stream.rows(stream.draws(seed, 0, 200), size)
    assert rows.min() >= 0
    assert rows.max() < size


def test_the_largest_draw_still_means_the_last_row() -> None:
    largest = np.full((1, stream.WORDS), 1 - 2.0**-53)
    for size in (1, 3, 120_000, 2**31 - 1):
        assert stream.rows(largest, size).tolist() == [size - 1]


def test_rows_are_uniform_with_replacement() -> None:
    size, n = 50, 50_000
    rows = stream.rows(stream.draws(0, 0, n), size)
    counts = np.bincount(rows, minlength=size)
    assert 20 < ((counts - n / size) ** 2 / (n / size)).sum() < 92  # chi-square, 49 degrees of freedom
    # With replacement, a step uses the same row as the step before it once in `size` times.
    repeats = np.mean(rows[1:] == rows[:-1])
    assert abs(repeats - 1 / size) < 5 * np.sqrt(1 / size / n)


@settings(deadline=None)
@given(
    seed=SEEDS, first=st.integers(0, 500), count=st.integers(0, 300), cut=st.integers(0, 300), size=st.integers(1, 90)
)
def test_rounds_do_not_depend_on_how_they_are_cut(seed: int, first: int, count: int, cut: int, size: int) -> None:
    whole = stream.rows_in_rounds(seed, first, count, size)
    assert (whole.shape, whole.dtype) == ((count,), np.int64)
    cut = min(cut, count)
    pieces = [stream.rows_in_rounds(seed, *piece, size) for piece in ((first, cut), (first + cut, count - cut))]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@given(seed=st.integers(0, 2**32), size=st.integers(1, 300))
def test_a_round_uses_each_row_once(seed: int, size: int) -> None:
    rounds = stream.rows_in_rounds(seed, 0, 3 * size, size).reshape(3, size)
    np.testing.assert_array_equal(np.sort(rounds, axis=1), [np.arange(size)] * 3)


def test_every_round_and_seed_has_an_order_of_its_own() -> None:
    orders = [*stream.rows_in_rounds(0, 0, 3000, 1000).reshape(3, 1000), stream.rows_in_rounds(1, 0, 1000, 1000)]
    orders.append(stream.shuffled(0, 1000))
    assert len(np.unique(orders, axis=0)) == 5
    assert np.abs(np.corrcoef(orders) - np.eye(5)).max() < 5 / np.sqrt(1000)


@given(seed=st.integers(0, 2**32), size=st.integers(1, 2000))
def test_shuffled_is_a_permutation_that_the_seed_determines(seed: int, size: int) -> None:
    order = stream.shuffled(seed, size)
    np.testing.assert_array_equal(np.sort(order), np.arange(size))
    np.testing.assert_array_equal(order, stream.shuffled(seed, size))


def test_other_seeds_shuffle_otherwise() -> None:
    orders = np.stack([stream.shuffled(seed, 1000) for seed in range(20)])
    assert len(np.unique(orders, axis=0)) == 20
    # Every row lands anywhere: the mean place of the first 100 rows is the middle.
    assert abs(orders[:, :100].mean() - 499.5) < 5 * 1000 / np.sqrt(12 * 2000)


def test_the_split_each_pass_and_the_draws_have_keys_of_their_own() -> None:
    """No two of them are the same generator's, whatever the seed."""
    for seed in (0, 1, 2**40):
        keys = [
            np.random.SeedSequence(seed),
            *(np.random.SeedSequence(entropy) for entropy in ((seed, 1), (seed, 2, 0), (seed, 2, 1))),
        ]
        generators = [np.random.Generator(np.random.Philox(key)) for key in keys]
        of_draws, of_split, first, second = (generator.permutation(500) for generator in generators)
        np.testing.assert_array_equal(stream.shuffled(seed, 500), of_split)
        np.testing.assert_array_equal(stream.rows_in_rounds(seed, 0, 1000, 500), np.concatenate([first, second]))
        assert len({tuple(order) for order in (of_draws, of_split, first, second)}) == 4
        raw = np.random.Philox(key=keys[0].generate_state(2, np.uint64)).random_raw(stream.WORDS)
        np.testing.assert_array_equal(stream.draws(seed, 0, 1)[0] * 2.0**53, (raw >> np.uint64(11)).astype(float))


def test_every_version_of_the_project_draws_the_same() -> None:
    """Recorded: another value would change every run."""
    assert stream.shuffled(0, 10).tolist() == [1, 5, 6, 4, 8, 7, 9, 3, 2, 0]
    assert stream.rows_in_rounds(0, 8, 5, 10).tolist() == [5, 7, 1, 7, 2]
    np.testing.assert_allclose(
        stream.draws(0, 10**6, 1)[0, :3], [0.7582237777019786, 0.28061356839567675, 0.09588238120723402], rtol=1e-15
    )
