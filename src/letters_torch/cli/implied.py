"""Completes the arguments: bare config names become files, and a checkpoint implies the config of its run."""

from itertools import pairwise
from pathlib import Path

from letters_torch import config_files, run_folder
from letters_torch.cli.checks import check_keys, first
from letters_torch.console import say
from letters_torch.paths import expanded

STARTERS = ("fit", "explain")  # need no checkpoint
DEFAULT_CONFIG = "kaggle.yaml"


def with_config(args: list[str]) -> list[str]:
    """Replaces bare config names by files; without any, adds the config of the checkpoint's run, or the default one.

    Args:
        args: the name of one of Lightning's subcommands, and its arguments.

    Raises:
        UserError: a config does not exist, or there is no run whose checkpoint is meant.
    """
    result, found = [args[0]], False
    for before, arg in pairwise(args):
        if before in ("--config", "-c"):
            arg, found = str(config_files.find(arg)), True
        elif arg.startswith("--config="):
            arg, found = f"--config={config_files.find(arg.removeprefix('--config='))}", True
        result.append(arg)
    if found or "--help" in args:
        return result
    return [result[0], *_implied(result), *result[1:]]


def _implied(args: list[str]) -> list[str]:
    """The config of the checkpoint's run, wherever the run is now; without a checkpoint, the default config."""
    named, root = first(args, "--ckpt_path"), first(args, "--trainer.default_root_dir")
    run: Path | None = None
    if named in ("last", "best") or (not named and args[0] not in STARTERS):
        folder = expanded(root or ".", "--trainer.default_root_dir")
        run = run_folder.find_checkpoint("last" if named == "last" else "best", folder).parent.parent
    elif named:
        run = run_folder.of_checkpoint(expanded(named, "--ckpt_path"))
    if run is not None and not (run / "config.yaml").is_file():
        run = None
    file = config_files.find(DEFAULT_CONFIG) if run is None else run / "config.yaml"
    if not any(arg.startswith("--print_config") for arg in args):  # its output is for a file
        say(f"config: {file}")
    root_flag = [] if run is None else ["--trainer.default_root_dir", str(run.parent.parent)]
    check_keys(args[0], file, config_files.read(file))
    return ["--config", str(file), *root_flag]
