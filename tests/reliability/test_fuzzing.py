"""Inputs that fuzzing found to reach something new: each is refused in one line, or read."""

from pathlib import Path

import pytest

from tests.reliability import fuzzing


@pytest.mark.parametrize("target", fuzzing.TARGETS)
def test_inputs_of_the_fuzzer(tmp_path: Path, target: str) -> None:
    kept = fuzzing.corpus(target)
    results = {fuzzing.TARGETS[target](content, tmp_path / "input") for content in kept.values()}
    assert results == {fuzzing.REFUSED, fuzzing.READ}
    assert len(kept) > 20


@pytest.mark.parametrize("target", fuzzing.TARGETS)
def test_fuzzing_begins_with_sound_files(tmp_path: Path, target: str) -> None:
    assert {fuzzing.TARGETS[target](seed, tmp_path / "input") for seed in fuzzing.seeds(target)} == {fuzzing.READ}
