"""Direction features: against their definition pixel by pixel, and what they are good for."""

import sys

import numpy as np
import pytest
import torch

from letters_torch import data
from letters_torch.data import directions as module
from letters_torch.data.directions import by_torch, directions, of_images
from letters_torch.letters import SIDE
from tests.support.making import pictures

HALF = SIDE // 2
ACROSS, DOWN, FALLING, RISING = range(4)  # directions of the gradient


def quarters(features: np.ndarray) -> np.ndarray:
    """The four maps, (4, 14, 14), of the features of one letter."""
    return features.reshape(2, HALF, 2, HALF).swapaxes(1, 2).reshape(4, HALF, HALF)


def by_definition(image: np.ndarray) -> np.ndarray:
    """The four maps from angles: g = a u + b v, u and v the two of eight directions next to the gradient g."""
    padded = np.pad(image.astype(float), 2)
    slope, average = np.array([-1, -2, 0, 2, 1]), np.array([1, 4, 6, 4, 1]) / 48
    maps = np.zeros((4, SIDE + 2, SIDE + 2))
    names = (ACROSS, FALLING, DOWN, RISING)  # at 0, 45, 90, 135 degrees
    for i in range(SIDE):
        for j in range(SIDE):
            near = padded[i : i + 5, j : j + 5]
            gradient = np.array([near @ slope, near.T @ slope]) @ average
            sector = int(np.floor(np.arctan2(gradient[1], gradient[0]) / (np.pi / 4)))
            angles = np.array([sector, sector + 1]) * np.pi / 4
            parts = np.linalg.solve(np.stack([np.cos(angles), np.sin(angles)]), gradient)
            maps[names[sector % 4], i + 1, j + 1] += parts[0]
            maps[names[(sector + 1) % 4], i + 1, j + 1] += parts[1]
    window = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    means = [
        [[(m[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] * window).sum() for j in range(HALF)] for i in range(HALF)]
        for m in maps
    ]
    return np.minimum(np.sqrt(255 * np.maximum(means, 0)), 255)


@pytest.mark.parametrize("compute", [directions, by_torch])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_are_those_of_the_definition(compute, dtype: torch.dtype) -> None:  # type: ignore[no-untyped-def]
    images = np.concatenate([pictures(3), np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE)).astype(np.uint8)])
    found = compute(torch.from_numpy(images).to(dtype))
    assert found.dtype == dtype
    for image, features in zip(images, found.numpy(), strict=True):
        assert np.abs(quarters(features) - by_definition(image)).max() <= 0.501


def bar(angle: float) -> np.ndarray:
    """A straight stroke at an angle from the horizontal, clockwise as y points down."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    turn = np.deg2rad(angle)
    across, along = x * np.sin(turn) - y * np.cos(turn), x * np.cos(turn) + y * np.sin(turn)
    return (255 * np.clip(2.5 - np.abs(across), 0, 1) * (np.abs(along) < 9)).astype(np.uint8)


@pytest.mark.parametrize(("angle", "kind"), [(90, ACROSS), (0, DOWN), (-45, FALLING), (45, RISING)])
def test_a_stroke_is_in_the_map_of_the_direction_across_it(angle: float, kind: int) -> None:
    sums = quarters(of_images(bar(angle)[None])[0].astype(float)).sum((1, 2))
    assert sums.argmax() == kind
    assert sums[kind] > 2 * np.delete(sums, kind).max()


def test_light_and_dark_edges_are_the_same() -> None:
    inner = np.zeros((SIDE, SIDE), np.uint8)
    inner[6:-6, 6:-6] = pictures(1)[0, 6:-6, 6:-6]
    inside = np.s_[4:-4, 4:-4]
    first, second = (quarters(of_images(image[None])[0]) for image in (inner, 255 - inner))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one[inside], other[inside])


def test_an_empty_image_has_no_direction() -> None:
    assert not of_images(np.zeros((2, SIDE, SIDE), np.uint8)).any()


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    images = pictures(7)
    whole = of_images(images)
    monkeypatch.setattr(module, "CHUNK", 3)
    assert np.array_equal(of_images(images), whole)
    assert of_images(images[:0]).shape == (0, SIDE, SIDE)


def test_torch_computes_them_where_numba_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.from_numpy(pictures(20)).double()
    expected = directions(images)
    monkeypatch.setattr(module, "_compiled", module._compiled.__wrapped__)  # without its cache
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "letters_torch.data._directions", raising=False)
    monkeypatch.delattr(data, "_directions", raising=False)
    assert module._compiled() is None
    assert (directions(images) - expected).abs().max() <= 1
    assert (directions(images) != expected).double().mean() < 1e-3
