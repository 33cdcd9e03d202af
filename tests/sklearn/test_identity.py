"""The same weights as scikit-learn's own networks, where the algorithms are the same."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier, MLPRegressor

from letters_torch.sklearn import ExactSGDClassifier, ExactSGDRegressor

SAME: dict[str, Any] = {
    "activation": "tanh",
    "learning_rate_init": 0.02,
    "max_iter": 3,
    "random_state": 5,
    "alpha": 0.0,
}
THEIRS: dict[str, Any] = {"solver": "sgd", "batch_size": 1, "momentum": 0}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


def same_weights(ours: Any, theirs: Any) -> None:
    for name in ("coefs_", "intercepts_"):
        for own, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(own, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic", "identity"])
@pytest.mark.parametrize("alpha", [0.0, 1e-2])
def test_classifier(digits: tuple[np.ndarray, np.ndarray], activation: str, alpha: float) -> None:
    """From the same random_state: initial weights, order of the samples, updates."""
    settings = SAME | {"activation": activation, "alpha": alpha}
    theirs = MLPClassifier((12,), **THEIRS, **settings).fit(*digits)
    ours = ExactSGDClassifier((12,), **settings).fit(*digits)
    same_weights(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(digits[0]), theirs.predict_proba(digits[0]), rtol=0, atol=1e-10)
    if alpha == 0:  # with alpha MLPClassifier's curve holds the L2 term too
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_


@pytest.mark.parametrize("outputs", [1, 3])
def test_regressor(digits: tuple[np.ndarray, np.ndarray], outputs: int) -> None:
    X, y = digits
    target = np.stack([np.sin(y), np.cos(y), y / 10], 1)[:, :outputs].squeeze()
    settings = SAME | {"alpha": 1e-2, "activation": "relu"}
    theirs = MLPRegressor(hidden_layer_sizes=(12,), **THEIRS, **settings).fit(X, target)
    ours = ExactSGDRegressor((12,), **settings).fit(X, target)
    same_weights(ours, theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("own", "other"),
    [(ExactSGDClassifier, MLPClassifier), (ExactSGDRegressor, MLPRegressor)],
    ids=["classes", "values"],
)
def test_early_stopping(digits: tuple[np.ndarray, np.ndarray], own: Any, other: Any) -> None:
    """The same held-out samples, the same scores, stopped at the same epoch, the best weights kept."""
    settings = SAME | {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 40, "validation_fraction": 0.2}
    theirs = other(hidden_layer_sizes=(12,), **THEIRS, **settings).fit(*digits)
    ours = own((12,), **settings).fit(*digits)
    assert ours.validation_scores_ == pytest.approx(theirs.validation_scores_, rel=1e-9)
    assert ours.n_iter_ == theirs.n_iter_ < 40
    assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_, rel=1e-9)
    same_weights(ours, theirs)


def test_stops_where_the_loss_stalls(digits: tuple[np.ndarray, np.ndarray]) -> None:
    settings = SAME | {"tol": 0.1, "n_iter_no_change": 2, "max_iter": 60}
    theirs = MLPClassifier((12,), **THEIRS, **settings).fit(*digits)
    ours = ExactSGDClassifier((12,), **settings).fit(*digits)
    assert ours.n_iter_ == theirs.n_iter_ < 60
    same_weights(ours, theirs)


def test_partial_fit_from_equal_weights(digits: tuple[np.ndarray, np.ndarray]) -> None:
    """Weights may be assigned; then both go on in the same way."""
    X, y = digits
    theirs = MLPClassifier((12,), **THEIRS, **SAME, shuffle=False).partial_fit(X[:1], y[:1], classes=np.arange(10))
    ours = ExactSGDClassifier((12,), **SAME | {"random_state": 99}).partial_fit(X[:1], y[:1], np.arange(10))
    ours.coefs_, ours.intercepts_ = theirs.coefs_, theirs.intercepts_
    same_weights(ours.partial_fit(X, y), theirs.partial_fit(X, y))
