"""Reads images with trained networks: checkpoints in, letters and probabilities out."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from letters_torch import checkpoint
from letters_torch.data.standardize import Standardizer
from letters_torch.errors import UserError
from letters_torch.exact_sgd.network import logits
from letters_torch.letters import CLASSES, SIDE
from letters_torch.paths import expanded, printable
from letters_torch.reading.predictions import Predictions, average, softmax

_CHUNK = 8192  # images that are read at once


@dataclass(frozen=True)
class Network:
    """A trained network with its preprocessing."""

    V: Tensor  # (hidden, 785), weights of the first layer, the bias last
    W: Tensor  # (26, hidden + 1), weights of the second layer, the bias last
    standardizer: Standardizer  # the preprocessing of the training letters
    path: Path  # the checkpoint's file

    def read(self, images: npt.NDArray[np.uint8]) -> Predictions:
        """Predicts the letters of images (N, 28, 28); UserError if the logits overflow."""
        parts = [np.empty((0, CLASSES), np.float32)]
        try:
            for begin in range(0, len(images), _CHUNK):
                x = self.standardizer(torch.from_numpy(images[begin : begin + _CHUNK]), self.V.dtype).flatten(1)
                parts.append(softmax(logits(self.V, self.W, x)).numpy())
        except UserError as error:
            raise UserError(f"{printable(self.path)}: {error}") from error
        return Predictions(np.concatenate(parts))


@dataclass(frozen=True)
class Reader:
    """One or more trained networks. The probabilities of several are averaged."""

    networks: tuple[Network, ...]

    def read(self, images: npt.ArrayLike) -> Predictions:
        """Predicts the letters of images.

        Args:
            images: uint8, (N, 28, 28) or (28, 28): upright, light ink (up to 255) on black (0), as in
                letters_data.mat. The preprocessing of the training is applied to them here.

        Returns:
            `letters` (N,), `probabilities` (N, 26) and more, see `Predictions`.

        Raises:
            UserError: the images have another dtype or shape, or a network's logits overflow.
        """
        given = np.asarray(images)
        if given.dtype != np.uint8 or given.ndim not in (2, 3) or given.shape[-2:] != (SIDE, SIDE):
            raise UserError(
                "images must be uint8 of shape (N, 28, 28) or (28, 28), upright, light ink on black,"
                f" not {given.dtype} {given.shape}"
            )
        array = np.ascontiguousarray(given.reshape(-1, SIDE, SIDE))
        return average([network.read(array) for network in self.networks])


def load(*paths: str | PathLike[str]) -> Reader:
    """Loads trained networks to read images with.

    >>> reader = letters_torch.load("lightning_logs/version_0")  # doctest: +SKIP
    >>> reader.read(images).letters  # doctest: +SKIP

    Args:
        *paths: checkpoints, or run folders, of which the best checkpoint is taken. The probabilities of several
            networks are averaged.

    Raises:
        UserError: no path is given, a file cannot be read as a checkpoint, or a folder holds no best checkpoint.
    """
    if not paths:
        raise UserError("name at least one checkpoint or run folder to load")
    return Reader(tuple(_network(best_checkpoint(expanded(path, "checkpoint"))) for path in paths))


def best_checkpoint(path: Path) -> Path:
    """The best checkpoint of a run folder or of its checkpoints folder; a path that is not a folder is returned."""
    if not path.is_dir():
        return path
    found = [*path.glob("checkpoints/best-*.ckpt"), *path.glob("best-*.ckpt")]
    if not found:
        raise UserError(f"{printable(path)} holds no best checkpoint; name a run folder with checkpoints/best-*.ckpt")
    return max(found, key=lambda file: file.stat().st_mtime)


def _network(path: Path) -> Network:
    content = checkpoint.load(path)
    weights, state = content["state_dict"], content["LettersDataModule"]["standardizer"]
    return Network(weights["V"], weights["W"], Standardizer.from_state(state, printable(path)), path)
