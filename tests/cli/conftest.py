"""Folders to run commands in."""

import shutil
import warnings
from pathlib import Path

import pytest

from letters_torch.cli import main
from tests.support.running import prepare


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with letters and a config."""
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    return tmp_path


@pytest.fixture(scope="package")
def after_a_fit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with letters, a config and a run; never the current one."""
    made = tmp_path_factory.mktemp("fit")
    prepare(made)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.chdir(made)
        main(["fit", "--config", "small.yaml"])
    return made


@pytest.fixture
def trained(after_a_fit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder after a fit."""
    shutil.copytree(after_a_fit, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path
