"""scikit-learn's own checks of an estimator, all of them."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from letters_torch.sklearn import ExactSGDClassifier, ExactSGDRegressor

# scikit-learn excuses its own SGDClassifier, SGDRegressor and Perceptron from this check with these words.
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "sample_weight is not equivalent to removing/repeating samples."
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [ExactSGDClassifier(max_iter=50), ExactSGDRegressor(max_iter=50)], expected_failed_checks=lambda _: EXPECTED
)
def test_estimator(estimator: Any, check: Any) -> None:
    check(estimator)
