"""Finds the config that a bare name means: in the current folder, in configs/, in the installed package."""

import json
from pathlib import Path

import yaml

from letters_torch.errors import UserError

_PACKAGE = Path(__file__).parent
# Beside the installed package's modules or, where the package is run from its repository, two folders up.
_SHIPPED = (_PACKAGE / "configs", _PACKAGE.parents[1] / "configs")


def places() -> list[Path]:
    """Where a bare name is looked for, in order."""
    return [Path(), Path("configs"), *_SHIPPED]


def find(name: str) -> Path:
    """The file that `name` means; ".yaml" may be left out of a bare name.

    Raises:
        UserError: there is none; the message lists those that there are.
    """
    given = Path(name).expanduser()
    if given.is_file():
        return given
    if given.name == name:
        for place in places():
            for file in (place / name, place / f"{name}.yaml"):
                if file.is_file():
                    return file
    known = sorted({file.name for place in places()[1:] for file in place.glob("*.yaml")})
    raise UserError(f"--config {name}: no such file; the configs that come with letters_torch are {', '.join(known)}")


def check(path: Path) -> None:
    """Sees to it that a config is a table of settings; whether the settings are right is the parser's to say.

    Raises:
        UserError: it cannot be read, or is no YAML, or no table.
    """
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        json.dumps(settings, default=str)  # fails for a table that contains itself
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"--config {path}{line}: broken YAML ({error.problem})") from error
    except (OSError, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"--config {path}: cannot be read as YAML ({reason})") from error
    if not isinstance(settings, dict):
        raise UserError(f"--config {path}: no settings in it; see the configs that come with letters_torch")
