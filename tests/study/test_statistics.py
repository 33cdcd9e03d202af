"""Intervals, paired differences, Holm's method and the seeds needed, against SciPy, simulations and hand-made cases."""

import math

import numpy as np
import pytest
from scipy import stats

from letters_torch.study import statistics


def test_an_interval_is_scipys() -> None:
    values = [0.81, 0.84, 0.80, 0.86]
    found = statistics.estimate(values)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.mean, found.sd) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert statistics.estimate([0.5]).mean == 0.5
    assert math.isnan(statistics.estimate([0.5]).low)
    assert math.isnan(statistics.estimate([]).mean)


def test_pairing_sees_what_the_spread_of_the_seeds_hides() -> None:
    rng = np.random.default_rng(0)
    seeds = rng.normal(0.9, 0.05, 8)
    base = dict(enumerate(seeds))
    better = {seed: value + 0.01 + rng.normal(0, 0.002) for seed, value in base.items()}
    [found] = statistics.differences([better], base)
    wanted = stats.ttest_rel([better[seed] for seed in base], list(base.values()))
    assert found.p == pytest.approx(wanted.pvalue)
    assert found.settled
    assert stats.ttest_ind(list(better.values()), list(base.values())).pvalue > 0.5


def test_only_seeds_that_both_have_are_compared() -> None:
    [found] = statistics.differences([{1: 0.5, 2: 0.7}], {2: 0.6, 3: 0.1})
    assert found.estimate.count == 1
    assert found.estimate.mean == pytest.approx(0.1)
    assert math.isnan(found.p)


def test_holms_method() -> None:
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    found = statistics.holm([math.nan, 0.02, 0.9])
    assert math.isnan(found[0])
    assert found[1:] == pytest.approx([0.04, 0.9])


@pytest.mark.parametrize(("count", "effect"), [(5, 1.5), (12, 0.8)])
def test_the_power_is_that_of_a_simulation(count: int, effect: float) -> None:
    samples = np.random.default_rng(1).normal(effect, 1, (20_000, count))
    seen = (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean()
    assert statistics.power(effect, count, 0.05) == pytest.approx(seen, abs=0.015)


def test_seeds_needed_reach_the_power_and_no_fewer_do() -> None:
    values = [0.0, 0.01, 0.02, 0.03]  # an effect of 1.16 standard deviations
    needed = statistics.seeds_needed(values)
    assert needed is not None
    effect = float(np.mean(values) / np.std(values, ddof=1))
    assert statistics.power(effect, needed, 0.05) >= 0.8 > statistics.power(effect, needed - 1, 0.05)
    assert statistics.seeds_needed(values, 0.005) > needed  # type: ignore[operator]
    assert statistics.seeds_needed([1e-6, -1e-6, 0.0]) is None
    assert statistics.seeds_needed([0.1]) is None


def test_marginal_effects_of_an_additive_grid() -> None:
    def value(a: float, b: float, seed: int) -> float:
        return 0.5 + a + b + 0.1 * seed

    grid = {a: [{seed: value(a, b, seed) for seed in range(3)} for b in (0.0, 0.2)] for a in (0.0, 0.06)}
    found = statistics.marginal({str(a): settings for a, settings in grid.items()})
    assert found["0.0"].mean == pytest.approx(-0.03)
    assert found["0.06"].mean == pytest.approx(0.03)
    assert found["0.06"].sd == pytest.approx(0.0, abs=1e-12)  # the seeds' part is gone


def test_without_an_effect_the_power_is_the_level_of_the_test() -> None:
    assert statistics.power(0.0, 10, 0.05) == pytest.approx(0.05)
