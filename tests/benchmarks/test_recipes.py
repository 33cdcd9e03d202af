"""The study of recipes trains what its rows say, and tells accuracies and differences apart."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from benchmarks import best, recipes, styles, width
from benchmarks.problem import letters
from benchmarks.styles import UnlikeLetters
from letters_torch import config_files
from letters_torch.data.augment import RandomWarp
from letters_torch.data.moments import Moments
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.network import initial_weights, logits
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Schedule, Stage
from letters_torch.letters import CLASSES, PIXELS, Letters
from tests.support import making

CLUSTERS = pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")


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
    stages = (Stage(150, 0.01, 0.02, lr_end=0.0), Stage(50, 0.001))
    recipe = recipes.Recipe(stages, None, "pixel", 5, initial_scale=0.5, label_smoothing=0.1, sampling="rounds")
    V, W = initial_weights(PIXELS, 5, CLASSES, seed=3, scale=0.5)
    data.sampling = "rounds"
    block = data.make_block(0, 200)
    OneAtATime(Model(label_smoothing=0.1))(V, W, block.x, block.y, Schedule(recipe.stages).rates(0, 200))
    data.sampling = "replacement"
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


def test_a_config_is_read_whole() -> None:
    settings = yaml.safe_load(config_files.find(recipes.CONFIG).read_text())
    recipe = recipes.read(recipes.CONFIG)
    model, data = settings["model"], settings["data"]
    assert recipe.stages == tuple(Stage(**stage) for stage in model["schedule"])
    assert (recipe.hidden, recipe.scaling) == (model["hidden"], data["scaling"])
    assert recipe.moments == Moments(**data["moments"])
    assert recipe.initial_scale == model.get("initial_scale", 1.0)
    assert recipe.label_smoothing == model.get("label_smoothing", 0.0)
    assert recipe.sampling == data.get("sampling", "replacement")
    assert isinstance(recipe.augment, RandomWarp)
    wanted = data["augment"]["init_args"]
    assert (recipe.augment.pull, recipe.augment.degrees) == (wanted["pull"], [-wanted["degrees"], wanted["degrees"]])


@CLUSTERS
def test_whole_clusters_are_held_out(mat: Path) -> None:
    data = UnlikeLetters(path=mat, validation=20)
    data.setup("fit")
    everything = letters(mat, validation=20)
    assert len(data.unlike) + len(data.train) + len(data.val) == len(everything.train) + len(everything.val)
    assert 0.1 * 200 <= len(data.unlike) < 200 - 20
    pictures = [{image.tobytes() for image in part.images} for part in (data.unlike, data.train, data.val)]
    assert not pictures[0] & (pictures[1] | pictures[2])
    assert data.unlike.labels is not None
    assert set(data.unlike.labels) == set(range(1, 27))


@CLUSTERS
def test_clusters_are_of_like_pictures_and_the_seed_chooses_among_them() -> None:
    rng = np.random.default_rng(0)
    bars = np.zeros((2, 28, 28), np.uint8)
    bars[0, 4:24, 12:16], bars[1, 12:16, 4:24] = 200, 200
    shape = np.arange(60) % 2
    images = bars[shape] + rng.integers(0, 30, (60, 28, 28), np.uint8)
    same = Letters(images, np.ones(60, np.uint8))
    held = [styles.held_out(same, seed) for seed in range(8)]
    for chosen in held:
        assert chosen.sum() == 30
        assert len(set(shape[chosen])) == 1
    assert {int(shape[chosen][0]) for chosen in held} == {0, 1}


@CLUSTERS
def test_scores_are_accuracies(mat: Path) -> None:
    data = UnlikeLetters(path=mat, validation=50)
    data.setup("fit")
    weights = initial_weights(PIXELS, 5, CLASSES, seed=0)
    data.val, data.unlike = (
        half_right(part, weights, data, count) for part, count in ((data.val, 15), (data.unlike, 3))
    )
    assert recipes.score(weights, data) == pytest.approx((15 / 50, 3 / len(data.unlike)))


def half_right(part: Letters, weights: recipes.Weights, data: UnlikeLetters, count: int) -> Letters:
    """The same with labels that make the weights right on the first so many and wrong on all others."""
    assert data.standardizer is not None
    reading = logits(*weights, data.standardizer(torch.from_numpy(part.images)).flatten(1)).argmax(1).numpy() + 1
    right = np.arange(len(part)) < count
    return replace(part, labels=np.where(right, reading, reading % 26 + 1).astype(np.uint8))


@CLUSTERS
def test_the_table_has_a_row_for_each_change_and_compares_with_the_first(mat: Path) -> None:
    table = recipes.table(mat, samples=128, seeds=2, validation=50)
    base = recipes.shortened(recipes.read(recipes.CONFIG), 128)
    assert [row[0] for row in table.rows[1:]] == [name for name, _ in recipes.changes(base)]
    assert all(len(row) == len(table.heading) for row in table.rows)
    first, none = table.rows[0], next(row for row in table.rows if row[0] == "no augmentation")
    for column in (1, 3):
        assert first[column + 1] == "+0.0000 ± 0.0000"
        mean, base_mean, gain = (float(cell.split()[0]) for cell in (none[column], first[column], none[column + 1]))
        assert gain == pytest.approx(mean - base_mean, abs=1.5e-4)


@CLUSTERS
def test_a_floor_holds_down_the_rarest_pixels(mat: Path) -> None:
    data = UnlikeLetters(path=mat, validation=50, scaling="pixel")
    data.setup("fit")
    floored = recipes.with_floor(data, 1.2)  # these letters vary alike everywhere
    assert data.standardizer is not None
    assert floored.standardizer is not None
    limit = 1 / 1.2 / data.train.images.astype(float).std()
    expected = data.standardizer.inv_std.clamp(max=limit)
    torch.testing.assert_close(floored.standardizer.inv_std, expected)
    assert (floored.standardizer.inv_std < data.standardizer.inv_std).any()
    assert not torch.equal(floored.make_block(0, 5).x, data.make_block(0, 5).x)
    assert not torch.equal(floored.val_dataloader()[0].batches[0].x, data.val_dataloader()[0].batches[0].x)


def test_spreads() -> None:
    assert recipes.spread([0.5]) == "0.5000"
    assert recipes.spread([0.1, 0.2, 0.3], sign="+") == "+0.2000 ± 0.1000"


def test_both_configs_are_trained(mat: Path) -> None:
    table = best.table(mat, samples=200, seeds=2, validation=50)
    assert [row[:2] for row in table.rows] == [["best-438k.yaml", "200"], ["best.yaml", "200"]]
    recipe = recipes.shortened(recipes.read("best.yaml"), 200)
    found = []
    for seed in range(2):
        data = letters(mat, validation=50, seed=seed, **recipe.pixels)
        found.append(recipes.accuracy(recipes.train(recipe, data, seed), data.val_dataloader()[0]))
    assert table.rows[1][2] == recipes.spread(found)


def test_every_width_is_trained_and_compared_with_its_half(mat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(width, "WIDTHS", (2, 4))
    table = width.table(mat, samples=200, seeds=2, validation=50)
    assert [row[:2] for row in table.rows] == [["2", f"{2 * 785 + 26 * 3:,}"], ["4", f"{4 * 785 + 26 * 5:,}"]]
    assert all(len(row) == len(table.heading) for row in table.rows)
    assert table.rows[0][4] == "-"
    narrow, wide = (max(float(cell.split()[0]) for cell in row[2:4]) for row in table.rows)
    assert float(table.rows[1][4]) == pytest.approx(wide - narrow, abs=1.5e-4)


def test_a_learning_rate_is_changed_by_itself() -> None:
    base = recipes.read(recipes.CONFIG)
    [stage], [slower] = base.stages, width.slowed(base, 0.25).stages
    assert slower == replace(stage, lr=stage.lr / 4)


def test_the_page_has_a_place_for_every_table() -> None:
    text = (Path(__file__).parents[2] / "docs/recipes.md").read_text(encoding="utf-8")
    for key in ("best", "recipes", "width"):
        assert f"<!-- {key}: begin -->" in text
        assert f"<!-- {key}: end -->" in text
