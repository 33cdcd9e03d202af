"""The ONNX graph against the network and the preprocessing of the package."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from letters_torch.data.moments import Moments
from letters_torch.data.standardize import Scaling
from letters_torch.exact_sgd.network import logits
from letters_torch.export import onnx_file
from letters_torch.export.trained import Trained
from tests.export.conftest import trained
from tests.support.making import pictures


def run(model: onnx.ModelProto, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    probabilities, classes = session.run(["probabilities", "classes"], {"images": images})
    return probabilities, classes


def probabilities(network: Trained, images: np.ndarray) -> np.ndarray:
    x = network.standardizer(torch.from_numpy(images)).flatten(1)
    return torch.softmax(logits(torch.from_numpy(network.V), torch.from_numpy(network.W), x), 1).numpy()


@pytest.mark.parametrize("moments", [None, Moments()], ids=["as_on_file", "moments"])
@pytest.mark.parametrize(
    ("scaling", "directions"),
    [("pixel", False), ("pixel_each_set", False), ("global", False), ("global", True)],
)
def test_real_letters(
    real: tuple[np.ndarray, np.ndarray], scaling: Scaling, directions: bool, moments: Moments | None
) -> None:
    """The last 4,800 letters, which the network has not seen: the same predictions, probabilities to 5e-4.

    Where a grey level after the moments is another by rounding, direction features next to nothing change by several.
    """
    images, labels = real
    network = trained(images[:-4800], labels[:-4800], scaling, moments, 60, 16_000, directions)
    found, classes = run(onnx_file.model(network), images[-4800:])
    expected = probabilities(network, images[-4800:])
    assert (expected.argmax(1) == labels[-4800:] - 1).mean() > 0.5
    np.testing.assert_array_equal(classes, expected.argmax(1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-3 if directions else 5e-4)


def test_odd_images(small: Trained) -> None:
    """Empty, full, a single pixel in a corner, a thin line; and no image at all."""
    images = np.zeros((5, 28, 28), np.uint8)
    images[1] = 255
    images[2, 0, 27] = 1
    images[3, :, 13] = 255
    images[4] = np.eye(28, dtype=np.uint8) * 200
    found, classes = run(onnx_file.model(small), images)
    np.testing.assert_allclose(found, probabilities(small, images), rtol=0, atol=5e-4)
    assert classes.dtype == np.int64
    assert run(onnx_file.model(small), images[:0])[0].shape == (0, 26)


def test_the_preprocessing_is_part_of_the_graph(small: Trained) -> None:
    """Moved and scaled letters must give nearly the same answer only because of the moments."""
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 4:16, 4:16] = pictures(1)[0, 8:20, 8:20]
    images[1, 10:22, 9:21] = images[0, 4:16, 4:16]
    (first, second), _ = run(onnx_file.model(small), images)
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_metadata(small: Trained) -> None:
    model = onnx_file.model(small, "the card")
    found = {entry.key: entry.value for entry in model.metadata_props}
    assert found["letters"] == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert found["polarity"] == "white on black"
    assert found["directions"] == str(small.standardizer.directions).lower()
    assert found["moments"] == '{"spread": 6.0, "slant": 0.7, "aspect": 0.6}'
    assert model.doc_string == "the card"
    assert [opset.domain for opset in model.opset_import] == [""]  # nothing outside ONNX's own operators
