"""Lightning as its users write it: a dataset with a transform, a DataLoader of batches of one, automatic optimisation.

In its favour, nothing is logged, saved or shown, and the Trainer's start and end are not timed.
"""

import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.contenders.base import Contender
from benchmarks.problem import Array, kaggle, linear_network, weights_of


class LightningLoop(Contender):
    """Trainer.fit on single samples, torchvision's RandomAffine on each."""

    name = "a plain Lightning loop, augmented"
    augments = True
    rival = "ours, augmented"

    def prepare(self) -> None:
        logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
        stage = self.problem.stage
        self.module = _Module(linear_network(*self.problem.weights()), stage.lr, stage.weight_decay)
        transform = v2.RandomAffine(**kaggle()["data"]["augment"]["init_args"]) if self.augment else None
        self.letters = _Letters(self.problem.x, self.problem.y, transform)

    def advance(self, steps: int) -> None:
        self.timed(steps)

    def timed(self, steps: int) -> float:
        order = [step % self.problem.pool for step in range(self.step, self.step + steps)]
        loader = DataLoader(self.letters, batch_size=1, sampler=order, num_workers=0)
        clock = _Clock()
        quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = pl.Trainer(
                max_epochs=1, accelerator="cpu", callbacks=[clock], enable_model_summary=False, **quiet
            )
            trainer.fit(self.module, loader)
        return clock.seconds

    def weights(self) -> tuple[Array, Array]:
        return weights_of(self.module.network)


class _Letters(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, x: Tensor, y: Tensor, transform: Callable[[Tensor], Tensor] | None) -> None:
        self.images, self.y, self.transform = x.view(-1, 1, 28, 28), y, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        image = self.images[row]
        return image if self.transform is None else self.transform(image), self.y[row]


class _Module(pl.LightningModule):
    def __init__(self, network: nn.Sequential, lr: float, weight_decay: float) -> None:
        super().__init__()
        self.network, self.lr, self.weight_decay = network, lr, weight_decay

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        return F.cross_entropy(self.network(x.flatten(1)), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.network.parameters(), lr=self.lr, weight_decay=self.weight_decay)


class _Clock(Callback):
    seconds = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        self.begin = time.perf_counter()

    def on_train_epoch_end(self, *_: Any) -> None:
        self.seconds = time.perf_counter() - self.begin
