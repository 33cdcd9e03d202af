"""Mistakes that are found before anything is imported, and what is suggested."""

import pickle
import zipfile
from pathlib import Path

import pytest

from letters_torch.cli.checks import check_arguments, first
from letters_torch.errors import UserError
from tests.support.making import message

FLAGS = [
    ("--model.hiden", "; did you mean --model.hidden?"),
    ("--hidden", "; did you mean --model.hidden?"),
    ("--hiden", "; did you mean --model.hidden?"),
    ("--model.sampling", "; did you mean --data.sampling?"),
    ("--max_time", "; did you mean --trainer.max_time?"),
    ("--lr", "; the learning rate is part of model.schedule: --model.schedule '[{steps: 40000, lr: 0.001}]'"),
    ("--model.lr", "; the learning rate is part of model.schedule: --model.schedule '[{steps: 40000, lr: 0.001}]'"),
    ("--epochs", "; a run is measured in steps: set --trainer.max_steps"),
    ("--trainer.max_epochs", "; a run is measured in steps: set --trainer.max_steps"),
    ("--model.seed", "; set --seed_everything"),
    ("--patience", "; set --early_stopping N"),
    ("--batch_size", "; every step uses a single sample; there is no batch size"),
    ("--early_stoping", "; did you mean --early_stopping?"),
    ("--nam", "; did you mean --name?"),
    ("--zzzzzz", "; see fit --help"),
]


@pytest.mark.parametrize(("flag", "hint"), FLAGS)
def test_a_wrong_flag_suggests_the_right_one(flag: str, hint: str) -> None:
    for form in ([flag, "3"], [f"{flag}=3"]):
        with pytest.raises(UserError) as error:
            check_arguments(["fit", *form])
        assert str(error.value) == f"unknown flag {flag}{hint}"


def test_right_arguments_pass(tmp_path: Path) -> None:
    """Those of nested classes are for the parser to judge, and values are no flags."""
    with zipfile.ZipFile(tmp_path / "one.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(0, protocol=2))
    for args in (
        ["--data.augment.degrees", "-5"],
        ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/acc"],
        ["--print_config=skip_null"],
        ["--config=kaggle", "-c", "quick"],
        ["--ckpt_path", "last"],
        ["--ckpt_path", str(tmp_path / "one.ckpt")],
        ["--data.path", "later.mat", "--data.download", "true"],
        ["--data.path", str(tmp_path)],
        ["--data.probe", "all"],
        ["--data.probe=1_000"],
        ["--model.hidden", "1e2"],
        ["--trainer.precision", "64"],
        ["--trainer.run_name", "null"],
        ["--seed_everything", "true"],
    ):
        check_arguments(["fit", *args])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model:\n  hiden: 3\n", ["unknown key model.hiden", "did you mean model.hidden?"]),
        ("modle:\n  hidden: 3\n", ["unknown key 'modle'"]),
        ("hidden: 3\n", ["unknown key 'hidden'", "did you mean model.hidden?"]),
        ("trainer:\n  max_epochs: 3\n", ["unknown key trainer.max_epochs", "--trainer.max_steps"]),
        ("trainer:\n  plugins: x\n", ["unknown key trainer.plugins"]),
        ("model:\n  plugins:\n", ["unknown key model.plugins"]),
        ("lr: 3\n", ["unknown key 'lr'", "model.schedule"]),
    ],
)
def test_a_wrong_key_of_a_config_suggests_the_right_one(tmp_path: Path, text: str, said: list[str]) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        check_arguments(["fit", "--config", str(file)])
    message(error, f"--config {file}", *said)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--ckpt_path", "lst"], "--ckpt_path lst: no such file; did you mean last?"),
        (["--ckpt_path=bset"], "--ckpt_path bset: no such file; did you mean best?"),
        (["--ckpt_path", "a/lst"], "--ckpt_path a/lst: no such file; name a checkpoint, last or best"),
        (["--ckpt_path", "~nouser/x"], "--ckpt_path ~nouser/x: there is no user of that name"),
        (["--ckpt_path", "run"], "--ckpt_path run: a folder; name a file, such as run/checkpoints/last.ckpt"),
        (["--ckpt_path", "."], "--ckpt_path .: a folder; name a file"),
        (["--config", "run"], "--config run: a folder; the configs that come with letters_torch are"),
        (["kaggle"], "unknown argument kaggle; settings have flags, such as --config kaggle"),
        (["--config", "kagle"], "--config kagle: no such file; did you mean kaggle?"),
        (["--config", "~nouser/x"], "--config ~nouser/x: there is no user of that name"),
        (["--pictures", "one.png", "--data.path", "x"], "--pictures one.png: no such file or folder"),
        (["--data.path", "~nouser/x"], "--data.path ~nouser/x: there is no user of that name"),
        (["--data.path", "text"], "text is not a MATLAB v5 file"),
        (["--ckpt_path", "text"], "--ckpt_path text: damaged or not a checkpoint"),
    ],
)
def test_a_wrong_file(args: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("text")
    Path("run/checkpoints").mkdir(parents=True)
    Path("run/checkpoints/last.ckpt").touch()
    with pytest.raises(UserError) as error:
        check_arguments(["predict", *args])
    message(error, said)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("model.hidden", "abc", "must be a whole number"),
        ("model.label_smoothing", "a lot", "must be a number"),
        ("data.download", "maybe", "must be true or false"),
        ("data.probe", "al", "must be a whole number or all; did you mean all?"),
        ("data.scaling", "pixl", "must be one of pixel, pixel_each_set, global; did you mean pixel?"),
        ("trainer.precision", "16-mixed", "must be one of 32-true, 64-true, 32, 64"),
        ("seed_everything", "now", "must be a whole number"),
    ],
)
def test_a_word_in_place_of_another_value(setting: str, value: str, said: str, tmp_path: Path) -> None:
    """As a flag and as a key of a config."""
    with pytest.raises(UserError) as error:
        check_arguments(["fit", f"--{setting}", value])
    assert str(error.value) == f"--{setting} {value}: {said}"
    section, _, key = setting.rpartition(".")
    file = tmp_path / "wrong.yaml"
    file.write_text(f"{section}: {{{key}: {value}}}\n" if section else f"{key}: {value}\n")
    with pytest.raises(UserError) as error:
        check_arguments(["fit", "--config", str(file)])
    assert str(error.value) == f"--config {file}: {setting} {value}: {said}"


@pytest.mark.parametrize("flag", ["--data.path", "--ckpt_path", "--output", "--pictures", "--config"])
@pytest.mark.parametrize("form", ["{} {}", "{}={}"])
def test_a_name_that_is_not_utf_8(flag: str, form: str) -> None:
    """Python has its bytes as surrogates, which no YAML can hold."""
    with pytest.raises(UserError) as error:
        check_arguments(["predict", *form.format(flag, "a\udcff.mat").split()])
    message(error, r"a\udcff.mat: not UTF-8; rename the file")


@pytest.mark.parametrize(
    ("args", "value"),
    [("--flag a b", "a"), ("--flag a --flag=b --other c", "b"), ("--flag a --flag", None), ("--flag --other c", None)],
)
def test_the_value_of_a_flag_is_its_own(args: str, value: str | None) -> None:
    assert first(args.split(), "--flag") == value
