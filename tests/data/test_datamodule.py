"""Which samples are trained on and checked on, and that no setting of speed changes them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from letters_torch import resume
from letters_torch.data import datamodule, standardize, stream
from letters_torch.data.augment import Augmentation, RandomAffine, RandomWarp, RollAndRotate
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.data.directions import directions, of_images
from letters_torch.data.moments import Moments
from letters_torch.errors import UserError
from letters_torch.letters import Letters, LetterSets
from tests.support.making import message, save_mat
from tests.support.running import ROWS, TEST_ROWS, VALIDATION, data_module, save_letters

END = 137


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save_letters(tmp_path / "letters_data.mat")


def ready(path: Path, **settings: Any) -> LettersDataModule:
    data = data_module(path, **settings)
    data.setup("fit")
    return data


def in_training(data: LettersDataModule, start: int = 0, pauses: tuple[int, ...] = (END,)) -> LettersDataModule:
    """Attached to a stand-in for a trainer that stands at `start` and pauses at `pauses`, the last one its end."""
    next_pause = {step: next((p for p in pauses if p > step), None) for step in range(pauses[-1] + 1)}
    clock = SimpleNamespace(step=start, next_pause=next_pause.get)
    trainer: Any = SimpleNamespace(clock=clock, precision="32-true", state=SimpleNamespace(fn="fit"))
    data.trainer = trainer
    return data


def samples(data: LettersDataModule) -> tuple[Tensor, Tensor]:
    blocks = list(data.train_dataloader())
    return torch.cat([block.x for block in blocks]), torch.cat([block.y for block in blocks])


def ids(letters: Letters) -> list[bytes]:
    return [picture.tobytes() for picture in letters.images]


@pytest.mark.parametrize("validation", [1, 50, ROWS - 1])
def test_every_labelled_row_is_trained_on_or_held_out(path: Path, validation: int) -> None:
    data = ready(path, validation=validation)
    assert (len(data.train), len(data.val), len(data.test)) == (ROWS - validation, validation, TEST_ROWS)
    assert data.sets is not None
    assert sorted(ids(data.train) + ids(data.val)) == sorted(ids(data.sets.train))
    label_of = dict(zip(ids(data.sets.train), data.sets.train.labels.tolist(), strict=True))  # type: ignore[union-attr]
    for part in (data.train, data.val):
        assert part.labels is not None
        assert [label_of[picture] for picture in ids(part)] == part.labels.tolist()


def test_the_seed_determines_the_split(path: Path) -> None:
    first, again, other = (ids(ready(path, seed=seed).val) for seed in (0, 0, 1))
    assert first == again
    assert set(first) != set(other)


@pytest.mark.parametrize("validation", [ROWS, ROWS + 1])
def test_too_few_rows_to_split(path: Path, validation: int) -> None:
    with pytest.raises(UserError) as error:
        ready(path, validation=validation)
    message(error, "--data.validation", validation, ROWS)


def by_writers(monkeypatch: pytest.MonkeyPatch, writers: np.ndarray | None) -> None:
    """Lets the data module find letters of these writers, each picture the row's own number."""
    images = np.zeros((ROWS, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(ROWS)
    letters = Letters(images, np.resize(np.arange(1, 27, dtype=np.uint8), ROWS), writers)
    monkeypatch.setattr(datamodule, "open_letters", lambda *_: LetterSets(letters, letters[:5], "letters of writers"))


@pytest.mark.parametrize("seed", range(4))
def test_unseen_writers_wrote_no_training_row(monkeypatch: pytest.MonkeyPatch, path: Path, seed: int) -> None:
    """Their rows, all of them, are validation rows; no more writers than it takes; rows stay in their random order."""
    writers = np.random.default_rng(0).choice([7, 30, 31, 900, 901, 902, 903], ROWS)
    by_writers(monkeypatch, writers)
    data = ready(path, seed=seed, validation_writers="unseen")
    held, rest = ([int(image[0, 0]) for image in part.images] for part in (data.val, data.train))
    assert sorted(held + rest) == list(range(ROWS))
    assert not set(writers[held]) & set(writers[rest])
    assert data.val.writers is not None
    assert data.val.writers.tolist() == writers[held].tolist()
    names = np.unique(writers)
    last = max(set(writers[held]), key=lambda writer: stream.shuffled(seed, len(names))[names == writer][0])
    assert len(held) - (writers == last).sum() < VALIDATION <= len(held)
    order = stream.shuffled(seed, ROWS).tolist()
    assert held == [row for row in order if row in held]
    assert rest == [row for row in order if row in rest]
    assert set(held) != set(order[:VALIDATION])


def test_a_writer_of_many_rows_is_held_out_no_more_often_than_others() -> None:
    writers = np.repeat(np.arange(10), [910, *[10] * 9])
    held = [datamodule._of_random_writers(writers, 10, seed)[0] for seed in range(200)]
    assert 5 <= sum(held) <= 45  # 20 of 200 are expected; in the order of their rows it would be 182


def test_writers_make_no_difference_unless_they_are_to_be_unseen(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    by_writers(monkeypatch, np.arange(ROWS) % 3)
    held = [int(image[0, 0]) for image in ready(path).val.images]
    assert held == stream.shuffled(0, ROWS)[:VALIDATION].tolist()
    with pytest.raises(UserError) as error:
        resume.require_same_data(ready(path).state_dict(), ready(path, validation_writers="unseen").state_dict())
    message(error, "--data.validation_writers unseen", "started with any", "validation rows")


@pytest.mark.parametrize(
    ("writers", "says"),
    [
        (None, "--data.validation_writers unseen: the writers of letters of writers are not known; use any"),
        (np.full(ROWS, 3), f"leaves nothing to train on: there are {ROWS} labelled rows of known writers"),
        (np.full(ROWS, -1), "leaves nothing to train on: there are 0 labelled rows of known writers"),
        (np.where(np.arange(ROWS) < 10, 3, -1), "leaves nothing to train on: there are 10 labelled rows of known"),
    ],
)
def test_unseen_writers_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch, path: Path, writers: np.ndarray | None, says: str
) -> None:
    by_writers(monkeypatch, writers)
    with pytest.raises(UserError) as error:
        ready(path, validation_writers="unseen")
    message(error, "--data.validation", says)


def test_rows_of_unknown_writers_are_training_rows(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    writers = np.where(np.arange(ROWS) % 3 == 0, -1, np.arange(ROWS) % 7)
    by_writers(monkeypatch, writers)
    data = ready(path, validation_writers="unseen")
    held, rest = ([int(image[0, 0]) for image in part.images] for part in (data.val, data.train))
    assert set(np.flatnonzero(writers == -1)) <= set(rest)
    assert len(held) >= VALIDATION
    assert not set(writers[held]) & set(writers[rest])
    assert sorted(held + rest) == list(range(ROWS))


CHOICES = [("source", "mnist"), ("sampling", "round"), ("scaling", "pixels"), ("validation_writers", "seen")]


@pytest.mark.parametrize(("name", "value"), [*CHOICES, *((name, None) for name, _ in CHOICES)])
def test_an_unknown_value_is_refused_by_the_constructor(path: Path, name: str, value: Any) -> None:
    with pytest.raises(UserError) as error:
        data_module(path, **{name: value})
    message(error, f"--data.{name} must be one of", f"not {value!r}")


@pytest.mark.parametrize("name", ["moments", "augment"])
def test_what_is_no_augmentation_and_no_moments(path: Path, name: str) -> None:
    with pytest.raises(UserError) as error:
        data_module(path, **{name: torch.relu})
    kind = {"moments": "moments.Moments", "augment": "augment.Augmentation"}[name]
    message(error, f"--data.{name} must be of letters_torch.data.{kind} or null, not <")


class Recording(Augmentation):
    """Changes nothing, and keeps the draws that it is given."""

    def augment(self, images: Tensor, draws: stream.Draws, fill: float) -> Tensor:
        self.draws = draws
        return images


def test_the_draw_that_chooses_the_row_is_not_the_augmentations(path: Path) -> None:
    augment = Recording()
    data = ready(path, augment=augment)
    data.make_block(7, 30)
    np.testing.assert_array_equal(augment.draws, stream.draws(0, 7, 30)[:, 1:])


WRONG = [
    ("validation", 0),
    ("validation", -1),
    ("block", 0),
    ("workers", -1),
    ("probe", 0),
    ("seed", -1),
    ("block", 1.5),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_settings_that_cannot_be(path: Path, name: str, value: int) -> None:
    with pytest.raises(UserError) as error:
        data_module(path, **{name: value})
    message(error, f"{name}", f"not {value}")


def test_a_steps_sample_is_the_row_its_draw_names(path: Path) -> None:
    data = ready(path)
    rows = stream.rows(stream.draws(0, 7, 30), len(data.train))
    block = data.make_block(7, 30)
    assert data.standardizer is not None
    expected = data.standardizer(torch.from_numpy(data.train.images[rows])).flatten(1)
    assert torch.equal(block.x, expected)
    assert data.train.labels is not None
    assert block.y.tolist() == [label - 1 for label in data.train.labels[rows]]
    assert (block.first_step, block.x.dtype, block.y.dtype) == (7, torch.float32, torch.int64)


def test_in_rounds_each_row_is_used_once_before_any_a_second_time(path: Path) -> None:
    data = ready(path, sampling="rounds")
    size = len(data.train)
    block = data.make_block(size, size)
    assert data.standardizer is not None
    rows = stream.rows_in_rounds(0, size, size, size)
    assert sorted(rows) == list(range(size))
    assert torch.equal(block.x, data.standardizer(torch.from_numpy(data.train.images[rows])).flatten(1))
    assert data.train.labels is not None
    assert block.y.tolist() == [label - 1 for label in data.train.labels[rows]]


MOMENTS = Moments(5.0, slant=0.5, aspect=0.5)


@pytest.mark.parametrize("scaling", ["pixel", "pixel_each_set", "global"])
def test_every_letter_is_brought_to_the_moments_and_stays_on_file_as_it_is(path: Path, scaling: Any) -> None:
    plain, data = ready(path, scaling=scaling), in_training(ready(path, scaling=scaling, moments=MOMENTS, probe=33))
    assert plain.sets is not None
    fitted_on = plain.sets.train if scaling == "pixel_each_set" else plain.train
    fitted = standardize.fit(MOMENTS(fitted_on.images), scaling)
    of_test = standardize.fit(MOMENTS(plain.test.images), scaling) if scaling == "pixel_each_set" else fitted
    rows = stream.rows(stream.draws(0, 7, 30), len(plain.train))
    validation, probe = data.val_dataloader()
    seen = [data.make_block(7, 30), *validation, *probe, *data.predict_dataloader()]
    images = [plain.train.images[rows], plain.val.images, plain.train.images[:33], plain.test.images]
    for batch, expected, by in zip(seen, images, [fitted, fitted, fitted, of_test], strict=True):
        assert torch.equal(batch.x, by(torch.from_numpy(MOMENTS(expected))).flatten(1))
        assert not torch.equal(batch.x, by(torch.from_numpy(expected)).flatten(1))
    assert np.array_equal(data.train.images, plain.train.images)
    assert np.array_equal(data.val.images, plain.val.images)


def test_direction_features_come_after_moments_and_augmentation(path: Path) -> None:
    settings: dict[str, Any] = {"scaling": "global", "moments": MOMENTS, "probe": 33}
    pixels, data = ready(path, **settings), in_training(ready(path, **settings, directions=True))
    assert data.standardizer is not None
    assert data.standardizer == replace(data.standardizer, moments=MOMENTS, directions=True, fill=0.0)
    fitted = standardize.fit(of_images(MOMENTS(pixels.train.images)), "global")
    rows = stream.rows(stream.draws(0, 7, 30), len(pixels.train))
    validation, probe = data.val_dataloader()
    seen = [data.make_block(7, 30), *validation, *probe, *data.predict_dataloader()]
    images = [pixels.train.images[rows], pixels.val.images, pixels.train.images[:33], pixels.test.images]
    for batch, expected in zip(seen, images, strict=True):
        assert torch.equal(batch.x, fitted(torch.from_numpy(of_images(MOMENTS(expected)))).flatten(1))
    warp = RandomWarp(10, pull=2)
    moved = ready(path, **settings, directions=True, augment=warp).make_block(7, 30)
    grey = torch.from_numpy(MOMENTS(pixels.train.images[rows])).float()
    features = directions(warp.augment(grey, stream.draws(0, 7, 30)[:, 1:], 0.0))
    torch.testing.assert_close(moved.x, ((features - fitted.mean) * fitted.inv_std).float().flatten(1))
    assert not torch.equal(moved.x, seen[0].x)


def test_labels_are_classes_from_0(path: Path) -> None:
    data = ready(path)
    assert set(data.make_block(0, 2000).y.tolist()) == set(range(26))
    assert data.train.labels is not None
    assert (data.train.labels.min(), data.train.labels.max()) == (1, 26)


CUTS = [(1000, 0, 0), (1, 1, 0), (7, 0, 0), (10, 1, 0), (50, 3, 0), (10, 3, 33), (1000, 1, 33), (END, 0, END - 1)]


@pytest.mark.parametrize(("block", "workers", "start"), CUTS)
@pytest.mark.parametrize("kind", [RandomAffine, RandomWarp])
def test_samples_are_the_same_however_they_are_cut_and_made(
    path: Path, kind: type[RandomAffine], block: int, workers: int, start: int
) -> None:
    settings: dict[str, Any] = {"augment": kind(10, (0.1, 0.1), (0.8, 1.2), 10), "seed": 5}
    whole = ready(path, **settings).make_block(0, END)
    x, y = samples(in_training(ready(path, block=block, workers=workers, **settings), start, (20, 60, END)))
    assert torch.equal(y, whole.y[start:])
    assert torch.equal(x, whole.x[start:])


def test_a_faded_augmentation_ends_on_the_letters_as_they_are_read(path: Path) -> None:
    """The strength depends on the step alone, however the steps are cut into blocks."""
    plain, strong = ready(path), ready(path, augment=RandomAffine(10))
    fading = ready(path, augment=RandomAffine(10), fade=(10, 20))
    assert torch.equal(fading.make_block(0, 11).x, strong.make_block(0, 11).x)
    torch.testing.assert_close(fading.make_block(20, 9).x, plain.make_block(20, 9).x, rtol=0, atol=1e-4)
    between, whole = fading.make_block(12, 7).x, fading.make_block(0, 30).x[12:19]
    assert torch.equal(between, whole)
    assert (between - plain.make_block(12, 7).x).abs().max() > 0.1
    assert (between - strong.make_block(12, 7).x).abs().max() > 0.1


@pytest.mark.parametrize(
    ("fade", "augment", "wrong"),
    [
        ((20, 10), RandomAffine(10), "--data.fade must be two steps"),
        ((-1, 10), RandomAffine(10), "--data.fade must be two steps"),
        ((1, 2, 3), RandomAffine(10), "--data.fade must be two steps"),
        ((0.5, 1), RandomAffine(10), "--data.fade must be two steps"),
        ((10, 20), None, "--data.fade needs a --data.augment that can fade"),
        ((10, 20), RollAndRotate(), "--data.fade needs a --data.augment that can fade"),
    ],
)
def test_a_fade_that_cannot_be_is_refused(path: Path, fade: Any, augment: Augmentation | None, wrong: str) -> None:
    with pytest.raises(UserError, match=wrong):
        data_module(path, augment=augment, fade=fade)


@pytest.mark.parametrize("workers", [0, 2])
def test_without_augmentation_samples_are_the_same_to_the_bit(path: Path, workers: int) -> None:
    whole = ready(path).make_block(0, END)
    x, _ = samples(in_training(ready(path, block=9, workers=workers)))
    assert torch.equal(x, whole.x)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_blocks_are_cut_at_multiples_and_where_the_trainer_pauses(path: Path, workers: int) -> None:
    data = in_training(ready(path, block=40, workers=workers), 5, (50, 100, 105))
    blocks = [(block.first_step, len(block.x)) for block in data.train_dataloader()]
    assert blocks == [(5, 35), (40, 10), (50, 30), (80, 20), (100, 5)]


def test_a_float64_run_gets_float64_pixels(path: Path) -> None:
    data = in_training(ready(path))
    data.trainer.precision = "64-true"  # type: ignore[union-attr,misc]
    assert data.make_block(0, 3).x.dtype == torch.float64
    assert {batch.x.dtype for loader in data.val_dataloader() for batch in loader} == {torch.float64}


def test_a_run_is_checked_on_the_validation_rows_and_a_probe_of_the_training_rows(path: Path) -> None:
    data = in_training(ready(path, probe=33))
    validation, probe = (list(loader) for loader in data.val_dataloader())
    assert data.standardizer is not None
    assert torch.equal(validation[0].x, data.standardizer(torch.from_numpy(data.val.images)).flatten(1))
    assert torch.equal(probe[0].x, data.standardizer(torch.from_numpy(data.train.images[:33])).flatten(1))
    assert probe[0].y is not None
    assert len(probe[0].y) == 33
    again = list(data.val_dataloader()[1])
    assert torch.equal(again[0].x, probe[0].x)


@pytest.mark.parametrize("probe", ["all", ROWS - VALIDATION, 10 * ROWS])
def test_a_probe_of_all_training_rows(path: Path, probe: Any) -> None:
    data = in_training(ready(path, probe=probe))
    assert sum(len(batch.x) for batch in data.val_dataloader()[1]) == ROWS - VALIDATION


def test_large_sets_are_evaluated_in_pieces(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = in_training(ready(path))
    [whole] = data.val_dataloader()[0]
    monkeypatch.setattr(datamodule, "CHUNK", 16)
    loader = data.val_dataloader()[0]
    pieces = list(loader)
    assert [len(piece.x) for piece in pieces] == [16, 16, 16, 2]
    assert len(loader) == 4
    assert torch.equal(torch.cat([piece.x for piece in pieces]), whole.x)
    assert whole.y is not None
    assert torch.equal(torch.cat([piece.y for piece in pieces if piece.y is not None]), whole.y)


def test_outside_a_fit_there_is_no_probe(path: Path) -> None:
    assert len(ready(path).val_dataloader()) == 1


def test_no_test_without_labels_but_a_prediction(path: Path) -> None:
    data = ready(path)
    with pytest.raises(UserError) as error:
        data.test_dataloader()
    message(error, path, "no labels", "predict")
    [batch] = data.predict_dataloader()
    assert batch.y is None
    assert len(batch.x) == TEST_ROWS


def test_labelled_test_rows_are_tested_in_order(tmp_path: Path) -> None:
    data = ready(save_letters(tmp_path / "labelled.mat", labelled_test=True))
    [batch] = data.test_dataloader()
    assert batch.y is not None
    assert data.test.labels is not None
    assert batch.y.tolist() == [label - 1 for label in data.test.labels]


def test_letters_are_read_once(path: Path) -> None:
    data = ready(path)
    train = data.train
    path.unlink()
    data.setup("validate")
    assert data.train is train


@pytest.mark.parametrize("swap", ["labels", "rows"])
def test_letters_with_other_labels_or_in_another_order_are_other_letters(tmp_path: Path, swap: str) -> None:
    images, labels = np.zeros((60, 784), np.uint8), (np.arange(60) % 26 + 1).astype(np.uint8)[:, None]
    images[:, 3] = np.arange(60)
    content = {"train_x": images, "train_y": labels, "test_x": images}
    first = ready(save_mat(tmp_path / "first.mat", content), validation=5).digest
    name = "train_y" if swap == "labels" else "train_x"
    content = {**content, name: np.roll(content[name], 1, 0)}
    assert ready(save_mat(tmp_path / "second.mat", content), validation=5).digest != first


@pytest.mark.parametrize("moments", [None, MOMENTS])
def test_statistics_of_a_checkpoint_read_the_test_rows_of_another_file(
    path: Path, tmp_path: Path, moments: Moments | None
) -> None:
    trained, other = ready(path, moments=moments), ready(save_letters(tmp_path / "other.mat", seed=9))
    other.load_state_dict(trained.state_dict())
    assert trained.standardizer is not None
    images = torch.from_numpy(other.test.images)
    [batch] = other.predict_dataloader()
    assert torch.equal(batch.x, trained.standardizer(images).flatten(1))
    [validation] = other.val_dataloader()[0]
    assert torch.equal(validation.x, trained.standardizer(torch.from_numpy(other.val.images)).flatten(1))


def test_each_sets_own_statistics_are_taken_after_the_moments_of_the_checkpoint(path: Path, tmp_path: Path) -> None:
    trained = ready(path, scaling="pixel_each_set", moments=MOMENTS)
    other = ready(save_letters(tmp_path / "other.mat", seed=9), scaling="pixel_each_set")
    other.load_state_dict(trained.state_dict())
    images = MOMENTS(other.test.images)
    [batch] = other.predict_dataloader()
    assert torch.equal(batch.x, standardize.fit(images, "pixel_each_set")(torch.from_numpy(images)).flatten(1))


@pytest.mark.parametrize("settings", [{}, {"scaling": "global"}, {"moments": MOMENTS, "directions": True}])
def test_batches_have_the_levels_of_their_inputs(
    path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letters_torch.data.datamodule.uses_levels", lambda _: True)
    for batch in [*ready(path, **settings).val_dataloader()[0], *ready(path, **settings).predict_dataloader()]:
        assert batch.levels is not None
        numbers, shift, scale = (part.double() for part in batch.levels)
        assert torch.allclose((numbers - shift) * scale, batch.x.double(), atol=1e-5)
