"""From picture to pixels in the page as in Python: pictures of any size, moments, Pillow's filters."""

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw

from letters_torch.data.directions import of_images
from letters_torch.data.moments import Moments
from letters_torch.data.readers import pictures
from tests.support.javascript import Engine


@pytest.fixture(scope="module")
def js() -> Engine:
    return Engine("moments", "directions", "resample", "filters", "photograph", "picture")


def drawings(count: int) -> Iterator[np.ndarray]:
    """Strokes on pictures of many sizes, thin and thick, dark on light and light on dark, with grain, with specks."""
    rng = np.random.default_rng(5)
    for number in range(count):
        height, width = rng.integers(30, 100, 2).tolist()
        image = Image.new("L", (width, height), 255)
        draw = ImageDraw.Draw(image)
        for _ in range(rng.integers(1, 4)):
            points = rng.uniform(0.15, 0.85, (rng.integers(2, 5), 2)) * (width, height)
            draw.line([tuple(point) for point in points.tolist()], fill=0, width=int(rng.integers(1, 10)))
        draw.point((2, 2), fill=0)
        grey = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, (0, 0, width - 0.5, height)))
        if number % 2:
            grey = 255 - grey
        if number % 3 == 0:
            grey = np.clip(grey + rng.normal(0, 4, grey.shape), 0, 255).astype(np.uint8)
        yield grey


def normalised(js: Engine, grey: np.ndarray) -> list[list[int]] | None:
    js.set(grey=grey.astype(np.float32))
    found = js.get("picture.normalise({{image: grey, height: {}, width: {}}})".format(*grey.shape))
    return None if found is None else np.reshape(found, (28, 28)).tolist()


@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_pictures_are_python_s(js: Engine, count: int) -> None:
    """The order of Pillow's two passes of resizing depends on its version; it decides between two grey levels."""
    greys = list(drawings(count))
    expected = np.stack([pictures.normalise(grey.astype(np.float32)) for grey in greys])
    assert_equal_but_for_rounding(np.array([normalised(js, grey) for grey in greys]), expected)


def assert_equal_but_for_rounding(found: np.ndarray, expected: np.ndarray) -> None:
    """One of ten thousand pixels may differ, by one grey level."""
    apart = np.abs(found.astype(int) - expected)
    assert apart.max() <= 1
    assert np.count_nonzero(apart) <= apart.size // 10_000


def test_a_blank_picture_is_none(js: Engine) -> None:
    assert normalised(js, np.full((50, 60), 200, np.uint8)) is None


def test_a_small_picture_on_black_is_a_letter_already(js: Engine) -> None:
    letter = np.zeros((28, 28), np.uint8)
    letter[5:9, 3:20] = 77
    letter[9, 9] = 255
    assert normalised(js, letter) == letter.tolist()


@pytest.mark.parametrize("settings", [(6.0, 0.7, 0.6), (5.0, 1.0, 0.0), (9.0, 0.0, 1.0)])
def test_moments_are_python_s(js: Engine, settings: tuple[float, float, float]) -> None:
    moments = Moments(*settings)
    images = np.stack([pictures.normalise(grey.astype(np.float32)) for grey in drawings(200)])
    images = np.concatenate([images, np.zeros((1, 28, 28), np.uint8)])
    js.set(images=images, settings=dict(zip(("spread", "slant", "aspect"), settings, strict=True)))
    found = js.get(
        "Array.from({length: images.length / 784}, (_, i) =>"
        " moments.place(images.subarray(784 * i, 784 * i + 784), settings))"
    )
    assert_equal_but_for_rounding(np.array(found).reshape(images.shape), moments(images))


def test_direction_features_are_python_s(js: Engine) -> None:
    """Rounding of single precision may decide between two neighbouring whole numbers, in one of ten thousand."""
    images = np.stack([pictures.normalise(grey.astype(np.float32)) for grey in drawings(100)])
    images = np.concatenate([images, np.zeros((1, 28, 28), np.uint8), np.full((1, 28, 28), 255, np.uint8)])
    js.set(images=images)
    found = js.get(
        "Array.from({length: images.length / 784}, (_, i) => directions.of(images.subarray(784 * i, 784 * i + 784)))"
    )
    apart = np.abs(np.array(found).reshape(images.shape) - of_images(images).astype(int))
    assert apart.max() <= 1
    assert np.count_nonzero(apart) <= apart.size // 10_000


def test_without_moments_letters_stay_as_they_are(js: Engine) -> None:
    assert js.get("moments.place(Uint8Array.from([1, 2, 3]), null)") == [1, 2, 3]


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_large_pictures_are_reduced_as_pillow_does(js: Engine, factor: int) -> None:
    image = np.random.default_rng(factor).integers(0, 256, (61, 90)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(image).reduce(factor))
    js.set(image=image)
    found = js.get(f"resample.reduce(image, 61, 90, {factor})")
    assert (found["height"], found["width"]) == expected.shape
    assert np.array_equal(np.reshape(found["image"], expected.shape), expected)


@pytest.mark.parametrize("mode", ["RGB", "RGBA dark", "RGBA light"])
def test_colours_and_transparency(js: Engine, mode: str) -> None:
    rng = np.random.default_rng(1)
    rgba = rng.integers(0, 256, (40, 50, 4)).astype(np.uint8)
    if mode == "RGB":
        rgba[..., 3] = 255
    else:
        rgba[..., :3] = rgba[..., :3] // 4 + (190 if mode == "RGBA light" else 0)
    js.set(rgba=rgba)
    found = js.get("picture.grey(rgba, 40, 50)")
    expected = pictures._grey(Image.fromarray(rgba))
    assert np.abs(np.reshape(found["image"], (40, 50)) - expected).max() <= (0 if mode == "RGB" else 1)


def test_a_photograph_is_reduced_first(js: Engine) -> None:
    rgba = np.random.default_rng(2).integers(0, 256, (700, 1100, 4)).astype(np.uint8)
    rgba[..., 3] = 255
    js.set(rgba=rgba)
    found = js.get("picture.grey(rgba, 700, 1100)")
    expected = pictures._grey(Image.fromarray(rgba))
    assert np.array_equal(np.reshape(found["image"], (found["height"], found["width"])), expected)
