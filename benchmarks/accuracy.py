"""Time to accuracy: single-sample SGD by blocks against mini-batch AdamW; same letters, network, augmentation."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.problem import augmentation, kaggle, letters, linear_network, schedule
from benchmarks.table import Table
from letters_torch.data.datamodule import Batches, Block, Blocks, LettersDataModule
from letters_torch.network import initial_weights, logits
from letters_torch.schedule import Rates
from letters_torch.updates.blocked import Blocked

CHECKS = 100  # in a run
PARTS = (0.9, 0.95, 0.98, 1.0)  # of the config's own best accuracy: the marks that all are timed to


class Curve(NamedTuple):
    """Validation accuracy over seconds of training, checks not counted."""

    name: str
    seconds: list[float]
    accuracy: list[float]


@dataclass
class Runner:
    """A way to train.

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


def table(path: Path | None, samples: int | None, picture: Path) -> Table:
    """Trains with every recipe, draws the curves, tells the seconds to the marks.

    Args:
        path: of the letters; None for those that `fit` finds itself.
        samples: of every run; None for the length of the config's schedule.
        picture: the file to draw.
    """
    data = letters(path, augment=augmentation())
    total = schedule().total
    count = min(samples or total, total)
    train(stages(data.block), data)  # the first one pays for what is loaded and compiled only once
    curves = [train(runner, data) for runner in (stages(count), falling(count), adamw(count), adamw(4 * count))]
    draw(curves, picture)
    marks = [part * max(curves[0].accuracy) for part in PARTS]
    heading = ("recipe", *(f"s to {mark:.3f}" for mark in marks), "best accuracy", "s in all")
    return Table("accuracy", "Seconds to a validation accuracy", heading, [_row(curve, marks) for curve in curves])


def _row(curve: Curve, marks: Sequence[float]) -> list[str]:
    pairs = list(zip(curve.seconds, curve.accuracy, strict=True))
    reached = [next((f"{s:.2f}" for s, accuracy in pairs if accuracy >= mark), "-") for mark in marks]
    return [curve.name, *reached, f"{max(curve.accuracy):.4f}", f"{curve.seconds[-1]:.1f}"]


def stages(count: int) -> Runner:
    """kaggle.yaml's stages."""
    return _single("single-sample SGD, kaggle.yaml", count, schedule().rates)


def falling(count: int, lr: float = 3e-3, weight_decay: float = 6e-5) -> Runner:
    """A learning rate that falls in a line to 0."""

    def rates(first: int, n: int) -> Rates:
        return Rates(lr * (1 - np.arange(first, first + n) / count), np.full(n, weight_decay))

    return _single(f"single-sample SGD, {lr:g} falling to 0", count, rates)


def _single(name: str, count: int, rates: Callable[[int, int], Rates]) -> Runner:
    V, W = initial_weights(kaggle()["model"]["hidden"], kaggle()["seed_everything"])
    engine = Blocked()

    def learn(block: Block) -> None:
        engine(V, W, block.x, block.y, rates(block.first_step, len(block.x)), block.first_step)

    return Runner(name, count, learn, lambda x: logits(V, W, x), block=1000)


def adamw(count: int, batch: int = 128, lr: float = 2e-3) -> Runner:
    """Mini-batches, autograd, torch.optim.AdamW (fused), a one-cycle learning rate."""
    weights = initial_weights(kaggle()["model"]["hidden"], kaggle()["seed_everything"])
    network = linear_network(*weights)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=-(-count // batch))

    def learn(block: Block) -> None:
        for x, y in zip(block.x.split(batch), block.y.split(batch), strict=True):
            optimizer.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimizer.step()
            cycle.step()

    return Runner(f"AdamW, batches of {batch}, {count:,} samples", count, learn, network, block=8 * batch)


def train(runner: Runner, data: LettersDataModule) -> Curve:
    """Runs it to its end, the clock stopped for each check; the blocks come as they do in `fit`."""
    validation = data.val_dataloader()[0]
    blocks = Blocks(
        data.make_block, runner.block, lambda: 0, lambda t: runner.samples if t < runner.samples else None, data.workers
    )
    due = every = max(1, runner.samples // CHECKS)
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


def _accuracy(runner: Runner, batches: Batches) -> float:
    with torch.no_grad():
        right = [runner.logits(x).argmax(1).eq(y) for x, y in batches if y is not None]
    return float(torch.cat(right).double().mean())


def draw(curves: Sequence[Curve], file: Path) -> None:
    """The curves as a picture."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for curve in curves:
        axes.plot(curve.seconds, curve.accuracy, label=curve.name)
    low = max(min(curve.accuracy[-1] for curve in curves) - 0.15, 0)
    axes.set(xscale="log", xlabel="seconds of training", ylabel="validation accuracy", ylim=(low, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
    plt.close(figure)
