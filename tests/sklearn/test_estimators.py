"""What the estimators add to scikit-learn's conventions, and how they work together with its tools."""

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from letters_torch.exact_sgd import Schedule, Stage
from letters_torch.sklearn import ExactSGDClassifier, ExactSGDRegressor

Digits = tuple[np.ndarray, np.ndarray]
quick = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits() -> Digits:
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


def classifier(**settings: Any) -> ExactSGDClassifier:
    return ExactSGDClassifier(20, **{"learning_rate_init": 0.05, "max_iter": 3, "random_state": 0, **settings})


def test_test_then_train_is_what_was_known_before(digits: Digits) -> None:
    """Against a network that is asked before each of its updates, one sample at a time."""
    X, y = digits[0][:60], digits[1][:60]
    stream = classifier().test_then_train(X, y, np.arange(10))
    slow = classifier().partial_fit(X[:1], y[:1], np.arange(10))
    for k in range(1, 60):
        proba = slow.predict_proba(X[k : k + 1])[0]
        np.testing.assert_allclose(stream.output[k], proba, rtol=1e-10)
        assert stream.loss[k] == pytest.approx(-np.log(proba[y[k]]), rel=1e-10)
        assert stream.prediction[k] == proba.argmax()
        slow.partial_fit(X[k : k + 1], y[k : k + 1])


def test_any_division_into_calls_is_the_same_run(digits: Digits) -> None:
    X, y = digits
    whole = classifier().partial_fit(X, y, np.arange(10))
    parts = classifier(panel=100)
    for begin, end in ((0, 1), (1, 137), (137, 400), (400, 600)):
        parts.partial_fit(X[begin:end], y[begin:end], np.arange(10))
    np.testing.assert_allclose(parts.coefs_[0], whole.coefs_[0], rtol=0, atol=1e-12)
    assert parts.t_ == whole.t_ == 600


@quick
def test_labels_of_any_type(digits: Digits) -> None:
    X, y = digits
    numbers = classifier().fit(X, y)
    words = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    named = classifier().fit(X, words[y].astype(object))
    assert set(named.predict(X)) <= set(words)
    assert list(named.classes_) == sorted(words)
    assert numbers.score(X, y) > 0.8
    assert named.score(X, words[y]) > 0.8
    booleans = classifier().fit(X, y > 4)
    assert booleans.predict(X).dtype == bool
    assert booleans.predict_proba(X).shape == (600, 2)
    np.testing.assert_allclose(np.exp(booleans.predict_log_proba(X)), booleans.predict_proba(X), rtol=1e-6)


@quick
def test_schedule(digits: Digits) -> None:
    """`fit` does as many steps as the schedule has, at its rates; a constant one is the same as plain parameters."""
    X, y = digits
    plain = classifier(max_iter=2, alpha=0.01, tol=-np.inf).fit(X, y)
    staged = classifier(schedule=[Stage(500, 0.05, 0.01), Stage(700, 0.05, 0.01)], learning_rate_init=9.0).fit(X, y)
    assert staged.t_ == 1200
    np.testing.assert_array_equal(staged.coefs_[0], plain.coefs_[0])
    falling = classifier(schedule=Schedule([Stage(650, 0.05, lr_end=0.0)])).fit(X, y)
    assert falling.t_ == 650
    assert falling.n_iter_ == 2
    with pytest.raises(ValueError, match="650 steps, and 650 of them are done: extend it"):
        falling.partial_fit(X[:1], y[:1])


@quick
def test_sample_weight_multiplies_the_gradient(digits: Digits) -> None:
    X, y = digits
    half = classifier(alpha=0.0).fit(X, y, np.full(600, 0.5))
    slower = classifier(alpha=0.0, learning_rate_init=0.025).fit(X, y)
    np.testing.assert_allclose(half.coefs_[1], slower.coefs_[1], rtol=0, atol=1e-12)
    none = classifier(alpha=0.0).partial_fit(X, y, np.arange(10))
    start = none.coefs_[0].copy()
    weight = np.zeros(600)
    weight[7] = 1
    none.partial_fit(X, y, sample_weight=weight)
    one = classifier(alpha=0.0).partial_fit(X, y, np.arange(10)).partial_fit(X[7:8], y[7:8])
    np.testing.assert_allclose(none.coefs_[0], one.coefs_[0], rtol=0, atol=1e-12)
    assert (none.coefs_[0] != start).any()
    with pytest.raises(ValueError, match=r"(sample_weight: all weights are 0|at least one non-zero number)"):
        classifier().fit(X, y, np.zeros(600))


@quick
@pytest.mark.parametrize("kind", [ExactSGDClassifier, ExactSGDRegressor])
def test_no_intercepts(digits: Digits, kind: Any) -> None:
    X, y = digits
    model = kind(20, max_iter=2, fit_intercept=False, random_state=0).fit(X, y)
    assert not any(biases.any() for biases in model.intercepts_)
    assert kind(20, max_iter=2, random_state=0).fit(X, y).intercepts_[0].any()


@quick
def test_decay_of_intercepts(digits: Digits) -> None:
    X, y = digits
    norms = [
        np.linalg.norm(classifier(alpha=0.05, decay_intercepts=decays).fit(X, y).intercepts_[0]) for decays in (0, 1)
    ]
    assert norms[1] < 0.9 * norms[0]


@quick
def test_label_smoothing_keeps_probabilities_off_the_edge(digits: Digits) -> None:
    sure, unsure = (
        classifier(label_smoothing=part, max_iter=20, alpha=0).fit(*digits).predict_proba(digits[0]).max(1).mean()
        for part in (0.0, 0.3)
    )
    assert unsure < sure - 0.1


@quick
def test_warm_start_goes_on(digits: Digits) -> None:
    model = classifier(warm_start=True, max_iter=1).fit(*digits)
    first, coefs = model.loss_, model.coefs_[0].copy()
    model.fit(*digits)
    assert model.loss_ < first
    assert (model.coefs_[0] != coefs).any()
    with pytest.raises(ValueError, match=r"warm_start: y has the classes \[.*\], the fit before had \["):
        model.fit(digits[0], digits[1] // 2)


@quick
@pytest.mark.parametrize("kind", [ExactSGDClassifier, ExactSGDRegressor])
def test_a_warm_start_from_other_shapes_is_refused_and_leaves_the_fit(digits: Digits, kind: Any) -> None:
    X, y = digits
    model = kind(5, max_iter=1, warm_start=True, random_state=0).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=f"X has 9 features, but {kind.__name__} is expecting 64 features as input"):
        model.fit(X[:, :9], y)
    if kind is ExactSGDRegressor:
        with pytest.raises(ValueError, match="y has 2 targets, but the regressor was fitted with 1"):
            model.fit(X, np.column_stack([y, y]))
    np.testing.assert_array_equal(model.predict(X), before)


def test_the_rest_of_a_schedule_may_have_no_weight(digits: Digits) -> None:
    weight = np.r_[np.zeros(500), np.ones(100)]
    model = classifier(schedule=[Stage(700, 0.05)], shuffle=False).fit(*digits, weight)
    assert (model.t_, model.n_iter_) == (700, 2)
    assert np.isfinite(model.loss_curve_[0])
    assert np.isnan(model.loss_)


@quick
def test_tools(digits: Digits) -> None:
    """Pipeline, grid search in two processes, clone, pickle, a data frame in and its names kept."""
    X, y = digits
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    pipeline = make_pipeline(StandardScaler(), classifier()).set_output(transform="pandas")
    search = GridSearchCV(pipeline, {"exactsgdclassifier__alpha": [0.0, 0.01]}, cv=2, n_jobs=2).fit(frame, y)
    model = search.best_estimator_[-1]
    assert search.best_score_ > 0.7
    assert list(model.feature_names_in_) == list(frame.columns)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict_proba(frame), search.predict_proba(frame))
    schedule = [Stage(10, 0.1)]
    copy = clone(classifier(alpha=0.25, schedule=schedule))
    assert (copy.alpha, copy.schedule) == (0.25, schedule)
    with pytest.raises(NotFittedError):
        copy.predict(X)


def test_float32_stays_float32(digits: Digits) -> None:
    X, y = digits[0].astype(np.float32), digits[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = classifier().fit(X, y)
    model.partial_fit(X.astype(np.float64), y, sample_weight=np.ones(600))  # the weights keep their precision
    assert {a.dtype for a in (*model.coefs_, *model.intercepts_, model.predict_proba(X))} == {np.dtype(np.float32)}


def test_read_only_samples(digits: Digits) -> None:
    """As joblib hands large arrays to its processes."""
    X, y = digits[0].copy(), digits[1]
    X.flags.writeable = False
    assert classifier().partial_fit(X, y, np.arange(10)).predict(X).shape == (600,)


def test_says_that_it_has_not_converged(digits: Digits) -> None:
    with pytest.warns(ConvergenceWarning, match="not converged after max_iter=3 epochs"):
        classifier().fit(*digits)


def test_epochs_can_be_watched(digits: Digits, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(ConvergenceWarning):
        classifier(verbose=True).fit(*digits)
    assert capsys.readouterr().out.count("epoch ") == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "swish"}, "activation"),
        ({"alpha": -1}, "alpha"),
        ({"learning_rate_init": np.nan}, "learning_rate_init"),
        ({"max_iter": 0}, "max_iter"),
        ({"validation_fraction": 1.5, "early_stopping": True}, "validation_fraction must be between 0 and 1, not 1.5"),
        ({"hidden_layer_sizes": (10, 10)}, "hidden_layer_sizes must be one number of hidden units, 1 or more, not"),
        ({"label_smoothing": 2}, "label_smoothing"),
        ({"panel": 0}, "panel"),
        ({"learning_rate_init": 1e6, "activation": "identity"}, "no longer finite"),
    ],
)
def test_wrong_parameters_are_named(digits: Digits, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExactSGDClassifier(**{"max_iter": 2, **settings}).fit(*digits)


def test_unknown_labels_are_named(digits: Digits) -> None:
    model = classifier().partial_fit(digits[0], digits[1], np.arange(10))
    with pytest.raises(ValueError, match=r"y has labels that are not among the classes: \[42\]"):
        model.partial_fit(digits[0][:1], [42])
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        classifier(early_stopping=True).partial_fit(*digits, np.arange(10))


def test_too_little_to_hold_out_is_named(digits: Digits) -> None:
    X, y = digits
    with pytest.raises(ValueError, match="fewer than 2 samples are held out: increase validation_fraction"):
        classifier(early_stopping=True).fit(X[:9], y[:9])
    weight = np.zeros(100)
    weight[0] = 1
    with pytest.raises(ValueError, match="all weights of the held-out samples, or of the others, are 0"):
        classifier(early_stopping=True).fit(X[:100], y[:100], weight)


def test_another_number_of_targets_is_refused() -> None:
    X = np.eye(4)
    model = ExactSGDRegressor(3).partial_fit(X, X[:, :2])
    with pytest.raises(ValueError, match="y has 3 targets, but the regressor was fitted with 2"):
        model.partial_fit(X, X[:, :3])
