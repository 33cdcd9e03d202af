"""What each choice of a recipe is worth: best-438k.yaml, and the same with one thing changed at a time."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
import torch
import yaml
from torch import Tensor

from benchmarks.problem import letters
from benchmarks.table import Table
from letters_torch import config_files
from letters_torch.data import augment
from letters_torch.data.augment import Augmentation
from letters_torch.data.datamodule import Batch, Blocks, LettersDataModule
from letters_torch.data.letters import SIDE
from letters_torch.data.standardize import Scaling
from letters_torch.network import initial_weights, logits
from letters_torch.schedule import Schedule, Stage
from letters_torch.updates.blocked import Blocked

CONFIG = "best-438k.yaml"
PIECES = 64  # straight lines that a cosine is made of
Weights = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Recipe:
    """What may be chosen where the network is fixed.

    Attributes:
        stages: of the schedule.
        augment: what is done to each training image.
        scaling: of the pixels.
        hidden: number of hidden units.
        initial: the first layer's initial weights are multiplied by this.
        averaged: the result is the mean of the weights over this last part of the steps; 0 for the last weights.
    """

    stages: tuple[Stage, ...]
    augment: Augmentation | None
    scaling: Scaling
    hidden: int
    initial: float = 1.0
    averaged: float = 0.0


class Score(NamedTuple):
    """Accuracies of one run."""

    validation: float
    others: float  # letters of other sources, nan where there are none


def read(config: str) -> Recipe:
    """The recipe of a config."""
    settings: dict[str, Any] = yaml.safe_load(config_files.find(config).read_text())
    model, data = settings["model"], settings["data"]
    wanted = data.get("augment")
    made = getattr(augment, wanted["class_path"].rpartition(".")[2])(**wanted["init_args"]) if wanted else None
    stages = tuple(Stage(**stage) for stage in model["schedule"])
    return Recipe(stages, made, data.get("scaling", "pixel"), model["hidden"])


def shortened(recipe: Recipe, samples: int) -> Recipe:
    """The same in other steps, its stages in proportion."""
    ends = Schedule(recipe.stages).ends
    bounds = [0, *(round(end * samples / ends[-1]) for end in ends)]
    steps = np.diff(bounds).tolist()
    return replace(recipe, stages=tuple(replace(s, steps=n) for s, n in zip(recipe.stages, steps, strict=True)))


def changes(base: Recipe) -> Iterable[tuple[str, Recipe]]:
    """Each with what it changes; the base is one fall of the learning rate to 0."""
    (stage,) = base.stages
    total, lr = stage.steps, stage.lr
    assert isinstance(base.augment, augment.RandomWarp)
    warp = settings_of(base.augment)

    def schedule(*stages: Stage) -> Recipe:
        return replace(base, stages=stages)

    def level(steps: int, rate: float) -> Stage:
        return replace(stage, steps=steps, lr=rate, lr_end=None)

    def line(steps: int, begin: float, end: float) -> Stage:
        return replace(stage, steps=steps, lr=begin, lr_end=end)

    yield f"learning rate {lr / 2:g}", schedule(line(total, lr / 2, 0))
    yield f"learning rate {lr * 2:g}", schedule(line(total, lr * 2, 0))
    yield f"learning rate constant, {lr / 4:g}", schedule(level(total, lr / 4))
    yield "constant, weights averaged over the last quarter", replace(schedule(level(total, lr)), averaged=0.25)
    yield "constant for a half, then falling to 0", schedule(level(total // 2, lr), line(total - total // 2, lr, 0))
    yield "cosine to 0", schedule(*cosine(stage))
    yield (
        "rising for a twentieth, then falling to 0",
        schedule(line(total // 20, 0, lr), line(total - total // 20, lr, 0)),
    )
    for decay in (0, stage.weight_decay * 4):
        yield f"weight decay {decay:g}", schedule(replace(stage, weight_decay=decay))
    yield "every pixel by its own deviation", replace(base, scaling="pixel")
    yield "the first layer's initial weights halved", replace(base, initial=0.5)
    yield "no augmentation", replace(base, augment=None)
    for pull in (0, base.augment.pull * 2):
        yield f"pull {pull:g} pixels", replace(base, augment=augment.RandomWarp(**{**warp, "pull": pull}))
    for pixels in (0, 2):
        shift = (pixels / SIDE, pixels / SIDE)
        yield f"shift up to {pixels} pixels", replace(base, augment=augment.RandomWarp(**{**warp, "translate": shift}))
    strong = {**warp, "degrees": 15, "scale": (0.8, 1.2), "shear": (-15, 15, -15, 15)}
    yield "15 degrees, scale 0.8-1.2, shear 15", replace(base, augment=augment.RandomWarp(**strong))
    yield "all as in kaggle.yaml", shortened(read("kaggle.yaml"), total)


def settings_of(warp: augment.RandomWarp) -> dict[str, Any]:
    """What it was made with."""
    names = ("degrees", "translate", "scale", "shear", "pull")
    return {name: getattr(warp, name) for name in names}


def cosine(stage: Stage) -> list[Stage]:
    """Half a wave from the stage's learning rate to 0, as short ramps."""
    at = [stage.steps * k // PIECES for k in range(PIECES + 1)]
    lr = [stage.lr * (1 + math.cos(math.pi * k / PIECES)) / 2 for k in range(PIECES + 1)]
    return [replace(stage, steps=at[k + 1] - at[k], lr=lr[k], lr_end=lr[k + 1]) for k in range(PIECES)]


def train(recipe: Recipe, data: LettersDataModule, seed: int) -> Weights:
    """Runs it to its end; the blocks come as they do in `fit`."""
    data.augment = recipe.augment
    V, W = initial_weights(recipe.hidden, seed)
    V *= recipe.initial
    schedule, engine = Schedule(recipe.stages), Blocked()
    total, averaged, count = schedule.total, (torch.zeros_like(V), torch.zeros_like(W)), 0
    for block in Blocks(data.make_block, data.block, lambda: 0, lambda t: total if t < total else None, data.workers):
        engine(V, W, block.x, block.y, schedule.rates(block.first_step, len(block.x)), block.first_step)
        if block.first_step >= (1 - recipe.averaged) * total:
            count += 1
            for average, now in zip(averaged, (V, W), strict=True):
                average.lerp_(now, 1 / count)
    return averaged if count else (V, W)


def score(weights: Weights, data: LettersDataModule, others: list[Batch]) -> Score:
    """How the weights read the validation rows, and letters of other sources, each source counted alike."""
    by_source = [accuracy(weights, [batch]) for batch in others]
    return Score(accuracy(weights, data.val_dataloader()[0]), mean(by_source) if by_source else math.nan)


def accuracy(weights: Weights, batches: Iterable[Batch]) -> float:
    """The part of labelled letters that is read right."""
    right = [logits(*weights, x).argmax(1).eq(y) for x, y in batches if y is not None]
    return torch.cat(right).double().mean().item()


def other_letters(file: Path | None, data: LettersDataModule) -> list[Batch]:
    """Labelled letters of other sources, a batch for each: x, y and source of an .npz file."""
    if file is None:
        return []
    assert data.standardizer is not None
    with np.load(file) as content:
        x, y, source = (content[name] for name in ("x", "y", "source"))
    scaled, classes = data.standardizer(torch.from_numpy(x)).flatten(1), torch.from_numpy(y.astype(np.int64) - 1)
    chosen = [torch.from_numpy(source == name) for name in np.unique(source)]
    return [Batch(scaled[these], classes[these]) for these in chosen]


def table(path: Path | None, samples: int | None, seeds: int, other: Path | None, **settings: Any) -> Table:
    """Trains every recipe with every seed.

    Args:
        path: of the letters; None for those that `fit` finds itself.
        samples: steps of every run; None for the config's.
        seeds: how many: 0, 1, ...
        other: an .npz file of labelled letters of other sources, for a second opinion.
        **settings: of the data module.
    """
    base = read(CONFIG)
    base = shortened(base, samples or Schedule(base.stages).total)
    recipes = [(f"nothing: {CONFIG}", base), *changes(base)]
    scores: list[list[Score]] = [[] for _ in recipes]
    for seed in range(seeds):
        sets: dict[Scaling, tuple[LettersDataModule, list[Batch]]] = {}
        for (name, recipe), found in zip(recipes, scores, strict=True):
            if recipe.scaling not in sets:
                data = letters(path, scaling=recipe.scaling, seed=seed, **settings)
                sets[recipe.scaling] = data, other_letters(other, data)
            data, others = sets[recipe.scaling]
            found.append(score(train(recipe, data, seed), data, others))
            print(f"seed {seed}, {name}: {found[-1].validation:.4f}", flush=True)
    rows = [[name, *_cells(found, scores[0])] for (name, _), found in zip(recipes, scores, strict=True)]
    steps = Schedule(base.stages).total
    note = f"Runs of {steps:,} steps, seeds 0 to {seeds - 1}; a seed's runs share their validation rows."
    heading = ("changed", "validation accuracy", "least - most", "against the first row", "least - most", "others")
    return Table("recipes", "What each choice is worth", heading, rows, [note])


def _cells(found: list[Score], first: list[Score]) -> list[str]:
    accuracies = [s.validation for s in found]
    gains = [s.validation - f.validation for s, f in zip(found, first, strict=True)]
    others = mean(s.others for s in found)
    return [
        f"{mean(accuracies):.4f}",
        f"{min(accuracies):.4f} - {max(accuracies):.4f}",
        f"{mean(gains):+.4f}",
        f"{min(gains):+.4f} - {max(gains):+.4f}",
        "-" if math.isnan(others) else f"{others:.4f}",
    ]
