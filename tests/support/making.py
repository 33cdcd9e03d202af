"""Small files in the formats that the readers read, and what must hold of every error."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from letters_torch.errors import UserError


def pictures(count: int = 6, seed: int = 0) -> np.ndarray:
    """(count, 28, 28) uint8: an upright L (no turn or mirroring keeps it) and some noise to tell them apart."""
    made = np.zeros((count, 28, 28), np.uint8)
    made[:, 4:24, 6:9] = 255
    made[:, 21:24, 6:18] = 255
    made[:, 5:20, 12:22] = np.random.default_rng(seed).integers(0, 256, (count, 15, 10))
    return made


def labels(count: int = 6) -> np.ndarray:
    return (np.arange(count) % 26 + 1).astype(np.uint8)


def kaggle_arrays(count: int = 6) -> dict[str, Any]:
    return {
        "train_x": pictures(count).reshape(count, 784),
        "train_y": labels(count)[:, None],
        "test_x": pictures(4, seed=1).reshape(4, 784),
    }


def save_mat(path: Path, arrays: dict[str, Any], compressed: bool = True) -> Path:
    scipy.io.savemat(path, arrays, do_compression=compressed)
    return path


def emnist_dataset(count: int = 6) -> dict[str, Any]:
    """EMNIST's struct: every picture column by column."""
    columns = pictures(count).transpose(0, 2, 1).reshape(count, 784)
    part = {"images": columns, "labels": labels(count)[:, None], "writers": 100 + np.arange(float(count))[:, None]}
    return {"train": part, "test": part, "mapping": np.stack([np.arange(1, 27), np.arange(65, 91), np.arange(97, 123)])}


def idx(array: np.ndarray) -> bytes:
    """The array in idx format, whose magic number names unsigned bytes (8) and the number of dimensions."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def save_emnist(folder: Path, count: int = 6, zipped: bool = False) -> Path:
    """EMNIST Letters as torchvision lays it out under `folder`."""
    raw = folder / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "test"):
        contents = {"images-idx3": pictures(count).transpose(0, 2, 1), "labels-idx1": labels(count)}
        for kind, array in contents.items():
            name = f"emnist-letters-{part}-{kind}-ubyte"
            if zipped:
                (raw / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (raw / name).write_bytes(idx(array))
    return folder


def message(error: pytest.ExceptionInfo[UserError], *parts: object) -> str:
    """The error's message, which is one line and says each of `parts`."""
    text = str(error.value)
    assert "\n" not in text
    for part in parts:
        assert str(part) in text
    return text
