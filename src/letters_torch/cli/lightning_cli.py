"""Lightning's subcommands and ours of the same kind: `fit|validate|test|predict|report|explain`."""

import logging
import sys
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
from letters_torch.cli.changes import tell_changes
from letters_torch.cli.commands import LIGHTNING
from letters_torch.cli.implied import STARTERS, with_config
from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError
from letters_torch.lightning import run_folder
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.open_run import find_checkpoint
from letters_torch.lightning.trainer import StepTrainer
from letters_torch.reading import result_csv

_PARSING = {"exit_on_error": False, "allow_abbrev": False}


class SaveConfig(SaveConfigCallback):
    """Writes the run's config.yaml when the run starts, so that a run that is refused leaves the old file as it was.

    `ckpt_path` is left out: the file says what the run is, not where one of its sessions was resumed from.
    """

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Nothing; Lightning would write here."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Writes the file."""
        config = self.config.clone()
        config.pop("ckpt_path", None)
        text = self.parser.dump(config, skip_none=False)
        checkpoint.write(Path(trainer.log_dir) / self.config_filename, text.encode())


class CommandTrainer(StepTrainer):
    """A StepTrainer with our own subcommands: LightningCLI finds a subcommand as a method of it."""

    def report(
        self,
        model: Any,
        datamodule: Any,
        ckpt_path: str | None = None,
        output: Path | None = None,
        weights_only: bool | None = None,
    ) -> None:
        """One HTML page of a run: how well it reads, its curves, its mistakes, its settings.

        Args:
            model: the LettersModule.
            datamodule: the LettersDataModule of the run's letters.
            ckpt_path: a checkpoint in the run's folder, or last or best; the newest run's best if none is named.
            output: the file to write; report.html in the run's folder if none is named.
            weights_only: taken, as by `fit`, so that the run's config fits; nothing but weights is ever loaded.
        """
        from letters_torch.pages import command  # with matplotlib, which takes a second to import

        assert ckpt_path is not None
        command.report(self, model, datamodule, Path(ckpt_path), output)

    def explain(
        self,
        model: Any,
        datamodule: Any,
        ckpt_path: str | None = None,
        row: int = 0,
        output: Path | None = None,
        weights_only: bool | None = None,
    ) -> None:
        """One HTML page: a single sample through forward, gradient and update, in numbers, next to autograd's.

        Args:
            model: the LettersModule.
            datamodule: the LettersDataModule.
            ckpt_path: the weights to start from: a checkpoint, or last or best; freshly drawn ones if none is named.
            row: of the validation rows, from 0.
            output: the file to write; explain.html in the current folder if none is named.
            weights_only: taken, as by `fit`, so that a run's config fits; nothing but weights is ever loaded.
        """
        from letters_torch.pages import command

        weights = "freshly drawn weights"
        if ckpt_path is not None:
            content = checkpoint.load(Path(ckpt_path))
            model.load(content)
            datamodule.load_state_dict(content.get("LettersDataModule", {}))
            weights = f"the weights of {Path(ckpt_path).name}"
        command.explanation(model, datamodule, weights, row, output)


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
        """Lightning's four and ours, all methods of the trainer; with what is not for the command line to give."""
        return {**LightningCLI.subcommands(), **{page: {"model", "datamodule"} for page in ("report", "explain")}}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """One seed for everything."""
        parser.link_arguments("seed_everything", "model.seed", compute_fn=_seed)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=_seed)

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        if self._named not in (None, subcommand):
            return self.init_parser(**kwargs)  # stands for a command that was not given: to build all takes long
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand == "predict":
            parser.add_argument("--output", type=str, default="result.csv", help="the file to write")
            parser.add_argument(
                "--pictures",
                type=str,
                nargs="+",
                default=None,
                help="image files or folders of them to read instead of the test set",
            )
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
        self.root = Path(config.trainer.default_root_dir or ".")
        if config.data.path is not None:  # the run's config.yaml must mean the same from any folder
            config.data.path = str(Path(config.data.path).expanduser().absolute())
        needed = config.ckpt_path is not None or self.subcommand not in STARTERS
        self.checkpoint = find_checkpoint(config.ckpt_path, self.root) if needed else None
        config.ckpt_path = None if self.checkpoint is None else str(self.checkpoint)
        self.content = None if self.checkpoint is None else checkpoint.load(self.checkpoint)
        self.resumed: Path | None = None  # the folder of the run that goes on

    def instantiate_trainer(self, **kwargs: Any) -> StepTrainer:
        """With the logger of the run's folder."""
        wanted = self._get(self.config_init, "trainer")
        if self.subcommand != "fit" or wanted.fast_dev_run:
            kwargs["logger"] = False
            self.save_config_callback = None
        elif wanted.logger in (None, True):
            kwargs["logger"] = self._logger()
        trainer = super().instantiate_trainer(**kwargs)
        assert isinstance(trainer, StepTrainer)
        return trainer

    def _logger(self) -> run_folder.RunLogger:
        """A new run, or the one that the checkpoint lies in if it is under the root that is asked for."""
        resumed = None if self.checkpoint is None else run_folder.of_checkpoint(self.checkpoint)
        root = self.config[self.subcommand].trainer.default_root_dir
        if resumed is None or self.content is None or (root and resumed.parent.parent != Path(root).resolve()):
            return run_folder.RunLogger(self.root)
        self.resumed, state = resumed, self.content["letters_torch"]
        return run_folder.RunLogger(self.root, resumed, state["step"] + (state["checked_at"] == state["step"]))

    def before_fit(self) -> None:
        """Does whatever may be refused before a run folder is made or its config overwritten."""
        self.datamodule.setup("fit")
        trainer: Any = self.trainer  # a StepTrainer
        trainer.limit_steps(self.model.schedule.total)
        if self.content is not None:
            self.model.require_width(self.content)
            self.datamodule.require_same_data(self.content["LettersDataModule"])
        if self.resumed is not None:
            tell_changes(self.resumed / "config.yaml", self.config[self.subcommand])

    def after_fit(self) -> None:
        """Ends as a program that was stopped ends, if it was."""
        keeper = getattr(self.trainer, "run_checkpoints", None)
        if keeper is not None and keeper.stopped_by is not None:
            sys.exit(128 + keeper.stopped_by)

    def before_validate(self) -> None:
        """Letters of a run's own file are validation rows only if the run held them out."""
        assert self.content is not None
        self.datamodule.setup("validate")
        self.datamodule.require_same_split(self.content["LettersDataModule"])

    def before_report(self) -> None:
        """A report is about the letters that the run was trained on; on others its figures would mean nothing."""
        assert self.content is not None
        self.datamodule.setup("validate")
        self.datamodule.require_same_data(self.content["LettersDataModule"])

    def before_predict(self) -> None:
        """The pictures, if any were named."""
        named = self.config["predict"].pictures
        self.datamodule.pictures = [Path(name).expanduser() for name in named] if named else None

    def predict(self, **kwargs: Any) -> None:
        """Reads the test set, or the pictures, and writes the file."""
        batches: Any = self.trainer.predict(**kwargs)
        probabilities = torch.cat(batches).float()
        output, files = Path(self.config["predict"].output).expanduser(), None
        if self.datamodule.pictures is not None:
            files = self.datamodule.picture_files
        try:
            result_csv.write(output, probabilities, files)
        except OSError as error:
            raise UserError(
                f"--output {output}: cannot be written ({error.strerror}); name a file in a folder that there is"
            ) from error
        say(f"{output}: {len(probabilities):,} rows, read by {self.checkpoint}")
        if files is not None:
            say(output.read_text().rstrip())


def _seed(value: Any) -> int:
    if isinstance(value, bool) or value is None or value < 0:
        raise UserError(f"--seed_everything must be a number, 0 or more, not {value}")
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
    except (MisconfigurationException, ArgumentError) as error:
        first = _first_cause(error)
        raise UserError(str(first if isinstance(first, UserError) else error)) from error
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
