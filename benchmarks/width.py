"""The best recipe on wider and narrower networks: what the next doubling buys, and what it costs."""

import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.problem import letters
from benchmarks.recipes import CONFIG, Recipe, accuracy, read, shortened, spread, train
from benchmarks.table import Table, number
from letters_torch.exact_sgd.schedule import Schedule
from letters_torch.letters import CLASSES, PIXELS

WIDTHS = (100, 200, 400, 800, 1600, 3200)
RATES = (1.0, 0.5)  # parts of the recipe's learning rate, which was chosen for 400


def table(path: Path | None, samples: int | None, seeds: int, **settings: Any) -> Table:
    """Trains the recipe at every width and learning rate with every seed; arguments as those of `recipes.table`."""
    base = read(CONFIG)
    base = shortened(base, samples or Schedule(base.stages).total)
    accuracies: dict[int, list[list[float]]] = {hidden: [[] for _ in RATES] for hidden in WIDTHS}
    seconds: dict[int, list[float]] = {hidden: [] for hidden in WIDTHS}
    for seed in range(seeds):
        data = letters(path, seed=seed, **base.pixels, **settings)
        train(shortened(base, min(1000, Schedule(base.stages).total)), data, seed)  # compiles
        for hidden in WIDTHS:
            for part, found in zip(RATES, accuracies[hidden], strict=True):
                begin = time.perf_counter()
                weights = train(replace(slowed(base, part), hidden=hidden), data, seed)
                seconds[hidden].append(time.perf_counter() - begin)
                found.append(accuracy(weights, data.val_dataloader()[0]))
                print(f"seed {seed}, {hidden} hidden units, lr x {part}: {found[-1]:.4f}", flush=True)
    rows = [_row(hidden, accuracies, seconds) for hidden in WIDTHS]
    steps = Schedule(base.stages).total
    note = (
        f"{CONFIG} in {steps:,} steps, seeds 0 to {seeds - 1}: mean ± standard deviation; the median of the seconds."
        " What a doubling gains is told by the better of the learning rates."
    )
    rates = (f"validation, lr {part * base.stages[0].lr:g}" for part in RATES)
    heading = ("hidden units", "weights", *rates, "gained by the doubling", "seconds", "times as long")
    return Table("width", "Width", heading, rows, [note])


def slowed(recipe: Recipe, part: float) -> Recipe:
    """The same with this part of its one stage's learning rate."""
    [stage] = recipe.stages
    return replace(recipe, stages=(replace(stage, lr=part * stage.lr),))


def _row(hidden: int, accuracies: dict[int, list[list[float]]], seconds: dict[int, list[float]]) -> list[str]:
    here = median(seconds[hidden])
    weights = f"{hidden * (PIXELS + 1) + CLASSES * (hidden + 1):,}"
    cells = [f"{hidden:,}", weights, *map(spread, accuracies[hidden])]
    half = hidden // 2
    if half not in accuracies:
        return [*cells, "-", number(here), "-"]
    gained = max(map(mean, accuracies[hidden])) - max(map(mean, accuracies[half]))
    return [*cells, f"{gained:+.4f}", number(here), number(here / median(seconds[half]))]
