import gzip
import shutil
import struct
import tracemalloc
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from letters_torch.data.readers import emnist
from letters_torch.errors import UserError
from tests.support.making import emnist_dataset, idx, labels, message, pictures, save_emnist, save_mat

IMAGES = "emnist-letters-train-images-idx3-ubyte"
LABELS = "emnist-letters-test-labels-idx1-ubyte"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("inside", ["", "EMNIST", "EMNIST/raw"])
def test_reads_torchvisions_layout_and_turns_it_upright(tmp_path: Path, zipped: bool, inside: str) -> None:
    sets = emnist.read(save_emnist(tmp_path, zipped=zipped) / inside)
    for letters in (sets.train, sets.test):
        np.testing.assert_array_equal(letters.images, pictures())
        np.testing.assert_array_equal(letters.labels, labels())
    assert "EMNIST" in sets.origin
    assert sets.source == "emnist"


def test_reads_emnists_own_file_with_its_writers(tmp_path: Path) -> None:
    path = save_mat(tmp_path / "emnist-letters.mat", {"dataset": emnist_dataset()})
    sets = emnist.read_mat(path)
    for letters in (sets.train, sets.test):
        np.testing.assert_array_equal(letters.images, pictures())
        np.testing.assert_array_equal(letters.labels, labels())
        np.testing.assert_array_equal(letters.writers, np.arange(100, 106))
        assert letters.writers is not None
        assert letters.writers.dtype == np.int64


def test_writers_may_be_missing(tmp_path: Path) -> None:
    dataset = emnist_dataset()
    dataset["test"] = {name: dataset["test"][name] for name in ("images", "labels")}
    sets = emnist.read_mat(save_mat(tmp_path / "emnist-letters.mat", {"dataset": dataset}))
    assert sets.test.writers is None
    assert sets.train.writers is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": np.zeros((6, 785), np.uint8)}, ["images", "(6, 785)"]),
        ({"labels": np.arange(6)[:, None]}, ["labels", "1..26", "found 0"]),
        ({"labels": labels(5)}, ["labels", "(1, 5)", "6 x 1"]),
        ({"writers": np.full((6, 1), 0.5)}, ["writers", "found 0.5"]),
        ({"images": "text"}, ["images", "numbers"]),
    ],
)
def test_a_dataset_unlike_emnists_is_explained(tmp_path: Path, change: dict[str, Any], said: list[str]) -> None:
    dataset = emnist_dataset()
    dataset["test"] = {**dataset["test"], **change}
    path = save_mat(tmp_path / "emnist-letters.mat", {"dataset": dataset})
    with pytest.raises(UserError) as error:
        emnist.read_mat(path)
    message(error, path, "test", *said)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"train_x": np.eye(2)}, ["holds 'train_x', but 'dataset' are expected; give another file with --data.path"]),
        ({"dataset": np.eye(2)}, ["nothing", "'train'"]),
        ({"dataset": {"train": emnist_dataset()["train"]}}, ["dataset has the fields 'train', but 'test' is expected"]),
        ({"dataset": {"train": 1.0, "test": 2.0}}, ["train", "'images'"]),
        ({"dataset": np.array([{"train": 1.0}, {"train": 1.0}], object)}, ["nothing", "'train'"]),
    ],
)
def test_a_mat_that_is_not_emnists_is_explained(tmp_path: Path, variables: dict[str, Any], said: list[str]) -> None:
    path = save_mat(tmp_path / "emnist-letters.mat", variables)
    with pytest.raises(UserError) as error:
        emnist.read_mat(path)
    message(error, path, *said)


def test_a_missing_file_is_named_and_how_to_get_it(tmp_path: Path) -> None:
    save_emnist(tmp_path)
    (tmp_path / "EMNIST/raw" / LABELS).unlink()
    with pytest.raises(UserError) as error:
        emnist.read(tmp_path)
    get = "set --data.path to the folder that holds EMNIST, or fetch it with --data.download true"
    message(error, f"{tmp_path} holds no EMNIST/raw/{LABELS} (nor .gz); {get}")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (IMAGES, b"", "not an idx file"),
        (IMAGES, idx(np.zeros((6, 28, 27), np.uint8)), "not an idx file"),
        (IMAGES, idx(np.zeros((6, 784), np.uint8)), "not an idx file"),
        (IMAGES, idx(pictures())[:-1], "declares"),
        (IMAGES, idx(pictures())[:14], "cannot be read"),
        (IMAGES, idx(pictures()) + b"\0", "declares"),
        (IMAGES, idx(np.zeros((0, 28, 28), np.uint8)), "(0, 784)"),
        (LABELS, idx(labels(5)), "(5,)"),
        (LABELS, idx(labels() - 1), "1..26"),
        (LABELS, idx(labels() + 26), "1..26"),
        (IMAGES, bytes([0, 0, 8, 3]) + struct.pack(">III", 2**32 - 1, 28, 28) + bytes(100), "declares"),
        (f"{IMAGES}.gz", idx(pictures()), "cannot be read"),
        (f"{IMAGES}.gz", gzip.compress(idx(pictures()), mtime=0)[:-9], "cannot be read"),
        (
            f"{IMAGES}.gz",
            gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">III", 2**32 - 1, 28, 28), mtime=0),
            "declares",
        ),
        (
            f"{IMAGES}.gz",
            gzip.compress(idx(pictures()) + bytes(2**27), 1, mtime=0),
            "bytes that it declares; copy or download it again",
        ),
    ],
)
def test_damaged_files_are_explained_and_sizes_not_believed(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    save_emnist(tmp_path)
    raw = tmp_path / "EMNIST/raw"
    (raw / name.removesuffix(".gz")).unlink()
    (raw / name).write_bytes(content)
    tracemalloc.start()
    with pytest.raises(UserError) as error:
        emnist.read(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    message(error, raw / name, said)
    assert peak < 2**23


def offline_copy(monkeypatch: pytest.MonkeyPatch, archive: Path) -> list[str]:
    """Stands in for the network: torchvision's own code then unpacks the archive's files and reads them."""
    fetched = []

    def fetch(url: str, download_root: str, **_: Any) -> None:
        fetched.append(url)
        shutil.copytree(archive / "EMNIST/raw", Path(download_root) / "gzip")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", fetch)
    return fetched


def test_download_fetches_once_and_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = offline_copy(monkeypatch, save_emnist(tmp_path / "archive", zipped=True))
    folder = tmp_path / "data"
    with pytest.raises(UserError) as error:
        emnist.read(folder)
    message(error, "--data.download")
    assert not fetched
    np.testing.assert_array_equal(emnist.read(folder, download=True).train.images, pictures())
    np.testing.assert_array_equal(emnist.read(folder, download=True).test.labels, labels())
    assert len(fetched) == 1


def test_a_failed_download_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Name or service\nnot known")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", fetch)
    with pytest.raises(UserError) as error:
        emnist.read(tmp_path, download=True)
    message(
        error,
        f"EMNIST could not be downloaded into {tmp_path} (",
        "not known",
        "check the network and the free disk space, or fetch emnist-letters.mat yourself and give it as --data.path",
    )
