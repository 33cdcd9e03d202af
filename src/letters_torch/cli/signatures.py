"""The flags of Lightning's subcommands, read from source text: nothing is imported, so a wrong flag is told at once."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import NoneType
from typing import Any

from letters_torch.config_files import NOT_OFFERED

_PACKAGE = Path(__file__).parents[1]

# Flags of the parser itself, and of `LettersCLI`.
_COMMON = ("-h", "--help", "--help-all", "-c", "--config", "--print_config", "--seed_everything")
_TYPES = {"int": int, "float": float, "bool": bool, "str": str, "None": NoneType}

# What a setting may be: types, and strings that stand for themselves, as in `int | Literal["all"]`.
Kinds = tuple[type | str, ...]


@cache
def flags(command: str) -> frozenset[str]:
    """The flags of a subcommand, such as `--model.hidden`. Settings of nested classes are not among them."""
    return frozenset({*_COMMON, *(f"--{name}" for name in settings(command)), "--model", "--data", "--trainer"})


@cache
def settings(command: str) -> dict[str, Kinds | None]:
    """The keys of a subcommand's config, `seed_everything`, `model.hidden`, ..., and what each may be.

    None stands for an annotation with other types than the plain ones.
    """
    modules = _PACKAGE / "lightning/module.py", _PACKAGE / "data/datamodule.py"
    theirs = _parameters(_lightnings_trainer(), "Trainer")
    trainer = {name: kinds for name, kinds in theirs.items() if name not in NOT_OFFERED}
    trainer |= _parameters(_PACKAGE / "lightning/trainer.py", "StepTrainer")
    commands = Path(__file__).with_name("command_trainer.py")
    sections = {
        "model": _parameters(modules[0], "LettersModule"),
        "data": _parameters(modules[1], "LettersDataModule"),
        "trainer": trainer | _parameters(commands, "CommandTrainer"),
    }
    found = {f"{section}.{name}": kinds for section, own in sections.items() for name, kinds in own.items()}
    found |= {"seed_everything": (int, bool), **_parameters(commands, "CommandTrainer", command)}
    found |= dict.fromkeys(EXTRA.get(command, {}))
    # Linked to --seed_everything, or no settings.
    return {name: found[name] for name in found.keys() - {"model", "datamodule", "model.seed", "data.seed"}}


# Flags that LettersCLI adds to a subcommand, as `add_argument` takes them.
EXTRA: dict[str, dict[str, dict[str, Any]]] = {
    "predict": {
        "output": {"type": str, "default": "result.csv", "help": "the file to write"},
        "top": {"type": int, "default": 1, "help": "how many letters to list for each row, the most probable first"},
        "pictures": {
            "type": str,
            "nargs": "+",
            "help": "image files or folders of them to read instead of the test rows",
        },
    },
}


def _lightnings_trainer() -> Path:
    package = find_spec("pytorch_lightning")  # finds it without an import
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("trainer") / "trainer.py"


def _parameters(file: Path, class_name: str, function: str = "__init__") -> dict[str, Kinds | None]:
    """The parameters of a method, without `self`, `*args` and `**kwargs`."""
    tree = _parsed(file)
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    method = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == function)
    return {each.arg: _kinds(each.annotation, tree) for each in (*method.args.args[1:], *method.args.kwonlyargs)}


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _kinds(annotation: ast.expr | None, tree: ast.Module) -> Kinds | None:
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            parts = _kinds(left, tree), _kinds(right, tree)
            return None if parts[0] is None or parts[1] is None else parts[0] + parts[1]
        case ast.Constant(value=None):
            return (NoneType,)
        case ast.Name(id=name):
            return (_TYPES[name],) if name in _TYPES else _alias(name, tree)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            nodes = choices.elts if isinstance(choices, ast.Tuple) else [choices]
            return tuple(dict.fromkeys(str(node.value) for node in nodes if isinstance(node, ast.Constant)))
    return None


def _alias(name: str, tree: ast.Module) -> Kinds | None:
    """Follows `name = Literal[...]`, in this module or in the one of this package that it is imported from."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return _kinds(value, tree)
            case ast.ImportFrom(module=str(module), names=names) if name in [each.name for each in names]:
                file = _PACKAGE.parent / (module.replace(".", "/") + ".py")
                return _alias(name, _parsed(file)) if file.is_file() else None
    return None
