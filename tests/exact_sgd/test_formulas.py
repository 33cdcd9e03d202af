"""The hand-derived formulas against autograd, finite differences, arithmetic on paper, and torch's own optimiser."""

import inspect
import types
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from letters_torch.exact_sgd import formulas
from letters_torch.exact_sgd.formulas import Array
from letters_torch.exact_sgd.model import ACTIVATIONS, Model

Pair = tuple[Array, Array]


class Problem(NamedTuple):
    """Weights, samples and labels to differentiate at."""

    V: Array
    W: Array
    X: Array
    labels: npt.NDArray[np.int64]
    smoothing: float = 0.0

    @property
    def Y(self) -> Array:
        return formulas.smoothed(np.eye(len(self.W))[self.labels], self.smoothing)


def random_problem(
    seed: int, inputs: int = 784, hidden: int = 20, classes: int = 26, samples: int = 1, scale: float = 1.0
) -> Problem:
    """The network's own initial distributions, times `scale`, and samples that look standardised."""
    rng = np.random.default_rng(seed)
    V = scale * rng.normal(0, inputs**-0.5, (hidden, inputs + 1))
    W = scale * rng.normal(0, hidden**-0.5, (classes, hidden + 1))
    return Problem(V, W, rng.normal(size=(samples, inputs)), rng.integers(classes, size=samples))


def torch_logits(V: torch.Tensor, W: torch.Tensor, X: Array) -> torch.Tensor:
    ones = torch.ones(len(X), 1, dtype=torch.float64)
    h = torch.tanh(torch.cat([torch.tensor(X), ones], 1) @ V.T)
    return torch.cat([h, ones], 1) @ W.T


def autograd_gradients(problem: Problem, lam: float) -> Pair:
    V, W = torch.tensor(problem.V, requires_grad=True), torch.tensor(problem.W, requires_grad=True)
    b, labels = torch_logits(V, W, problem.X), torch.tensor(problem.labels)
    L = cross_entropy(b, labels, label_smoothing=problem.smoothing)
    (L + lam * (V.pow(2).sum() + W.pow(2).sum())).backward()
    assert V.grad is not None
    assert W.grad is not None
    return V.grad.numpy(), W.grad.numpy()


def formula_gradients(problem: Problem, lam: float, module: types.ModuleType = formulas) -> Pair:
    """The mean over the samples."""
    each = [module.gradients(problem.V, problem.W, x, y, lam) for x, y in zip(problem.X, problem.Y, strict=True)]
    dV, dW = (np.mean(part, axis=0) for part in zip(*each, strict=True))
    return dV, dW


def mean_objective(problem: Problem, lam: float) -> float:
    samples = zip(problem.X, problem.Y, strict=True)
    return float(np.mean([formulas.objective(problem.V, problem.W, x, y, lam) for x, y in samples]))


def term_sizes(problem: Problem, lam: float) -> Pair:
    """For each entry of the gradients, the sum of the magnitudes of the terms that rounding acts on.

    Where these terms cancel (g against y, 1 against h^2, one pixel's share of a against the others'), two correct
    programs agree to so many digits of their terms, not of what is left; for h that is 1, what it is bounded by.
    """
    V, W = np.abs(problem.V), np.abs(problem.W)
    sizes_V, sizes_W = 2 * lam * V, 2 * lam * W
    for x, y in zip(problem.X, problem.Y, strict=True):
        s = formulas.forward(problem.V, problem.W, x)
        sizes_V = sizes_V + np.outer(W[:, :-1].T @ (s.g + y), np.abs(s.x)) / len(problem.X)
        sizes_W = sizes_W + np.outer(s.g + y, np.ones_like(s.h)) / len(problem.X)
    return sizes_V, sizes_W


def relative_error(found: Array, reference: Array) -> float:
    return float(np.linalg.norm(found - reference) / np.linalg.norm(reference))


def worst_relative_error(found: Pair, reference: Pair) -> float:
    return max(relative_error(f, r) for f, r in zip(found, reference, strict=True))


def worst_elementwise_error(found: Pair, reference: Pair, sizes: Pair) -> float:
    return max(float(np.max(np.abs(f - r) / s)) for f, r, s in zip(found, reference, sizes, strict=True))


# Against autograd


@pytest.mark.parametrize("lam", [0.0, 0.1])
@pytest.mark.parametrize("samples", [1, 7])
@pytest.mark.parametrize("hidden", [1, 3, 20, 400])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradients_equal_autograd(seed: int, hidden: int, samples: int, lam: float) -> None:
    problem = random_problem(seed, hidden=hidden, samples=samples)
    found, reference = formula_gradients(problem, lam), autograd_gradients(problem, lam)
    assert worst_relative_error(found, reference) < 1e-10
    assert worst_elementwise_error(found, reference, term_sizes(problem, lam)) < 1e-10


@pytest.mark.parametrize("lam", [0.0, 0.1])
@pytest.mark.parametrize("hidden", [20, 400])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradients_equal_autograd_where_units_saturate(seed: int, hidden: int, lam: float) -> None:
    problem = random_problem(seed, hidden=hidden, samples=3, scale=50.0)
    h = [formulas.forward(problem.V, problem.W, x).h[:-1] for x in problem.X]
    assert np.mean(np.abs(h) > 0.999) > 0.8
    found, reference = formula_gradients(problem, lam), autograd_gradients(problem, lam)
    assert worst_relative_error(found, reference) < 1e-10
    assert worst_elementwise_error(found, reference, term_sizes(problem, lam)) < 1e-10


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    inputs=st.integers(1, 30),
    hidden=st.integers(1, 30),
    classes=st.integers(2, 30),
    samples=st.integers(1, 4),
    lam=st.floats(0, 1),
)
def test_gradients_equal_autograd_at_any_shape(
    seed: int, inputs: int, hidden: int, classes: int, samples: int, lam: float
) -> None:
    problem = random_problem(seed, inputs, hidden, classes, samples)
    found, reference = formula_gradients(problem, lam), autograd_gradients(problem, lam)
    assert worst_relative_error(found, reference) < 1e-10
    assert worst_elementwise_error(found, reference, term_sizes(problem, lam)) < 1e-10


@pytest.mark.parametrize("samples", [1, 5])
def test_objective_equals_torch(samples: int) -> None:
    problem = random_problem(3, samples=samples)
    V, W = torch.tensor(problem.V), torch.tensor(problem.W)
    expected = cross_entropy(torch_logits(V, W, problem.X), torch.tensor(problem.labels))
    expected = expected + 0.1 * (V.pow(2).sum() + W.pow(2).sum())
    found = mean_objective(problem, 0.1)
    assert found == pytest.approx(expected.item(), rel=1e-14)


@pytest.mark.parametrize("classes", [2, 3, 26])
def test_softmax_jacobian_equals_autograd(classes: int) -> None:
    b = 3 * np.random.default_rng(classes).normal(size=classes)
    expected = torch.autograd.functional.jacobian(lambda t: torch.softmax(t, 0), torch.tensor(b))
    np.testing.assert_allclose(formulas.softmax_jacobian(formulas.softmax(b)), expected.numpy(), rtol=1e-12, atol=0)


def test_cross_entropy_through_the_whole_jacobian_is_g_minus_y() -> None:
    g = formulas.softmax(np.random.default_rng(0).normal(size=26))
    y = np.eye(26)[4]
    np.testing.assert_allclose(formulas.softmax_jacobian(g).T @ (-y / g), g - y, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("smoothing", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("samples", [1, 7])
def test_gradients_of_smoothed_labels_equal_autograd(samples: int, smoothing: float) -> None:
    problem = random_problem(8, hidden=400, samples=samples)._replace(smoothing=smoothing)
    found, reference = formula_gradients(problem, 0.1), autograd_gradients(problem, 0.1)
    assert worst_elementwise_error(found, reference, term_sizes(problem, 0.1)) < 1e-12
    unsmoothed = autograd_gradients(problem._replace(smoothing=0.0), 0.1)
    assert worst_elementwise_error(found, unsmoothed, term_sizes(problem, 0.1)) > 1e-5


def test_smoothing_keeps_the_sum_of_a_label() -> None:
    y = formulas.smoothed(np.array([0.0, 0, 1, 0]), 0.2)
    np.testing.assert_allclose(y, [0.05, 0.05, 0.85, 0.05], rtol=1e-15)


# Against finite differences


def central_differences(problem: Problem, lam: float, distance: float = 1e-5) -> Pair:
    """Every entry of the gradient of the mean objective, from two values of it."""

    def slope(parameter: Array, index: tuple[int, ...]) -> float:
        middle = parameter[index]
        values = []
        for value in (middle + distance, middle - distance):
            parameter[index] = value
            values.append(mean_objective(problem._replace(V=V, W=W), lam))
        parameter[index] = middle
        return (values[0] - values[1]) / (2 * distance)

    V, W = problem.V.copy(), problem.W.copy()
    slopes_V = np.array([slope(V, index) for index in np.ndindex(V.shape)]).reshape(V.shape)
    slopes_W = np.array([slope(W, index) for index in np.ndindex(W.shape)]).reshape(W.shape)
    return slopes_V, slopes_W


@pytest.mark.parametrize("lam", [0.0, 0.1])
@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("inputs", "hidden", "classes"), [(1, 1, 2), (5, 3, 4), (9, 6, 26)])
def test_formulas_and_autograd_equal_finite_differences(
    inputs: int, hidden: int, classes: int, smoothing: float, samples: int, lam: float
) -> None:
    problem = random_problem(5, inputs, hidden, classes, samples)._replace(smoothing=smoothing)
    expected = central_differences(problem, lam)
    assert worst_relative_error(formula_gradients(problem, lam), expected) < 1e-8
    assert worst_relative_error(autograd_gradients(problem, lam), expected) < 1e-8


MODELS = [
    *(Model(activation) for activation in ACTIVATIONS),
    *(Model(activation, "squared_error") for activation in ACTIVATIONS),
    Model(decay_biases=False),
    Model(train_biases=False),
    Model("erf", "squared_error", train_second_layer=False),
]


@pytest.mark.parametrize("weight", [1.0, 2.5])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_gradients_of_every_model_equal_finite_differences(model: Model, weight: float) -> None:
    problem, lam = random_problem(14, inputs=5, hidden=6, classes=4, scale=2.0), 0.1
    V, W, x = problem.V, problem.W, problem.X[0]
    y = problem.Y[0] if model.loss == "cross_entropy" else np.array([0.3, -2.0, 1.5, 0.0])
    expected = []
    for layer in (V, W):
        slopes = np.empty_like(layer)
        for index in np.ndindex(layer.shape):
            middle, values = layer[index], []
            for value in (middle + 1e-5, middle - 1e-5):
                layer[index] = value
                values.append(formulas.objective(V, W, x, y, lam, model, weight))
            layer[index] = middle
            slopes[index] = (values[0] - values[1]) / 2e-5
        expected.append(slopes)
    if not model.train_biases:
        expected[0][:, -1] = expected[1][:, -1] = 0
    if not model.train_second_layer:
        expected[1][:] = 0
    for found, slopes in zip(formulas.gradients(V, W, x, y, lam, model, weight), expected, strict=True):
        np.testing.assert_allclose(found, slopes, rtol=1e-7, atol=1e-8)


def test_the_full_network_equals_finite_differences_along_random_directions() -> None:
    problem, lam, distance = random_problem(6, hidden=400), 0.001, 1e-4
    V, W, x, y = problem.V, problem.W, problem.X[0], problem.Y[0]
    rng = np.random.default_rng(7)
    for _ in range(10):
        dV, dW = rng.normal(0, V.size**-0.5, V.shape), rng.normal(0, W.size**-0.5, W.shape)
        ahead = formulas.objective(V + distance * dV, W + distance * dW, x, y, lam)
        behind = formulas.objective(V - distance * dV, W - distance * dW, x, y, lam)
        for dL_dV, dL_dW in (formula_gradients(problem, lam), autograd_gradients(problem, lam)):
            expected = np.sum(dL_dV * dV) + np.sum(dL_dW * dW)
            assert (ahead - behind) / (2 * distance) == pytest.approx(expected, rel=1e-7)


# A step on paper: the worked example of docs/derivation.md


def test_a_step_worked_by_hand() -> None:
    # Two inputs, two hidden units, two classes; ln 2 and ln 3 in the biases make tanh and softmax exact fractions.
    ln2, ln3 = np.log(2), np.log(3)
    V = np.array([[0.5, 1, ln2], [-0.5, -1, -ln3]])
    W = np.array([[-1, 0.5, 1], [1, 0.75, ln3]])
    x, y = np.array([2.0, -1]), np.array([1.0, 0])
    lr, lam = 0.1, 0.05

    # a = V (2, -1, 1):   0.5 * 2 - 1 * 1 + ln 2 =  1 - 1 + ln 2 =  ln 2
    #                    -0.5 * 2 + 1 * 1 - ln 3 = -1 + 1 - ln 3 = -ln 3
    # tanh(ln 2) = (2 - 1/2) / (2 + 1/2) = 1.5 / 2.5 = 0.6, and tanh(-ln 3) = -(3 - 1/3) / (3 + 1/3) = -8/10 = -0.8
    # b = W (0.6, -0.8, 1):  -1 * 0.6 - 0.5 * 0.8 + 1     = -0.6 - 0.4 + 1    = 0
    #                         1 * 0.6 - 0.75 * 0.8 + ln 3 =  0.6 - 0.6 + ln 3 = ln 3
    # exp(b) = (1, 3), so g = (1/4, 3/4), and the loss is -ln(1/4) = 2 ln 2
    s = formulas.forward(V, W, x)
    np.testing.assert_allclose(s.x, [2, -1, 1], rtol=0)
    np.testing.assert_allclose(s.a, [ln2, -ln3], rtol=1e-14)
    np.testing.assert_allclose(s.h, [0.6, -0.8, 1], rtol=1e-14)
    np.testing.assert_allclose(s.b, [0, ln3], rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(s.g, [0.25, 0.75], rtol=1e-14)
    assert formulas.loss(s.b, y) == pytest.approx(2 * ln2, rel=1e-14)

    # ||V||^2 = 2 (0.25 + 1) + ln2^2 + ln3^2,   ||W||^2 = 1 + 0.25 + 1 + 1 + 0.5625 + ln3^2 = 3.8125 + ln3^2
    # objective = 2 ln 2 + 0.05 (6.3125 + ln2^2 + 2 ln3^2)
    expected = 2 * ln2 + 0.05 * (6.3125 + ln2**2 + 2 * ln3**2)
    assert formulas.objective(V, W, x, y, lam) == pytest.approx(expected, rel=1e-14)

    # dL/db = g - y = (1/4 - 1, 3/4 - 0) = (-0.75, 0.75)
    # dL/dW without decay: -0.75 * (0.6, -0.8, 1) = (-0.45,  0.6, -0.75)
    #                       0.75 * (0.6, -0.8, 1) = ( 0.45, -0.6,  0.75)
    # 2 lam W = 0.1 W:    (-0.1, 0.05, 0.1)  and  (0.1, 0.075, 0.1 ln 3)
    dL_dW = [[-0.55, 0.65, -0.65], [0.55, -0.525, 0.75 + 0.1 * ln3]]

    # dL/dh = W^T (g - y): -0.75 * -1  + 0.75 * 1    = 0.75  + 0.75   = 1.5
    #                      -0.75 * 0.5 + 0.75 * 0.75 = -0.375 + 0.5625 = 0.1875   (the third, the bias row, is dropped)
    # 1 - h^2:             1 - 0.36 = 0.64 and 1 - 0.64 = 0.36
    # dL/da:               1.5 * 0.64 = 0.96 and 0.1875 * 0.36 = 0.0675
    # dL/dV without decay: 0.96   * (2, -1, 1) = (1.92,  -0.96,   0.96)
    #                      0.0675 * (2, -1, 1) = (0.135, -0.0675, 0.0675)
    # 2 lam V = 0.1 V:     (0.05, 0.1, 0.1 ln 2)  and  (-0.05, -0.1, -0.1 ln 3)
    dL_dV = [[1.97, -0.86, 0.96 + 0.1 * ln2], [0.085, -0.1675, 0.0675 - 0.1 * ln3]]
    found_V, found_W = formulas.gradients(V, W, x, y, lam)
    np.testing.assert_allclose(found_V, dL_dV, rtol=1e-13)
    np.testing.assert_allclose(found_W, dL_dW, rtol=1e-13)

    # The update takes a tenth of that away:
    # V:  0.5 - 0.197  =  0.303     1 + 0.086   =  1.086      ln 2 - 0.096   - 0.01 ln 2 =  0.99 ln 2 - 0.096
    #    -0.5 - 0.0085 = -0.5085   -1 + 0.01675 = -0.98325   -ln 3 - 0.00675 + 0.01 ln 3 = -0.99 ln 3 - 0.00675
    # W: -1 + 0.055    = -0.945   0.5 - 0.065   =  0.435         1 + 0.065               =  1.065
    #     1 - 0.055    =  0.945  0.75 + 0.0525  =  0.8025     ln 3 - 0.075   - 0.01 ln 3 =  0.99 ln 3 - 0.075
    new_V, new_W = formulas.step(V, W, x, y, lr, lam)
    np.testing.assert_allclose(
        new_V, [[0.303, 1.086, 0.99 * ln2 - 0.096], [-0.5085, -0.98325, -0.99 * ln3 - 0.00675]], rtol=1e-14
    )
    np.testing.assert_allclose(new_W, [[-0.945, 0.435, 1.065], [0.945, 0.8025, 0.99 * ln3 - 0.075]], rtol=1e-14)


# Against torch's optimiser, a thousand steps in


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Products this small are over before a second thread has started; on a busy machine they would wait for it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def sgd(problem: Problem, lrs: Array, lams: Array) -> Pair:
    """The same steps by autograd and torch.optim.SGD, with the decay left to `weight_decay`."""
    V, W = torch.tensor(problem.V, requires_grad=True), torch.tensor(problem.W, requires_grad=True)
    optimizer = torch.optim.SGD([V, W])
    labels = torch.tensor(problem.labels)
    for t, (lr, lam) in enumerate(zip(lrs, lams, strict=True)):
        optimizer.param_groups[0].update(lr=float(lr), weight_decay=2 * float(lam))
        optimizer.zero_grad()
        cross_entropy(torch_logits(V, W, problem.X[t : t + 1]), labels[t : t + 1]).backward()
        optimizer.step()
    return V.detach().numpy(), W.detach().numpy()


@pytest.mark.usefixtures("one_thread")
def test_a_thousand_steps_equal_torch_sgd_with_a_schedule() -> None:
    problem = random_problem(8, hidden=40, samples=1000)
    lrs, lams = np.repeat([1e-2, 1e-3], 500), np.repeat([0.1, 0.01], 500)
    found = formulas.train(problem.V, problem.W, problem.X, problem.Y, lrs, lams)
    assert worst_relative_error(found, (problem.V, problem.W)) > 0.1  # they have gone somewhere
    assert worst_relative_error(found, sgd(problem, lrs, lams)) < 1e-9


@pytest.mark.usefixtures("one_thread")
def test_a_thousand_steps_of_the_full_network_equal_torch_sgd() -> None:
    problem = random_problem(9, hidden=400, samples=1000)
    found = formulas.train(problem.V, problem.W, problem.X, problem.Y, lr=1e-2, lam=0.01)
    assert worst_relative_error(found, (problem.V, problem.W)) > 0.1
    assert worst_relative_error(found, sgd(problem, np.full(1000, 1e-2), np.full(1000, 0.01))) < 1e-9


def test_training_leaves_its_arguments_alone() -> None:
    problem = random_problem(10, samples=3)
    V, W = problem.V.copy(), problem.W.copy()
    formulas.train(V, W, problem.X, problem.Y, 0.1, 0.1)
    np.testing.assert_array_equal(V, problem.V)
    np.testing.assert_array_equal(W, problem.W)


# Wrong formulas are caught

MISTAKES = {
    "b - y for g - y": ("s.g - y", "s.b - y"),
    "only the diagonal of the Jacobian": ("s.g - y", "np.diag(np.diag(softmax_jacobian(s.g))) @ (-y / s.g)"),
    "the first row dropped, not the bias row": ("dL_dh[:-1]", "dL_dh[1:]"),
    "tanh' as 1 - h": ("1 - h**2", "1 - h"),
    "lam W for 2 lam W": ("2 * lam * _decayed(W, model)", "lam * W"),
    "lam V for 2 lam V": ("2 * lam * _decayed(V, model)", "lam * V"),
    "no decay on V": ("2 * lam * _decayed(V, model)", "0 * V"),
    "no decay on V's biases": (
        "2 * lam * _decayed(V, model)",
        "2 * lam * V * (np.arange(V.shape[1]) < V.shape[1] - 1)",
    ),
    "no decay on W's biases": (
        "2 * lam * _decayed(W, model)",
        "2 * lam * W * (np.arange(W.shape[1]) < W.shape[1] - 1)",
    ),
}


def formulas_with(mistake: str) -> types.ModuleType:
    """The module itself, with one piece of its text replaced."""
    right, wrong = MISTAKES[mistake]
    source = inspect.getsource(formulas)
    assert source.count(right) == 1
    module = types.ModuleType("mistaken_formulas")
    exec(source.replace(right, wrong), module.__dict__)
    return module


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_misses_autograd_by_far(mistake: str, samples: int) -> None:
    problem, lam = random_problem(11, inputs=9, hidden=6, classes=5, samples=samples), 0.1
    found, reference = formula_gradients(problem, lam, formulas_with(mistake)), autograd_gradients(problem, lam)
    # Ten million times what the right formulas are allowed
    assert worst_relative_error(found, reference) > 1e-3
    assert worst_elementwise_error(found, reference, term_sizes(problem, lam)) > 1e-3


# Extremes, and what is refused


def test_extreme_logits_keep_their_loss() -> None:
    b = np.array([1e4, -1e4, 0.0])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert [formulas.loss(b, y) for y in np.eye(3)] == [0.0, 20000.0, 10000.0]
        np.testing.assert_array_equal(formulas.softmax(b), [1, 0, 0])
        assert formulas.loss(np.full(4, 1e4), np.eye(4)[2]) == pytest.approx(np.log(4), rel=1e-15)


def test_saturated_network_keeps_loss_and_gradient() -> None:
    # Two inputs that drive tanh to 1, weights that drive the logits to +-1e4, and a label on the wrong side.
    V, W = np.array([[1e4, 1e4, 0.0]]), np.array([[1e4, 0.0], [-1e4, 0.0]])
    x, y = np.array([1.0, 1.0]), np.array([0.0, 1.0])
    assert formulas.objective(V, W, x, y, 0.0) == 20000.0
    dL_dV, dL_dW = formulas.gradients(V, W, x, y, 0.0)
    np.testing.assert_array_equal(dL_dV, [[0, 0, 0]])
    np.testing.assert_array_equal(dL_dW, [[1, 1], [-1, -1]])


def test_a_label_that_is_not_one_hot_is_refused() -> None:
    problem = random_problem(12, samples=2)
    with pytest.raises(ValueError, match="the label must be one-hot, shaped as the logits"):
        formulas.gradients(problem.V, problem.W, problem.X[0], np.array(3.0), 0.0)
    with pytest.raises(ValueError, match="the label must be one-hot, shaped as the logits"):
        formulas.train(problem.V, problem.W, problem.X, problem.Y[:, :1], 0.1, 0.0)


def test_shapes_that_do_not_fit_are_refused() -> None:
    problem = random_problem(13, samples=3)
    V, W, X, Y = problem.V, problem.W, problem.X, problem.Y
    with pytest.raises(ValueError, match="matmul"):
        formulas.forward(V, W, X)  # many samples where one is wanted
    with pytest.raises(ValueError, match="zip"):
        formulas.train(V, W, X, Y[:2], 0.1, 0.0)
    with pytest.raises(ValueError, match="broadcast"):
        formulas.train(V, W, X, Y, np.full(2, 0.1), 0.0)
