"""The flags of Lightning's subcommands, read from source text: nothing is imported, so a wrong flag is told at once."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from letters_torch.config_files import NOT_OFFERED

_PACKAGE = Path(__file__).parents[1]

# Flags of the parser itself, and of `LettersCLI`.
_COMMON = ("-h", "--help", "--help-all", "-c", "--config", "--print_config", "--seed_everything")
_SECTIONS = {
    "model": (_PACKAGE / "lightning/module.py", "LettersModule"),
    "data": (_PACKAGE / "data/datamodule.py", "LettersDataModule"),
    "trainer": (_PACKAGE / "lightning/trainer.py", "StepTrainer"),
}
_COMMANDS = Path(__file__).with_name("command_trainer.py"), "CommandTrainer"
# Linked to --seed_everything, or no settings.
_NOT_GIVEN = {"model", "datamodule", "model.seed", "data.seed"}


@cache
def flags(command: str) -> frozenset[str]:
    """The flags of a subcommand, such as `--model.hidden`. Settings of nested classes are not among them."""
    found = {*_COMMON, *(f"--{name}" for name in settings(command)), *(f"--{name}" for name in _SECTIONS)}
    return frozenset(found)


@cache
def settings(command: str) -> frozenset[str]:
    """The keys of a subcommand's config: `seed_everything`, `model.hidden`, ..."""
    found = {f"{section}.{name}" for section, where in _SECTIONS.items() for name in _parameters(*where)}
    found |= {f"trainer.{name}" for name in _parameters(_lightnings_trainer(), "Trainer")}
    found |= {"seed_everything", *_parameters(*_COMMANDS, command), *EXTRA.get(command, {})}
    return frozenset(found - _NOT_GIVEN - {f"trainer.{name}" for name in NOT_OFFERED})


# Flags that LettersCLI adds to a subcommand, with their help.
EXTRA: dict[str, dict[str, str]] = {
    "predict": {
        "output": "the file to write; result.csv by default",
        "top": "how many letters to list for each row, the most probable first; 1 by default",
        "pictures": "image files or folders of them to read instead of the test rows",
    },
}


def _lightnings_trainer() -> Path:
    package = find_spec("pytorch_lightning")  # finds it without an import
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("trainer") / "trainer.py"


def _parameters(file: Path, class_name: str, function: str = "__init__") -> list[str]:
    """The parameters of a method, without `self`, `*args` and `**kwargs`."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    method = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == function)
    return [argument.arg for argument in (*method.args.args[1:], *method.args.kwonlyargs)]
