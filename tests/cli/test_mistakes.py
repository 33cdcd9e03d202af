"""A user's mistakes: one line on stderr, exit code 2, nothing changed."""

import shlex
from pathlib import Path

import pytest

from tests.support.commands import LAST, files
from tests.support.running import refused, save_letters

# The arguments behind `fit --config small.yaml`, and what is said.
MISTAKES: list[tuple[str, str]] = [
    ("--data.path nowhere.mat", "--data.path nowhere.mat: no such file or folder"),
    ("--data.path small.yaml", "small.yaml is not a MATLAB v5 file; give one saved with '-v7' (or '-v6')"),
    ("--data.validation 0", "--data.validation must be a whole number, 1 or more, not 0"),
    ("--data.validation 200", "--data.validation 200 leaves nothing to train on: there are 200 labelled rows"),
    ("--data.scaling nonsense", "--data.scaling nonsense: must be one of pixel, pixel_each_set, global"),
    ("--data.augment Nonsense", "--data.augment Nonsense: no such class"),
    (
        "--data.augment RandomAffine --data.augment.degrees -5",
        "a setting cannot be used: If degrees is a single number, it must be positive.",
    ),
    (
        "--data.augment RandomAffine --data.augment.degrees 5 --data.augment.translate '[2,0]'",
        "a setting cannot be used: translation values should be between 0 and 1",
    ),
    (
        "--data.augment RandomAffine --data.augment.degrees 5 --data.augment.interpolation bicubic",
        "--data.augment.interpolation bicubic: must be one of nearest, bilinear",
    ),
    ("--model.hidden 0", "--model.hidden must be 1 or more, not 0"),
    ("--model.hidden 1000000000", "--model.hidden 1000000000: there is not enough memory for so many units"),
    ("--trainer.val_check_interval .nan", "--trainer.val_check_interval must be more than 0, not nan"),
    (
        "--trainer.default_root_dir '~nouser/x'",
        "--trainer.default_root_dir ~nouser/x: there is no user of that name; write the folder out",
    ),
    (
        "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor=val/accuracy",
        "--trainer.callbacks: EarlyStopping monitors 'val/accuracy', which is not logged; the metrics are "
        "val/acc, val/loss, train/acc, train/loss, lr, weight_decay; did you mean val/acc?",
    ),
    ("--name a/b", "--name 'a/b': use letters, digits and the signs - _ . + =, at most 80"),
    ("--model.hidden many", "--model.hidden many: must be a whole number"),
    ("--model.hiden 3", "unknown flag --model.hiden; did you mean --model.hidden?"),
    ("--model.schedule '[]'", "--model: a schedule needs at least one stage"),
    (
        '--model.schedule \'[{"steps": 0, "lr": 1}]\'',
        "a setting cannot be used: a stage's steps must be 1 or more, not 0",
    ),
    (
        '--model.schedule \'[{"steps": 5, "lr": -1}]\'',
        "a setting cannot be used: a stage's lr must be a finite number, 0 or more, not -1.0",
    ),
    (
        '--model.schedule \'[{"steps": 5, "lr": 1, "weight_decay": -1}]\'',
        "a setting cannot be used: a stage's weight_decay must be a finite number, 0 or more, not -1.0",
    ),
    ("--model.schedule '[{\"steps\": 5}]'", "--model.schedule: Stage needs lr"),
    ("--seed_everything -1", "--seed_everything must be a whole number from 0 to 4294967295, not -1"),
    ("--seed_everything true", "--seed_everything must be a whole number from 0 to 4294967295, not True"),
    (
        "--trainer.max_steps 201",
        "--trainer.max_steps 201 is beyond the schedule, which ends at step 200; lengthen a stage of "
        "model.schedule or add one",
    ),
    (
        "--trainer.max_steps -5",
        "`max_steps` must be a non-negative integer or -1 (infinite steps). You passed in -5.",
    ),
    (
        "--trainer.max_epochs 3",
        "unknown flag --trainer.max_epochs; a run is measured in steps: set --trainer.max_steps",
    ),
    ("--trainer.devices 2", "--trainer.devices 2: single-sample SGD is one chain of steps; use 1 device"),
    ("--trainer.precision 16-mixed", "--trainer.precision 16-mixed: must be one of 32-true, 64-true, 32, 64"),
    (
        "--trainer.accumulate_grad_batches 2",
        "unknown flag --trainer.accumulate_grad_batches; did you mean --trainer.limit_val_batches?",
    ),
    (
        "--trainer.limit_train_batches 2",
        "unknown flag --trainer.limit_train_batches; did you mean --trainer.limit_val_batches?",
    ),
    ("--trainer.default_root_dir small.yaml/inside", "small.yaml/inside/lightning_logs: Not a directory"),
    ("--ckpt_path nowhere.ckpt", "--ckpt_path nowhere.ckpt: no such file; name a checkpoint, last or best"),
    (
        "--ckpt_path small.yaml",
        "--ckpt_path small.yaml: damaged or not a checkpoint (File is not a zip file); use another "
        "checkpoint of the run",
    ),
    (
        "--ckpt_path last",
        "no run with a last checkpoint under lightning_logs; train one with `python -m letters_torch "
        "fit`, or name a file with --ckpt_path",
    ),
    (
        "--config nowhere",
        "--config nowhere: no such file; the configs that come with letters_torch are best-438k.yaml, "
        "best.yaml, kaggle.yaml, notebook.yaml, quick.yaml, stated.yaml",
    ),
    (
        "extra",
        "--config extra: no such file; the configs that come with letters_torch are best-438k.yaml, "
        "best.yaml, kaggle.yaml, notebook.yaml, quick.yaml, stated.yaml",
    ),
]


@pytest.mark.parametrize(("args", "said"), MISTAKES, ids=[args for args, _ in MISTAKES])
def test_a_mistake_is_one_line_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], args: str, said: str
) -> None:
    before = files(folder)
    assert refused(capsys, "fit", "--config", "small.yaml", *shlex.split(args)).startswith(f"error: {said}")
    assert files(folder) == before
    assert not (folder / "lightning_logs").exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("model:\n  hiden: 3\n", "hiden"),
        ("modle:\n  hidden: 3\n", "modle"),
        ("model: [1\n", ""),
        ("just words", ""),
        ("trainer:\n  max_epochs: 3\n", "max_epochs"),
    ],
)
def test_a_mistake_in_a_config(folder: Path, capsys: pytest.CaptureFixture[str], text: str, named: str) -> None:
    (folder / "wrong.yaml").write_text(text)
    assert named in refused(capsys, "fit", "--config", "small.yaml", "--config", "wrong.yaml")


@pytest.mark.parametrize("args", [[], ["nonsense"], ["--nonsense"], ["fit", "--config"]], ids=" ".join)
@pytest.mark.usefixtures("folder")
def test_a_mistake_before_any_command(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    refused(capsys, *args)


MISTAKES_AFTER: list[tuple[str, str]] = [
    (
        "fit --ckpt_path last --model.hidden 9",
        "--ckpt_path: a network with 6 hidden units, but --model.hidden is 9; give --model.hidden 6",
    ),
    (
        "fit --ckpt_path last --data.path other.mat",
        "--ckpt_path: the run was trained on other letters than {folder}/other.mat (the competition's "
        "schema); give its --data.source, --data.path and --data.transposed",
    ),
    (
        "fit --ckpt_path cut.ckpt --config small.yaml",
        "--ckpt_path cut.ckpt: damaged or not a checkpoint (File is not a zip file); use another checkpoint of the run",
    ),
    (
        "fit --ckpt_path last --seed_everything 9",
        "--seed_everything 9: the run was started with 0; with another, rows that it was "
        "trained on would be validation rows; give 0, or start another run",
    ),
    (
        "validate --seed_everything 9",
        "--seed_everything 9: the run was started with 0; with another, rows that it was "
        "trained on would be validation rows; give 0, or start another run",
    ),
    (
        "report --data.validation 49",
        "--data.validation 49: the run was started with 50; with another, rows that it was "
        "trained on would be validation rows; give 50, or start another run",
    ),
    (
        "validate --model.hidden 9",
        "--ckpt_path: a network with 6 hidden units, but --model.hidden is 9; give --model.hidden 6",
    ),
    (
        "validate --ckpt_path cut.ckpt",
        "--ckpt_path cut.ckpt: damaged or not a checkpoint (File is not a zip file); use another checkpoint of the run",
    ),
    (
        "validate --trainer.default_root_dir elsewhere",
        "no run with a best checkpoint under elsewhere/lightning_logs; train one with `python -m "
        "letters_torch fit`, or name a file with --ckpt_path",
    ),
    (
        "predict --output nowhere/result.csv",
        "--output nowhere/result.csv: cannot be written (No such file or directory); name a file in an existing folder",
    ),
    (
        "predict --output lightning_logs",
        "--output lightning_logs: cannot be written (Is a directory); name a file in an existing folder",
    ),
    ("predict --pictures nowhere.png", "--pictures nowhere.png: no such file or folder"),
    ("predict --pictures small.yaml", "small.yaml is not a picture; give a file of PNG, JPEG, BMP, GIF, TIFF, WEBP"),
    ("predict --pictures", "argument --pictures: expected at least one argument"),
]


@pytest.mark.parametrize(("args", "said"), MISTAKES_AFTER, ids=[args for args, _ in MISTAKES_AFTER])
def test_a_mistake_with_a_run_is_one_line_and_changes_nothing(
    trained: Path, capsys: pytest.CaptureFixture[str], args: str, said: str
) -> None:
    save_letters(trained / "other.mat", seed=9)
    (trained / "cut.ckpt").write_bytes(LAST.read_bytes()[:3000])
    before = {name: (trained / name).read_bytes() for name in files(trained)}
    assert refused(capsys, *shlex.split(args)) == f"error: {said.format(folder=trained)}\n"
    assert {name: (trained / name).read_bytes() for name in files(trained)} == before
