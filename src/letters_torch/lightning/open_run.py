"""Opens a run: finds a checkpoint, and builds the network and the data module that it was trained with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from letters_torch import checkpoint, config_files
from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError
from letters_torch.lightning import run_folder
from letters_torch.lightning.module import LettersModule
from letters_torch.paths import expanded


@dataclass(frozen=True)
class OpenedRun:
    """A checkpoint and what belongs to it.

    Attributes:
        checkpoint: the file.
        folder: of the run; the checkpoint is in its checkpoints/.
        config: the settings of the run, as in its config.yaml.
        content: of the checkpoint, as `checkpoint.load` returns it.
        module: with the checkpoint's weights, on the CPU.
        data: not set up yet; it standardises with the checkpoint's statistics.
    """

    checkpoint: Path
    folder: Path
    config: dict[str, Any]
    content: dict[str, Any]
    module: LettersModule
    data: LettersDataModule


def find_checkpoint(named: str | Path | None, root: Path = Path()) -> Path:
    """The checkpoint that is meant, and a line that names it.

    Args:
        named: a file; "last" or "best" of the newest run; None for "best".
        root: the folder that holds lightning_logs.

    Raises:
        UserError: there is no run with such a checkpoint.
    """
    if named is None or named in ("last", "best"):
        file = run_folder.find_checkpoint("last" if named == "last" else "best", root)
    else:
        file = expanded(named, "--ckpt_path")
    say(f"checkpoint: {file}")
    return file


def open_run(named: str | Path | None = None, root: Path = Path(), **data: Any) -> OpenedRun:
    """Opens the run that a checkpoint belongs to.

    Args:
        named: as for `find_checkpoint`.
        root: as for `find_checkpoint`.
        **data: settings of the data module that replace those of the run, such as `path`.

    Raises:
        UserError: no such checkpoint; a damaged one; one outside a run folder; or settings that cannot be used.
    """
    file = find_checkpoint(named, root)
    content = checkpoint.load(file)
    folder = run_folder.of_checkpoint(file)
    if folder is None:
        raise UserError(f"--ckpt_path {file}: not in the checkpoints/ of a run folder with its config.yaml")
    config = read_config(folder)
    module, data_module = _build(folder / "config.yaml", config, data)
    module.load(content)
    data_module.load_state_dict(content["LettersDataModule"])
    return OpenedRun(file, folder, config, content, module, data_module)


def read_config(folder: Path) -> dict[str, Any]:
    """The settings of a run.

    Raises:
        UserError: its config.yaml cannot be read as a table of settings.
    """
    return config_files.read(folder / "config.yaml", flag="")


def _build(file: Path, config: dict[str, Any], data: dict[str, Any]) -> tuple[LettersModule, LettersDataModule]:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(LettersModule, "model")
    parser.add_class_arguments(LettersDataModule, "data")
    seed = {"seed": config.get("seed_everything", 0)}
    sections = {"model": {**config.get("model", {}), **seed}, "data": {**config.get("data", {}), **seed, **data}}
    try:
        built = parser.instantiate_classes(parser.parse_object(sections))
    except (ArgumentError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{file}: settings that cannot be used ({reason})") from error
    return built.model, built.data
