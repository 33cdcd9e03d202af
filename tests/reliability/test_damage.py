"""Damaged checkpoints and configs end in one line that names the file, or in what was written."""

import io
import os
import pickle
import random
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from letters_torch import checkpoint
from letters_torch.cli import lightning_cli
from letters_torch.errors import UserError
from tests.reliability import damage, runs
from tests.reliability.figures import FIGURES


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with an anchor and with moments, so that it holds all that one can."""
    config = runs.make(tmp_path_factory.mktemp("sound"))
    assert runs.fit(config, "--trainer.max_steps", 130, "--data.moments.slant", 0.5) == 0
    return config.parent / "lightning_logs/version_0/checkpoints/last.ckpt"


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else bool(one == other)


def read_damaged(sound: Path, folder: Path, how: damage.Damage, cases: int, seed: int) -> Counter[str]:
    content, expected = sound.read_bytes(), checkpoint.load(sound)
    file, draw, seen = folder / "damaged.ckpt", random.Random(seed), Counter[str]()
    for case in range(cases):
        file.write_bytes(how(content, draw))
        try:
            loaded = checkpoint.load(file)
        except UserError as error:
            message = str(error)
            assert "\n" not in message, case
            assert str(file) in message, case
            seen["refused"] += 1
        else:
            # Other values are another sound checkpoint. But where only bytes were damaged, it is all there or refused.
            if how not in (damage.value_changed, damage.pickle_changed):
                assert same(loaded, expected), case
            seen["read"] += 1
    for what, count in seen.items():
        FIGURES[f"damaged checkpoints {what}"] += count
    return seen


@pytest.mark.parametrize("how", damage.CHECKPOINTS)
def test_damaged_checkpoints(sound: Path, tmp_path: Path, how: damage.Damage) -> None:
    assert read_damaged(sound, tmp_path, how, 60, seed=1)["refused"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("how", damage.CHECKPOINTS)
def test_many_damaged_checkpoints(sound: Path, tmp_path: Path, how: damage.Damage) -> None:
    assert read_damaged(sound, tmp_path, how, 2000, seed=2)["refused"] > 0


def test_every_byte_of_the_weights_is_watched(sound: Path, tmp_path: Path) -> None:
    content, file = bytearray(sound.read_bytes()), tmp_path / "flipped.ckpt"
    with zipfile.ZipFile(sound) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    begin = content.index(archive_record(sound, largest.filename))
    for at in range(begin, begin + largest.file_size, 997):
        content[at] ^= 1
        file.write_bytes(content)
        with pytest.raises(UserError, match="checksum"):
            checkpoint.load(file)
        content[at] ^= 1


def archive_record(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


class Attack:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused(sound: Path, tmp_path: Path, zipped: bool) -> None:
    file, witness = tmp_path / "attack.ckpt", tmp_path / "attacked"
    content = {**torch.load(sound, weights_only=True), "callbacks": Attack(witness)}
    if zipped:
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=r"attack\.ckpt"):
        checkpoint.load(file)
    assert not witness.exists()
    torch.load(io.BytesIO(_saved(content)), weights_only=False)
    assert witness.exists()  # it would have run


def _saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_a_damaged_checkpoint_on_the_command_line(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, file = runs.make(tmp_path), tmp_path / "half.ckpt"
    file.write_bytes(sound.read_bytes()[:30_000])
    for command in ("fit", "validate", "predict"):
        assert str(file) in runs.mistake(capsys, command, "--config", config, "--ckpt_path", file)


def config_cases(folder: Path, cases: int, seed: int, capsys: pytest.CaptureFixture[str]) -> Counter[str]:
    """Parses damaged configs; they are not run."""
    sound, draw, seen = runs.make(folder), random.Random(seed), Counter[str]()
    content, file = sound.read_bytes(), folder / "damaged.yaml"
    for case in range(cases):
        file.write_bytes(draw.choice(damage.CONFIGS)(content, draw))
        code = runs.command("fit", "--config", file)
        error = capsys.readouterr().err
        assert code in (0, 2), (case, file.read_bytes())
        if code:
            assert error.count("\n") == 1, (case, error)
            assert error.startswith("error: "), (case, error)
        seen["read" if code == 0 else "refused"] += 1
        FIGURES[f"damaged configs {'read' if code == 0 else 'refused'}"] += 1
    return seen


@pytest.fixture
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The config is read, and everything is built from it; that is all."""
    monkeypatch.setattr(lightning_cli.LettersCLI, "_run_subcommand", Mock())


@pytest.mark.usefixtures("_no_training")
def test_damaged_configs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config_cases(tmp_path, 40, 3, capsys)["refused"] > 15


@pytest.mark.slow
@pytest.mark.usefixtures("_no_training")
def test_many_damaged_configs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config_cases(tmp_path, 1000, 4, capsys)["refused"] > 300
