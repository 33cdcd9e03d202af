"""`python -m letters_torch.synthetic`."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from letters_torch.letters import LetterSets
from letters_torch.synthetic import __main__ as command
from letters_torch.synthetic import cache


def test_the_command_writes_the_competitions_schema(
    tmp_path: Path, fresh: LetterSets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    out = tmp_path / "letters_data.mat"
    assert command.main([str(out), "--train", "208", "--test", "104"]) == 0
    file = loadmat(out)
    assert {name: (part.dtype, part.shape) for name, part in file.items() if not name.startswith("_")} == {
        "train_x": (np.uint8, (208, 784)),
        "train_y": (np.uint8, (208, 1)),
        "test_x": (np.uint8, (104, 784)),
    }
    np.testing.assert_array_equal(file["train_x"].reshape(-1, 28, 28), fresh.train.images)
    np.testing.assert_array_equal(file["train_y"].ravel(), fresh.train.labels)
    np.testing.assert_array_equal(file["test_x"].reshape(-1, 28, 28), fresh.test.images)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no/such/folder/x.mat"], "there is no folder no/such/folder to write to"),
        ([".", "--train", "9"], ". is a folder; name a file to write"),
        (["x.mat", "--test", "0"], "test"),
    ],
)
def test_a_users_mistake_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_interrupted_command_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "savemat", interrupted)
    assert command.main([str(tmp_path / "letters.mat"), "--train", "9", "--test", "9"]) == 130
    assert capsys.readouterr().err == "interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []
