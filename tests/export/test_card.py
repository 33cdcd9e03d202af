"""What a model card says, and that its example runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from letters_torch.export import card, command
from letters_torch.export.trained import Trained


def test_accuracy_with_its_interval(small: Trained) -> None:
    text = card.text(replace(small, accuracy=4145 / 4800), "onnx", "letters.onnx")
    assert "86.35% of 4,800 validation rows (95% Wilson interval 85.35% to 87.30%)" in text


def test_nothing_is_claimed_that_is_not_known(small: Trained) -> None:
    text = card.text(small, "onnx", "letters.onnx")
    assert "Not measured at step 40." in text
    assert text.count("Not recorded: the checkpoint was not in a run folder") == 1


def test_the_recipe_names_no_folder_of_the_machine(small: Trained) -> None:
    config = {
        "seed_everything": 7,
        "trainer": {"devices": 1},
        "data": {"path": "/home/me/letters_data.mat", "block": 9},
    }
    text = card.text(replace(small, config=config), "torch", "letters.pt")
    assert "seed_everything: 7" in text
    assert "path: letters_data.mat" in text
    assert "/home/me" not in text
    assert "devices" not in text


def test_limits_follow_the_data(small: Trained) -> None:
    assert "drawn by the program" in card.text(replace(small, origin="built-in letters (seed 0)"), "onnx", "x")
    assert "each file by its own statistics" in card.text(replace(small, scaling="pixel_each_set"), "onnx", "x")
    plain = card.text(small, "onnx", "x")
    assert "drawn by the program" not in plain
    assert "own statistics" not in plain


@pytest.mark.parametrize("kind", list(command.SUFFIXES))
def test_the_example_runs(
    small: Trained, kind: command.Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a file").write_bytes(command._content(small, kind, ""))
    code = card.text(small, kind, "a file").split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(compile(code, kind, "exec"), names)
