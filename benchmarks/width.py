"""The best recipe on wider and narrower networks: what the next doubling buys, and what it costs."""

import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.problem import letters
from benchmarks.recipes import CONFIG, accuracy, read, shortened, spread, train
from benchmarks.table import Table, number
from letters_torch.network import CLASSES, PIXELS
from letters_torch.schedule import Schedule

WIDTHS = (100, 200, 400, 800, 1600, 3200)


def table(path: Path | None, samples: int | None, seeds: int, **settings: Any) -> Table:
    """Trains the recipe at every width with every seed; arguments as those of `recipes.table`."""
    base = read(CONFIG)
    base = shortened(base, samples or Schedule(base.stages).total)
    accuracies: dict[int, list[float]] = {hidden: [] for hidden in WIDTHS}
    seconds: dict[int, list[float]] = {hidden: [] for hidden in WIDTHS}
    for seed in range(seeds):
        data = letters(path, seed=seed, **base.pixels, **settings)
        train(shortened(base, min(1000, Schedule(base.stages).total)), data, seed)  # compiles
        for hidden in WIDTHS:
            begin = time.perf_counter()
            weights = train(replace(base, hidden=hidden), data, seed)
            seconds[hidden].append(time.perf_counter() - begin)
            accuracies[hidden].append(accuracy(weights, data.val_dataloader()[0]))
            print(f"seed {seed}, {hidden} hidden units: {accuracies[hidden][-1]:.4f}", flush=True)
    rows = [_row(hidden, accuracies, seconds) for hidden in WIDTHS]
    steps = Schedule(base.stages).total
    note = f"{CONFIG} in {steps:,} steps, seeds 0 to {seeds - 1}: mean ± standard deviation; the median of the seconds."
    heading = ("hidden units", "weights", "validation", "gained by the doubling", "seconds", "times as long")
    return Table("width", "Width", heading, rows, [note])


def _row(hidden: int, accuracies: dict[int, list[float]], seconds: dict[int, list[float]]) -> list[str]:
    here = median(seconds[hidden])
    cells = [
        f"{hidden:,}",
        f"{hidden * (PIXELS + 1) + CLASSES * (hidden + 1):,}",
        spread(accuracies[hidden]),
    ]
    half = hidden // 2
    if half not in accuracies:
        return [*cells, "-", number(here), "-"]
    gained = mean(accuracies[hidden]) - mean(accuracies[half])
    return [*cells, f"{gained:+.4f}", number(here), number(here / median(seconds[half]))]
