"""Lightning's subcommands and ours of the same kind: `fit|validate|test|predict|report|explain`."""

import logging
import threading
import warnings
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentError

import letters_torch.lightning  # noqa: F401  isort: skip  # installs the torchvision guard
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from letters_torch import checkpoint
from letters_torch.cli import signatures
from letters_torch.cli.changes import tell_changes
from letters_torch.cli.command_trainer import CommandTrainer
from letters_torch.cli.commands import LIGHTNING
from letters_torch.cli.implied import STARTERS, with_config
from letters_torch.cli.parser_errors import shortened
from letters_torch.config_files import expanded
from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.open_run import find_checkpoint
from letters_torch.lightning.trainer import StepTrainer
from letters_torch.reading import result_csv
from letters_torch.reading.predictions import Predictions

DEFAULTS = {"output": "result.csv"}
_PARSING = {"exit_on_error": False, "allow_abbrev": False}


class SaveConfig(SaveConfigCallback):
    """Writes the run's config.yaml when the run starts, so that a run that is refused leaves the old file as it was.

    `ckpt_path` is left out: the file says what the run is, not where one of its sessions was resumed from.
    """

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Nothing; Lightning would write here."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Says what a resumed run changes, and writes the file."""
        if trainer.run_folder is None:
            return
        file = trainer.run_folder / self.config_filename
        if file.is_file():
            tell_changes(file, self.config)
        config = self.config.clone()
        config.pop("ckpt_path", None)
        checkpoint.write(file, self.parser.dump(config, skip_none=False).encode())


class LettersCLI(LightningCLI):
    """Lightning's command line, with run folders that are found again and settings that are never dropped unsaid."""

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

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """One seed for everything."""
        parser.link_arguments("seed_everything", "model.seed", compute_fn=_seed)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=_seed)

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The trainer's, model's and data module's arguments, without those of Lightning that are always refused."""
        options: dict[str, Any] = {"fail_untyped": False, "sub_configs": True}
        skip = set(signatures.NOT_OFFERED)
        parser.add_class_arguments(CommandTrainer, "trainer", skip=skip, instantiate=False, **options)
        parser.add_class_arguments(LettersModule, "model", **options)
        parser.add_class_arguments(LettersDataModule, "data", **options)

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        if self._named not in (None, subcommand):
            return self.init_parser(**kwargs)  # stands for a command that was not given: to build all takes long
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        for name, text in signatures.EXTRA.get(subcommand, {}).items():
            several: dict[str, Any] = {"nargs": "+"} if name == "pictures" else {}
            parser.add_argument(f"--{name}", type=str, default=DEFAULTS.get(name), help=text, **several)
        return parser

    def _parse_ckpt_path(self) -> None:
        """Lightning would let the checkpoint's settings win over the command line. Here they never do."""

    def instantiate_classes(self) -> None:
        """Builds what the settings describe.

        Raises:
            UserError: something that is built from them, such as a stage, an augmentation or Lightning's accelerator,
                refuses a setting.
        """
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, ImportError) as error:
            raise UserError(f"a setting cannot be used: {_first_cause(error)}") from error

    def before_instantiate_classes(self) -> None:
        """Settles the checkpoint, the run folder and the paths before anything is built."""
        config = self.config[self.subcommand]
        if config.trainer is None or config.data is None or config.model is None:
            raise UserError("--config: trainer, model and data are sections of settings; leave an empty one out")
        root = config.trainer.default_root_dir
        if root is not None:
            config.trainer.default_root_dir = str(expanded(Path(root), "--trainer.default_root_dir"))
        self.root = Path(config.trainer.default_root_dir or ".")
        if config.data.path is not None:  # the run's config.yaml must mean the same from any folder
            config.data.path = str(expanded(Path(config.data.path), "--data.path").absolute())
        needed = config.ckpt_path is not None or self.subcommand not in STARTERS
        self.checkpoint = find_checkpoint(config.ckpt_path, self.root) if needed else None
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
        """The pictures, if any were named."""
        named = self.config["predict"].pictures
        self.datamodule.pictures = [expanded(Path(name), "--pictures") for name in named] if named else None

    def predict(self, **kwargs: Any) -> None:
        """Reads the test set, or the pictures, and writes the file."""
        batches: Any = self.trainer.predict(**kwargs)
        found = Predictions(torch.cat(batches).float().numpy())
        output, files = expanded(Path(self.config["predict"].output), "--output"), None
        if self.datamodule.pictures is not None:
            files = self.datamodule.picture_files
        try:
            result_csv.write(output, found, files)
        except OSError as error:
            raise UserError(
                f"--output {output}: cannot be written ({error.strerror}); name a file in a folder that there is"
            ) from error
        say(f"{output}: {len(found):,} rows, read by {self.checkpoint}")
        if files is not None:
            say(output.read_text().rstrip())


def _seed(value: Any) -> int:
    if isinstance(value, bool) or value is None or not 0 <= value < 2**32:
        raise UserError(f"--seed_everything must be a whole number from 0 to {2**32 - 1}, not {value}")
    return int(value)


def run(args: list[str]) -> None:
    """Runs one of Lightning's subcommands.

    Args:
        args: the command's name and its arguments.

    Raises:
        UserError: a mistake of the user's, in whatever Lightning or jsonargparse says of it.
    """
    if not any(arg.startswith("--trainer.profiler") for arg in args):  # whose table is one of those messages
        _quiet()
    before, threading.excepthook = threading.excepthook, _report_thread
    try:
        LettersCLI(with_config(args))
    except ArgumentError as error:
        first = _first_cause(error)
        raise UserError(str(first) if isinstance(first, UserError) else shortened(str(error))) from error
    except MisconfigurationException as error:
        raise UserError(str(error)) from error
    finally:
        threading.excepthook = before


def _first_cause(error: BaseException) -> BaseException:
    """The error at the start of the chain: parsers wrap it in their own words."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _report_thread(error: threading.ExceptHookArgs) -> None:
    """Logs what stops TensorBoard's writer, which is a thread: the run meets the error with its next point."""
    logging.getLogger(__name__).info("a thread stopped", exc_info=error.exc_value)


def _quiet() -> None:
    """Silences Lightning's messages about data loader workers, GPUs and tips, which do not apply here.

    TensorBoard's reader warns when it drops points that a run logged beyond the step it was resumed from; that is
    intended.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
