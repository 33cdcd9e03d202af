"""The study of recipes trains what its rows say, and tells accuracies and differences apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import recipes
from benchmarks.problem import letters
from letters_torch.network import initial_weights, logits
from letters_torch.schedule import Schedule, Stage
from letters_torch.updates.one_at_a_time import OneAtATime
from tests.data import making


@pytest.fixture(scope="module")
def mat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return making.save_mat(tmp_path_factory.mktemp("letters") / "letters_data.mat", making.kaggle_arrays(200))


def test_every_change_is_of_the_same_length_and_differs_from_the_base() -> None:
    base = recipes.shortened(recipes.read(recipes.CONFIG), 10_000)
    changed = dict(recipes.changes(base))
    assert len(changed) > 10
    for name, recipe in changed.items():
        assert Schedule(recipe.stages).total == 10_000, name
        assert recipe != base, name


def test_a_recipe_is_trained_as_it_says(mat: Path) -> None:
    data = letters(mat, validation=50)
    recipe = recipes.Recipe((Stage(150, 0.01, 0.02, lr_end=0.0), Stage(50, 0.001)), None, "pixel", 5, initial=0.5)
    V, W = initial_weights(5, seed=3)
    V *= 0.5
    block = data.make_block(0, 200)
    OneAtATime()(V, W, block.x, block.y, Schedule(recipe.stages).rates(0, 200))
    for ours, plain in zip(recipes.train(recipe, data, seed=3), (V, W), strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-5, rtol=0)


def test_weights_are_averaged_over_the_last_blocks(mat: Path) -> None:
    data = letters(mat, validation=50, block=100)
    stages = (Stage(400, 0.01),)
    averaged = recipes.train(recipes.Recipe(stages, None, "pixel", 5, averaged=0.5), data, seed=0)
    ends = [recipes.train(recipes.Recipe((Stage(n, 0.01),), None, "pixel", 5), data, seed=0) for n in (300, 400)]
    for average, third, last in zip(averaged, *ends, strict=True):
        torch.testing.assert_close(average, (third + last) / 2, atol=1e-6, rtol=0)


def test_a_cosine_is_made_of_ramps() -> None:
    rates = Schedule(recipes.cosine(Stage(10_007, 0.02, 0.1))).rates(0, 10_007)
    np.testing.assert_allclose(rates.lr, 0.01 * (1 + np.cos(np.pi * np.arange(10_007) / 10_007)), atol=1e-5)
    assert (rates.weight_decay == 0.1).all()


def test_scores_are_accuracies_and_sources_count_alike(mat: Path, tmp_path: Path) -> None:
    data = letters(mat, validation=50)
    assert data.standardizer is not None
    weights, images = initial_weights(5, seed=0), data.val.images
    reading = logits(*weights, data.standardizer(torch.from_numpy(images)).flatten(1)).argmax(1).numpy() + 1
    wrong = reading % 26 + 1
    data.val = replace(data.val, labels=np.where(np.arange(50) < 15, reading, wrong).astype(np.uint8))
    labels = np.where(np.isin(np.arange(50), [0, 1, 2, 3, 40]), reading, wrong)
    np.savez(tmp_path / "other.npz", x=images, y=labels, source=np.array(["a"] * 40 + ["b"] * 10))
    found = recipes.score(weights, data, recipes.other_letters(tmp_path / "other.npz", data))
    assert found == pytest.approx((15 / 50, (4 / 40 + 1 / 10) / 2))
    assert np.isnan(recipes.score(weights, data, []).others)


def test_the_table_has_a_row_for_each_change_and_compares_with_the_first(mat: Path) -> None:
    table = recipes.table(mat, samples=128, seeds=2, other=None, validation=50)
    base = recipes.shortened(recipes.read(recipes.CONFIG), 128)
    assert [row[0] for row in table.rows[1:]] == [name for name, _ in recipes.changes(base)]
    assert all(len(row) == len(table.heading) for row in table.rows)
    first, none = table.rows[0], next(row for row in table.rows if row[0] == "no augmentation")
    assert first[3] == "+0.0000"
    assert float(none[3]) == pytest.approx(float(none[1]) - float(first[1]), abs=1.5e-4)
