"""What the README says is so: its snippets run, its tree is the real one, its figures are those of the tables."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from letters_torch.cli import main
from tests.support.running import prepare

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
FIRST_SCREEN = "\n".join(README.splitlines()[:35])


def test_the_engine_trains_on_plain_arrays() -> None:
    names: dict[str, Any] = {}
    exec(SNIPPETS[0], names)
    assert names["losses"].shape == (1797,)
    assert names["accuracy"] > 0.85  # guessing has 0.1


def test_a_run_is_loaded_and_reads_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    main(["fit", "--config", "small.yaml", "--trainer.max_steps", "50"])
    names: dict[str, Any] = {"images": np.zeros((3, 28, 28), np.uint8)}
    exec(SNIPPETS[1], names)
    assert names["predictions"].probabilities.shape == (3, 26)
    assert len(names["predictions"].letters) == 3


def test_the_estimator_fits() -> None:
    names: dict[str, Any] = {}
    exec(SNIPPETS[2] + "\nscore = classifier.score(X / 8 - 1, y)", names)
    assert names["score"] > 0.85


def test_every_snippet_is_run_here() -> None:
    assert len(SNIPPETS) == 3


@pytest.mark.parametrize("command", ["-m letters_torch fit --config kaggle.yaml", "-m pytest"])
def test_the_two_commands_are_on_the_first_screen(command: str) -> None:
    assert re.search(
        rf"python3 -m venv .venv && .venv/bin/pip install -e .* && .venv/bin/python {command}", FIRST_SCREEN
    )


def test_the_tree_is_the_real_one() -> None:
    listed = set(re.findall(r"^      ([\w.]+?)/? ", README.split("## Inside")[1], re.MULTILINE))
    real = {
        path.name for path in (ROOT / "src/letters_torch").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert real <= listed
    assert all((ROOT / "src/letters_torch" / name).exists() for name in listed)


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)|src=\"([^\"]+)\"", README)
    assert len(links) > 20
    assert all((ROOT / (markdown or html)).exists() for markdown, html in links)
