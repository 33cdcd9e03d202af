"""Accuracy over seconds: single-sample SGD by blocks against mini-batch AdamW and SGD with momentum, each at its best.

Same letters, network, initial weights, augmentation. Each way's settings are chosen from a small grid.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.problem import letters, linear_network
from benchmarks.table import Table
from letters_torch import config_files
from letters_torch.data.datamodule import Batches, LettersDataModule
from letters_torch.data.prefetch import Block, Blocks
from letters_torch.exact_sgd.engine import make_engine
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.network import initial_weights, logits
from letters_torch.exact_sgd.schedule import Schedule, Stage
from letters_torch.letters import CLASSES, PIXELS
from letters_torch.study import building

CONFIG = "best-438k.yaml"
CHECKS = 100  # in a run
LENGTHS = (1, 4, 10)  # times the samples of the grid's runs
PARTS = (0.95, 0.98, 0.99, 1.0)  # of our shortest run's best accuracy: the marks that all are timed to
TUNED_ON, SEED = 0, 1  # seeds: the settings are chosen on other validation rows than the results are taken on


class Recipe(NamedTuple):
    """A config's network and schedule, and the settings of its data module."""

    stages: Sequence[Stage]
    hidden: int
    initial_scale: float
    label_smoothing: float
    data: dict[str, Any]


def read(config: str) -> Recipe:
    """The recipe of a config."""
    settings = config_files.read(config_files.find(config))
    _, module, data = building.build(building.parse(settings))
    names = ("augment", "sampling", "scaling", "moments")
    chosen = {name: module.hparams[name] for name in ("hidden", "initial_scale", "label_smoothing")}
    return Recipe(module.schedule.stages, **chosen, data={name: getattr(data, name) for name in names})


class Curve(NamedTuple):
    """Validation accuracy over seconds of training, checks not counted."""

    name: str
    seconds: list[float]
    accuracy: list[float]


@dataclass
class Runner:
    """A way to train, ready to begin.

    Attributes:
        name: for the table.
        samples: how many it trains on.
        learn: trains on one block, in place.
        logits: of pixels.
        block: samples at a time; checks fall on their multiples.
    """

    name: str
    samples: int
    learn: Callable[[Block], None]
    logits: Callable[[Tensor], Tensor]
    block: int


@dataclass(frozen=True)
class Way:
    """A way to train, and the settings that it may have.

    Attributes:
        name: for the table.
        make: (recipe, seed, samples, **settings) -> Runner.
        grid: the values of each setting.
    """

    name: str
    make: Callable[..., Runner]
    grid: dict[str, tuple[float, ...]]

    def settings(self) -> Iterator[dict[str, float]]:
        """Every combination."""
        return (dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values()))


def single(recipe: Recipe, seed: int, samples: int, lr: float) -> Runner:
    """The config's single-sample SGD by blocks; its learning rate falls in a line to 0."""
    V, W = initial_weights(PIXELS, recipe.hidden, CLASSES, seed=seed, scale=recipe.initial_scale)
    [stage] = recipe.stages
    schedule = Schedule([replace(stage, steps=samples, lr=lr)])
    engine = make_engine("blocked", model=Model(label_smoothing=recipe.label_smoothing))

    def learn(block: Block) -> None:
        engine(V, W, block.x, block.y, schedule.rates(block.first_step, len(block.x)), block.first_step)

    return Runner("", samples, learn, lambda x: logits(V, W, x), block=1000)


def adamw(recipe: Recipe, seed: int, samples: int, lr: float, batch: int) -> Runner:
    """Mini-batches, autograd, torch.optim.AdamW (fused), a one-cycle learning rate."""
    network = linear_network(*initial_weights(PIXELS, recipe.hidden, CLASSES, seed=seed, scale=recipe.initial_scale))
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=-(-samples // batch))
    return _batches(recipe, samples, batch, network, optimizer, cycle)


def momentum(recipe: Recipe, seed: int, samples: int, lr: float, batch: int) -> Runner:
    """Mini-batches, autograd, torch.optim.SGD (fused), Nesterov's momentum of 0.9; the rate falls in a line to 0."""
    network = linear_network(*initial_weights(PIXELS, recipe.hidden, CLASSES, seed=seed, scale=recipe.initial_scale))
    decay = recipe.stages[0].weight_decay
    optimizer = torch.optim.SGD(network.parameters(), lr, 0.9, weight_decay=decay, nesterov=True, fused=True)
    steps = -(-samples // batch)
    fall = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    return _batches(recipe, samples, batch, network, optimizer, fall)


def _batches(
    recipe: Recipe,
    samples: int,
    batch: int,
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    rates: torch.optim.lr_scheduler.LRScheduler,
) -> Runner:
    def learn(block: Block) -> None:
        for x, y in zip(block.x.split(batch), block.y.split(batch), strict=True):
            optimizer.zero_grad()
            F.cross_entropy(network(x), y, label_smoothing=recipe.label_smoothing).backward()
            optimizer.step()
            rates.step()

    return Runner("", samples, learn, network, block=1024)


WAYS = (
    Way("single-sample SGD", single, {"lr": (2e-3, 4e-3, 8e-3)}),
    Way("AdamW", adamw, {"lr": (5e-4, 1e-3, 2e-3, 4e-3), "batch": (32, 128)}),
    Way("SGD with momentum", momentum, {"lr": (1e-2, 2.5e-2, 5e-2, 1e-1), "batch": (32, 128)}),
)


def table(path: Path | None, samples: int | None, picture: Path, **settings: Any) -> Table:
    """Chooses each way's settings, trains with them, draws the curves, tells the seconds to the marks.

    Args:
        path: of the letters; None for those that `fit` finds itself.
        samples: of every run of the grid; None for the config's steps. The runs that are timed are LENGTHS as long.
        picture: the file to draw.
        **settings: of the data module.
    """
    recipe = read(CONFIG)
    count = samples or Schedule(recipe.stages).total
    settings = {**recipe.data, **settings}
    data = letters(path, seed=TUNED_ON, **settings)
    chosen = [tuned(way, recipe, data, count) for way in WAYS]
    data = letters(path, seed=SEED, **settings)
    curves = []
    for length in LENGTHS:
        for way, (best, _) in zip(WAYS, chosen, strict=True):
            runner = way.make(recipe, SEED, length * count, **best)
            runner.name = f"{way.name}, {length * count:,} samples"
            curves.append(train(runner, data))
            print(f"{runner.name}: {curves[-1].accuracy[-1]:.4f} in {curves[-1].seconds[-1]:.1f} s", flush=True)
    draw(curves, picture)
    marks = [part * max(curves[0].accuracy) for part in PARTS]
    heading = ("recipe", *(f"s to {mark:.3f}" for mark in marks), "last accuracy", "s in all")
    notes = [_grid_note(way, tried) for way, (_, tried) in zip(WAYS, chosen, strict=True)]
    seeds = f"Chosen with seed {TUNED_ON} in runs of {count:,} samples; the table's runs have seed {SEED}."
    return Table("accuracy", "Accuracy over seconds", heading, [_row(c, marks) for c in curves], [*notes, seeds])


Tried = list[tuple[dict[str, float], float]]  # settings and the accuracy at the end


def tuned(way: Way, recipe: Recipe, data: LettersDataModule, samples: int) -> tuple[dict[str, float], Tried]:
    """The settings of the grid that end best, and all that were tried."""
    tried: Tried = []
    for settings in way.settings():
        curve = train(way.make(recipe, TUNED_ON, samples, **settings), data, checks=1)
        tried.append((settings, curve.accuracy[-1]))
        print(f"{way.name}, {_words(settings)}: {curve.accuracy[-1]:.4f}", flush=True)
    return max(tried, key=lambda one: np.nan_to_num(one[1]))[0], tried


def _grid_note(way: Way, tried: Tried) -> str:
    best = max(accuracy for _, accuracy in tried)
    each = (f"{_words(settings)} {accuracy:.4f}{' (chosen)' * (accuracy == best)}" for settings, accuracy in tried)
    return f"{way.name} was tried with {'; '.join(each)}."


def _words(settings: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in settings.items())


def _row(curve: Curve, marks: Sequence[float]) -> list[str]:
    pairs = list(zip(curve.seconds, curve.accuracy, strict=True))
    reached = [next((f"{s:.1f}" for s, accuracy in pairs if accuracy >= mark), "-") for mark in marks]
    return [curve.name, *reached, f"{curve.accuracy[-1]:.4f}", f"{curve.seconds[-1]:.1f}"]


def train(runner: Runner, data: LettersDataModule, checks: int = CHECKS) -> Curve:
    """Runs it to its end, the clock stopped for each check; the blocks come as they do in `fit`."""
    validation = data.val_dataloader()[0]
    end = partial(_end, runner.samples)
    blocks = Blocks(data.make_block, runner.block, lambda: 0, end, data.workers)
    due = every = max(1, runner.samples // checks)
    curve, clock, begin = Curve(runner.name, [], []), 0.0, time.perf_counter()
    for block in blocks:
        runner.learn(block)
        done = block.first_step + len(block.x)
        if done >= due or done == runner.samples:
            clock += time.perf_counter() - begin
            curve.seconds.append(clock)
            curve.accuracy.append(_accuracy(runner, validation))
            due, begin = done + every, time.perf_counter()
    return curve


def _end(samples: int, step: int) -> int | None:
    return samples if step < samples else None


def _accuracy(runner: Runner, batches: Batches) -> float:
    with torch.no_grad():
        right = [runner.logits(x).argmax(1).eq(y) for x, y in batches if y is not None]
    return float(torch.cat(right).double().mean())


def draw(curves: Sequence[Curve], file: Path) -> None:
    """The curves as a picture: one colour for a way, one style of line for a length."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for index, curve in enumerate(curves):
        colour, line = f"C{index % len(WAYS)}", (":", "--", "-")[index // len(WAYS) % 3]
        axes.plot(curve.seconds, curve.accuracy, label=curve.name, color=colour, linestyle=line)
    low = max(min(curve.accuracy[-1] for curve in curves) - 0.1, 0)
    axes.set(xscale="log", xlabel="seconds of training", ylabel="validation accuracy", ylim=(low, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize="small")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
    plt.close(figure)
