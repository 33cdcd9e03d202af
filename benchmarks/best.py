"""Where the two best configs end."""

import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.problem import letters
from benchmarks.recipes import accuracy, read, shortened, spread, train
from benchmarks.table import Table, number
from letters_torch.exact_sgd.schedule import Schedule

CONFIGS = ("best-438k.yaml", "best.yaml")


def table(path: Path | None, samples: int | None, seeds: int, **settings: Any) -> Table:
    """Trains both with every seed; arguments as those of `recipes.table`."""
    rows = []
    for config in CONFIGS:
        recipe = read(config)
        recipe = shortened(recipe, samples or Schedule(recipe.stages).total)
        accuracies, seconds = [], []
        for seed in range(seeds):
            data = letters(path, seed=seed, **recipe.pixels, **settings)
            begin = time.perf_counter()
            weights = train(recipe, data, seed)
            seconds.append(time.perf_counter() - begin)
            accuracies.append(accuracy(weights, data.val_dataloader()[0]))
            print(f"seed {seed}, {config}: {accuracies[-1]:.4f} in {seconds[-1]:.1f} s", flush=True)
        rows.append([config, f"{Schedule(recipe.stages).total:,}", spread(accuracies), number(median(seconds))])
    note = f"Seeds 0 to {seeds - 1}: mean ± standard deviation; the median of the seconds, of training alone."
    return Table("best", "Where they end", ("config", "steps", "validation", "seconds"), rows, [note])
