"""The layers of the package: an import may only point down."""

import ast
from pathlib import Path

import pytest

import letters_torch

PACKAGE = Path(letters_torch.__file__).parent
# From the bottom up. The rooms of one line stand beside each other and import nothing of each other's.
LAYERS = (
    ("errors", "files", "_torchvision_guard", "exact_sgd"),
    ("archive", "console", "finite", "letters", "paths", "sklearn"),
    ("config_files", "drawing", "synthetic", "checkpoint", "metrics_csv", "run_folder"),
    ("resume",),
    ("data",),
    ("reading",),
    ("lightning",),
    ("pages",),
    ("export",),
    ("study",),
    ("cli",),
    ("__init__", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The name in LAYERS of the file's room."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rooms of the package that a file imports from, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            assert node.module is not None
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names]
    return {name[1] for name in parts if name[0] == "letters_torch" and len(name) > 1 and name[1] in LEVEL}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path: Path) -> None:
    own = room(path)
    for other in imported(path) - {own}:
        assert LEVEL[other] < LEVEL[own], f"{own} must not import {other}"


def test_every_room_has_a_layer() -> None:
    assert {room(path) for path in MODULES} <= LEVEL.keys()


def test_the_engine_stands_alone() -> None:
    """exact_sgd could be copied out of the package: it needs nothing of it, nor Lightning, nor torchvision."""
    for path in (PACKAGE / "exact_sgd").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert imported(path) <= {"exact_sgd"}, path
        assert "lightning" not in text, path
        assert "torchvision" not in text, path
