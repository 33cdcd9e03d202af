"""The sections of a config as a whole."""

from pathlib import Path

import pytest

from tests.support.running import refused


@pytest.mark.parametrize("section", ["trainer", "model", "data"])
def test_an_empty_section_is_refused(folder: Path, capsys: pytest.CaptureFixture[str], section: str) -> None:
    (folder / "empty.yaml").write_text(f"{section}:\n")
    said = refused(capsys, "fit", "--config", "small.yaml", "--config", "empty.yaml")
    assert said == f"error: --config empty.yaml: {section} must be a table of settings; leave an empty one out\n"
    said = refused(capsys, "fit", "--config", "small.yaml", f"--{section}", "null")
    assert said.startswith(f"error: --{section}: Unable to load config 'null'")
