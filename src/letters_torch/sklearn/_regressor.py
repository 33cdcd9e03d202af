"""The regressor: squared error."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d, validate_data

from letters_torch.sklearn._base import Array, ExactSGD, Prequential


class ExactSGDRegressor(RegressorMixin, ExactSGD):
    """A regressor with one hidden layer, trained by exact single-sample SGD on half the squared error.

    It does what `MLPRegressor(solver="sgd", batch_size=1, momentum=0)` does, from the same initial weights and in the
    same order for the same `random_state`. The parameters are those of `ExactSGDClassifier`, without `label_smoothing`.

    Attributes:
        coefs_: weights of both layers, (features, hidden) and (hidden, outputs). May be assigned.
        intercepts_: biases of both layers, (hidden,) and (outputs,). May be assigned.
        loss_curve_: mean of |prediction - y|^2 / 2 over the samples of each epoch, each before its update.
        validation_scores_: R^2 of the held-out samples after each epoch; None without `early_stopping`.
        n_iter_: epochs done.
        t_: steps done.
        n_features_in_: number of features.

    Examples:
        >>> import numpy as np
        >>> from letters_torch.sklearn import ExactSGDRegressor
        >>> X = np.random.default_rng(0).normal(size=(2000, 3))
        >>> y = np.sin(X[:, 0]) + X[:, 1]
        >>> model = ExactSGDRegressor(30, learning_rate_init=0.02, random_state=0).fit(X, y)
        >>> bool(model.score(X, y) > 0.95)
        True
    """

    _loss = "squared_error"

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Trains the network.

        Args:
            X: samples, (N, features), float32 or float64; other numbers become float64.
            y: targets, (N,) or (N, outputs).
            sample_weight: multiplies the gradient of each sample, (N,), 0 or more.

        Raises:
            ValueError: the arrays do not fit together, a parameter is out of range, or the weights became infinite.
        """
        return self._fit(*self._validated(X, y, reset=not self._goes_on), sample_weight)

    def partial_fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """One step for each sample, in order; arguments and errors as those of `fit`."""
        self.test_then_train(X, y, sample_weight)
        return self

    def test_then_train(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Prequential:
        """`partial_fit` that also returns each sample's prediction and loss before its own update."""
        return self._test_then_train(*self._validated(X, y, reset=not hasattr(self, "_V")), sample_weight)

    def predict(self, X: npt.ArrayLike) -> Array:
        """The values of each sample: X (N, features) -> (N,) or, with several targets, (N, outputs)."""
        return self._decode(self._forward(X))[0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, reset=reset, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True)
        targets = column_or_1d(y, warn=True)[:, None] if y.ndim == 1 or y.shape[1] == 1 else y
        if reset:
            self._targets = targets.shape[1]
        elif targets.shape[1] != self._targets:
            raise ValueError(f"y has {targets.shape[1]} targets, but the regressor was fitted with {self._targets}")
        return X, targets

    def _num_outputs(self) -> int:
        return self._targets

    def _encode(self, y: Array) -> Array:
        return y.astype(self._V.dtype)

    def _decode(self, b: Array) -> tuple[Array, Array]:
        return (b[:, 0] if self._targets == 1 else b), b

    def _validation_score(self, target: Array, b: Array, weight: Array | None) -> float:
        return float(r2_score(target, b, sample_weight=weight))
