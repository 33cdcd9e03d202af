"""Networks to export: trained for a moment on letters of the program, or on real ones."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from letters_torch.data import standardize
from letters_torch.data.moments import Moments, normalised
from letters_torch.data.standardize import Scaling
from letters_torch.exact_sgd.blocked import Blocked
from letters_torch.exact_sgd.network import initial_weights
from letters_torch.exact_sgd.schedule import Rates
from letters_torch.export.trained import Trained
from letters_torch.letters import CLASSES, PIXELS
from tests.support.making import pictures

FILE = "shared/data/letters_data.mat"
BESIDE = [folder / FILE for folder in Path(__file__).resolve().parents[3:5]]  # a clone's sibling, or a worktree's


def trained(
    images: np.ndarray,
    labels: np.ndarray,
    scaling: Scaling,
    moments: Moments | None,
    hidden: int,
    steps: int,
    directions: bool = False,
) -> Trained:
    """A network after so many steps on these letters (labels 1..26), in order."""
    standardizer = standardize.fit(normalised(images, moments), scaling, moments, directions)
    rows = np.arange(steps) % len(images)
    x = standardizer(torch.from_numpy(images)).flatten(1)[rows]
    y = torch.from_numpy(labels.astype(np.int64) - 1)[rows]
    V, W = initial_weights(PIXELS, hidden, CLASSES, seed=0, scale=0.3)
    Blocked()(V, W, x, y, Rates(np.full(steps, 3e-3), np.zeros(steps)))
    return Trained(V.numpy(), W.numpy(), standardizer, scaling, steps, "some letters", "00000000", 4800)


@pytest.fixture(scope="session", params=[False, True], ids=["pixels", "directions"])
def small(request: pytest.FixtureRequest) -> Trained:
    images = pictures(40)
    return trained(images, np.arange(40) % 26 + 1, "global", Moments(), 6, 40, directions=request.param)


@pytest.fixture(scope="session")
def real() -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of real letters, 1..26."""
    file = next((file for file in BESIDE if file.is_file()), None)
    if file is None:
        pytest.skip(f"needs the real letters of ../{FILE}")
    content = scipy.io.loadmat(file, variable_names=["train_x", "train_y"])
    return content["train_x"][:12_800].reshape(-1, 28, 28), content["train_y"][:12_800].ravel()
