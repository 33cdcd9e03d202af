"""letters_torch.load(...).read(images): preprocessing, network and softmax of a run, and ensembles."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from letters_torch import checkpoint
from letters_torch.data.moments import Moments
from letters_torch.errors import UserError
from letters_torch.exact_sgd import formulas
from letters_torch.reading import reader
from letters_torch.reading.reader import best_checkpoint, load
from tests.support.making import message
from tests.support.running import Fit, fit


@pytest.fixture(scope="module", params=["pixel", "global"])
def trained(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fit]:
    """A run's checkpoint, and the run."""
    folder = tmp_path_factory.mktemp("run")
    moments = Moments(5.0, 0.5, 0.5) if request.param == "global" else None
    done = fit(folder, data={"scaling": request.param, "moments": moments}, pictures="never")
    done.trainer.save_checkpoint(folder / "last.ckpt")
    return folder / "last.ckpt", done


def expected(done: Fit, images: np.ndarray) -> np.ndarray:
    """Probabilities by the derivation's formulas."""
    data = done.data
    assert data.standardizer is not None
    x = data.standardizer(torch.from_numpy(images), torch.float64).flatten(1).numpy()
    V, W = (weights.detach().double().numpy() for weights in (done.model.V, done.model.W))
    return np.stack([formulas.forward(V, W, row).g for row in x])


def test_reads_images_as_the_trained_network_does(trained: tuple[Path, Fit]) -> None:
    path, done = trained
    found = load(path).read(done.data.test.images)
    probabilities = expected(done, done.data.test.images)
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-5)
    assert found.probabilities.shape == (len(done.data.test), 26)
    assert "".join(found.letters) == "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[c] for c in probabilities.argmax(1))
    assert found.truth is None


def test_images_in_pieces_alone_and_none(trained: tuple[Path, Fit], monkeypatch: pytest.MonkeyPatch) -> None:
    path, done = trained
    images, network = done.data.test.images[:7], load(path)
    whole = network.read(images).probabilities
    monkeypatch.setattr(reader, "_CHUNK", 3)
    np.testing.assert_allclose(network.read(images).probabilities, whole, atol=1e-6)
    np.testing.assert_allclose(network.read(images[2]).probabilities, whole[2:3], atol=1e-6)
    np.testing.assert_allclose(network.read(torch.from_numpy(images)).probabilities, whole, atol=1e-6)
    np.testing.assert_allclose(network.read(images[:, :, ::-1][:, :, ::-1]).probabilities, whole, atol=1e-6)
    assert network.read(images[:0]).probabilities.shape == (0, 26)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((28, 28)),
        np.zeros((2, 784), np.uint8),
        np.zeros((28, 27), np.uint8),
        np.zeros((1, 2, 28, 28), np.uint8),
    ],
    ids=["float", "flat", "narrow", "deep"],
)
def test_other_arrays_are_refused(trained: tuple[Path, Fit], images: np.ndarray) -> None:
    with pytest.raises(UserError) as error:
        load(trained[0]).read(images)
    message(error, "uint8", "(N, 28, 28)", images.dtype, images.shape)


def damaged(path: Path, to: Path, **statistics: float) -> Path:
    """A copy of the checkpoint with other weights and statistics; all numbers in it are finite."""
    content = torch.load(path, weights_only=True)
    state = content["LettersDataModule"]["standardizer"]
    for name, value in statistics.items():
        (content["state_dict"] if name in "VW" else state)[name].fill_(value)
    torch.save(content, to)
    return to


def test_logits_that_overflow_are_refused(trained: tuple[Path, Fit], tmp_path: Path) -> None:
    path, done = trained
    with pytest.raises(UserError) as error:
        load(damaged(path, tmp_path / "large.ckpt", V=3e38, W=3e38)).read(done.data.test.images)
    message(
        error,
        tmp_path / "large.ckpt",
        "the network's logits are not finite numbers; its weights or its inputs are too large",
    )


@pytest.mark.parametrize("statistics", [{"mean": 1e38}, {"mean": -1.0}, {"inv_std": -1.0}, {"inv_std": 1e7}], ids=str)
def test_statistics_of_no_letters_are_refused(
    trained: tuple[Path, Fit], tmp_path: Path, statistics: dict[str, float]
) -> None:
    with pytest.raises(UserError) as error:
        load(damaged(trained[0], tmp_path / "odd.ckpt", **statistics))
    message(error, tmp_path / "odd.ckpt")


def test_several_networks_are_averaged(trained: tuple[Path, Fit], tmp_path: Path) -> None:
    path, done = trained
    other = damaged(path, tmp_path / "other.ckpt", W=0.0)  # says 1/26 of everything
    images = done.data.test.images
    both = load(path, other).read(images).probabilities
    np.testing.assert_allclose(both, (load(path).read(images).probabilities + 1 / 26) / 2, atol=1e-6)


def test_a_folder_means_its_best_checkpoint(trained: tuple[Path, Fit], tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    best = damaged(trained[0], tmp_path / "checkpoints/best-step=5-val_acc=0.5.ckpt", W=0.0)
    damaged(trained[0], tmp_path / "checkpoints/last.ckpt", W=1.0)
    for folder in (tmp_path, tmp_path / "checkpoints", str(tmp_path)):
        (network,) = load(folder).networks
        assert network.path == best
        assert not network.W.any()


def test_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        load(tmp_path)
    message(error, tmp_path, "holds no best checkpoint; name a run folder with checkpoints/best-*.ckpt")
    with pytest.raises(UserError) as error:
        load(tmp_path / "nowhere.ckpt")
    message(error, "nowhere.ckpt", "no such file")
    with pytest.raises(UserError) as error:
        load()
    message(error, "at least one checkpoint")


def test_loading_needs_neither_lightning_nor_matplotlib() -> None:
    code = "import sys, letters_torch.reading.reader as r; r.load; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "torch" in loaded
    assert not loaded & {"pytorch_lightning", "lightning_fabric", "torchmetrics", "matplotlib", "PIL", "cv2"}


def test_moments_that_cannot_be_are_refused(trained: tuple[Path, Fit], tmp_path: Path) -> None:
    content = checkpoint.load(trained[0])
    content["LettersDataModule"]["standardizer"]["moments"] = {"spread": 99.0, "slant": 0.5, "aspect": 0.5}
    file = tmp_path / "odd.ckpt"
    checkpoint.write(file, checkpoint.encode(content))
    with pytest.raises(UserError) as error:
        load(file)
    message(error, f"{file}: moments.spread must be 1 to 14 pixels, not 99; use another checkpoint of the run")


def test_the_newest_of_several_best_checkpoints_is_taken(tmp_path: Path) -> None:
    """A run that was killed between writing one and deleting the other has two."""
    (tmp_path / "checkpoints").mkdir()
    files = [tmp_path / "checkpoints" / f"best-step={step}-val_acc=0.5000.ckpt" for step in (10, 20)]
    for newest in files:
        for file in files:
            file.touch()
            os.utime(file, (1, 2 if file == newest else 1))
        assert best_checkpoint(tmp_path) == newest
