"""Lightning's subcommands and ours of the same kind: `fit|validate|test|predict|report|explain`."""

import logging
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentError

import letters_torch._torchvision_guard  # noqa: F401  isort: skip
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from letters_torch import checkpoint, files
from letters_torch.cli import signatures
from letters_torch.cli.changes import tell_changes
from letters_torch.cli.command_trainer import CommandTrainer
from letters_torch.cli.commands import LIGHTNING
from letters_torch.cli.implied import STARTERS
from letters_torch.cli.parser_errors import shortened
from letters_torch.cli.shorthand import join_checkpoints
from letters_torch.console import PROGRAM, say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError, first_cause
from letters_torch.letters import CLASSES
from letters_torch.lightning.arguments import add_settings
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from letters_torch.paths import expanded, output_errors, printable
from letters_torch.reading import result_csv
from letters_torch.reading.predictions import Predictions
from letters_torch.reading.reader import load
from letters_torch.run_folder import named_checkpoint

_PARSING = {"exit_on_error": False, "allow_abbrev": False, "prog": PROGRAM}


class SaveConfig(SaveConfigCallback):
    """Writes the run's config.yaml when the run starts, so that a run that is refused leaves the old file as it was.

    `ckpt_path` is left out: the file says what the run is, not where one of its sessions was resumed from.
    """

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Does nothing; Lightning would write here."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Says what a resumed run changes, and writes the file."""
        if trainer.run_folder is None:
            return
        file = trainer.run_folder / self.config_filename
        if file.is_file():
            tell_changes(file, self.config)
        config = self.config.clone()
        config.pop("ckpt_path", None)
        text = self.parser.dump(config, skip_none=False)
        checkpoint.write(file, text.encode("utf-8", "backslashreplace"))


class LettersCLI(LightningCLI):
    """Lightning's command line, which finds earlier runs and refuses settings that it would ignore."""

    def __init__(self, args: list[str]) -> None:
        self._named = next((arg for arg in args[:1] if arg in LIGHTNING), None)
        super().__init__(
            LettersModule,
            LettersDataModule,
            trainer_class=CommandTrainer,
            seed_everything_default=0,
            save_config_callback=SaveConfig,
            auto_configure_optimizers=False,
            parser_kwargs={**_PARSING, **{command: dict(_PARSING) for command in LIGHTNING}},
            args=args,
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The methods of the trainer, each with the arguments that the command line does not set."""
        return {command: {"model", "datamodule"} for command in LIGHTNING}

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The trainer's, module's and data module's arguments, without those of Lightning that are always refused."""
        add_settings(parser, CommandTrainer)

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        if self._named not in (None, subcommand):
            return self.init_parser(**kwargs)  # of a command that was not given: building all of them takes long
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        for name, options in signatures.EXTRA.get(subcommand, {}).items():
            parser.add_argument(f"--{name}", **options)
        return parser

    def _parse_ckpt_path(self) -> None:
        """Does nothing: Lightning would let the checkpoint's settings replace those of the command line."""

    def instantiate_classes(self) -> None:
        """Builds what the settings describe.

        Raises:
            UserError: something that is built from them, such as a stage, an augmentation or Lightning's accelerator,
                refuses a setting.
        """
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, ImportError, RuntimeError) as error:
            raise UserError(f"a setting cannot be used: {first_cause(error)}") from error

    def before_instantiate_classes(self) -> None:
        """Resolves the checkpoint, the run folder and the paths before anything is built."""
        config = self.config[self.subcommand]
        root = config.trainer.default_root_dir
        if root is not None:
            config.trainer.default_root_dir = str(expanded(root, "--trainer.default_root_dir"))
        self.root = Path(config.trainer.default_root_dir or ".")
        config.trainer.callbacks = _without_replaced(config.trainer.callbacks)
        if config.data.path is not None:  # the run's config.yaml must mean the same from any folder
            config.data.path = str(expanded(config.data.path, "--data.path").absolute())
        named = config.ckpt_path if isinstance(config.ckpt_path, list) else [config.ckpt_path]
        needed = named != [None] or self.subcommand not in STARTERS
        self.checkpoints = [named_checkpoint(each, self.root) for each in named] if needed else []
        self.checkpoint = self.checkpoints[0] if self.checkpoints else None
        config.ckpt_path = None if self.checkpoint is None else str(self.checkpoint)
        self.content = None if self.checkpoint is None else checkpoint.load(self.checkpoint)

    def instantiate_trainer(self, **kwargs: Any) -> StepTrainer:
        """With a logger in a fit only."""
        if self.subcommand != "fit" or self._get(self.config_init, "trainer").fast_dev_run:
            kwargs["logger"] = False
            self.save_config_callback = None
        trainer = super().instantiate_trainer(**kwargs)
        assert isinstance(trainer, StepTrainer)
        return trainer

    def before_predict(self) -> None:
        """Validates the options of `predict` before it reads anything.

        Raises:
            UserError: --top is not 1 to 26, or --output cannot be written.
        """
        config = self.config["predict"]
        if not 1 <= config.top <= CLASSES:
            raise UserError(f"--top must be 1 to {CLASSES}, not {config.top}")
        self.output = expanded(config.output, "--output")
        with output_errors(self.output):
            files.require_replaceable(self.output)
        named = config.pictures
        self.datamodule.pictures = [expanded(name, "--pictures") for name in named] if named else None

    def predict(self, **kwargs: Any) -> None:
        """Reads the test rows or the pictures, and writes the file.

        Raises:
            UserError: the file cannot be written.
        """
        if len(self.checkpoints) > 1:
            found = self._average()
        else:
            batches: Any = self.trainer.predict(**kwargs)
            found = Predictions(torch.cat(batches).float().numpy())
        pictures, top = self.datamodule.pictures and self.datamodule.picture_files, self.config["predict"].top
        with output_errors(self.output):
            result_csv.write(self.output, found, pictures, top)
        read_by = ", ".join(map(printable, self.checkpoints))
        say(f"{printable(self.output)}: {len(found):,} rows, read by {read_by}")
        if pictures:
            say(_predicted(found, pictures, top))
            self._end_pictures(found, read_by)

    def _end_pictures(self, found: Predictions, read_by: str) -> None:
        """Writes the page about the pictures; ends the command with 1 if one of them could not be read."""
        from letters_torch.pages import pictures as pictures_page

        read = self.datamodule.pictures_read
        file = self.output.with_name(f"{self.output.stem}-pictures.html")
        with output_errors(file):
            files.write(file, pictures_page.document(read, found, read_by).encode())
        say(f"page: {printable(file)}")
        if read.failed:
            print(f"{len(read.failed)} of the files could not be read:", file=sys.stderr)
            print(*(reason for _, reason in read.failed), sep="\n", file=sys.stderr)
            sys.exit(1)

    def _average(self) -> Predictions:
        """The predictions of several checkpoints, each with the preprocessing of its own run."""
        scalings = {checkpoint.load(file)["LettersDataModule"]["scaling"] for file in self.checkpoints}
        if "pixel_each_set" in scalings and not self.datamodule.pictures:
            raise UserError(
                "--ckpt_path: runs with data.scaling pixel_each_set cannot be averaged; name one checkpoint"
            )
        reader = load(*self.checkpoints)
        self.datamodule.setup("predict")
        return reader.read(self.datamodule.test.images)


def _predicted(found: Predictions, pictures: Sequence[Path], top: int) -> str:
    """A line for each picture: `photo.jpg  N  52.1%  Q 30.0%  unsure`."""
    width = max(len(printable(file)) for file in pictures)
    lines = []
    for file, letters, unsure in zip(pictures, found.top(top), found.unsure, strict=True):
        shown = "  ".join(f"{letter} {probability:6.1%}" for letter, probability in letters)
        lines.append(f"{printable(file):{width}}  {shown}{'  unsure' if unsure else ''}")
    return "\n".join(lines)


def _without_replaced(callbacks: Any) -> Any:
    """Without an EarlyStopping of the run's config that the command line replaces by another for the same metric."""
    if not isinstance(callbacks, list):
        return callbacks
    last: dict[str, Any] = {}
    for each in callbacks:
        if str(each.class_path).endswith("EarlyStopping"):
            last[each.init_args.monitor] = each
    return [
        each
        for each in callbacks
        if not str(each.class_path).endswith("EarlyStopping") or last[each.init_args.monitor] is each
    ]


def run(args: list[str]) -> None:
    """Runs one of Lightning's subcommands.

    Args:
        args: the command's name and its arguments.

    Raises:
        UserError: a mistake of the user's, including those that Lightning or jsonargparse reports.
    """
    _quiet(any(arg.startswith("--trainer.profiler") for arg in args))
    before, threading.excepthook = threading.excepthook, _report_thread
    try:
        LettersCLI(join_checkpoints(args))
    except ArgumentError as error:
        cause = first_cause(error)
        raise UserError(str(cause) if isinstance(cause, UserError) else shortened(str(error))) from error
    except MisconfigurationException as error:
        raise UserError(str(error)) from error
    finally:
        threading.excepthook = before


def _report_thread(error: threading.ExceptHookArgs) -> None:
    """Logs an error in TensorBoard's writer, which is a thread; its next point raises the error in the run."""
    logging.getLogger(__name__).info("a thread stopped", exc_info=error.exc_value)


def _quiet(profiles: bool) -> None:
    """Silences Lightning's messages about data loader workers, GPUs and tips, which do not apply here.

    A profiler's table is one of the messages.

    TensorBoard's reader warns when it drops points that a run logged beyond the step it was resumed from; that is
    intended.
    """
    for name in () if profiles else ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
