"""The classifier: softmax and cross-entropy."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets, unique_labels
from sklearn.utils.validation import column_or_1d, validate_data

from letters_torch.exact_sgd.blocked import PANEL
from letters_torch.exact_sgd.schedule import Schedule, Stage
from letters_torch.sklearn._base import Array, ExactSGD, Prequential


class ExactSGDClassifier(ClassifierMixin, ExactSGD):
    """A classifier with one hidden layer, trained by exact single-sample SGD.

    Each step computes the gradient of one sample at the weights that the sample before it left, as the textbook says.
    The steps are computed a panel at a time as matrix products, which changes nothing but the rounding.

    With three classes or more it does what `MLPClassifier(solver="sgd", batch_size=1, momentum=0)` does, from the same
    initial weights and in the same order for the same `random_state`. With two classes it has two outputs, and
    `MLPClassifier` has one.

    Args:
        hidden_layer_sizes: number of hidden units, as a number or a sequence of one.
        activation: of the hidden units: "tanh", "relu", "logistic", "identity" or "erf", which is erf(x / sqrt(2)).
        alpha: strength of the L2 term alpha / 2 * |weights|^2, which is torch's `weight_decay`.
        learning_rate_init: learning rate of every step.
        schedule: stages with their own learning rates and weight decays. It replaces `alpha`, `learning_rate_init`,
            `max_iter`, `tol` and `n_iter_no_change`: `fit` does as many steps as the schedule has.
        max_iter: most epochs of `fit`.
        shuffle: draw a new order of the samples for each epoch of `fit`. `partial_fit` keeps the order.
        random_state: seed or generator of the initial weights, the held-out samples and the order.
        tol: `fit` stops when the loss (with `early_stopping`, the validation score) has not improved by `tol` in
            more than `n_iter_no_change` epochs in a row.
        n_iter_no_change: see `tol`.
        early_stopping: hold samples out, score them after each epoch, and keep the weights of the best epoch.
        validation_fraction: part of the samples that is held out for `early_stopping`.
        warm_start: `fit` starts from the weights of the previous fit.
        fit_intercept: have biases in both layers.
        decay_intercepts: apply the L2 term to the biases too, as torch does and scikit-learn does not.
        label_smoothing: part of the target that is shared by all classes, from 0 to 1. Losses are reported without it.
        panel: samples per panel; changes the speed and the rounding.
        verbose: print a line for each epoch.

    Attributes:
        classes_: (classes,), the labels.
        coefs_: weights of both layers, (features, hidden) and (hidden, classes). May be assigned.
        intercepts_: biases of both layers, (hidden,) and (classes,). May be assigned.
        loss_curve_: mean cross-entropy of each epoch, each sample before its update; without the L2 term, which
            `MLPClassifier` includes.
        loss_: the last of them.
        best_loss_: the smallest of them; not of use with `early_stopping`.
        validation_scores_: accuracy on the held-out samples after each epoch; None without `early_stopping`.
        best_validation_score_: the best of them.
        n_iter_: epochs done.
        t_: steps done.
        n_features_in_: number of features.
        feature_names_in_: their names, if the training data had names.

    Examples:
        >>> from sklearn.datasets import load_digits
        >>> from letters_torch.sklearn import ExactSGDClassifier
        >>> X, y = load_digits(return_X_y=True)
        >>> model = ExactSGDClassifier((50,), learning_rate_init=0.01, max_iter=5, tol=0, random_state=0)
        >>> import warnings; warnings.simplefilter("ignore")  # 5 epochs are few
        >>> bool(model.fit(X[:1500] / 16, y[:1500]).score(X[1500:] / 16, y[1500:]) > 0.85)
        True
        >>> seen = model.test_then_train(X[1500:] / 16, y[1500:])
        >>> seen.prediction.shape, seen.loss.shape, seen.output.shape
        ((297,), (297,), (297, 10))
    """

    _loss = "cross_entropy"
    classes_: Array

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
        label_smoothing: float = 0.0,
        panel: int = PANEL,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            alpha=alpha,
            learning_rate_init=learning_rate_init,
            schedule=schedule,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            fit_intercept=fit_intercept,
            decay_intercepts=decay_intercepts,
            panel=panel,
            verbose=verbose,
        )
        self.label_smoothing = label_smoothing

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Trains the network.

        Args:
            X: samples, (N, features), float32 or float64; other numbers become float64.
            y: labels, (N,), of any type that scikit-learn takes.
            sample_weight: multiplies the gradient of each sample, (N,), 0 or more. A weight of 2 is one step twice as
                long, not two steps.

        Raises:
            ValueError: the arrays do not fit together, a parameter is out of range, or the weights became infinite.
        """
        features, labels = self._validated(X, y, reset=not self._goes_on)
        classes = unique_labels(labels)
        if self._goes_on:
            if not np.array_equal(classes, self.classes_):
                raise ValueError(f"warm_start: y has the classes {classes}, the fit before had {self.classes_}")
        else:
            self.classes_ = classes
        return self._fit(features, labels, sample_weight)

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        classes: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """One step for each sample, in order. Any sequence of calls does the same steps as one call with all samples.

        Args:
            X: as for `fit`.
            y: as for `fit`.
            classes: all labels; needed in the first call, may be left out later.
            sample_weight: as for `fit`.

        Raises:
            ValueError: as `fit`; a label is not among the classes; or `early_stopping` is set.
        """
        self.test_then_train(X, y, classes, sample_weight)
        return self

    def test_then_train(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        classes: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Prequential:
        """`partial_fit` that also returns each sample's prediction, loss and probabilities before its own update.

        Their running means are the prequential accuracy and loss of online learning (Gama, Sebastiao and Rodrigues,
        On evaluating stream learning algorithms, Machine Learning 90, 2013). Args and errors are those of
        `partial_fit`.
        """
        first = _check_partial_fit_first_call(self, classes)
        features, labels = self._validated(X, y, reset=first)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"y has labels that are not among the classes: {unknown}")
        return self._test_then_train(features, labels, sample_weight)

    def predict(self, X: npt.ArrayLike) -> Array:
        """The most probable label of each sample: X (N, features) -> (N,)."""
        return self._decode(self._forward(X))[0]

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Probabilities of the classes, in the order of `classes_`: X (N, features) -> (N, classes)."""
        return self._decode(self._forward(X))[1]

    def predict_log_proba(self, X: npt.ArrayLike) -> Array:
        """Their logarithms, (N, classes)."""
        log_proba: Array = torch.log_softmax(torch.from_numpy(self._forward(X)), 1).numpy()
        return log_proba

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, reset=reset, dtype=(np.float64, np.float32))
        check_classification_targets(y)
        return X, column_or_1d(y, warn=True)

    def _num_outputs(self) -> int:
        return len(self.classes_)

    def _encode(self, y: Array) -> Array:
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _decode(self, b: Array) -> tuple[Array, Array]:
        return self.classes_[b.argmax(1)], torch.softmax(torch.from_numpy(b), 1).numpy()

    def _validation_score(self, target: Array, b: Array, weight: Array | None) -> float:
        return float(accuracy_score(target, b.argmax(1), sample_weight=weight))
