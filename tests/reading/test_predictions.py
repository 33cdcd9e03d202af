"""Predictions: from probabilities to letters, confidences, mistakes and captions."""

import numpy as np
import pytest
import torch
from torch import nn

from letters_torch.reading import predictions
from letters_torch.reading.predictions import UNSURE, Predictions

A, B, C = 0, 1, 2


def of(classes: list[int], confidence: list[float], truth: list[int] | None = None) -> Predictions:
    """Predictions of these classes and confidences; the rest is spread over all other letters alike."""
    sure = np.array(confidence)
    probabilities = np.repeat((1 - sure[:, None]) / 25, 26, axis=1)
    probabilities[np.arange(len(sure)), classes] = sure
    return Predictions(probabilities, None if truth is None else np.array(truth))


FOUND = of([A, C, C, B, B, A], [0.5, 0.6, 0.7, 0.95, 0.9, 0.8], [A, B, C, A, B, C])


def test_classes_letters_and_confidence() -> None:
    assert len(FOUND) == 6
    assert FOUND.classes.tolist() == [A, C, C, B, B, A]
    assert FOUND.letters.tolist() == list("ACCBBA")
    assert FOUND.confidence.tolist() == [0.5, 0.6, 0.7, 0.95, 0.9, 0.8]


def test_the_wrong_row_of_the_highest_confidence_comes_first() -> None:
    assert FOUND.worst_rows(10) == [3, 5, 1]
    assert FOUND.worst_rows(2) == [3, 5]
    assert [FOUND.caption(row) for row in FOUND.worst_rows(2)] == [("A read as B", "95.0%"), ("C read as A", "80.0%")]


def test_correct_rows_come_in_order() -> None:
    assert FOUND.correct.tolist() == [True, False, True, False, True, False]
    assert FOUND.num_correct == 3
    assert FOUND.correct_rows(2) == [0, 2]
    assert FOUND.caption(4) == ("B", "90.0%")


def test_top_lists_the_most_probable_first() -> None:
    probabilities = np.zeros((2, 26))
    probabilities[0, [3, 25, 7]] = [0.2, 0.7, 0.1]
    probabilities[1, [0, 1, 2]] = [0.25, 0.5, 0.25]
    top = Predictions(probabilities).top(3)
    assert top == [[("Z", 0.7), ("D", 0.2), ("H", 0.1)], [("B", 0.5), ("A", 0.25), ("C", 0.25)]]
    assert Predictions(probabilities).top(1) == [[("Z", 0.7)], [("B", 0.5)]]


@pytest.mark.parametrize("count", [0, 27])
def test_top_of_no_letter_or_of_more_than_there_are(count: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 26, not {count}"):
        FOUND.top(count)


def test_without_true_classes_nothing_is_correct_or_wrong() -> None:
    with pytest.raises(ValueError, match="these predictions have no true classes"):
        _ = of([A], [0.5]).num_correct


@pytest.mark.parametrize(("shape", "truth"), [((3, 25), None), ((26,), None), ((3, 26), np.zeros(2, int))])
def test_shapes_that_do_not_fit(shape: tuple[int, ...], truth: np.ndarray | None) -> None:
    says = "truth has shape" if truth is not None else "probabilities must have shape"
    with pytest.raises(ValueError, match=says):
        Predictions(np.zeros(shape), truth)


def test_predict_is_the_softmax_of_the_modules_logits_batch_after_batch() -> None:
    torch.manual_seed(0)
    module, x = nn.Linear(784, 26).double(), torch.randn(5, 784)
    batches = [(x[:3], torch.tensor([1, 2, 3])), (x[3:], torch.tensor([4, 5]))]
    found = predictions.predict(module, batches)
    b = module(x.double()).detach().numpy()
    np.testing.assert_allclose(found.probabilities, np.exp(b) / np.exp(b).sum(1, keepdims=True), rtol=1e-12)
    assert found.truth is not None
    assert found.truth.tolist() == [1, 2, 3, 4, 5]
    assert predictions.predict(module, [(x, None)]).truth is None


def test_an_average_is_that_of_the_probabilities() -> None:
    other = of([B, C, A, B, B, A], [0.9, 0.6, 0.5, 0.5, 0.5, 0.5])
    both = predictions.average([FOUND, other])
    np.testing.assert_allclose(both.probabilities, (FOUND.probabilities + other.probabilities) / 2, rtol=1e-12)
    assert both.letters[0] == "B"
    assert both.truth is FOUND.truth
    assert predictions.average([FOUND]) is FOUND
    with pytest.raises(ValueError, match="predictions of different numbers of letters"):
        predictions.average([FOUND, of([A], [0.5])])


def test_a_confidence_at_the_limit_is_not_unsure() -> None:
    probabilities = np.full((2, 26), 0.4 / 25)
    probabilities[:, 3] = UNSURE, np.nextafter(UNSURE, 0)
    assert Predictions(probabilities).unsure.tolist() == [False, True]
