"""What all contenders are given: the same letters in the same order, initial weights, learning rate, weight decay."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from torch import Tensor

from letters_torch import config_files
from letters_torch.data.augment import RandomAffine
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.exact_sgd.blocked import panels
from letters_torch.exact_sgd.network import from_linear, initial_weights, to_linear
from letters_torch.exact_sgd.schedule import Rates, Schedule, Stage
from letters_torch.letters import CLASSES, PIXELS

Array = npt.NDArray[Any]
POOL = 10_000  # samples kept ready for the contenders that do not augment; then they come round again


def kaggle() -> dict[str, Any]:
    """The settings of configs/kaggle.yaml."""
    settings: dict[str, Any] = yaml.safe_load(config_files.find("kaggle.yaml").read_text())
    return settings


def schedule() -> Schedule:
    """Its stages."""
    return Schedule([Stage(**stage) for stage in kaggle()["model"]["schedule"]])


def augmentation() -> RandomAffine:
    """Its augmentation."""
    return RandomAffine(**kaggle()["data"]["augment"]["init_args"])


def letters(path: Path | None = None, **settings: Any) -> LettersDataModule:
    """The data module, letters read and standardised; without a path, those that `fit` would take."""
    data = LettersDataModule(path=path, **settings)
    data.setup("fit")
    return data


@dataclass
class Problem:
    """One network on one stream of samples.

    Attributes:
        data: the letters, without augmentation.
        hidden: number of hidden units.
        stage: its learning rate and weight decay are used for every step.
        pool: how many samples are kept ready.
    """

    data: LettersDataModule
    hidden: int
    stage: Stage
    pool: int = POOL

    def __post_init__(self) -> None:
        self.x, self.y, _ = self.data.make_block(0, self.pool)

    @classmethod
    def of(cls, data: LettersDataModule, hidden: int | None = None) -> "Problem":
        """The config's network, unless another width is given, in the config's longest stage."""
        longest = max(schedule().stages, key=lambda stage: stage.steps)
        return cls(data, hidden or kaggle()["model"]["hidden"], longest)

    def weights(self) -> tuple[Tensor, Tensor]:
        """V and W to begin with, float32."""
        return initial_weights(PIXELS, self.hidden, CLASSES, seed=0)

    def rates(self, count: int) -> Rates:
        """Learning rate and weight decay of so many steps."""
        return Rates(np.full(count, self.stage.lr), np.full(count, self.stage.weight_decay))

    def pieces(self, first: int, count: int, most: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The samples of the steps first .. first + count - 1, at most so many at a time; `most` divides the pool."""
        for begin, end in panels(first, count, most):
            start = (first + begin) % self.pool
            yield self.x[start : start + end - begin], self.y[start : start + end - begin]

    def augmented(self) -> LettersDataModule:
        """The data module with the config's augmentation."""
        data = copy.copy(self.data)
        data.augment = augmentation()
        return data


def linear_network(V: Tensor, W: Tensor) -> torch.nn.Sequential:
    """The network as it is usually written in torch, with these weights."""
    first, second = to_linear(V, W)
    return torch.nn.Sequential(first, torch.nn.Tanh(), second)


def weights_of(network: torch.nn.Sequential) -> tuple[Array, Array]:
    """V and W of that network."""
    first, _, second = network
    assert isinstance(first, torch.nn.Linear)
    assert isinstance(second, torch.nn.Linear)
    V, W = from_linear(first, second)
    return V.numpy(), W.numpy()
