"""What each choice of a recipe is worth: best-438k.yaml, and the same with one thing changed at a time."""

import math
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
import torch
import yaml
from torch import Tensor

from benchmarks.styles import UnlikeLetters
from benchmarks.table import Table
from letters_torch import config_files
from letters_torch.data import augment, standardize
from letters_torch.data.augment import Augmentation
from letters_torch.data.datamodule import Batch, LettersDataModule
from letters_torch.data.moments import Moments
from letters_torch.data.prefetch import Blocks
from letters_torch.data.standardize import Scaling
from letters_torch.data.stream import Sampling
from letters_torch.exact_sgd.blocked import Blocked
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.network import initial_weights, logits
from letters_torch.exact_sgd.schedule import Schedule, Stage
from letters_torch.exact_sgd.threads import one_thread_per_operation
from letters_torch.letters import CLASSES, PIXELS, SIDE

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
        moments: what all letters are brought to.
        floor: every pixel's deviation is taken to be at least this part of the deviation of all pixels.
        hidden: number of hidden units.
        initial_scale: of the initial weights.
        label_smoothing: of the labels.
        sampling: of the training rows.
        averaged: the result is the mean of the weights over this last part of the steps; 0 for the last weights.
    """

    stages: tuple[Stage, ...]
    augment: Augmentation | None
    scaling: Scaling
    hidden: int
    moments: Moments | None = None
    floor: float = 0.0
    initial_scale: float = 1.0
    label_smoothing: float = 0.0
    sampling: Sampling = "replacement"
    averaged: float = 0.0

    @property
    def pixels(self) -> dict[str, Any]:
        """The settings of a data module that decide what the network sees of a letter."""
        return {"scaling": self.scaling, "moments": self.moments}


class Score(NamedTuple):
    """Accuracies of one run."""

    validation: float
    unlike: float  # on letters of styles that were held out


def read(config: str) -> Recipe:
    """The recipe of a config.

    Raises:
        TypeError: it sets something that a recipe has not.
    """
    settings: dict[str, Any] = yaml.safe_load(config_files.find(config).read_text())
    model, data = settings["model"], settings["data"]
    stages = tuple(Stage(**stage) for stage in model.pop("schedule"))
    wanted = data.pop("augment", None)
    made = getattr(augment, wanted["class_path"].rpartition(".")[2])(**wanted["init_args"]) if wanted else None
    moments = Moments(**data.pop("moments")) if "moments" in data else None
    return Recipe(stages, made, data.pop("scaling", "pixel"), moments=moments, **model, **data)


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
    yield "label smoothing 0.1", replace(base, label_smoothing=0.1)
    yield "initial weights as the notebook's", replace(base, initial_scale=1.0)
    yield "rows drawn with replacement", replace(base, sampling="replacement")
    yield "every pixel by its own deviation", replace(base, scaling="pixel")
    for floor in (0.1, 0.5):
        yield f"the same, but {floor:g} of the common one at least", replace(base, scaling="pixel", floor=floor)
    yield from _moments(base)
    yield from _augmentations(base)
    yield "all as in kaggle.yaml", shortened(read("kaggle.yaml"), total)


def _moments(base: Recipe) -> Iterable[tuple[str, Recipe]]:
    moments = base.moments
    assert moments is not None

    def brought_to(**changed: float) -> Recipe:
        return replace(base, moments=replace(moments, **changed))

    yield "letters as they are on file", replace(base, moments=None)
    for part in (0.0, 1.0):
        yield f"{part:.0%} of the slant taken out", brought_to(slant=part)
    for part in (0.0, 1.0):
        yield f"{part:.0%} of the aspect taken out", brought_to(aspect=part)
    for spread in (5.0, 7.0):
        yield f"ink spread over {spread:g} pixels", brought_to(spread=spread)


def _augmentations(base: Recipe) -> Iterable[tuple[str, Recipe]]:
    assert isinstance(base.augment, augment.RandomWarp)
    warp = settings_of(base.augment)

    def warped(**changed: object) -> Recipe:
        return replace(base, augment=augment.RandomWarp(**{**warp, **changed}))

    yield "no augmentation", replace(base, augment=None)
    for pull in (0, base.augment.pull * 2):
        yield f"pull {pull:g} pixels", warped(pull=pull)
    for pixels in (1, 2):
        yield f"shift up to {pixels} pixels", warped(translate=(pixels / SIDE, pixels / SIDE))
    yield "no turn, scale or shear", warped(degrees=0, scale=None, shear=None)
    yield "10 degrees, scale 0.9-1.1, shear 5", warped(degrees=10, scale=(0.9, 1.1), shear=(-5, 5, -5, 5))


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
    data.augment, data.sampling = recipe.augment, recipe.sampling
    V, W = initial_weights(PIXELS, recipe.hidden, CLASSES, seed=seed, scale=recipe.initial_scale)
    schedule, engine = Schedule(recipe.stages), Blocked(model=Model(label_smoothing=recipe.label_smoothing))
    total, averaged, count = schedule.total, (torch.zeros_like(V), torch.zeros_like(W)), 0
    blocks = Blocks(data.make_block, data.block, lambda: 0, lambda t: total if t < total else None, data.workers)
    with one_thread_per_operation():
        for x, y, first in blocks:
            engine(V, W, x, y, schedule.rates(first, len(x)), first)
            if first >= (1 - recipe.averaged) * total:
                count += 1
                for average, now in zip(averaged, (V, W), strict=True):
                    average.lerp_(now, 1 / count)
    return averaged if count else (V, W)


def with_floor(data: UnlikeLetters, floor: float) -> UnlikeLetters:
    """The same letters, with no pixel's deviation below this part of the deviation of all pixels."""
    if not floor:
        return data
    assert data.standardizer is not None
    common = standardize.fit(data.placed(data.train.images), "global").inv_std
    limit = torch.minimum(data.standardizer.inv_std, common / floor)
    floored = copy(data)
    floored.standardizer = replace(data.standardizer, inv_std=limit)
    return floored


def score(weights: Weights, data: UnlikeLetters) -> Score:
    """How the weights read the validation rows, and the styles that were held out."""
    return Score(accuracy(weights, data.val_dataloader()[0]), accuracy(weights, data.unlike_dataloader()))


def accuracy(weights: Weights, batches: Iterable[Batch]) -> float:
    """The part of labelled letters that is read right."""
    right = [logits(*weights, x).argmax(1).eq(y) for x, y in batches if y is not None]
    return torch.cat(right).double().mean().item()


def table(path: Path | None, samples: int | None, seeds: int, **settings: Any) -> Table:
    """Trains every recipe with every seed.

    Args:
        path: of the letters; None for those that `fit` finds itself.
        samples: steps of every run; None for the config's.
        seeds: how many: 0, 1, ...
        **settings: of the data module.
    """
    base = read(CONFIG)
    base = shortened(base, samples or Schedule(base.stages).total)
    recipes = [(f"nothing: {CONFIG}", base), *changes(base)]
    scores: list[list[Score]] = [[] for _ in recipes]
    for seed in range(seeds):
        sets: dict[str, UnlikeLetters] = {}
        for (name, recipe), found in zip(recipes, scores, strict=True):
            pixels = str(recipe.pixels)
            if pixels not in sets:
                sets[pixels] = UnlikeLetters(path=path, seed=seed, **recipe.pixels, **settings)
                sets[pixels].setup("fit")
            data = with_floor(sets[pixels], recipe.floor)
            found.append(score(train(recipe, data, seed), data))
            print(f"seed {seed}, {name}: {found[-1].validation:.4f}, {found[-1].unlike:.4f}", flush=True)
    rows = [[name, *_cells(found, scores[0])] for (name, _), found in zip(recipes, scores, strict=True)]
    steps = Schedule(base.stages).total
    note = (
        f"Runs of {steps:,} steps, seeds 0 to {seeds - 1}: mean ± standard deviation. Differences are taken seed by"
        f" seed. With the last seed {len(data.train):,} rows were trained on, {len(data.val):,} were for validation and"
        f" {len(data.unlike):,} of styles held out."
    )
    heading = ("changed", "validation", "against the first row", "styles held out", "against the first row")
    return Table("recipes", "What each choice is worth", heading, rows, [note])


def _cells(found: list[Score], first: list[Score]) -> list[str]:
    cells = []
    for accuracies, of_first in zip(zip(*found, strict=True), zip(*first, strict=True), strict=True):
        cells += [spread(accuracies), spread([a - b for a, b in zip(accuracies, of_first, strict=True)], sign="+")]
    return cells


def spread(values: Sequence[float], sign: str = "") -> str:
    """Mean ± standard deviation; the value alone, if there is one."""
    return f"{mean(values):{sign}.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")
