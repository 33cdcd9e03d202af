"""What the classifier and the regressor share: parameters, epochs, stopping."""

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, shuffle
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from letters_torch.exact_sgd.blocked import PANEL
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.network import logits
from letters_torch.exact_sgd.schedule import Rates, Schedule, Stage
from letters_torch.exact_sgd.team import Team
from letters_torch.exact_sgd.threads import one_thread_per_operation

Array = npt.NDArray[Any]
BLOCK = 100 * PANEL  # samples that are gathered at a time


class Prequential(NamedTuple):
    """Each sample as the network saw it before its own update (test-then-train).

    Attributes:
        prediction: (N,) or, with several targets, (N, outputs): labels of a classifier, values of a regressor.
        loss: (N,), of the sample, not weighted.
        output: (N, outputs): probabilities of a classifier, values of a regressor.
    """

    prediction: Array
    loss: Array
    output: Array


class _Samples(NamedTuple):
    X: Array  # (N, features)
    target: Array  # (N,) classes, or (N, outputs)
    weight: Array | None  # (N,)

    def at(self, rows: Array) -> "_Samples":
        """The samples in these rows."""
        return _Samples(self.X[rows], self.target[rows], None if self.weight is None else self.weight[rows])


class ExactSGD(BaseEstimator):
    """The base of both estimators; their docstrings explain the parameters."""

    _loss: str  # as `Model` names it
    label_smoothing: float = 0.0  # a parameter of the classifier
    _V: Array  # as the engine has them: (hidden, features + 1) and (outputs, hidden + 1)
    _W: Array
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "tanh",
        *,
        alpha: float = 1e-4,
        learning_rate_init: float = 1e-3,
        schedule: Schedule | Sequence[Stage] | None = None,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        fit_intercept: bool = True,
        decay_intercepts: bool = False,
        panel: int = PANEL,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.schedule = schedule
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.fit_intercept = fit_intercept
        self.decay_intercepts = decay_intercepts
        self.panel = panel
        self.verbose = verbose

    # What a subclass adds.

    @abstractmethod
    def _encode(self, y: Array) -> Array:
        """Targets for the engine."""

    @abstractmethod
    def _num_outputs(self) -> int:
        """The number of outputs, once the targets are known."""

    @abstractmethod
    def _decode(self, b: Array) -> tuple[Array, Array]:
        """Predictions and outputs as `Prequential` has them, from the network's output layer (N, outputs)."""

    @abstractmethod
    def _validation_score(self, target: Array, b: Array, weight: Array | None) -> float:
        """The score of the held-out samples."""

    # Training.

    @property
    def _goes_on(self) -> bool:
        """Whether `fit` starts from the weights of the previous fit."""
        return self.warm_start and hasattr(self, "_V")

    def _fit(self, X: Array, y: Array, sample_weight: Any) -> Self:
        """Trains over several epochs, on validated arrays."""
        weight = self._weights_of_samples(sample_weight, X)
        self._check_parameters()
        self._random_state = check_random_state(self.random_state)
        if not self._goes_on:
            self._initialise(X)
        self.t_ = 0
        train, held_out = self._split(_Samples(X.astype(self._V.dtype, copy=False), self._encode(y), weight))
        self.n_iter_, self.loss_curve_, self.best_loss_, self._without_progress = 0, [], np.inf, 0
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None
        self._run(train, held_out)
        self.loss_ = self.loss_curve_[-1]
        return self

    def _test_then_train(self, X: Array, y: Array, sample_weight: Any) -> Prequential:
        """One pass in the order of the samples, on validated arrays."""
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        weight = self._weights_of_samples(sample_weight, X)
        if not hasattr(self, "_V"):
            self._check_parameters()
            self._random_state = check_random_state(self.random_state)
            self._initialise(X)
            self.n_iter_, self.loss_curve_ = 0, []
        loss, b = self._learn(_Samples(X.astype(self._V.dtype, copy=False), self._encode(y), weight))
        self.n_iter_ += 1
        self.loss_ = float(np.average(loss, weights=weight))
        self.loss_curve_.append(self.loss_)
        prediction, output = self._decode(b)
        return Prequential(prediction, loss, output)

    def _run(self, train: _Samples, held_out: _Samples | None) -> None:
        order, best = np.arange(len(train.X)), None
        while True:
            if self.shuffle:
                order = shuffle(order, random_state=self._random_state)
            loss = self._epoch(train, order[: self._steps_left()])
            improved = self._record(loss, held_out)
            if improved and held_out is not None:
                best = self._V.copy(), self._W.copy()
            if self._is_over():
                break
        if best is not None:
            self._V, self._W = best

    def _epoch(self, train: _Samples, order: Array) -> float:
        """One pass; returns the mean loss of the samples, each before its update; NaN if none of them has a weight."""
        total, weights = 0.0, 0.0
        for begin in range(0, len(order), BLOCK):
            block = train.at(order[begin : begin + BLOCK])
            losses, _ = self._learn(block)
            total += float(losses.sum() if block.weight is None else losses @ block.weight)
            weights += len(losses) if block.weight is None else float(block.weight.sum())
        return total / weights if weights else np.nan

    def _learn(self, samples: _Samples) -> tuple[Array, Array]:
        """One update for each sample; returns losses (N,) and output layers (N, outputs) before the updates."""
        x, target = (torch.from_numpy(np.require(a, requirements=["C", "W"])) for a in (samples.X, samples.target))
        weight = None if samples.weight is None else torch.from_numpy(samples.weight.astype(self._V.dtype))
        V, W = torch.from_numpy(self._V), torch.from_numpy(self._W)
        b = x.new_empty(len(x), len(W))
        rates = self._rates(len(x))
        with one_thread_per_operation():  # once for all panels: for small networks it costs as much as a panel
            losses = self._engine()(V, W, x, target, rates, self.t_, sample_weight=weight, outputs=b)
        if not (np.isfinite(self._V.sum()) and np.isfinite(self._W.sum())):
            raise ValueError(
                "the weights are no longer finite: scale the features and the targets (StandardScaler), or lower"
                " learning_rate_init"
            )
        self.t_ += len(x)
        return losses.numpy(), b.numpy()

    def _engine(self) -> Team:
        model = Model(
            activation=self.activation,
            loss=self._loss,
            label_smoothing=self.label_smoothing,
            train_biases=self.fit_intercept,
            decay_biases=self.decay_intercepts,
        )
        return Team(self.panel, model)

    def _rates(self, count: int) -> Rates:
        schedule = self._schedule()
        if schedule is None:
            return Rates(np.full(count, self.learning_rate_init), np.full(count, self.alpha))
        if self.t_ + count > schedule.total:
            raise ValueError(f"the schedule has {schedule.total} steps, and {self.t_} of them are done: extend it")
        return schedule.rates(self.t_, count)

    def _schedule(self) -> Schedule | None:
        if self.schedule is None or isinstance(self.schedule, Schedule):
            return self.schedule
        return Schedule(self.schedule)

    def _steps_left(self) -> int | None:
        schedule = self._schedule()
        return None if schedule is None else schedule.total - self.t_

    def _record(self, loss: float, held_out: _Samples | None) -> bool:
        """Takes an epoch into the curves; returns whether its loss or score is the best so far."""
        self.n_iter_ += 1
        self.loss_curve_.append(loss)
        if held_out is None:
            stale, improved = loss > self.best_loss_ - self.tol, loss < self.best_loss_
            self.best_loss_ = min(self.best_loss_, loss)
        else:
            best = self.best_validation_score_
            assert best is not None
            assert self.validation_scores_ is not None
            score = self._validation_score(held_out.target, self._raw(held_out.X), held_out.weight)
            stale, improved = score < best + self.tol, score > best
            self.validation_scores_.append(score)
            self.best_validation_score_ = max(best, score)
        self._without_progress = self._without_progress + 1 if stale else 0
        if self.verbose:
            print(f"epoch {self.n_iter_}: loss {loss:.8f}" + ("" if held_out is None else f", score {score:.6f}"))
        return improved

    def _is_over(self) -> bool:
        left = self._steps_left()
        if left is not None:  # a schedule says itself how long it is
            return left == 0
        if self._without_progress > self.n_iter_no_change:
            return True
        if self.n_iter_ >= self.max_iter:
            warnings.warn(f"not converged after max_iter={self.max_iter} epochs", ConvergenceWarning, stacklevel=5)
            return True
        return False

    def _split(self, samples: _Samples) -> tuple[_Samples, _Samples | None]:
        """Training samples, and those held out for early stopping."""
        if not self.early_stopping:
            return samples, None
        rows = np.arange(len(samples.X))
        train, held_out = train_test_split(rows, random_state=self._random_state, test_size=self.validation_fraction)
        if len(held_out) < 2:
            raise ValueError("fewer than 2 samples are held out: increase validation_fraction")
        if samples.weight is not None and not (samples.weight[train].any() and samples.weight[held_out].any()):
            raise ValueError("sample_weight: all weights of the held-out samples, or of the others, are 0")
        return samples.at(train), samples.at(held_out)

    # Weights.

    def _initialise(self, X: Array) -> None:
        """Draws the weights as scikit-learn's networks do, from the same stream (Glorot and Bengio 2010)."""
        sizes = (X.shape[1], self._num_hidden(), self._num_outputs())
        self._V, self._W = (self._draw(*pair).astype(X.dtype) for pair in pairwise(sizes))
        self.t_, self.n_outputs_ = 0, sizes[2]

    def _draw(self, inputs: int, units: int) -> Array:
        bound = np.sqrt((2 if self.activation == "logistic" else 6) / (inputs + units))
        weights = self._random_state.uniform(-bound, bound, (inputs, units)).T
        biases = self._random_state.uniform(-bound, bound, units)
        return np.column_stack([weights, biases if self.fit_intercept else np.zeros(units)])

    @property
    def coefs_(self) -> list[Array]:
        """The weights of both layers: (features, hidden) and (hidden, outputs). May be assigned."""
        check_is_fitted(self)
        return [self._V[:, :-1].T, self._W[:, :-1].T]

    @coefs_.setter
    def coefs_(self, values: Sequence[Array]) -> None:
        for layer, value in zip((self._V, self._W), values, strict=True):
            layer[:, :-1] = value.T

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of both layers: (hidden,) and (outputs,). May be assigned."""
        check_is_fitted(self)
        return [self._V[:, -1], self._W[:, -1]]

    @intercepts_.setter
    def intercepts_(self, values: Sequence[Array]) -> None:
        for layer, value in zip((self._V, self._W), values, strict=True):
            layer[:, -1] = value

    def _raw(self, X: Array) -> Array:
        """The output layer, (N, outputs), before any softmax."""
        x = torch.from_numpy(np.require(X, self._V.dtype, ["C", "W"]))
        result: Array = logits(torch.from_numpy(self._V), torch.from_numpy(self._W), x, self.activation).numpy()
        return result

    def _forward(self, X: npt.ArrayLike) -> Array:
        """The same for features that are not validated yet."""
        check_is_fitted(self)
        return self._raw(validate_data(self, X, reset=False, dtype=(np.float64, np.float32)))

    # Arguments.

    @staticmethod
    def _weights_of_samples(sample_weight: Any, X: Array) -> Array | None:
        if sample_weight is None:
            return None
        weight: Array = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        if not weight.any():
            raise ValueError("sample_weight: all weights are 0")
        return weight

    def _num_hidden(self) -> int:
        sizes = np.atleast_1d(self.hidden_layer_sizes)
        if sizes.shape != (1,) or not np.issubdtype(sizes.dtype, np.integer) or sizes[0] < 1:
            raise ValueError(
                f"hidden_layer_sizes must be one number of hidden units, 1 or more, not {self.hidden_layer_sizes}"
            )
        return int(sizes[0])

    def _check_parameters(self) -> None:
        self._engine()  # refuses its own parameters
        for name, least in (("alpha", 0), ("learning_rate_init", 0), ("max_iter", 1), ("n_iter_no_change", 1)):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= least):
                raise ValueError(f"{name} must be a finite number, {least} or more, not {value}")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"validation_fraction must be between 0 and 1, not {self.validation_fraction}")
