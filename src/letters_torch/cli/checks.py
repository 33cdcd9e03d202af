"""Finds mistakes before anything heavy is imported: in commands, flags, config keys, values and files.

Lightning's parser and the readers find them too, and more, but only after imports that take seconds.
"""

import difflib
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from letters_torch import archive, config_files
from letters_torch.cli import shorthand, signatures
from letters_torch.cli.parser_errors import must_be
from letters_torch.console import did_you_mean
from letters_torch.errors import UserError
from letters_torch.paths import expanded, printable

# What people try, and what it is here.
_STEPS = "a run is measured in steps: set --trainer.max_steps"
_RATE = "the learning rate is part of model.schedule: --model.schedule '[{steps: 40000, lr: 0.001}]'"
_HINTS = {
    **dict.fromkeys(("lr", "learning_rate", "lr_end", "optimizer", "weight_decay"), _RATE),
    **dict.fromkeys(("steps", "max_steps"), "set --trainer.max_steps, or the steps of each stage in model.schedule"),
    **dict.fromkeys(("epochs", "max_epochs", "num_epochs"), _STEPS),
    **dict.fromkeys(("batch", "batch_size"), "every step uses a single sample; there is no batch size"),
    **dict.fromkeys(("seed", "random_seed"), "set --seed_everything"),
    **dict.fromkeys(("cuda", "device", "gpus"), "set --trainer.accelerator"),
    **dict.fromkeys(("checkpoint", "resume"), "set --ckpt_path last"),
    **dict.fromkeys(("early_stop", "patience"), "set --early_stopping N"),
}


def values(args: list[str]) -> Iterator[tuple[str, str]]:
    """Flags with their values, as typed; a flag with several values comes once for each. `-c` is `--config`."""
    flag = ""
    for arg in args:
        if arg.startswith("--") or arg == "-c":
            flag, equals, value = arg.partition("=")
            flag = "--config" if flag == "-c" else flag
            if equals:
                yield flag, value
                flag = ""
        elif flag:
            yield flag, arg


def first(args: list[str], flag: str) -> str | None:
    """The first value of the last time that a flag is given; None if it is not."""
    at = max((place for place, arg in enumerate(args) if arg.partition("=")[0] == flag), default=len(args))
    return next((value for name, value in values(args[at:]) if name == flag), None)


def check_command(name: str, known: list[str]) -> None:
    """Stops an unknown command.

    Raises:
        UserError: `name` is not among `known`.
    """
    if not name:
        raise UserError(f"no command; use one of {', '.join(known)}, or --help")
    if name not in known:
        hint = did_you_mean(name, known) or f"; the commands are {', '.join(known)}"
        raise UserError(f"unknown command {name!r}{hint}")


def check_arguments(args: list[str]) -> None:
    """Stops unknown flags, unknown keys of a config, and files that do not exist.

    Args:
        args: the name of one of Lightning's subcommands, and its arguments.

    Raises:
        UserError: with the argument, what is wrong with it, and a suggestion.
    """
    command = args[0]
    require_utf8(args)
    if len(args) > 1 and not args[1].startswith("-"):
        raise UserError(f"unknown argument {args[1]}; settings have flags, such as --config {args[1]}")
    for arg in args[1:]:
        if arg.startswith("--"):
            _check_flag(command, arg.partition("=")[0].removesuffix("+"))
    downloads = any(arg.startswith("--data.download") for arg in args)
    for name, value in values(args[1:]):
        if name == "--config":
            file = config_files.find(value)
            check_keys(command, file, config_files.read(file))
        elif name == "--ckpt_path":
            check_checkpoint(value)
        elif name == "--pictures" and not expanded(value, name).exists():
            raise UserError(f"--pictures {value}: no such file or folder")
        elif name == "--data.path" and not downloads:
            check_letters(Path(value))
        else:
            _check_value(command, name, name.removeprefix("--"), value)


def require_utf8(args: list[str]) -> None:
    """Stops an argument that is not UTF-8: pages, YAML and TensorBoard cannot hold it.

    Raises:
        UserError: with the argument.
    """
    for arg in args:
        if printable(arg) != arg:
            raise UserError(f"{printable(arg)}: not UTF-8; rename the file, or name the folder that it is in")


def _check_flag(command: str, flag: str) -> None:
    known = signatures.flags(command)
    if flag in known or any(flag.startswith(f"{name}.") for name in known if "." in name):
        return
    meant = known | set(shorthand.FLAGS) if command == "fit" else known
    raise UserError(f"unknown flag {flag}{_hint(flag, meant) or f'; see {command} --help'}")


def _hint(name: str, known: Collection[str]) -> str:
    """What was probably meant: a known name of the same last part, advice, or a name that is spelled alike."""
    leaf = _leaf(name)
    if leaf in _HINTS:
        return f"; {_HINTS[leaf]}"
    leaves = {_leaf(each): each for each in sorted(known, reverse=True)}
    if leaf in leaves:
        return f"; did you mean {leaves[leaf]}?"
    close = difflib.get_close_matches(leaf, leaves, n=1)  # `--hiden` means `--model.hidden`
    return did_you_mean(name, known) or (f"; did you mean {leaves[close[0]]}?" if close else "")


def _leaf(name: str) -> str:
    return name.removeprefix("--").rpartition(".")[2]


def check_keys(command: str, file: Path, config: dict[str, Any]) -> None:
    """Stops unknown keys of a config, and words in place of numbers.

    Raises:
        UserError: with the key, and a suggestion.
    """
    known = signatures.settings(command).keys()
    sections = {name.partition(".")[0] for name in known}
    for key, value in config.items():
        if key not in sections:
            raise UserError(f"--config {file}: unknown key {key!r}{_hint(str(key), known)}")
        _check_value(command, f"--config {file}: {key}", key, value)
        if key in ("model", "data", "trainer"):
            if not isinstance(value, dict):
                raise UserError(f"--config {file}: {key} must be a table of settings; leave an empty one out")
            for name, setting in value.items():
                if setting is None and key == "trainer" and name in config_files.NO_LONGER_OFFERED:
                    continue
                if f"{key}.{name}" not in known:
                    raise UserError(f"--config {file}: unknown key {key}.{name}{_hint(f'{key}.{name}', known)}")
                _check_value(command, f"--config {file}: {key}.{name}", f"{key}.{name}", setting)


def _check_value(command: str, where: str, setting: str, value: Any) -> None:
    """Stops a word where a number is expected, or where it is none of a few. The rest is left to the parser."""
    kinds = signatures.settings(command).get(setting)
    if not isinstance(value, str) or not kinds or str in kinds or value in kinds or _is_no_word(value):
        return
    choices = [kind for kind in kinds if isinstance(kind, str)]
    names = [kind.__name__ for kind in kinds if isinstance(kind, type)]
    raise UserError(f"{where} {value}: {must_be(names, choices)}{did_you_mean(value, choices)}")


def _is_no_word(value: str) -> bool:
    """Whether a parser may take the text for a number, true, null, or something with brackets."""
    try:
        return not isinstance(yaml.safe_load(value), str) or math.isfinite(float(value))
    except (yaml.YAMLError, ValueError):
        return False


def check_checkpoint(value: str | None) -> None:
    """Stops a checkpoint that does not exist or is damaged.

    Args:
        value: a file; "last", "best" and None are not looked at.

    Raises:
        UserError: with a suggestion.
    """
    if value in (None, "last", "best"):
        return
    file = expanded(value, "--ckpt_path")
    if not file.exists():
        hint = did_you_mean(value, ("last", "best")) if Path(value).name == value else ""
        raise UserError(f"--ckpt_path {value}: no such file{hint or '; name a checkpoint, last or best'}")
    if file.is_dir():
        last = file / "checkpoints/last.ckpt"
        raise UserError(f"--ckpt_path {value}: a folder; name a file{f', such as {last}' if last.is_file() else ''}")
    archive.require_intact(file)


def check_letters(path: Path | None) -> None:
    """Stops a path at which there is nothing, or a file that holds no letters.

    Raises:
        UserError: with what is accepted.
    """
    if path is None:
        return
    file = expanded(path, "--data.path")
    if not file.exists():
        raise UserError(f"--data.path {path}: no such file or folder")
    if not file.is_dir():
        from letters_torch.data.sources import kind_of  # imports NumPy

        kind_of(file)
