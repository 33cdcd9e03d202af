"""Exact single-sample SGD as scikit-learn estimators.

`ExactSGDClassifier` and `ExactSGDRegressor` are networks with one hidden layer. They do the same updates, from the same
initial weights and in the same order, as scikit-learn's `MLPClassifier` and `MLPRegressor` with `solver="sgd"`,
`batch_size=1` and `momentum=0`, and are tens of times faster.
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("letters_torch.sklearn needs scikit-learn: pip install 'letters-torch[sklearn]'") from error

from letters_torch.sklearn._base import Prequential
from letters_torch.sklearn._classifier import ExactSGDClassifier
from letters_torch.sklearn._regressor import ExactSGDRegressor

__all__ = ["ExactSGDClassifier", "ExactSGDRegressor", "Prequential"]
