"""Which config a command uses."""

from pathlib import Path

import pytest
import yaml

from tests.support.commands import printed
from tests.support.running import CONFIG, HIDDEN


@pytest.mark.parametrize("name", ["mine", "mine.yaml", "kaggle", "quick.yaml"])
def test_bare_config_names(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """In the current folder, in its configs/, or with the package: from any folder."""
    (folder / "configs").mkdir()
    (folder / "configs/mine.yaml").write_text(yaml.safe_dump(CONFIG))
    shown = yaml.safe_load(printed(capsys, "fit", "--config", name))
    assert shown["model"]["hidden"] == (HIDDEN if "mine" in name else 400)


def test_the_current_folders_config_comes_before_the_shipped_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "kaggle.yaml").write_text(yaml.safe_dump(CONFIG))
    shown = yaml.safe_load(printed(capsys, "fit", "--config=kaggle"))
    assert shown["model"]["hidden"] == HIDDEN
