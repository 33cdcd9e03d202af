"""Photographs of paper are cleaned in the page as in Python, and become the same letters."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from benchmarks.photographs import KINDS, photograph
from letters_torch.data.readers import paper, pictures
from tests.support.javascript import Engine

TRIED = (*KINDS[:8], "seen through", "pencil, smooth shadow", "tilted, ruled")


@pytest.fixture(scope="module")
def js() -> Engine:
    return Engine("moments", "resample", "filters", "photograph", "picture")


def grey(number: int, shrink: int) -> paper.Float:
    """Kinds of paper in turn; every fifth photograph is of light ink on dark paper."""
    photo = Image.fromarray(photograph("ABEGKgkQx"[number % 9], TRIED[number % len(TRIED)], number)).convert("L")
    found = np.asarray(photo.reduce(shrink) if shrink > 1 else photo, np.float32)
    return found if number % 5 else 255 - 0.8 * found


def assert_same(js: Engine, grey: paper.Float, case: str) -> bool:
    """The cleaned picture and its letter are Python's. Whether the picture needed cleaning."""
    expected = paper.clean(grey)
    js.set(grey=grey)
    js.run("var cleaned = photograph.clean({{image: grey, height: {}, width: {}}})".format(*grey.shape))
    assert js.get("cleaned.image === grey") == (expected is grey), case
    found = np.reshape(js.get("cleaned.image"), (js.get("cleaned.height"), js.get("cleaned.width")))
    np.testing.assert_allclose(found, expected, atol=1e-3, err_msg=case)
    try:
        letter = pictures.normalise(expected)
    except ValueError:
        assert js.get("picture.normalise(cleaned)") is None, case
    else:
        found = np.reshape(js.get("picture.normalise(cleaned)"), letter.shape)
        np.testing.assert_allclose(found, letter.astype(int), atol=1, err_msg=case)
    return expected is not grey


@pytest.mark.parametrize(("count", "shrink"), [(12, 3), (4, 1), pytest.param(160, 1, marks=pytest.mark.slow)])
def test_photographs_are_cleaned_as_in_python(js: Engine, count: int, shrink: int) -> None:
    cleaned = [assert_same(js, grey(number, shrink), f"photograph {number}") for number in range(count)]
    assert count / 2 <= sum(cleaned) < count  # those on even paper without lines are left alone


@pytest.mark.parametrize("shape", [(1, 1), (31, 400), (32, 32), (33, 200), (400, 40)])
def test_noise_of_odd_shapes(js: Engine, shape: tuple[int, int]) -> None:
    assert_same(js, np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32), str(shape))
    assert_same(js, np.full(shape, 255, np.float32), f"{shape}, white")


def test_empty_paper_in_shadow(js: Engine) -> None:
    light = np.linspace(60, 240, 120, dtype=np.float32)[None].repeat(80, 0)
    assert_same(js, light + np.random.default_rng(0).normal(0, 2, light.shape).astype(np.float32), "shadow")


@pytest.mark.parametrize("window", [3, 15])
def test_filters_are_scipy_s(js: Engine, window: int) -> None:
    image = np.random.default_rng(window).uniform(0, 255, (40, 55)).astype(np.float32)
    js.set(image=image)
    run = "filters.{}({{image, height: 40, width: 55}}, {})"
    expected = {
        "gaussian": ndimage.gaussian_filter(image, window / 3),
        "medians": ndimage.median_filter(image, window, mode="nearest"),
        "thinned": ndimage.uniform_filter(image, window)[::window, ::window],
    }
    for name, array in expected.items():
        found = js.get(run.format(name, window / 3 if name == "gaussian" else window))
        found = found if name == "medians" else found["image"]
        np.testing.assert_allclose(np.reshape(found, array.shape), array, rtol=1e-5, err_msg=name)
    assert js.get("filters.quantiles(image, [0.02, 0.5])") == pytest.approx(np.percentile(image, (2, 50)), rel=1e-6)
