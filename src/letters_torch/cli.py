"""The command line: `python -m letters_torch fit|validate|test|predict|report|explain`."""

import gc
import logging
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentError, Namespace
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from letters_torch import checkpoint, config_files
from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError
from letters_torch.lightning import run_folder
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from letters_torch.reading import result_csv as submission

COMMANDS = ("fit", "validate", "test", "predict", "report", "explain")
STARTERS = ("fit", "explain")  # which need no checkpoint
DEFAULT_CONFIG = "kaggle.yaml"
_PARSING = {"exit_on_error": False, "allow_abbrev": False}


class SaveConfig(SaveConfigCallback):
    """Writes the run's config.yaml: only when the run does start, so that one refused leaves the old file; whole."""

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Nothing yet, where Lightning writes."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Writes the file."""
        text = self.parser.dump(self.config, skip_none=False)
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
        self._named = next((arg for arg in args[:1] if arg in COMMANDS), None)
        super().__init__(
            LettersModule,
            LettersDataModule,
            trainer_class=CommandTrainer,
            seed_everything_default=0,
            save_config_callback=SaveConfig,
            auto_configure_optimizers=False,
            parser_kwargs={**_PARSING, **{command: dict(_PARSING) for command in COMMANDS}},
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
        self.checkpoint = _checkpoint(config.ckpt_path, self.root, needed=self.subcommand not in STARTERS)
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
            _tell_changes(self.resumed / "config.yaml", self.config[self.subcommand])

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
            submission.write(output, probabilities, files)
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


def _checkpoint(given: str | None, root: Path, needed: bool) -> Path | None:
    """The checkpoint that is meant: a path, "last" or "best" of the newest run under `root`; its best by default."""
    if given not in (None, "last", "best"):
        return Path(str(given)).expanduser()
    if given is None and not needed:
        return None
    folder = run_folder.newest(root)
    found = sorted((folder / "checkpoints").glob("last.ckpt" if given == "last" else "best-*.ckpt")) if folder else []
    if not found:
        raise UserError(
            f"no run with a {given or 'best'} checkpoint under {root / run_folder.RUNS}; train one with"
            " `python -m letters_torch fit`, or name a file with --ckpt_path"
        )
    newest = max(found, key=lambda file: file.stat().st_mtime)
    say(f"checkpoint: {newest}")
    return newest


def _tell_changes(saved: Path, config: Namespace) -> None:
    """Says what a resumed run does otherwise than before; what is given now wins, where it is not refused."""
    before = yaml.safe_load(saved.read_text(encoding="utf-8"))
    if not isinstance(before, dict):
        return
    now = yaml.safe_load(yaml.safe_dump(_plain(config)))
    for section in ("seed_everything", "model", "data", "trainer"):
        for name, old, new in _differences(before.get(section), now.get(section), section):
            if name == "trainer.default_root_dir":  # the same folder, or the run would not go on in it
                continue
            say(f"changed since the checkpoint: {name} is {new}, was {old}")


def _plain(value: Any) -> Any:
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def _differences(before: Any, now: Any, name: str) -> list[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        shared = [key for key in before if key in now]
        return [row for key in shared for row in _differences(before[key], now[key], f"{name}.{key}")]
    return [] if before == now else [(name, before, now)]


def _with_config(args: list[str]) -> list[str]:
    """Puts files for bare config names; with none, the run's own config or the default one."""
    result, found = [], False
    for before, arg in zip(["", *args], args, strict=False):
        if before in ("--config", "-c"):
            arg, found = _config(arg), True
        elif arg.startswith("--config="):
            arg, found = "--config=" + _config(arg.removeprefix("--config=")), True
        result.append(arg)
    if found or not args or args[0] not in COMMANDS or {"-h", "--help"} & set(args):
        return result
    return [result[0], *_implied_config(result), *result[1:]]


def _config(name: str) -> str:
    file = config_files.find(name)
    config_files.check(file)
    return str(file)


def _implied_config(args: list[str]) -> list[str]:
    """What the checkpoint's run was started with, wherever it lies now; without a checkpoint, the default config."""
    values = {"--ckpt_path": "", "--trainer.default_root_dir": "."}
    for before, arg in zip(["", *args], args, strict=False):
        name, equals, value = arg.partition("=")
        if before in values:
            values[before] = arg
        elif equals and name in values:
            values[name] = value
    named, root = values["--ckpt_path"], Path(values["--trainer.default_root_dir"])
    if named in ("last", "best") or (not named and args[0] not in STARTERS):
        run = run_folder.newest(root)
    else:
        run = run_folder.of_checkpoint(Path(named)) if named else None
    inherited = run is not None and (run / "config.yaml").is_file()
    file = run / "config.yaml" if run is not None and inherited else config_files.find(DEFAULT_CONFIG)
    if not any(arg.startswith("--print_config") for arg in args):  # what that prints is for a file
        say(f"config: {file}")
    root_flag = ["--trainer.default_root_dir", str(run.parent.parent)] if run is not None and inherited else []
    return ["--config", _config(str(file)), *root_flag]


def main(args: list[str] | None = None) -> None:
    """Runs a command. A user's mistake ends it with one line on stderr and exit code 2."""
    if not gc.isenabled():  # by the package's __init__, for a program's start
        gc.freeze()  # the imports' objects stay to the end, where to look through them for garbage takes a second
        gc.enable()
    args = sys.argv[1:] if args is None else args
    if not any(arg.startswith("--trainer.profiler") for arg in args):  # whose table is one of those messages
        _quiet()
    before, threading.excepthook = threading.excepthook, _report_thread
    try:
        LettersCLI(_with_config(args))
    except (UserError, MisconfigurationException, ArgumentError) as error:
        first = _first_cause(error)
        _fail(str(first if isinstance(first, UserError) else error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that may not be written
        _fail(f"{error.filename or 'cannot read or write'}: {error.strerror or error}")
    finally:
        threading.excepthook = before


def _first_cause(error: BaseException) -> BaseException:
    """The error that began it: parsers wrap it in words of their own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _report_thread(error: threading.ExceptHookArgs) -> None:
    """TensorBoard's writer, which is a thread: what stops it reaches the run with its next point, and is told then."""
    logging.getLogger(__name__).info("a thread stopped", exc_info=error.exc_value)


def _fail(message: str) -> None:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    print("error: " + " ".join(lines), file=sys.stderr)
    sys.exit(2)


def _quiet() -> None:
    """Lightning tells of loaders' workers, of GPUs and of tips: nothing that a run here is about.

    TensorBoard's reader warns that it drops what a resumed run had logged beyond the step that it went on from: it is
    meant to.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
