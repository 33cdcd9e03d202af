"""The command line as a person meets it: files, lines, and mistakes."""

import gc
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from letters_torch.cli import main
from letters_torch.data.readers import kaggle
from letters_torch.exact_sgd import formulas
from tests.support.making import pictures
from tests.support.running import CONFIG, HIDDEN, TEST_ROWS, VALIDATION, prepare, refused, save_letters

LINE = re.compile(r"step \d+: train acc = [01]\.\d{4}, validate acc = [01]\.\d{4}, loss = (-|\d+\.\d{4})")
RUN = Path("lightning_logs/version_0")
LAST = RUN / "checkpoints/last.ckpt"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with letters and a config."""
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def after_a_fit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with letters, a config and a run; never the current one."""
    made = tmp_path_factory.mktemp("fit")
    prepare(made)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.chdir(made)
        main(["fit", "--config", "small.yaml"])
    return made


@pytest.fixture
def trained(after_a_fit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder after a fit."""
    shutil.copytree(after_a_fit, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    capsys.readouterr()
    main(list(args))
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


def test_fit_leaves_a_run_and_says_the_notebooks_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(folder)
    lines = said(capsys, "fit", "--config", "small.yaml").splitlines()
    assert [line.split(":")[0] for line in lines if LINE.fullmatch(line)] == [f"step {n}" for n in range(0, 201, 50)]
    assert lines[3].endswith("loss = -")
    assert "letters_data.mat" in lines[0]
    assert lines[1] == "150 rows to train on, 50 for validation, 40 to test"
    assert str(RUN) in lines[2]
    made = files(folder) - before
    names = {re.sub(r"best-step=\d+-val_acc=\d\.\d{4}", "best", re.sub(r"events.*", "events", name)) for name in made}
    kept = ("last", "best", "stage1-step=120", "stage2-step=200")
    wanted = {"config.yaml", "hparams.yaml", "events", *(f"checkpoints/{name}.ckpt" for name in kept)}
    wanted |= {"checkpoints/.lock", "notebook_on_other_letters/events"}
    assert names == {str(RUN / name) for name in wanted}


def test_a_second_fit_is_another_run(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = {name: (trained / name).read_bytes() for name in files(trained)}
    said(capsys, "fit", "--config", "small.yaml", "--trainer.max_steps", "50")
    assert {name: (trained / name).read_bytes() for name in first} == first
    assert (trained / "lightning_logs/version_1/checkpoints/last.ckpt").exists()


@pytest.mark.usefixtures("trained")
def test_the_runs_config_repeats_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "fit", "--config", str(RUN / "config.yaml"))
    again = torch.load("lightning_logs/version_1/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    for name, value in torch.load(LAST, weights_only=True)["state_dict"].items():
        assert torch.equal(again[name], value)


def test_default_root_dir_moves_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(folder)
    elsewhere = ["--trainer.default_root_dir", "else/where"]
    said(capsys, "fit", "--config", "small.yaml", *elsewhere)
    made = files(folder) - before
    assert made
    assert all(name.startswith("else/where/lightning_logs/version_0/") for name in made)
    assert "else/where" in said(capsys, "validate", *elsewhere)
    said(capsys, "predict", *elsewhere, "--output", "else/mine.csv")
    assert files(folder) - before - made == {"else/mine.csv"}


@pytest.mark.parametrize("logger", ["true", "false"])
def test_a_dry_run_leaves_nothing(folder: Path, capsys: pytest.CaptureFixture[str], logger: str) -> None:
    before = files(folder)
    said(capsys, "fit", "--config", "small.yaml", "--trainer.fast_dev_run", "true", "--trainer.logger", logger)
    assert files(folder) == before
    assert not (folder / "lightning_logs").exists()


def test_validate_says_accuracy_and_a_table_of_the_letters(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(trained)
    out = said(capsys, "validate")
    best = next((trained / RUN / "checkpoints").glob("best-*.ckpt")).name
    assert best in out
    rows = re.findall(r"^ +([A-Z]) +(\d+) +(\d\.\d{4}|-)", out, re.MULTILINE)
    assert [letter for letter, _, _ in rows] == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert sum(int(count) for _, count, _ in rows) == VALIDATION
    right = sum(int(count) * float(accuracy) for _, count, accuracy in rows if accuracy != "-")
    shown = re.search(r"val/acc\W+([01]\.\d+)", out)
    assert shown is not None
    assert float(shown[1]) == pytest.approx(right / VALIDATION, abs=1e-4)
    assert f"val_acc={float(shown[1]):.4f}" in best
    assert files(trained) == before


def test_test_needs_labels(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "predict" in refused(capsys, "test")
    save_letters(trained / "labelled.mat", labelled_test=True)
    out = said(capsys, "test", "--data.path", "labelled.mat")
    rows = re.findall(r"^ +[A-Z] +(\d+) +(?:\d\.\d{4}|-)", out, re.MULTILINE)
    assert sum(map(int, rows)) == TEST_ROWS
    assert re.search(r"test/acc\W+[01]\.\d+", out)


def by_hand(checkpoint: Path) -> list[int]:
    """The readings 1..26 of the test rows, by the formulas, from nothing but the checkpoint and the pixels."""
    saved = torch.load(checkpoint, weights_only=True)
    V, W = (saved["state_dict"][name].double().numpy() for name in "VW")
    statistics = saved["LettersDataModule"]["standardizer"]
    images = kaggle.read(Path("letters_data.mat")).test.images
    X = ((images - statistics["mean"].numpy()) * statistics["inv_std"].numpy()).reshape(len(images), -1)
    return [int(formulas.forward(V, W, x).g.argmax()) + 1 for x in X]


def test_predict_writes_the_competitions_file(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "result.csv: 40 rows" in said(capsys, "predict")
    best = next((trained / RUN / "checkpoints").glob("best-*.ckpt"))
    content = (trained / "result.csv").read_bytes().decode()
    assert content == "Id,Category\n" + "".join(f"{i},{c}\n" for i, c in enumerate(by_hand(best), 1))
    assert content.count("\n") == 1 + TEST_ROWS


@pytest.mark.parametrize("named", ["last", "best", str(LAST), str(RUN / "checkpoints/stage1-step=120.ckpt")])
def test_predict_reads_the_checkpoint_that_is_named(
    trained: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    said(capsys, "predict", "--ckpt_path", named, "--output", "mine.csv")
    file = {"last": LAST, "best": next((trained / RUN / "checkpoints").glob("best-*.ckpt"))}.get(named, Path(named))
    readings = [int(line.split(",")[1]) for line in (trained / "mine.csv").read_text().splitlines()[1:]]
    assert readings == by_hand(file)
    assert not (trained / "result.csv").exists()


def test_pictures_of_files_and_folders(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trained / "drawn").mkdir()
    for number, picture in enumerate(pictures(3)):
        Image.fromarray(picture).save(trained / "drawn" / f"{9 + number}.png")
    Image.fromarray(pictures(1)[0]).save(trained / "one.png")
    said(capsys, "predict", "--pictures", "one.png", "drawn", "--output", "read.csv")
    rows = [line.split(",") for line in (trained / "read.csv").read_text().splitlines()]
    assert rows[0] == ["Id", "Category", "Letter", "Confidence", "File"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4"]
    assert [row[4] for row in rows[1:]] == ["one.png", "drawn/9.png", "drawn/10.png", "drawn/11.png"]
    for _, category, letter, confidence, _ in rows[1:]:
        assert letter == chr(64 + int(category))
        assert 1 / 26 <= float(confidence) <= 1
    assert rows[1][1:4] == rows[2][1:4]  # the same picture


def test_one_picture_may_be_named_before_other_flags(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(pictures(1)[0]).save(trained / "one.png")
    assert "one.png" in said(capsys, "predict", "--pictures", "one.png", "--ckpt_path", "last")


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """What `--print_config` prints: a config, and nothing else."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([*args, "--print_config"])
    assert stop.value.code == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


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


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict"])
def test_help_and_print_config(folder: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert "--model.hidden" in capsys.readouterr().out
    config = printed(capsys, command)
    assert sum(stage["steps"] for stage in yaml.safe_load(config)["model"]["schedule"]) == 438_000
    (folder / "printed.yaml").write_text(config)
    assert yaml.safe_load(printed(capsys, command, "--config", "printed.yaml")) == yaml.safe_load(config)


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


@pytest.mark.usefixtures("folder")
def test_a_diverging_run_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    schedule = '[{"steps": 100, "lr": 1e30}]'
    error = refused(capsys, "fit", "--config", "small.yaml", "--model.schedule", schedule)
    assert re.match(r"error: step \d+: .*learning rate.*1e\+30.*model\.schedule", error)


def by_process(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "letters_torch", *args]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)


def test_as_a_program(folder: Path) -> None:
    done = by_process(folder, "fit", "--config", "small.yaml", "--trainer.callbacks", "EarlyStopping",
                      "--trainer.callbacks.monitor", "val/acc", "--trainer.callbacks.mode", "max",
                      "--trainer.callbacks.patience", "1", "--trainer.callbacks.min_delta", "1")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if LINE.fullmatch(line)]
    assert [line.split(":")[0] for line in lines] == ["step 0", "step 50"]  # nothing gets better by 1


@pytest.mark.slow
def test_a_mistake_as_a_program(folder: Path) -> None:
    wrong = by_process(folder, "validate", "--data.path", "nowhere.mat")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ")
    assert wrong.stderr.count("\n") == 1


def test_accuracy_rises(trained: Path) -> None:
    """The runs of these tests learn something: what they compare is not noise."""
    best = next((trained / RUN / "checkpoints").glob("best-*.ckpt")).name
    accuracy = re.search(r"val_acc=([\d.]+)\.ckpt", best)
    assert accuracy is not None
    assert float(accuracy[1]) > 5 / 26
    assert len(np.unique(by_hand(LAST))) > 5


def test_a_program_looks_for_garbage_again_once_it_has_begun(capsys: pytest.CaptureFixture[str]) -> None:
    """Its start does not: there is none among what is imported."""
    gc.disable()
    try:
        refused(capsys, "nonsense")
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.enable()


def test_where_the_package_is_not_the_program_it_leaves_garbage_to_others() -> None:
    code = "import gc, letters_torch; assert gc.isenabled()"
    subprocess.run([sys.executable, "-c", code], check=True)
