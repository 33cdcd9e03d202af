"""Means and intervals over seeds, differences paired by seed, and the number of seeds that would settle them.

A seed chooses the validation rows, the initial weights and the order of the samples, so that much of its effect is the
same for all settings. Settings are therefore compared seed by seed, by the spread of their differences.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE
POWER = 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True)
class Estimate:
    """A mean of some values and its t interval."""

    count: int  # of values
    mean: float  # NaN for no value
    sd: float = math.nan  # standard deviation (n - 1); NaN for fewer than two values, as the interval
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Difference:
    """A setting against the base, paired by seed."""

    estimate: Estimate
    p: float  # of a two-sided paired t test, adjusted by Holm's method; NaN for fewer than two seeds
    seeds_needed: int | None  # see `seeds_needed`; None where the difference is settled

    @property
    def settled(self) -> bool:
        """Whether the seeds support a difference."""
        return self.p < LEVEL


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, standard deviation and t interval."""
    count = len(values)
    if count < 2:
        return Estimate(count, values[0] if values else math.nan)
    center, sd = mean(values), stdev(values)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * sd / math.sqrt(count)
    return Estimate(count, center, sd, center - half, center + half)


Values = Mapping[int, float]  # by seed


def paired(values: Values, base: Values) -> list[float]:
    """The differences, for the seeds that both have."""
    return [values[seed] - base[seed] for seed in values if seed in base]


def differences(settings: Sequence[Values], base: Values) -> list[Difference]:
    """Each setting against the base.

    Args:
        settings: the metric by seed; without the base itself.
        base: the same of the base.
    """
    found = [paired(values, base) for values in settings]
    ps = holm([p_value(values) for values in found])
    compared = max(1, sum(not math.isnan(p) for p in ps))
    return [
        Difference(estimate(values), p, None if p < LEVEL else seeds_needed(values, LEVEL / compared))
        for values, p in zip(found, ps, strict=True)
    ]


def p_value(values: Sequence[float]) -> float:
    """Two-sided one-sample t test of a mean of 0."""
    if len(values) < 2:
        return math.nan
    sd = stdev(values)
    if sd == 0:
        return 1.0 if mean(values) == 0 else 0.0
    t = mean(values) / (sd / math.sqrt(len(values)))
    return float(2 * stats.t.sf(abs(t), len(values) - 1))


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusts p values for being several (Holm 1979); NaN stays NaN and does not count."""
    order = sorted((index for index, p in enumerate(ps) if not math.isnan(p)), key=lambda index: ps[index])
    adjusted, highest = list(ps), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * ps[index]))
        adjusted[index] = highest
    return adjusted


def seeds_needed(values: Sequence[float], level: float = LEVEL) -> int | None:
    """The smallest number of seeds that gives a paired t test a power of 80 %, or None.

    Args:
        values: differences seen. Their mean and standard deviation are taken for the true ones.
        level: of the test.

    Returns:
        None for fewer than two values, no spread, or more than MOST_SEEDS seeds.
    """
    if len(values) < 2 or stdev(values) == 0:
        return None
    effect = abs(mean(values)) / stdev(values)
    least = (stats.norm.ppf(1 - level / 2) + stats.norm.ppf(POWER)) / max(effect, 1e-9)  # if sd were known
    if least**2 > MOST_SEEDS:
        return None
    counts = range(max(2, math.floor(least**2)), MOST_SEEDS + 1)
    return next((count for count in counts if power(effect, count, level) >= POWER), None)


def power(effect: float, count: int, level: float) -> float:
    """Of a two-sided t test: the chance to see an effect (mean / standard deviation) with `count` values."""
    bound = stats.t.ppf(1 - level / 2, count - 1)
    shift = effect * math.sqrt(count)
    return float(np.nan_to_num(stats.nct.sf(bound, count - 1, shift) + stats.nct.cdf(-bound, count - 1, shift)))


def marginal(levels: Mapping[str, Sequence[Values]]) -> dict[str, Estimate]:
    """The effect of each level of a factor in a full grid: its mean less that of all levels, paired by seed.

    Args:
        levels: for each level, the metric by seed of every setting that has it.
    """
    everything = [values for settings in levels.values() for values in settings]
    seeds = [seed for seed in everything[0] if all(seed in values for values in everything)] if everything else []
    overall = {seed: mean(values[seed] for values in everything) for seed in seeds}
    return {
        level: estimate([mean(values[seed] for values in settings) - overall[seed] for seed in seeds])
        for level, settings in levels.items()
    }
