"""The network as a LightningModule: turns blocks into updates, and whole sets into loss and accuracy."""

import math
import operator
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from letters_torch import checkpoint as checkpoints
from letters_torch import resume
from letters_torch.data.datamodule import Batch, LettersDataModule
from letters_torch.data.prefetch import Block
from letters_torch.errors import Diverged, UserError
from letters_torch.exact_sgd import (
    PANEL,
    Levels,
    Model,
    Schedule,
    Stage,
    initial_weights,
    logits,
    make_engine,
    parallel_logits,
)
from letters_torch.finite import all_finite
from letters_torch.letters import CLASSES, PIXELS
from letters_torch.lightning.clock import Clock
from letters_torch.reading.predictions import finite, softmax

SETS = ("val", "train")  # the loaders of a validation, in order
LARGEST_LOSS = 1e4  # guessing has a loss of log(26) = 3.3; no run recovers from this


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
        schedule: the stages.
        clock: counts the steps and says what is due between them.

    Raises:
        UserError: an invalid argument.
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
        settings = {"hidden": hidden, "engine": engine, "panel": panel, "label_smoothing": label_smoothing}
        stages = [asdict(stage) for stage in schedule]
        self.save_hyperparameters({**settings, "initial_scale": initial_scale, "seed": seed, "schedule": stages})
        try:
            V, W = initial_weights(PIXELS, hidden, CLASSES, seed=seed, scale=initial_scale)
        except (RuntimeError, MemoryError) as error:  # torch's allocator raises RuntimeError
            raise UserError(f"--model.hidden {hidden}: there is not enough memory for so many units") from error
        self.V, self.W = nn.Parameter(V), nn.Parameter(W)
        self.clock = Clock(self.schedule.ends)
        self._loss_sum, self._loss_count = 0.0, 0  # since the last regular validation
        self._panel = panel if engine == "blocked" else 1
        self._trained_on: dict[str, Any] = {}  # the state of the data module
        self._anchor: dict[str, Any] | None = None  # the state at the start of the panel that max_steps cuts in two

    @property
    def step(self) -> int:
        """Single-sample updates done."""
        return self.clock.step

    def forward(self, x: Tensor, levels: Levels | None = None) -> Tensor:
        """Logits: standardised pixels (N, 784) -> (N, 26). On the CPU `levels` of the same letters make it faster."""
        if x.device.type != "cpu" or torch.is_grad_enabled():
            return logits(self.V, self.W, x)
        return parallel_logits(self.V, self.W, x, levels=levels)

    def configure_optimizers(self) -> list[Optimizer]:
        return []  # the engine does the updates

    def setup(self, stage: str) -> None:
        """Refuses a fit by a plain Trainer."""
        if stage == "fit" and not hasattr(self.trainer, "clock"):
            raise UserError(
                "LettersModule does a block of single-sample steps per batch, which pl.Trainer would count as one step;"
                " use letters_torch.StepTrainer"
            )

    def on_fit_start(self) -> None:
        """Keeps which rows are trained on."""
        self._trained_on = self._data_state()

    def on_validation_start(self) -> None:
        """Refuses rows that the weights were trained on, whether they come from a checkpoint or from a fit before."""
        if self.trainer.state.fn == "validate" and self._trained_on and (now := self._data_state()):
            resume.require_same_split(self._trained_on, now)

    def _data_state(self) -> dict[str, Any]:
        data: Any = getattr(self.trainer, "datamodule", None)
        return data.state_dict() if isinstance(data, LettersDataModule) else {}

    def training_step(self, block: Block) -> None:
        """One single-sample update for each sample of the block.

        Raises:
            UserError: the batch is not a Block.
            Diverged: a loss beyond LARGEST_LOSS, or weights that are not finite.
        """
        if not isinstance(block, Block):
            raise UserError(f"LettersModule trains on Blocks of a LettersDataModule, not on a {type(block).__name__}")
        end, self._anchor = block.first_step + len(block.x), None
        if end == self.clock.max_steps and not self.clock.always_pauses(end):
            whole = max(len(block.x) - end % self._panel, 0)  # steps up to where a panel starts
            if whole < len(block.x):
                self._update(Block(block.x[:whole], block.y[:whole], block.first_step))
                self._anchor = self._state()
                block = Block(block.x[whole:], block.y[whole:], block.first_step + whole)
        self._update(block)

    def _update(self, block: Block) -> None:
        rates = self.schedule.rates(block.first_step, len(block.x))
        losses = self.updates(self.V, self.W, block.x, block.y, rates, block.first_step)
        beyond = ~(losses < LARGEST_LOSS)  # NaN fails this comparison too
        if beyond.any():
            k = int(beyond.nonzero()[0])
            raise self._diverged(block.first_step + k, f"loss is {losses[k]:g}")
        if not (all_finite(self.V) and all_finite(self.W)):  # the last step's loss is of the weights before it
            raise self._diverged(block.first_step + len(losses) - 1, "weights are no longer finite numbers")
        # One by one, so that the sum's rounding does not depend on how the run is cut into blocks.
        self._loss_sum = reduce(operator.add, losses.tolist(), self._loss_sum)
        self._loss_count += len(losses)
        self.clock.step = block.first_step + len(losses)

    def _diverged(self, step: int, what: str) -> Diverged:
        rates = self.schedule.rates(step, 1)
        return Diverged(
            f"step {step:,}: the {what}; the learning rate {rates.lr[0]:g} (or the weight decay"
            f" {rates.weight_decay[0]:g}) of this stage of model.schedule is too high; the last checkpoint is kept"
        )

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Loss and accuracy of the validation rows and, in a fit, of the probe of the training rows.

        Returns:
            The logits, (N, 26).
        """
        loss, accuracy, b = self._evaluate(batch)
        name, size = SETS[dataloader_idx], len(batch.x)
        self.log(f"{name}/acc", accuracy, add_dataloader_idx=False, batch_size=size)
        if name == "val":
            self.log("val/loss", loss, add_dataloader_idx=False, batch_size=size)
        return b

    def on_validation_epoch_end(self) -> None:
        """Logs the mean loss of the steps since the last validation, and the rates of the last step."""
        if self.trainer.state.fn != "fit" or self.trainer.sanity_checking:
            return
        clock = self.clock
        rates = self.schedule.rates(max(clock.step - 1, 0), 1)
        self.log("lr", float(rates.lr[0]))
        self.log("weight_decay", float(rates.weight_decay[0]))
        if self._loss_count:
            self.log("train/loss", self._loss_sum / self._loss_count)
        clock.validated_at = clock.step
        if clock.is_regular_validation(clock.step):
            self._loss_sum, self._loss_count = 0.0, 0

    def test_step(self, batch: Batch) -> Tensor:
        """Loss and accuracy of the test rows; returns the logits as `validation_step`."""
        loss, accuracy, b = self._evaluate(batch)
        self.log_dict({"test/acc": accuracy, "test/loss": loss}, batch_size=len(batch.x))
        return b

    def _evaluate(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        assert batch.y is not None
        b = finite(self(batch.x, batch.levels))
        return F.cross_entropy(b, batch.y), (b.argmax(1) == batch.y).to(widest(b.device)).mean(), b

    def predict_step(self, batch: Batch) -> Tensor:
        """Probabilities of A..Z, (N, 26)."""
        return softmax(self(batch.x, batch.levels))

    def _state(self) -> dict[str, Any]:
        """The state to resume from. A validation that is due only because the run is stopped here is left out."""
        clock = self.clock
        return {
            "step": clock.step,
            "validated_at": clock.validated_at if clock.is_regular_validation(clock.validated_at) else -1,
            "loss_sum": self._loss_sum,
            "loss_count": self._loss_count,
            "V": self.V.detach().clone(),
            "W": self.W.detach().clone(),
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Saves where a fit resumes: here or, if this is inside a panel, at the start of the panel.

        Rounding depends on where panels start. From the start of the panel, a resumed run does the same operations as
        an uninterrupted one.
        """
        state = self._state() if self._anchor is None else self._anchor
        checkpoint["letters_torch"] = state if self._anchor else {k: v for k, v in state.items() if k not in "VW"}
        checkpoint.pop("loops", None)  # the clock is the state of Lightning's loops

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """In a fit restores the state of the run; otherwise takes the weights and their step.

        Raises:
            UserError: the checkpoint is of a network of another width.
        """
        resume.require_same_width(checkpoint, len(self.V))
        self._trained_on = checkpoint["LettersDataModule"]
        if self._trainer is None or self.trainer.state.fn != "fit":
            self.clock.step = checkpoint["global_step"]
            return
        state = checkpoint["letters_torch"]
        self.clock.step, self.clock.validated_at = state["step"], state["validated_at"]
        self._loss_sum, self._loss_count = state["loss_sum"], state["loss_count"]
        if "V" in state:  # state_dict is the average where weights are averaged
            checkpoint.get("current_model_state", checkpoint["state_dict"]).update(V=state["V"], W=state["W"])

    def load(self, checkpoint: dict[str, Any]) -> None:
        """Takes the weights and their step from a checkpoint as `letters_torch.checkpoint.load` returns it.

        Raises:
            UserError: the checkpoint is of a network of another width.
        """
        resume.require_same_width(checkpoint, len(self.V))
        self._trained_on = checkpoint["LettersDataModule"]
        self.load_state_dict(checkpoint["state_dict"])
        self.clock.step = checkpoint["global_step"]

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls, checkpoint_path: str | Path, map_location: Any = "cpu", **settings: Any
    ) -> "LettersModule":
        """Builds the module of a checkpoint: its settings, its weights and their step.

        Args:
            checkpoint_path: a file.
            map_location: the device of the weights.
            **settings: arguments that replace the checkpoint's.

        Raises:
            UserError: no such file; a damaged one; settings that cannot be used, or that need another width.
        """
        content = checkpoints.load(Path(checkpoint_path))
        arguments = {**content.get("hyper_parameters", {}), **settings}
        try:
            stages = [stage if isinstance(stage, Stage) else Stage(**stage) for stage in arguments.pop("schedule")]
            module = cls(stages, **arguments)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{checkpoint_path}: the settings of the module cannot be used ({error})") from error
        module.load(content)
        return module.to(map_location)


def widest(device: torch.device) -> torch.dtype:
    """The widest floating-point type of a device: MPS has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64
