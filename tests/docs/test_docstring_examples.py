"""The examples in docstrings run, and print what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import letters_torch

PACKAGE = Path(letters_torch.__file__).parent
FILES = sorted(file for file in PACKAGE.rglob("*.py") if ">>>" in file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_examples(file: Path) -> None:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    assert not doctest.testmod(import_module(".".join(parts))).failed


def test_the_estimators_have_examples() -> None:
    assert {"_classifier.py", "_regressor.py"} <= {file.name for file in FILES}
