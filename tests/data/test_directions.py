"""Direction features: against their definition pixel by pixel, and what they are good for."""

import sys

import numpy as np
import pytest
import torch

from letters_torch import data
from letters_torch.data import directions as module
from letters_torch.data.directions import DIRECTIONS, STRIDE, by_torch, directions, of_images
from letters_torch.letters import SIDE
from tests.support.making import pictures

CELLS = SIDE // STRIDE


def tiles(features: np.ndarray) -> np.ndarray:
    """The sixteen maps, (16, 7, 7), of the features of one letter."""
    return features.reshape(4, CELLS, 4, CELLS).swapaxes(1, 2).reshape(DIRECTIONS, CELLS, CELLS)


def by_definition(image: np.ndarray) -> np.ndarray:
    """The maps from angles: g = a u + b v, u and v the two of sixteen directions next to the gradient g."""
    padded = np.pad(image.astype(float), 2)
    slope, average = np.array([-1, -2, 0, 2, 1]), np.array([1, 4, 6, 4, 1]) / 48
    maps = np.zeros((DIRECTIONS, SIDE + 4, SIDE + 4))
    step = 2 * np.pi / DIRECTIONS
    for i in range(SIDE):
        for j in range(SIDE):
            near = padded[i : i + 5, j : j + 5]
            gradient = np.array([near @ slope, near.T @ slope]) @ average
            sector = int(np.floor(np.arctan2(gradient[1], gradient[0]) / step))
            angles = np.array([sector, sector + 1]) * step
            parts = np.linalg.solve(np.stack([np.cos(angles), np.sin(angles)]), gradient)
            for k, part in zip((sector, sector + 1), parts, strict=True):
                maps[k % DIRECTIONS, i + 2, j + 2] += part
    window = np.outer([1, 3, 5, 7, 7, 5, 3, 1], [1, 3, 5, 7, 7, 5, 3, 1]) / 32**2
    means = [
        [[(m[4 * i : 4 * i + 8, 4 * j : 4 * j + 8] * window).sum() for j in range(CELLS)] for i in range(CELLS)]
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
        assert np.abs(tiles(features) - by_definition(image)).max() <= 0.501


def bar(angle: float) -> np.ndarray:
    """A straight stroke at an angle from the horizontal, clockwise as y points down."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    turn = np.deg2rad(angle)
    across, along = x * np.sin(turn) - y * np.cos(turn), x * np.cos(turn) + y * np.sin(turn)
    return (255 * np.clip(2.5 - np.abs(across), 0, 1) * (np.abs(along) < 9)).astype(np.uint8)


@pytest.mark.parametrize("k", range(DIRECTIONS // 2))
def test_a_stroke_is_in_the_maps_of_the_directions_across_it(k: int) -> None:
    sums = tiles(of_images(bar(90 + 22.5 * k)[None])[0].astype(float)).sum((1, 2))
    both = [k, k + DIRECTIONS // 2]
    assert sorted(np.argsort(sums)[-2:]) == both
    assert sums[both].min() > 1.5 * np.delete(sums, both).max()


def test_edges_of_opposite_directions_change_places_where_light_and_dark_do() -> None:
    inner = np.zeros((SIDE, SIDE), np.uint8)
    inner[6:-6, 6:-6] = pictures(1)[0, 6:-6, 6:-6]
    inside = np.s_[:, 2:-2, 2:-2]
    light, dark = (tiles(of_images(image[None])[0])[inside] for image in (inner, 255 - inner))
    assert light.any()
    assert np.array_equal(light, np.roll(dark, DIRECTIONS // 2, axis=0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_along_the_edge_of_a_sector_are_numbers(dtype: torch.dtype) -> None:
    ramps = [np.add.outer(a * np.arange(SIDE), b * np.arange(SIDE)) for a in range(-4, 5) for b in range(-4, 5)]
    assert directions(torch.from_numpy(np.array(ramps)).to(dtype) + 128).isfinite().all()


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
