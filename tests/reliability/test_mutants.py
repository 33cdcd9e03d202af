"""The mutations fit the source: what a mutation replaces is there, once."""

from pathlib import Path

import pytest

import letters_torch
from tests.reliability.mutants import MUTANTS

SOURCE = Path(letters_torch.__file__).parent


@pytest.mark.parametrize("file", MUTANTS)
def test_every_mutation_has_its_place(file: str) -> None:
    text = (SOURCE / file).read_text(encoding="utf-8")
    assert [old for old, _ in MUTANTS[file][1] if text.count(old) != 1] == []
