"""What the module learns, and what it reports, recomputed from the derivation's formulas."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from letters_torch.data.datamodule import Batch
from letters_torch.data.prefetch import Block
from letters_torch.errors import Diverged, UserError
from letters_torch.exact_sgd import formulas
from letters_torch.exact_sgd.network import initial_weights
from letters_torch.exact_sgd.schedule import Stage
from letters_torch.letters import CLASSES, PIXELS
from letters_torch.lightning.logger import RunLogger
from letters_torch.lightning.module import LettersModule
from tests.support.making import message
from tests.support.running import HIDDEN, STAGES, Fit, fit, scalars

DOUBLE: dict[str, Any] = {"precision": "64-true"}
TOTAL = sum(stage.steps for stage in STAGES)


def weights(done: Fit) -> tuple[np.ndarray, np.ndarray]:
    return done.model.V.detach().double().numpy(), done.model.W.detach().double().numpy()


def one_hot(classes: Any) -> np.ndarray:
    return np.eye(26)[np.asarray(classes)]


def by_hand(done: Fit, steps: int, smoothing: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """V, W and each step's loss before its update, by the formulas alone, on the samples of the run's own stream."""
    V, W = (w.double().numpy() for w in initial_weights(PIXELS, HIDDEN, CLASSES, seed=0))
    block = done.data.make_block(0, steps)
    rates = done.model.schedule.rates(0, steps)
    losses = []
    samples = zip(block.x.double().numpy(), one_hot(block.y), rates.lr, rates.weight_decay / 2, strict=True)
    for x, y, lr, lam in samples:
        losses.append(formulas.loss(formulas.forward(V, W, x).b, y))
        V, W = formulas.step(V, W, x, formulas.smoothed(y, smoothing), lr, lam)
    return V, W, np.array(losses)


@pytest.mark.parametrize("engine", ["blocked", "autograd"])
def test_a_fit_is_the_derivations_updates(tmp_path: Path, engine: str) -> None:
    done = fit(tmp_path, model={"engine": engine}, **DOUBLE)
    V, W, _ = by_hand(done, TOTAL)
    np.testing.assert_allclose(weights(done)[0], V, rtol=0, atol=1e-10)
    np.testing.assert_allclose(weights(done)[1], W, rtol=0, atol=1e-10)


@pytest.mark.parametrize("engine", ["blocked", "autograd"])
def test_a_fit_smooths_labels_and_reports_the_loss_of_the_label_itself(tmp_path: Path, engine: str) -> None:
    settings = {"engine": engine, "label_smoothing": 0.2}
    done = fit(tmp_path, model=settings, logger=RunLogger(tmp_path), val_check_interval=TOTAL, **DOUBLE)
    V, W, losses = by_hand(done, TOTAL, smoothing=0.2)
    np.testing.assert_allclose(weights(done)[0], V, rtol=0, atol=1e-10)
    np.testing.assert_allclose(weights(done)[1], W, rtol=0, atol=1e-10)
    logged = scalars(tmp_path / "lightning_logs" / "version_0")["train/loss"]
    assert logged == [(TOTAL, pytest.approx(losses.mean(), rel=1e-6))]
    assert done.model.hparams["label_smoothing"] == 0.2


def test_the_engines_agree(tmp_path: Path) -> None:
    blocked, autograd = (fit(tmp_path, model={"engine": engine}, **DOUBLE) for engine in ("blocked", "autograd"))
    for ours, reference in zip(weights(blocked), weights(autograd), strict=True):
        np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-10)


@pytest.mark.parametrize("settings", [{"workers": 0}, {"workers": 3}, {"block": 100}, {"block": 300}], ids=str)
def test_settings_of_speed_change_no_bit(tmp_path: Path, settings: dict[str, Any]) -> None:
    usual, other = fit(tmp_path), fit(tmp_path, data=settings)
    assert torch.equal(usual.model.V, other.model.V)
    assert torch.equal(usual.model.W, other.model.W)


def test_the_sum_of_the_losses_does_not_depend_on_the_blocks(tmp_path: Path) -> None:
    sums = set()
    for block in (20, 40, 1000):
        saved: dict[str, Any] = {}
        settings: dict[str, Any] = {"max_steps": TOTAL - 5, "val_check_interval": TOTAL}  # no validation takes the sum
        fit(tmp_path, model={"panel": 20}, data={"block": block}, **settings).model.on_save_checkpoint(saved)
        assert saved["letters_torch"]["loss_count"] > 100
        sums.add(saved["letters_torch"]["loss_sum"])
    assert len(sums) == 1
    assert sums.pop() > 0


def test_the_seed_changes_the_run(tmp_path: Path) -> None:
    usual, other = fit(tmp_path, max_steps=10), fit(tmp_path, max_steps=10, data={"seed": 1})
    assert not torch.equal(usual.model.V, other.model.V)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_loss_and_accuracies_are_the_formulas(tmp_path: Path, smoothing: float) -> None:
    """The loss is that of the labels as they are, smoothed or not in training."""
    done = fit(tmp_path, model={"label_smoothing": smoothing}, **DOUBLE)
    V, W = weights(done)
    for name, letters in (("val", done.data.val), ("train", done.data.train[: done.data.probe])):
        assert done.data.standardizer is not None
        assert letters.labels is not None
        X = done.data.standardizer(torch.from_numpy(letters.images), torch.float64).flatten(1).numpy()
        outputs = [formulas.forward(V, W, x) for x in X]
        accuracy = np.mean([s.b.argmax() + 1 == label for s, label in zip(outputs, letters.labels, strict=True)])
        assert float(done.trainer.callback_metrics[f"{name}/acc"]) == pytest.approx(accuracy, abs=1e-12)
        if name == "val":
            labels = one_hot(letters.labels.astype(int) - 1)
            loss = np.mean([formulas.loss(s.b, y) for s, y in zip(outputs, labels, strict=True)])
            assert float(done.trainer.callback_metrics["val/loss"]) == pytest.approx(loss, rel=1e-6)
    assert 1 / 26 < float(done.trainer.callback_metrics["val/acc"]) <= 1


def test_loss_and_accuracy_of_pieces_are_weighted_by_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(tmp_path, max_steps=20).trainer.callback_metrics
    monkeypatch.setattr("letters_torch.data.datamodule.CHUNK", 16)  # 16, 16, 16 and 2 rows
    pieces = fit(tmp_path, max_steps=20).trainer.callback_metrics
    for name in ("val/loss", "val/acc", "train/acc"):
        assert float(pieces[name]) == pytest.approx(float(whole[name]), rel=1e-6)


def test_train_loss_is_the_mean_loss_of_the_steps_since_the_last_check(tmp_path: Path) -> None:
    done = fit(tmp_path, logger=RunLogger(tmp_path), val_check_interval=70, **DOUBLE)
    losses = by_hand(done, TOTAL)[2]
    logged = scalars(tmp_path / "lightning_logs" / "version_0")
    first, second = (stage.lr for stage in STAGES)  # of the last step before the validation
    assert dict(logged["lr"]) == pytest.approx({0: first, 70: first, 140: second, 200: second})
    assert dict(logged["train/loss"]) == pytest.approx(
        {70: losses[:70].mean(), 140: losses[70:140].mean(), 200: losses[140:].mean()}, rel=1e-6
    )


def test_a_rate_that_is_too_high_is_named_with_the_step(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        fit(tmp_path, stages=(Stage(30, 0.01), Stage(170, 1e30)))
    text = message(error, "step", "1e+30", "learning rate", "model.schedule")
    step = int(text.removeprefix("step ").split(":")[0])
    assert 30 <= step < 40


@pytest.mark.parametrize("bad", [2e4, torch.inf, torch.nan])
def test_the_first_step_of_a_loss_that_is_too_large_is_named(bad: float) -> None:
    module = LettersModule(list(STAGES), hidden=HIDDEN)
    module.updates = lambda *_: torch.tensor([1.0, 1.0, bad, 1.0])  # type: ignore[assignment]
    with pytest.raises(
        Diverged,
        match=r"step 102: the loss is .* of this stage of model.schedule is too high; the last checkpoint is kept",
    ):
        module.training_step(Block(torch.zeros(4, 784), torch.zeros(4, dtype=torch.int64), 100))
    assert module.step == 0


def test_weights_that_are_not_finite_are_named_with_the_last_step() -> None:
    module = LettersModule(list(STAGES), hidden=HIDDEN)

    def update(V: torch.Tensor, *_: Any) -> torch.Tensor:
        V.data[2, 3] = torch.inf
        return torch.ones(4)

    module.updates = update  # type: ignore[assignment]
    with pytest.raises(Diverged, match="step 103: the weights are no longer finite"):
        module.training_step(Block(torch.zeros(4, 784), torch.zeros(4, dtype=torch.int64), 100))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"hidden": 0}, "--model.hidden must be 1 or more, not 0"),
    ({"panel": 0}, "--model: panel must be 1 or more, not 0"),
    ({"schedule": []}, "--model: a schedule needs at least one stage"),
    ({"seed": -1}, "--seed_everything must be 0 or more, not -1"),
    ({"initial_scale": 0.0}, "--model.initial_scale must be a finite number above 0, not 0.0"),
    ({"initial_scale": float("nan")}, "--model.initial_scale"),
    ({"label_smoothing": 1.5}, "--model: label_smoothing must be from 0 to 1, not 1.5"),
    ({"label_smoothing": -0.1, "engine": "autograd"}, "label_smoothing"),
]


@pytest.mark.parametrize(("settings", "named"), WRONG, ids=str)
def test_settings_that_cannot_be(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError) as error:
        LettersModule(**{"schedule": list(STAGES), **settings})
    message(error, named)


def test_the_weights_begin_as_they_are_told() -> None:
    usual, scaled = (LettersModule(list(STAGES), initial_scale=scale) for scale in (1.0, 0.5))
    assert torch.equal(scaled.V, usual.V / 2)
    assert torch.equal(scaled.W, usual.W / 2)
    assert scaled.hparams["initial_scale"] == 0.5


def test_probabilities_are_the_formulas() -> None:
    module = LettersModule(list(STAGES), hidden=HIDDEN).double()
    x = torch.randn(5, 784, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    V, W = module.V.detach().numpy(), module.W.detach().numpy()
    expected = np.stack([formulas.forward(V, W, sample).g for sample in x.numpy()])
    np.testing.assert_allclose(module.predict_step(Batch(x, None)).detach(), expected, rtol=0, atol=1e-12)


def test_a_batch_that_is_no_block_is_refused() -> None:
    with pytest.raises(UserError) as error:
        LettersModule(list(STAGES), hidden=2).training_step(torch.zeros(3))  # type: ignore[arg-type]
    message(error, "LettersModule trains on Blocks of a LettersDataModule, not on a Tensor")
