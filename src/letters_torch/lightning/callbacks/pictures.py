"""Pictures of a run in TensorBoard: letters read right and wrong, which letter is taken for which, weights, inputs."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from letters_torch.data import stream
from letters_torch.drawing import sheets, tiles
from letters_torch.exact_sgd.network import hidden_units
from letters_torch.lightning.clock import Clock
from letters_torch.reading import notebook
from letters_torch.reading.confusion import confusion
from letters_torch.reading.predictions import Predictions

SHOWN = 30  # letters in a gallery
UNITS = 100  # hidden units shown
PROBE = 480  # validation rows whose activations are counted: 192,000 values of 400 units


class Pictures(Callback):
    """Draws at the first validation after the end of a stage and at the last; at the start, what enters the network.

    It changes nothing in the run: it uses no random generator, and the run only waits for the drawing. The
    predictions are those of the validation itself. With `every`, it also draws each time so many more steps are done.
    """

    def __init__(self, every: int | None = None) -> None:
        self.every = every
        self._drawn = (0, 0)
        self._due = False
        self._batches: list[tuple[Tensor, Tensor]] = []  # logits and classes of the validation rows
        self._probe: Tensor | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """The notebook's curve, and the inputs of the next steps."""
        # A run that is resumed at the end of a stage has not been drawn there yet: that is due at the next validation.
        self._drawn = self._marks(trainer.clock, trainer.clock.last_regular_validation())
        writer, data = _writer(trainer), getattr(trainer, "datamodule", None)
        if writer is None or data is None or data.sets is None:
            return
        log_notebook(Path(trainer.log_dir).parent, notebook.is_comparable(data.sets), trainer.max_steps)
        first, count = trainer.global_step, min(SHOWN, trainer.max_steps - trainer.global_step)
        if count > 0:
            writer.add_image("inputs/on file, and as they enter", entering(data, first, count), first, dataformats="HW")

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        step = trainer.global_step
        wanted = trainer.state.fn == "fit" and not trainer.sanity_checking and _writer(trainer) is not None
        self._due = bool(wanted and step and (trainer.clock.is_over or self._marks(trainer.clock, step) != self._drawn))

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Keeps the predictions for the validation rows, those of the first loader."""
        if self._due and dataloader_idx == 0:
            self._batches.append((outputs, batch.y))
            if batch_idx == 0:
                self._probe = batch.x[:PROBE]

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if not self._due or self._probe is None:
            return
        step, writer, images = trainer.global_step, _writer(trainer), trainer.datamodule.val.images
        logits, truth = (torch.cat(column).cpu() for column in zip(*self._batches, strict=True))
        found = Predictions(torch.softmax(logits, 1).numpy(), truth.numpy())
        _log_predictions(writer, found, images, step)
        _log_weights(writer, pl_module, self._probe, step)
        self._drawn = self._marks(trainer.clock, step)
        self._batches, self._probe, self._due = [], None, False

    def _marks(self, clock: Clock, step: int) -> tuple[int, int]:
        """How many occasions to draw have passed up to a step: ends of stages, and multiples of `every`."""
        return sum(end <= step for end in clock.stage_ends), step // self.every if self.every else 0


def _writer(trainer: Any) -> SummaryWriter | None:
    loggers = (logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger))
    return next(loggers, None)


def entering(data: Any, first: int, count: int) -> tiles.UInt8:
    """Pairs of images, uint8 (H, W): the letters of `count` steps, on file and, below, as they enter the network."""
    rows = data.rows(first, stream.draws(data.seed, first, count))
    x = data.make_block(first, count).x.view(-1, 28, 28).double().numpy()
    low, high = np.quantile(x, (0.01, 0.99))  # a few pixels of a tiny deviation would leave the others dark
    seen = np.rint(255 * np.clip((x - low) / ((high - low) or 1.0), 0, 1)).astype(np.uint8)
    pairs = np.concatenate([data.train.images[rows], seen], 1)
    return tiles.grid(pairs, columns=10, fill=128)


def log_notebook(folder: Path, comparable: bool, last: int) -> None:
    """The notebook's accuracies as a run beside ours, so that TensorBoard draws them into the same charts.

    They are written once for all runs of a folder, up to the `last` step of the longest of them: a longer curve would
    squeeze the others into a corner of the chart. The name says whether the letters of the runs are `comparable`.
    """
    folder /= "notebook" if comparable else "notebook_on_other_letters"
    points = [point for point in notebook.curve() if point.step <= last]
    folder.mkdir(exist_ok=True)
    with FileLock(folder / ".lock"):
        there = list(folder.glob("events.out.tfevents.*"))
        if any(_points(file) >= len(points) for file in there):
            return
        with SummaryWriter(str(folder), filename_suffix=f".{len(points)}") as writer:
            for point in points:
                writer.add_scalar("train/acc", point.train_acc, point.step)
                writer.add_scalar("val/acc", point.val_acc, point.step)
        for old in there:
            old.unlink(missing_ok=True)


def _points(events: Path) -> int:
    """How many points a file of the notebook's curve holds, by its name."""
    count = events.suffix.removeprefix(".")
    return int(count) if count.isdecimal() else -1


def _log_predictions(writer: Any, found: Predictions, images: Any, step: int) -> None:
    assert found.truth is not None
    counts = confusion(found.truth, found.classes)
    drawn = {"confusion": sheets.confusion_matrix(counts), "accuracy of each letter": sheets.letter_accuracy(counts)}
    for name, rows in (("wrong, most confident first", found.worst_rows(SHOWN)), ("right", found.correct_rows(SHOWN))):
        drawn[f"read {name}"] = sheets.gallery(images[rows], [found.caption(row) for row in rows])
    for name, sheet in drawn.items():
        writer.add_image(f"validation/{name}", sheet, step, dataformats="HWC")


def _log_weights(writer: Any, module: Any, x: Tensor, step: int) -> None:
    V, W = module.V.detach(), module.W.detach()
    units = tiles.weights(V.float().cpu().numpy(), W.float().cpu().numpy(), UNITS)
    montage = tiles.on_white(tiles.grid(tiles.signed(units), columns=10))
    writer.add_image("weights/of the heaviest hidden units", montage, step, dataformats="HWC")
    h = hidden_units(V, x.to(V))
    for name, values in (("weights/V", V), ("weights/W", W), ("activations/h", h)):
        writer.add_histogram(name, values.cpu(), step)
