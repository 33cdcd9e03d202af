"""What the parser refuses, in one short line: the flag, the value, what is accepted."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from letters_torch.cli.parser_errors import shortened
from tests.support.running import refused

WRONG = [
    ("--model.hidden many", "--model.hidden many: must be a whole number"),
    ("--model.schedule 5", "--model.schedule 5: must be a list"),
    ("--model.schedule '[{steps: 5}]'", "--model.schedule: Stage needs lr"),
    ("--model.schedule '[{steps: 5,lr: 1,wd: 3}]'", "--model.schedule: Stage has no setting 'wd'; it has steps,"),
    ("--data.scaling pixl", "--data.scaling pixl: must be one of pixel, pixel_each_set, global; did you mean pixel?"),
    ("--data.source emist", "must be one of auto, kaggle, emnist, builtin; did you mean emnist?"),
    ("--data.augment RandomAfine", "--data.augment RandomAfine: no such class; did you mean RandomAffine?"),
    (
        "--data.augment RandomAffine --data.augment.degres 5",
        "RandomAffine has no setting 'degres'; did you mean degrees?",
    ),
    ("--data.augment RandomAffine --data.augment.degrees x", "--data.augment.degrees x: must be a number or a list"),
    ("--data.augment.degrees 5", "--data.augment: name a class first"),
    ("--data.moments '{spred: 6}'", "Moments has no setting 'spred'; did you mean spread?"),
    (
        "--trainer.callbacks EarlyStoping",
        "--trainer.callbacks EarlyStoping: no such class; did you mean EarlyStopping?",
    ),
    ("--trainer.callbacks EarlyStopping", "--trainer.callbacks: EarlyStopping needs monitor"),
    ("--trainer.callbacks.monitor=val/acc", "name a class that has 'monitor' first, such as EarlyStopping"),
    ("--trainer.precision 16-mixed", "--trainer.precision 16-mixed: must be one of 32-true, 64-true, 32, 64"),
    ("--trainer.logger TensorBordLogger", "no such class; did you mean TensorBoardLogger?"),
    ("--trainer.val_check_interval abc", "--trainer.val_check_interval abc: must be a number"),
    ("--trainer.pictures sometimes", "--trainer.pictures sometimes: must be a whole number or one of stages, never"),
    ("--seed_everything abc", "--seed_everything abc: must be a whole number"),
    ("--seed_everything 4294967296", "--seed_everything must be a whole number from 0 to 4294967295, not 4294967296"),
]


def test_the_classes_there_are(folder: Path) -> None:
    """In a process of its own: here, other tests have made classes too."""
    command = [sys.executable, "-m", "letters_torch", "fit", "--config", "small.yaml", "--data.augment", "Nonsense"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = "--data.augment Nonsense: no such class; there are RandomAffine, RandomWarp, RollAndRotate"
    assert (done.returncode, done.stderr) == (2, f"error: {said}\n")


@pytest.mark.parametrize(("args", "said"), WRONG, ids=[args for args, _ in WRONG])
@pytest.mark.usefixtures("folder")
def test_one_short_line(capsys: pytest.CaptureFixture[str], args: str, said: str) -> None:
    error = refused(capsys, "fit", "--config", "small.yaml", *shlex.split(args))
    assert said in error
    assert len(error) < 160


def test_what_is_not_understood_is_cut() -> None:
    assert shortened("no key here " + "x" * 1000).endswith("x ...")
    assert len(shortened('Parser key "a.b":\n  ' + "y" * 1000)) <= 240
    assert shortened('Parser key "a.b":\n  something odd') == "--a.b: something odd"
