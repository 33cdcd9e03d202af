"""The network as a LightningModule: turns blocks into updates, and whole sets into loss and accuracy."""

import math
import operator
from dataclasses import asdict
from functools import partial, reduce
from typing import Any, Literal

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from letters_torch.data.datamodule import Batch
from letters_torch.data.prefetch import Block
from letters_torch.errors import Diverged, UserError
from letters_torch.exact_sgd import PANEL, Model, Schedule, Stage, initial_weights, logits, make_engine
from letters_torch.exact_sgd.threads import share
from letters_torch.letters import CLASSES, PIXELS

SETS = ("val", "train")  # the loaders of a check, in order
LARGEST_LOSS = 1e4  # guessing has a loss of log(26) = 3.3; nothing comes back from here
ROWS = 600  # samples that a thread evaluates at a time


class LettersModule(pl.LightningModule):
    """The 785-400-26 tanh/softmax network, trained by exact single-sample SGD with L2 weight decay.

    Args:
        schedule: stages, see `Stage`.
        hidden: number of hidden units.
        engine: "blocked" does the single-sample updates as matrix products, "autograd" one at a time by autograd and
            torch.optim.SGD; the same updates.
        panel: samples that the blocked engine takes together.
        label_smoothing: from 0 to 1: this part of the target is shared by all letters, the rest is the label's. Losses
            are reported by the label as it is.
        initial_scale: the initial weights are the notebook's times this.
        seed: of the initial weights.

    Attributes:
        step: single-sample updates done.
        checked_at: the step of the last check, -1 before the first.

    Raises:
        UserError: a setting that cannot be.
    """

    def __init__(
        self,
        schedule: list[Stage],
        hidden: int = 400,
        engine: Literal["blocked", "autograd"] = "blocked",
        panel: int = PANEL,
        label_smoothing: float = 0.0,
        initial_scale: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        if hidden < 1:
            raise UserError(f"--model.hidden must be 1 or more, not {hidden}")
        if seed < 0:
            raise UserError(f"--seed_everything must be 0 or more, not {seed}")
        if not 0 < initial_scale < math.inf:
            raise UserError(f"--model.initial_scale must be a finite number above 0, not {initial_scale}")
        try:
            self.schedule = Schedule(schedule)
            self.updates = make_engine(engine, panel, Model(label_smoothing=label_smoothing))
        except ValueError as error:
            raise UserError(f"--model: {error}") from error
        self.save_hyperparameters(
            {
                "hidden": hidden,
                "engine": engine,
                "panel": panel,
                "label_smoothing": label_smoothing,
                "initial_scale": initial_scale,
                "seed": seed,
                "schedule": [asdict(stage) for stage in schedule],
            }
        )
        V, W = initial_weights(PIXELS, hidden, CLASSES, seed=seed, scale=initial_scale)
        self.V, self.W = nn.Parameter(V), nn.Parameter(W)
        self.step, self.checked_at = 0, -1
        self._loss_sum, self._loss_count = 0.0, 0  # since the last check that every such run makes
        self._panel = panel if engine == "blocked" else 1
        self._anchor: dict[str, Any] | None = None  # the state at the start of the panel that max_steps cuts in two

    def forward(self, x: Tensor) -> Tensor:
        """Logits: standardised pixels (N, 784) -> (N, 26)."""
        if x.device.type != "cpu" or torch.is_grad_enabled():
            return logits(self.V, self.W, x)
        b = x.new_empty(len(x), len(self.W))
        share([partial(self._logits_into, *part) for part in zip(b.split(ROWS), x.split(ROWS), strict=True)])
        return b

    def _logits_into(self, b: Tensor, x: Tensor) -> None:
        b.copy_(logits(self.V, self.W, x))

    def configure_optimizers(self) -> list[Optimizer]:
        """None of Lightning's: the updates are the engine's."""
        return []

    def setup(self, stage: str) -> None:
        """Ends the run where the schedule ends."""
        if stage == "fit":
            trainer: Any = self.trainer  # a StepTrainer
            trainer.limit_steps(self.schedule.total)

    def training_step(self, block: Block) -> None:
        """One single-sample update for each sample of the block.

        Raises:
            Diverged: a loss beyond LARGEST_LOSS, or weights that are no numbers.
        """
        end = block.first_step + len(block.x)
        trainer: Any = self.trainer
        if end == trainer.max_steps and not trainer.always_pauses(end):
            whole = max(len(block.x) - end % self._panel, 0)  # steps up to where a panel starts
            if whole < len(block.x):
                self._update(Block(block.x[:whole], block.y[:whole], block.first_step))
                self._anchor = self._state()
                block = Block(block.x[whole:], block.y[whole:], block.first_step + whole)
        self._update(block)

    def _update(self, block: Block) -> None:
        rates = self.schedule.rates(block.first_step, len(block.x))
        losses = self.updates(self.V, self.W, block.x, block.y, rates, block.first_step)
        beyond = ~(losses < LARGEST_LOSS)  # in this form a NaN is, too
        if beyond.any():
            k = int(beyond.nonzero()[0])
            raise self._diverged(block.first_step + k, f"loss has left all bounds ({losses[k]:g})")
        if not (self.V.sum() + self.W.sum()).isfinite():  # the last step's loss is of the weights before it
            raise self._diverged(block.first_step + len(losses) - 1, "weights are no longer finite numbers")
        # One by one, so that the sum's rounding does not depend on how the run is cut into blocks.
        self._loss_sum = reduce(operator.add, losses.tolist(), self._loss_sum)
        self._loss_count += len(losses)
        self.step = block.first_step + len(losses)

    def _diverged(self, step: int, what: str) -> Diverged:
        rates = self.schedule.rates(step, 1)
        return Diverged(
            f"step {step}: the {what}; the learning rate {rates.lr[0]:g} (or the weight decay"
            f" {rates.weight_decay[0]:g}) of this stage of model.schedule is too high; the last checkpoint is kept"
        )

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Loss and accuracy of the validation rows and, in a fit, of the probe of the training rows.

        Returns:
            The readings, (N,) of 0..25.
        """
        loss, accuracy, reading = self._evaluate(batch)
        name, size = SETS[dataloader_idx], len(batch.x)
        self.log(f"{name}/acc", accuracy, add_dataloader_idx=False, batch_size=size)
        if name == "val":
            self.log("val/loss", loss, add_dataloader_idx=False, batch_size=size)
        return reading

    def on_validation_epoch_end(self) -> None:
        """What a check reports beside accuracies: the mean loss of the steps since the last, and their settings."""
        if self.trainer.state.fn != "fit" or self.trainer.sanity_checking:
            return
        rates = self.schedule.rates(max(self.step - 1, 0), 1)
        self.log("lr", float(rates.lr[0]))
        self.log("weight_decay", float(rates.weight_decay[0]))
        if self._loss_count:
            self.log("train/loss", self._loss_sum / self._loss_count)
        self.checked_at = self.step
        trainer: Any = self.trainer
        if trainer.is_regular_check(self.step):
            self._loss_sum, self._loss_count = 0.0, 0

    def test_step(self, batch: Batch) -> Tensor:
        """Loss and accuracy of the test rows; returns the readings as `validation_step`."""
        loss, accuracy, reading = self._evaluate(batch)
        self.log_dict({"test/acc": accuracy, "test/loss": loss}, batch_size=len(batch.x))
        return reading

    def _evaluate(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        assert batch.y is not None
        b = self(batch.x)
        reading = b.argmax(1)
        return F.cross_entropy(b, batch.y), (reading == batch.y).double().mean(), reading

    def predict_step(self, batch: Batch) -> Tensor:
        """Probabilities of A..Z, (N, 26)."""
        return torch.softmax(self(batch.x), 1)

    def _state(self) -> dict[str, Any]:
        """Where the run stands. A check that it makes only because it is stopped there is one that it never made."""
        trainer: Any = self.trainer
        return {
            "step": self.step,
            "checked_at": self.checked_at if trainer.is_regular_check(self.checked_at) else -1,
            "loss_sum": self._loss_sum,
            "loss_count": self._loss_count,
            "V": self.V.detach().clone(),
            "W": self.W.detach().clone(),
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Where a fit goes on from: here or, if this is inside a panel, at the panel's start.

        Rounding depends on where panels start. From the panel's start a resumed run does again what an undisturbed one
        does there.
        """
        state = self._state() if self._anchor is None else self._anchor
        checkpoint["letters_torch"] = state if self._anchor else {k: v for k, v in state.items() if k not in "VW"}

    def load(self, checkpoint: dict[str, Any]) -> None:
        """Takes the weights of a checkpoint and its step, with no trainer around.

        Raises:
            UserError: the checkpoint is of a network of another width.
        """
        self.require_width(checkpoint)
        self.load_state_dict(checkpoint["state_dict"])
        self.step = checkpoint["letters_torch"]["step"]

    def require_width(self, checkpoint: dict[str, Any]) -> None:
        """Stops a checkpoint of another network.

        Raises:
            UserError: the checkpoint is of a network of another width.
        """
        saved = checkpoint["state_dict"]["V"].shape
        if saved != self.V.shape:
            raise UserError(
                f"--ckpt_path: a network with {saved[0]} hidden units, but --model.hidden is {len(self.V)};"
                " give the number it was trained with"
            )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes up the run where it stands. Lightning's loops start afresh: their only memory is the step.

        Raises:
            UserError: the checkpoint is of a network of another width.
        """
        self.require_width(checkpoint)
        state = checkpoint["letters_torch"]
        self.step, self.checked_at = state["step"], state["checked_at"]
        self._loss_sum, self._loss_count = state["loss_sum"], state["loss_count"]
        if self.trainer.state.fn == "fit" and "V" in state:
            checkpoint["state_dict"].update(V=state["V"], W=state["W"])
        checkpoint.pop("loops", None)
