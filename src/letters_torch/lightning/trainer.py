"""A Lightning Trainer that counts single-sample steps.

Lightning counts calls of training_step, and one of ours does a block of hundreds of steps. Here `global_step`,
`max_steps`, `val_check_interval`, checkpoints and the loggers' x-axis are all in steps, read off the module's clock.
Lightning's own bookkeeping of a resumed run is left out: the clock is the only state.
"""

import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.accelerators import Accelerator, CUDAAccelerator, MPSAccelerator
from pytorch_lightning.callbacks import (
    BaseFinetuning,
    BatchSizeFinder,
    Callback,
    GradientAccumulationScheduler,
    LearningRateFinder,
    ModelPruning,
    ProgressBar,
    SpikeDetection,
    StochasticWeightAveraging,
    WeightAveraging,
)
from pytorch_lightning.plugins import DoublePrecision, Precision

from letters_torch import checkpoint as checkpoints
from letters_torch import resume, run_folder
from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError
from letters_torch.exact_sgd.threads import one_thread_per_operation
from letters_torch.lightning.callbacks.checkpoints import RunCheckpoints
from letters_torch.lightning.callbacks.console_log import ConsoleLog
from letters_torch.lightning.callbacks.letter_table import LetterTable
from letters_torch.lightning.callbacks.pictures import Pictures
from letters_torch.lightning.callbacks.progress import StepProgressBar
from letters_torch.lightning.callbacks.stop import StopOnSignal
from letters_torch.lightning.checkpoint_io import AtomicCheckpointIO
from letters_torch.lightning.clock import Clock
from letters_torch.lightning.logger import RunLogger
from letters_torch.lightning.loops import StepCheckpointConnector, StepFitLoop, StepLoop
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.monitors import check_monitors


@contextmanager
def _keyboard_interrupts() -> Iterator[None]:
    """Raises KeyboardInterrupt at Ctrl-C where Lightning raises SystemExit, and restores the handler."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from None


class StepTrainer(pl.Trainer):
    """Lightning's Trainer with one step per sample.

    Args:
        max_steps: the last step of the run; -1 for the end of the schedule.
        val_check_interval: steps between two validations, or as a float the fraction of the run between them.
        pictures: when TensorBoard gets pictures: at the validations that follow the ends of the "stages" and at the
            last one, with a number also each time that so many more steps are done; or "never".
        run_name: added to the name of the run's folder: lightning_logs/version_N-NAME.
        accelerator: "auto" is the CPU, which is fastest here; "gpu" and "mps" work.
        **kwargs: as the Trainer's, except for those that mean nothing for single-sample SGD.

    Attributes:
        run_checkpoints: the callback that keeps the checkpoints; None if there are to be none.
        asked_root: `default_root_dir` as given.
        validation_interval: `val_check_interval` as given; Lightning's own attribute of that name counts batches.

    Raises:
        UserError: an argument that means nothing here.
    """

    callbacks: list[Callback]  # Lightning's

    def __init__(
        self,
        *,
        max_steps: int = -1,
        val_check_interval: int | float | None = 2000,
        pictures: int | Literal["stages", "never"] = "stages",
        run_name: str | None = None,
        accelerator: str | Accelerator = "auto",
        **kwargs: Any,
    ) -> None:
        _refuse(kwargs)
        _require_interval(val_check_interval)
        if pictures not in ("stages", "never") and (isinstance(pictures, str) or pictures < 1):
            raise UserError(f"--trainer.pictures must be 1 step or more, stages or never, not {pictures}")
        given = dict(kwargs)  # a copy: the command line finds Lightning's types only where `kwargs` is passed on
        self.asked_root = Path(given["default_root_dir"]) if given.get("default_root_dir") else None
        barebones = bool(given.get("barebones"))
        dry = barebones or bool(given.get("fast_dev_run"))
        keep = given.get("enable_checkpointing") is not False and not dry
        self.run_checkpoints = RunCheckpoints() if keep else None
        self._stop = StopOnSignal()
        if given.get("logger", True) in (None, True) and not dry:
            kwargs["logger"] = RunLogger(self.asked_root or Path(), name=run_name)
        theirs = _as_list(given.get("callbacks"))
        bar = given.get("enable_progress_bar") is not False and not any(isinstance(c, ProgressBar) for c in theirs)
        kwargs["callbacks"] = [*theirs, *([self._stop] if barebones else self._callbacks(bar, pictures))]
        kwargs["plugins"] = [*_as_list(given.get("plugins")), AtomicCheckpointIO()]
        kwargs["enable_model_summary"] = bool(given.get("enable_model_summary"))
        if not barebones:
            kwargs["num_sanity_val_steps"] = given.get("num_sanity_val_steps") or 0
        accelerator = _accelerator(accelerator)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "GPU available but not used")  # _accelerator has said why
            super().__init__(max_steps=max_steps, max_epochs=-1, accelerator=accelerator, **kwargs)
        self.validation_interval = val_check_interval
        self.check_val_every_n_epoch = None  # a run is one long epoch, and EarlyStopping looks at every validation
        loop = StepLoop(self, self.fit_loop.min_steps, self.fit_loop.max_steps)
        self.fit_loop = StepFitLoop(self, min_epochs=self.fit_loop.min_epochs, max_epochs=self.fit_loop.max_epochs)
        self.fit_loop.epoch_loop = loop
        self._checkpoint_connector = StepCheckpointConnector(self)

    def _callbacks(self, bar: bool, pictures: int | str) -> list[Callback]:
        drawn = None if pictures == "never" else Pictures(pictures if isinstance(pictures, int) else None)
        shown = [StepProgressBar() if bar else None, ConsoleLog(), LetterTable()]
        return [each for each in (*shown, self._stop, self.run_checkpoints, drawn) if each is not None]

    @property
    def clock(self) -> Clock:
        """The clock of the module."""
        module: Any = self.lightning_module
        return module.clock

    @property
    def run_folder(self) -> Path | None:
        """The folder in which the run is kept, once it has begun; None if nothing of it is kept."""
        if self.run_checkpoints is not None and self.run_checkpoints.folder is not None:
            return self.run_checkpoints.folder.parent
        return run_folder.of_logger(self.logger, Path(self.default_root_dir)) if self.logger is not None else None

    @property
    def requested_steps(self) -> int:
        """`max_steps` as given: -1 for the end of the schedule."""
        loop: Any = self.fit_loop.epoch_loop
        return loop.requested_steps

    @_keyboard_interrupts()
    def fit(
        self,
        model: pl.LightningModule,
        train_dataloaders: Any = None,
        val_dataloaders: Any = None,
        datamodule: pl.LightningDataModule | None = None,
        ckpt_path: str | Path | None = None,
        weights_only: bool | None = None,
    ) -> None:
        """Trains a `LettersModule` on the blocks of a `LettersDataModule`.

        Args:
            model: the module.
            train_dataloaders: the data module, if it is not given as `datamodule`.
            val_dataloaders: none.
            datamodule: the data module.
            ckpt_path: a checkpoint to resume from: a file, or "last" or "best" of this trainer's run or, if it has
                none, of the newest run.
            weights_only: ignored: a checkpoint is always read without running code.

        Raises:
            UserError: the run cannot start or be resumed.
            KeyboardInterrupt: Ctrl-C; the run is saved.
            SystemExit: another signal to end; the run is saved.
        """
        super().fit(_plain_module(model), train_dataloaders, val_dataloaders, datamodule, ckpt_path, weights_only)
        if self._stop.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self._stop.received is not None:
            raise SystemExit(128 + self._stop.received)

    validate = _keyboard_interrupts()(pl.Trainer.validate)
    test = _keyboard_interrupts()(pl.Trainer.test)
    predict = _keyboard_interrupts()(pl.Trainer.predict)

    def _run(self, model: Any, ckpt_path: Any = None, weights_only: bool | None = None) -> Any:
        """What `fit`, `validate`, `test` and `predict` have in common."""
        if not isinstance(model, LettersModule):
            raise UserError(
                f"StepTrainer trains a LettersModule, not a {type(model).__name__}: it counts single-sample steps;"
                " use pl.Trainer for other modules"
            )
        if self.state.fn == "fit":
            self._prepare(model, None if ckpt_path is None else Path(ckpt_path))
        return super()._run(model, ckpt_path, weights_only)

    def _prepare(self, model: LettersModule, source: Path | None) -> None:
        """Validates everything before Lightning asks the logger for its folder."""
        data: Any = getattr(self, "datamodule", None)
        if not isinstance(data, LettersDataModule):
            raise UserError(
                "StepTrainer.fit needs a LettersDataModule, as datamodule=...; it makes the blocks of steps"
            )
        check_monitors(self.callbacks)
        data.setup("fit")
        counted = {getattr(callback, "_every_n_train_steps", 0) for callback in self.callbacks}  # of ModelCheckpoint
        model.clock.set_limits(self.requested_steps, self.validation_interval, sorted(counted - {0}))
        if source is None:
            return
        content = checkpoints.load(source)
        averages = any(isinstance(callback, WeightAveraging) for callback in self.callbacks)
        resume.require_resumable(content, len(model.V), model.schedule.total, data.state_dict(), averages)
        folder = run_folder.resumed(source, self.asked_root)
        if folder is not None and isinstance(self.logger, RunLogger) and not self.logger.has_begun:
            state = content["letters_torch"]
            self.logger.resume(folder, state["step"] + (state["validated_at"] == state["step"]))

    def _run_stage(self) -> Any:
        with one_thread_per_operation():
            return super()._run_stage()

    def find_checkpoint(self, which: Literal["last", "best"]) -> Path:
        """The last or the best checkpoint of this trainer's run or, if it has none, of the newest run."""
        kept = self.run_checkpoints
        file = None if kept is None else kept.last if which == "last" else kept.best_model_path
        if file and Path(file).is_file():
            return Path(file)
        return run_folder.find_checkpoint(which, Path(self.default_root_dir))


def _plain_module(model: Any) -> Any:
    """The module itself: what torch.compile would compile, autograd's steps, is not what runs here."""
    if not hasattr(model, "_orig_mod"):  # of torch._dynamo's OptimizedModule, which takes a second to import
        return model
    say("torch.compile changes nothing here: the steps are compiled already")
    return model._orig_mod


def _accelerator(named: Any) -> Any:
    """The CPU for "auto". Prints a line if another device is available or chosen."""
    other = "gpu" if CUDAAccelerator.is_available() else "mps" if MPSAccelerator.is_available() else None
    if named == "auto":
        if other is not None:
            say(f"computing on the CPU, the fastest for single-sample steps; --trainer.accelerator {other} works too")
        return "cpu"
    if named != "cpu" and other is not None:
        say(f"computing on {named}: single-sample steps are slower there than on the CPU")
    return named


def _require_interval(interval: int | float | None) -> None:
    if interval is not None and not interval > 0:
        raise UserError(f"--trainer.val_check_interval must be more than 0, not {interval}")
    if isinstance(interval, float) and interval > 1:
        raise UserError(
            f"--trainer.val_check_interval {interval} is a fraction of the run, so at most 1.0;"
            " give steps as a whole number"
        )


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


# Lightning's arguments in epochs and batches, and their neutral values.
_OF_EPOCHS = {
    "max_epochs": (None, -1),
    "min_epochs": (None,),
    "min_steps": (None,),
    "limit_train_batches": (None, 1.0),
    "overfit_batches": (0.0,),
    "check_val_every_n_epoch": (1, None),
    "reload_dataloaders_every_n_epochs": (0,),
}

# Callbacks that need the batches and the optimizer of a run.
_OF_BATCHES = (
    BaseFinetuning,
    BatchSizeFinder,
    GradientAccumulationScheduler,
    LearningRateFinder,
    ModelPruning,
    SpikeDetection,
    StochasticWeightAveraging,
)


def _refuse(kwargs: dict[str, Any]) -> None:
    """Refuses arguments of Lightning's Trainer that would be ignored or do harm here."""
    for name, harmless in _OF_EPOCHS.items():
        if name in kwargs and kwargs[name] not in harmless:
            raise UserError(
                f"--trainer.{name} {kwargs[name]}: a run is measured in steps, not in epochs;"
                " set --trainer.max_steps or --trainer.val_check_interval"
            )
    kwargs.pop("max_epochs", None)
    one_chain = "single-sample SGD is one chain of steps"
    devices = kwargs.get("devices", "auto")
    if devices == "auto":
        kwargs["devices"] = 1
    elif devices not in (1, "1", -1, "-1") and not (isinstance(devices, list) and len(devices) == 1):
        raise UserError(f"--trainer.devices {devices}: {one_chain}; use 1 device")
    if kwargs.get("num_nodes", 1) != 1:
        raise UserError(f"--trainer.num_nodes {kwargs['num_nodes']}: {one_chain}; use 1 node")
    if str(kwargs.get("precision") or "32-true") not in ("32-true", "64-true", "32", "64"):
        raise UserError(f"--trainer.precision {kwargs['precision']}: updates are exact in 32-true or 64-true only")
    for plugin in _as_list(kwargs.get("plugins")):
        if isinstance(plugin, Precision) and type(plugin) not in (Precision, DoublePrecision):
            name = type(plugin).__name__
            raise UserError(f"--trainer.plugins {name}: updates are exact in 32-true or 64-true only")
    for callback in _as_list(kwargs.get("callbacks")):
        if isinstance(callback, _OF_BATCHES):
            name = type(callback).__name__
            raise UserError(
                f"--trainer.callbacks {name}: it changes an optimizer's batches, and a step here is one single-sample"
                " update; leave it out"
            )
