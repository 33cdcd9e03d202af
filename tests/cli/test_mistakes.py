"""A user's mistakes: one line on stderr, exit code 2, nothing changed."""

from pathlib import Path

import pytest

from tests.support.commands import LAST, files
from tests.support.running import HIDDEN, refused, save_letters

AFFINE = ["--data.augment", "RandomAffine", "--data.augment.degrees"]

MISTAKES: list[tuple[list[str], list[str]]] = [
    (["--data.path", "nowhere.mat"], ["nowhere.mat", "--data.path"]),
    (["--data.path", "small.yaml"], ["small.yaml"]),
    (["--data.validation", "0"], ["--data.validation"]),
    (["--data.validation", "200"], ["--data.validation", "200"]),
    (["--data.scaling", "nonsense"], ["data.scaling", "nonsense"]),
    (["--data.augment", "Nonsense"], ["data.augment", "Nonsense"]),
    ([*AFFINE, "-5"], ["degrees"]),
    ([*AFFINE, "5", "--data.augment.translate", "[2,0]"], ["translation"]),
    ([*AFFINE, "5", "--data.augment.interpolation", "bicubic"], ["interpolation"]),
    (["--model.hidden", "0"], ["--model.hidden"]),
    (["--model.hidden", "1000000000"], ["--model.hidden 1000000000", "memory"]),
    (["--trainer.val_check_interval", ".nan"], ["--trainer.val_check_interval", "nan"]),
    (["--trainer.default_root_dir", "~nouser/x"], ["--trainer.default_root_dir ~nouser/x", "no user"]),
    (["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/accuracy"], ["did you mean val/acc?"]),
    (["--name", "a/b"], ["--name", "use letters"]),
    (["--model.hidden", "many"], ["model.hidden", "many"]),
    (["--model.hiden", "3"], ["--model.hiden"]),
    (["--model.schedule", "[]"], ["stage"]),
    (["--model.schedule", '[{"steps": 0, "lr": 1}]'], ["steps", "0"]),
    (["--model.schedule", '[{"steps": 5, "lr": -1}]'], ["lr", "-1"]),
    (["--model.schedule", '[{"steps": 5, "lr": 1, "weight_decay": -1}]'], ["weight_decay", "-1"]),
    (["--model.schedule", '[{"steps": 5}]'], ["model.schedule", "lr"]),
    (["--seed_everything", "-1"], ["--seed_everything", "-1"]),
    (["--seed_everything", "true"], ["--seed_everything"]),
    (["--trainer.max_steps", "201"], ["--trainer.max_steps", "201", "200"]),
    (["--trainer.max_steps", "-5"], ["max_steps", "-5"]),
    (["--trainer.max_epochs", "3"], ["--trainer.max_epochs"]),
    (["--trainer.devices", "2"], ["--trainer.devices"]),
    (["--trainer.precision", "16-mixed"], ["--trainer.precision"]),
    (["--trainer.accumulate_grad_batches", "2"], ["accumulate_grad_batches"]),
    (["--trainer.limit_train_batches", "2"], ["--trainer.limit_train_batches"]),
    (["--trainer.default_root_dir", "small.yaml/inside"], ["small.yaml"]),
    (["--ckpt_path", "nowhere.ckpt"], ["--ckpt_path", "nowhere.ckpt"]),
    (["--ckpt_path", "small.yaml"], ["--ckpt_path", "small.yaml"]),
    (["--ckpt_path", "last"], ["lightning_logs", "--ckpt_path"]),
    (["--config", "nowhere"], ["--config nowhere", "kaggle.yaml"]),
    (["extra"], ["extra"]),
]


@pytest.mark.parametrize(("args", "named"), MISTAKES, ids=lambda value: " ".join(value))
def test_a_mistake_is_one_line_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], args: list[str], named: list[str]
) -> None:
    before = files(folder)
    error = refused(capsys, "fit", "--config", "small.yaml", *args)
    assert all(part in error for part in named), error
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


MISTAKES_AFTER: list[tuple[list[str], list[str]]] = [
    (["fit", "--ckpt_path", "last", "--model.hidden", "9"], ["--ckpt_path", "--model.hidden", "9", str(HIDDEN)]),
    (["fit", "--ckpt_path", "last", "--data.path", "other.mat"], ["--ckpt_path", "other.mat"]),
    (["fit", "--ckpt_path", "cut.ckpt", "--config", "small.yaml"], ["--ckpt_path", "cut.ckpt"]),
    (["fit", "--ckpt_path", "last", "--seed_everything", "9"], ["--seed_everything 9", "begun with 0"]),
    (["validate", "--seed_everything", "9"], ["--seed_everything 9", "begun with 0"]),
    (["report", "--data.validation", "49"], ["--data.validation 49", "begun with 50"]),
    (["validate", "--model.hidden", "9"], ["--ckpt_path", "--model.hidden"]),
    (["validate", "--ckpt_path", "cut.ckpt"], ["cut.ckpt"]),
    (["validate", "--trainer.default_root_dir", "elsewhere"], ["elsewhere", "fit"]),
    (["predict", "--output", "nowhere/result.csv"], ["--output", "nowhere/result.csv"]),
    (["predict", "--output", "lightning_logs"], ["--output", "lightning_logs"]),
    (["predict", "--pictures", "nowhere.png"], ["nowhere.png"]),
    (["predict", "--pictures", "small.yaml"], ["small.yaml"]),
    (["predict", "--pictures"], ["--pictures"]),
]


@pytest.mark.parametrize(("args", "named"), MISTAKES_AFTER, ids=lambda value: " ".join(value))
def test_a_mistake_with_a_run_is_one_line_and_changes_nothing(
    trained: Path, capsys: pytest.CaptureFixture[str], args: list[str], named: list[str]
) -> None:
    save_letters(trained / "other.mat", seed=9)
    (trained / "cut.ckpt").write_bytes(LAST.read_bytes()[:3000])
    before = {name: (trained / name).read_bytes() for name in files(trained)}
    error = refused(capsys, *args)
    assert all(part in error for part in named), error
    assert {name: (trained / name).read_bytes() for name in files(trained)} == before
