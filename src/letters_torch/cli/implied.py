"""Completes the arguments: bare config names become files, and a checkpoint implies the config of its run."""

from pathlib import Path

from letters_torch import config_files
from letters_torch.cli.commands import LIGHTNING
from letters_torch.console import say
from letters_torch.lightning import run_folder

STARTERS = ("fit", "explain")  # need no checkpoint
DEFAULT_CONFIG = "kaggle.yaml"


def with_config(args: list[str]) -> list[str]:
    """Puts files for bare config names; with none, the run's own config or the default one."""
    result, found = [], False
    for before, arg in zip(["", *args], args, strict=False):
        if before in ("--config", "-c"):
            arg, found = _config(arg), True
        elif arg.startswith("--config="):
            arg, found = "--config=" + _config(arg.removeprefix("--config=")), True
        result.append(arg)
    if found or not args or args[0] not in LIGHTNING or {"-h", "--help"} & set(args):
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
