"""Reads built-in letters, from the cache or made."""

from pathlib import Path

import pytest

from letters_torch import synthetic as builtin
from letters_torch.errors import UserError
from letters_torch.letters import LetterSets
from tests.support.builtin import bytes_of, read


def test_both_sets_are_labelled(fresh: LetterSets) -> None:
    assert (len(fresh.train), len(fresh.test)) == (208, 104)
    assert fresh.train.labels is not None
    assert fresh.test.labels is not None
    assert "seed 0" in fresh.origin


def test_the_second_call_reads(tmp_path: Path, fresh: LetterSets, monkeypatch: pytest.MonkeyPatch) -> None:
    read(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(builtin, "make", refuse)
    assert bytes_of(read(tmp_path)) == bytes_of(fresh)


def test_letters_are_made_where_nothing_can_be_kept(tmp_path: Path, fresh: LetterSets) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.warns(RuntimeWarning, match="built-in letters are not kept: ") as said:
        assert bytes_of(read(in_the_way)) == bytes_of(fresh)
    assert len(said) == 1


@pytest.mark.parametrize("wrong", [{"train": 0}, {"test": -1}, {"seed": -1}])
def test_what_cannot_be_made_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        read(tmp_path, **wrong)
