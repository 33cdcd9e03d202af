"""Letters that are read once and shared make the same blocks as letters that each data module reads."""

from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from letters_torch.data import moments, shared, sources
from letters_torch.data.moments import Moments
from letters_torch.data.shared import SharedLetters
from tests.support.running import data_module, save_letters

MOMENTS = Moments(spread=6.0, slant=0.7)


@pytest.mark.parametrize("settings", [{}, {"moments": MOMENTS}, {"moments": MOMENTS, "scaling": "pixel_each_set"}])
def test_shared_letters_make_the_same_blocks(tmp_path: Path, settings: dict) -> None:
    path = save_letters(tmp_path / "letters_data.mat")
    sets = sources.open_letters("kaggle", path)
    for part in (sets.train, sets.test):
        part.images.flags.writeable = False
    sets.train.images.setflags(write=False)
    letters = SharedLetters(sets)
    for seed in (3, 4):
        alone, sharing = data_module(path, seed=seed, **settings), data_module(Path("nowhere"), seed=seed, **settings)
        sharing.shared = letters
        for data in (alone, sharing):
            data.setup("fit")
        for ours, theirs in zip(alone.make_block(7, 90), sharing.make_block(7, 90), strict=True):
            assert torch.equal(torch.as_tensor(ours), torch.as_tensor(theirs))
        ours, theirs = (data.val_dataloader()[0][0] for data in (alone, sharing))
        assert torch.equal(ours.x, theirs.x)
        assert ours.y is not None
        assert theirs.y is not None
        assert torch.equal(ours.y, theirs.y)


def test_letters_are_brought_to_the_same_moments_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = SharedLetters(sources.open_letters("kaggle", save_letters(tmp_path / "letters_data.mat")))
    counted = Mock(side_effect=moments.normalised)
    monkeypatch.setattr(shared, "normalised", counted)
    first = letters.normalised(MOMENTS)
    assert letters.normalised(Moments(spread=6.0, slant=0.7)) is first
    assert letters.normalised(None) is letters.sets.train.images
    assert letters.normalised(MOMENTS) is first
    counted.assert_called_once()
    other = Moments(spread=5.0)
    assert (letters.normalised(other) == moments.normalised(letters.sets.train.images.copy(), other)).all()
    assert (letters.normalised(MOMENTS) == first).all()
