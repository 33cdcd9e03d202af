"""Other models than tanh units with labels: all forms agree with the formulas, and differ from the default."""

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from letters_torch.exact_sgd import Blocked, Model, OneAtATime
from tests.support.updates import Problem, Result, apart, by_numpy, problem, random_cuts, stages

EXACT = 1e-10
WRONG = 1e-3
STEPS = 2_000
FORMS = pytest.mark.parametrize("form", ["one", "plain", "compiled"])


def engine(form: str, model: Model, panel: int = 100) -> OneAtATime | Blocked:
    return OneAtATime(model) if form == "one" else Blocked(panel, form == "compiled", model)


def soft(task: Problem) -> Problem:
    """The task with distributions in place of labels."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(len(task.x), len(task.W), generator=generator, dtype=torch.float64)
    targets = torch.softmax(2 * noise + 3 * torch.eye(len(task.W), dtype=torch.float64)[task.y], 1)
    return task._replace(y=targets)


def regression(task: Problem) -> Problem:
    """The task with targets that a fixed random map of the samples gives, of every size and sign."""
    generator = torch.Generator().manual_seed(2)
    teacher = torch.randn(task.x.shape[1], len(task.W), generator=generator, dtype=torch.float64)
    return task._replace(y=torch.sin(task.x @ teacher) + 0.1 * (task.x @ teacher))


MODELS: dict[str, tuple[Model, Any]] = {
    "relu": (Model("relu"), None),
    "logistic": (Model("logistic"), None),
    "identity": (Model("identity"), None),
    "erf": (Model("erf"), None),
    "distributions": (Model(), soft),
    "smoothed distributions": (Model(label_smoothing=0.2), soft),
    "squared error": (Model(loss="squared_error"), regression),
    "erf with squared error": (Model("erf", "squared_error"), regression),
    "biases that do not decay": (Model(decay_biases=False), None),
    "biases that do not decay, erf": (Model("erf", decay_biases=False), None),
    "fixed biases": (Model(train_biases=False), None),
    "fixed biases, asked to decay or not": (Model(train_biases=False, decay_biases=False), None),
    "fixed second layer": (Model(train_second_layer=False), None),
    "a soft committee machine": (
        Model("erf", "squared_error", train_biases=False, train_second_layer=False),
        regression,
    ),
}


@pytest.fixture(scope="module")
def label_run() -> tuple[Problem, Result]:
    task = problem(stages(STEPS))
    return task, by_numpy(task)


@pytest.fixture(scope="module", params=MODELS)
def run(request: pytest.FixtureRequest, label_run: tuple[Problem, Result]) -> tuple[Problem, Model, Result]:
    """A task, a model and where the formulas lead."""
    model, change = MODELS[request.param]
    task = change(label_run[0]) if change else label_run[0]
    reference = by_numpy(task, model)
    assert apart(reference, label_run[1]) > WRONG  # this is not what the default model does
    return task, model, reference


@FORMS
def test_2000_steps_are_the_formulas(run: tuple[Problem, Model, Result], form: str) -> None:
    task, model, reference = run
    assert apart(task.train(engine(form, model)), reference) < EXACT


@pytest.mark.parametrize("form", ["plain", "compiled"])
def test_blocks_may_be_cut_anywhere(run: tuple[Problem, Model, Result], form: str) -> None:
    task, model, reference = run
    assert apart(task.train(engine(form, model, panel=7), random_cuts(STEPS, 3), first_step=5), reference) < EXACT


@FORMS
def test_a_one_hot_distribution_is_a_label(label_run: tuple[Problem, Result], form: str) -> None:
    task, reference = label_run
    one_hot = torch.eye(len(task.W), dtype=torch.float64)[task.y]
    assert apart(task._replace(y=one_hot).train(engine(form, Model())), reference) < EXACT


@FORMS
def test_smoothing_is_a_distribution_but_for_the_losses(label_run: tuple[Problem, Result], form: str) -> None:
    task, _ = label_run
    smoothed = task.train(engine(form, Model(label_smoothing=0.2)))
    by_hand = task._replace(y=0.8 * torch.eye(7, dtype=torch.float64)[task.y] + 0.2 / 7).train(engine(form, Model()))
    assert apart(smoothed._replace(losses=by_hand.losses), by_hand) < EXACT
    assert apart(smoothed, by_hand) > WRONG


@FORMS
@pytest.mark.parametrize("model", [Model(), Model(decay_biases=False)], ids=["biases decay", "biases do not"])
def test_sample_weights(label_run: tuple[Problem, Result], form: str, model: Model) -> None:
    task, _ = label_run
    weights = torch.from_numpy(np.random.default_rng(0).choice([0.0, 0.3, 1.0, 2.5], STEPS))
    V, W = task.V.clone(), task.W.clone()
    losses = engine(form, model)(V, W, task.x, task.y, task.rates, sample_weight=weights)
    reference = by_numpy(task, model, weights)
    assert apart(Result(V, W, losses), reference) < EXACT
    assert apart(reference, by_numpy(task, model)) > WRONG


@FORMS
def test_weights_of_one_change_nothing(label_run: tuple[Problem, Result], form: str) -> None:
    task, _ = label_run
    expected = task.train(engine(form, Model()))
    V, W = task.V.clone(), task.W.clone()
    engine(form, Model())(V, W, task.x, task.y, task.rates, sample_weight=torch.ones(STEPS, dtype=torch.float64))
    assert torch.equal(V, expected.V)
    assert torch.equal(W, expected.W)


@FORMS
@pytest.mark.parametrize("contiguous", [True, False])
def test_outputs_are_those_before_the_update(form: str, contiguous: bool) -> None:
    """Each sample's loss follows from its outputs, and the first sample's are those of the initial weights."""
    task = problem(stages(300))
    expected = task.train(engine(form, Model()))
    outputs = torch.full((300, 14), 7.0, dtype=torch.float64)[:, :: 1 if contiguous else 2][:, :7]
    V, W = task.V.clone(), task.W.clone()
    losses = engine(form, Model())(V, W, task.x, task.y, task.rates, outputs=outputs)
    assert apart(Result(V, W, losses), expected) < 1e-14
    by_outputs = torch.nn.functional.cross_entropy(outputs, task.y, reduction="none")
    torch.testing.assert_close(losses, by_outputs, rtol=1e-12, atol=1e-14)
    h = torch.tanh(task.V[:, :-1] @ task.x[0] + task.V[:, -1])
    torch.testing.assert_close(outputs[0], task.W[:, :-1] @ h + task.W[:, -1], rtol=1e-12, atol=1e-14)


@FORMS
def test_what_is_not_trained_keeps_its_bits(form: str) -> None:
    task = regression(problem(stages(300)))
    model = Model("erf", "squared_error", train_biases=False, train_second_layer=False)
    result = task.train(engine(form, model))
    assert torch.equal(result.W, task.W)
    assert torch.equal(result.V[:, -1], task.V[:, -1])
    assert not torch.equal(result.V[:, 0], task.V[:, 0])


def relative_errors(result: Result, reference: Result) -> list[float]:
    return [float((a.double() - b).norm() / b.norm()) for a, b in zip(result, reference, strict=True)]


@pytest.mark.parametrize("form", ["plain", "compiled"])
@pytest.mark.parametrize(
    "model",
    [Model("relu"), Model("logistic"), Model("erf"), Model(decay_biases=False)],
    ids=["relu", "logistic", "erf", "biases"],
)
def test_in_float32_no_further_than_one_at_a_time(form: str, model: Model) -> None:
    errors: list[Any] = []
    for seed in range(3):
        rates = stages(300)
        task = problem(rates._replace(lr=rates.lr / 5), seed, inputs=196, hidden=40, classes=26, dtype=torch.float32)
        reference = task.to(torch.float64).train(OneAtATime(model))
        results = [task.train(each) for each in (engine(form, model), OneAtATime(model))]
        errors.append([relative_errors(result, reference) for result in results])
    blocked, one_at_a_time = np.mean(errors, axis=0)
    assert (blocked <= 1.25 * one_at_a_time).all(), f"V, W, losses: {blocked}, one at a time {one_at_a_time}"


@FORMS
@pytest.mark.parametrize(
    ("model", "y", "error", "expected"),
    [
        (Model(), torch.full((4, 7), 0.15), ValueError, r"^y\[0\] must be a distribution"),
        (Model(), torch.eye(7)[:4] - 0.1 + 0.7 / 7, None, ""),
        (Model(), torch.tensor([[2.0, -1, 0, 0, 0, 0, 0]] * 4), ValueError, r"^y\[0\] must be a distribution"),
        (Model(), torch.eye(7)[:4] * float("nan"), ValueError, r"^y\[0\] must be a distribution"),
        (Model(), torch.eye(6)[:4], ValueError, r"^y must have shape \(4, 7\), not \(4, 6\)"),
        (Model(loss="squared_error"), torch.zeros(4), ValueError, r"^y must have shape \(4, 7\), not \(4,\)"),
        (Model(loss="squared_error"), torch.zeros(4, dtype=torch.int64), TypeError, "^y must have V's dtype"),
        (Model(loss="squared_error"), torch.full((4, 7), -3.0), None, ""),
    ],
)
def test_targets_that_do_not_suit_the_loss(
    form: str, model: Model, y: Tensor, error: type[Exception] | None, expected: str
) -> None:
    task = problem(stages(2_000)._replace(lr=np.full(4, 0.01), weight_decay=np.zeros(4)), dtype=torch.float32)
    task = task._replace(y=y)
    if error is None:
        assert task.train(engine(form, model)).losses.isfinite().all()
    else:
        with pytest.raises(error, match=expected):
            task.train(engine(form, model))


@FORMS
def test_weights_and_outputs_are_validated(form: str) -> None:
    task = problem(stages(300), dtype=torch.float32)
    arguments = (task.V, task.W, task.x, task.y, task.rates)
    with pytest.raises(ValueError, match=r"^sample_weight must have shape \(300,\), not \(299,\)"):
        engine(form, Model())(*arguments, sample_weight=torch.ones(299))
    with pytest.raises(TypeError, match=r"^sample_weight must have V's dtype"):
        engine(form, Model())(*arguments, sample_weight=torch.ones(300, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"^outputs must have shape \(300, 7\), not \(300, 8\)"):
        engine(form, Model())(*arguments, outputs=torch.ones(300, 8))
    with pytest.raises(TypeError, match=r"^outputs must be a torch\.Tensor, not ndarray"):
        engine(form, Model())(*arguments, outputs=np.ones((300, 7)))  # type: ignore[arg-type]


@FORMS
@pytest.mark.parametrize("activation", ["relu", "logistic", "identity", "erf"])
def test_nan_stays_nan(form: str, activation: str) -> None:
    """In the last sample of a panel: only the activation itself could lose it."""
    task = problem(stages(2_000)._replace(lr=np.full(5, 0.01), weight_decay=np.zeros(5)))
    task.x[4, 3] = float("nan")
    losses = task.train(engine(form, Model(activation), panel=5)).losses
    assert losses[:4].isfinite().all()
    assert losses[4].isnan()


@FORMS
def test_the_slope_of_relu_at_0_is_0(form: str) -> None:
    task = problem(stages(2_000)._replace(lr=np.full(3, 0.1), weight_decay=np.zeros(3)))
    task.V.zero_()
    result = task.train(engine(form, Model("relu")))
    assert torch.equal(result.V, task.V)
    assert not torch.equal(result.W, task.W)  # the biases


@FORMS
@pytest.mark.parametrize(("total", "accepted"), [(1 + 1e-6, True), (1 - 1e-6, True), (1.001, False), (0.999, False)])
def test_distributions_may_be_rounded(form: str, total: float, accepted: bool) -> None:
    task = problem(stages(2_000)._replace(lr=np.full(4, 0.1), weight_decay=np.zeros(4)))
    task = task._replace(y=torch.full((4, 7), total / 7, dtype=torch.float64))
    with nullcontext() if accepted else pytest.raises(ValueError, match="must be a distribution"):
        task.train(engine(form, Model()))
