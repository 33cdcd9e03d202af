"""Every config builds what it configures, and is what its comments say."""

import csv
import re
import subprocess
import sys
import zipfile
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pytorch_lightning.cli import LightningCLI

from letters_torch.data.augment import RandomAffine, RollAndRotate
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer

# Lightning asks jsonargparse in a way that jsonargparse would rather not be asked any more.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:\s*(By default only one Jsonargparse|.+ was deprecated in v4):DeprecationWarning"
)

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
CURVE = ROOT.parent / "shared/notebook/curve.csv"


def built(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trainer, model and data of a config as Lightning's own command line makes them."""
    monkeypatch.setattr(sys, "argv", ["letters_torch"])
    args = ["--config", str(ROOT / "configs" / f"{name}.yaml"), "--trainer.logger", "false"]
    return LightningCLI(LettersModule, LettersDataModule, trainer_class=StepTrainer, run=False, args=args)


def content(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())
    return settings


@pytest.mark.parametrize("name", [file.stem for file in CONFIGS])
def test_every_config_builds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = built(name, monkeypatch)
    assert cli.model.V.shape == (400, 785)
    assert cli.model.W.shape == (26, 401)
    wanted = content(name)["model"]["schedule"]
    assert [(s.steps, s.lr, s.weight_decay) for s in cli.model.schedule.stages] == [
        (s["steps"], s["lr"], s["weight_decay"]) for s in wanted
    ]


def test_the_configs_are_there() -> None:
    assert [file.stem for file in CONFIGS] == ["best-438k", "best", "kaggle", "notebook", "quick", "stated"]


def test_kaggle_is_the_notebooks_logged_run(monkeypatch: pytest.MonkeyPatch) -> None:
    cli = built("kaggle", monkeypatch)
    assert cli.model.schedule.ends == (10_000, 58_000, 106_000, 348_000, 438_000)
    assert cli.model.schedule.total == 438_000
    assert (cli.datamodule.scaling, cli.datamodule.validation) == ("pixel", 4800)
    assert (cli.trainer.precision, cli.trainer.validation_interval) == ("32-true", 2000)
    augment = cli.datamodule.augment
    assert isinstance(augment, RandomAffine)
    assert [*augment.degrees, *augment.translate] == [-10, 10, 0.064, 0.064]
    assert (augment.scale, augment.shear, augment.fixed_fill) == (None, None, None)


@pytest.mark.skipif(not CURVE.exists(), reason="the notebook's curve is not beside this repository")
def test_kaggles_stages_are_those_of_the_notebooks_log() -> None:
    with CURVE.open(newline="") as file:
        rows = [(float(r["lr"]), float(r["lambda"]), int(r["step"])) for r in csv.DictReader(file)]
    # A run took up where the one before it was stopped or, of its weights on file, where they were best.
    groups = [(settings, next(group)[2]) for settings, group in groupby(rows, lambda row: row[:2])]
    begins = [begin for _, begin in groups]
    wanted = zip(groups, np.diff([*begins, 438_000]), strict=True)
    stages = [{"steps": steps, "lr": lr, "weight_decay": 2 * lam} for ((lr, lam), _), steps in wanted]
    for name in ("kaggle", "notebook"):
        schedule = content(name)["model"]["schedule"]
        assert [s["steps"] for s in schedule] == [s["steps"] for s in stages]
        for setting in ("lr", "weight_decay"):
            np.testing.assert_allclose([s[setting] for s in schedule], [s[setting] for s in stages], rtol=1e-12)


def test_notebook_is_the_notebook_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    cli = built("notebook", monkeypatch)
    assert content("notebook")["model"] == content("kaggle")["model"]
    assert (cli.trainer.precision, cli.trainer.validation_interval) == ("64-true", 2000)
    data = cli.datamodule
    assert (data.scaling, data.validation, data.probe) == ("pixel_each_set", 4800, "all")
    assert isinstance(data.augment, RollAndRotate)
    assert data.augment.degrees == 10


def test_stated_is_the_recipe_of_the_notebooks_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    cli = built("stated", monkeypatch)
    [stage] = cli.model.schedule.stages
    assert (stage.steps, stage.lr, stage.weight_decay) == (400_000, 0.01, 2e-4)
    stated, kaggle = content("stated"), content("kaggle")
    del stated["model"]["schedule"], kaggle["model"]["schedule"]
    assert stated == kaggle  # all else


def test_quick_is_short_and_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    cli = built("quick", monkeypatch)
    assert cli.model.schedule.total <= 40_000
    assert cli.datamodule.augment is None


def test_every_config_begins_with_what_it_is_for() -> None:
    for file in CONFIGS:
        assert re.match(r"# .+", file.read_text()), file.name


@pytest.mark.slow
def test_the_wheel_holds_the_configs(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(pip, check=True, cwd=tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for file in CONFIGS:
            assert archive.read(f"letters_torch/configs/{file.name}") == file.read_bytes()
