"""The report of a run says what is true of it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from letters_torch.cli import main
from letters_torch.data.augment import RollAndRotate
from letters_torch.drawing import figures, tiles
from letters_torch.errors import UserError
from letters_torch.exact_sgd.schedule import Stage
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from letters_torch.pages import command, logged
from letters_torch.pages import report as run
from letters_torch.reading.intervals import wilson
from letters_torch.reading.predictions import Predictions
from tests.support.browser import AUDIT, browser, needs_chromium
from tests.support.pages import Page, axes_lines, counts, hush, probabilities
from tests.support.running import HIDDEN, STAGES, VALIDATION, data_module, prepare, refused, save_letters, scalars

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run, with its report."""
    root = tmp_path_factory.mktemp("report")
    prepare(root)
    data = ["--data.path", str(root / "letters_data.mat")]
    main(["fit", "--config", str(root / "small.yaml"), *data, "--trainer.default_root_dir", str(root)])
    main(["report", "--trainer.default_root_dir", str(root), "--ckpt_path", "last"])
    return root / "lightning_logs" / "version_0"


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text())


@pytest.fixture(scope="module")
def gathered(folder: Path) -> run.Run:
    hush()
    trainer = StepTrainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    module = LettersModule(list(STAGES), hidden=HIDDEN)
    return command.gather(trainer, module, data_module(folder.parents[1] / "letters_data.mat"), last(folder))


def last(folder: Path) -> Path:
    return folder / "checkpoints" / "last.ckpt"


@pytest.fixture(scope="module")
def read(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The validation images, their true classes, the readings and their confidence, without the code under test."""
    data = data_module(folder.parents[1] / "letters_data.mat")
    data.setup("fit")
    g = probabilities(last(folder), data)
    assert data.val.labels is not None
    return data.val.images, data.val.labels.astype(int) - 1, g.argmax(1), g.max(1)


def test_the_accuracy_with_its_interval(page: Page, read: tuple[np.ndarray, ...]) -> None:
    _, truth, reading, _ = read
    right = int((truth == reading).sum())
    low, high = wilson(right, VALIDATION)
    told = f"{right / VALIDATION:.2%} of {VALIDATION} validation rows read right; 95% interval {low:.2%} to {high:.2%}"
    assert told in page.text
    assert "200 steps behind these weights, last.ckpt" in page.text


def test_every_letter_has_its_line(page: Page, read: tuple[np.ndarray, ...]) -> None:
    _, truth, reading, _ = read
    lines = {row[0]: row for row in page.rows if len(row) == 5 and row[0] in ALPHABET}
    assert list(lines) == list(ALPHABET)
    matrix = counts(truth, reading)
    assert sum(int(line[1]) for line in lines.values()) == VALIDATION
    for index, letter in enumerate(ALPHABET):
        rows, own = int(matrix[index].sum()), int(matrix[index, index])
        interval = "{:.1%} to {:.1%}".format(*wilson(own, rows)) if rows else "-"
        assert lines[letter][1:4] == [str(rows), f"{own / rows:.1%}" if rows else "-", interval]
        taken = [part.split() for part in lines[letter][4].split(", ") if part]
        others = np.delete(matrix[index], index)
        assert [share for _, share in taken] == [f"{n / rows:.1%}" for n in sorted(others, reverse=True)[:3] if n]
        assert all(share == f"{matrix[index, ALPHABET.index(other)] / rows:.1%}" for other, share in taken)


def test_galleries_show_the_letters_that_they_name(page: Page, read: tuple[np.ndarray, ...]) -> None:
    images, truth, reading, confidence = read
    wrong = sorted(np.flatnonzero(truth != reading), key=lambda row: -confidence[row])[: run.SHOWN]
    right = np.flatnonzero(truth == reading)[: run.SHOWN]
    names = [f"{ALPHABET[truth[row]]} read as {ALPHABET[reading[row]]}" for row in wrong]
    names += [ALPHABET[truth[row]] for row in right]
    shown = [figure for figure in page.figures if figure[1].shape == (28, 28)]
    expected = [*wrong, *right]
    assert [alt for alt, _ in shown] == [
        f"{name}, {confidence[row]:.1%}, row {row}" for name, row in zip(names, expected, strict=True)
    ]
    for row, (_, pixels) in zip(expected, shown, strict=True):
        assert np.array_equal(pixels, 255 - images[row])  # upright, dark on white


@pytest.fixture(scope="module")
def figures_of(gathered: run.Run) -> dict[str, Figure]:
    """The page's figures, by name, before they become text."""
    found: dict[str, Figure] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "svg", lambda figure, name, *_: found.setdefault(name, figure) and "")
        run.document(gathered)
    return found


def test_the_page_draws_the_logged_curves_and_marks_the_stages(figures_of: dict[str, Figure], folder: Path) -> None:
    accuracy, loss = figures_of["curves"].axes
    logged_there = scalars(folder)
    for axes, kind in ((accuracy, "acc"), (loss, "loss")):
        lines = axes_lines(axes)
        assert lines["validation"] == logged_there[f"val/{kind}"]
        assert lines["training"] == logged_there[f"train/{kind}"]
        assert [line[0][0] for name, line in lines.items() if name.startswith("_")] == [120]
    assert [text.get_text() for text in accuracy.texts] == ["1", "2"]
    (legend,) = figures_of["curves"].legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "the notebook's validation\n(on other letters)",
        "training",
        "validation",
    ]


def test_the_page_draws_the_confusion_matrix(figures_of: dict[str, Figure], read: tuple[np.ndarray, ...]) -> None:
    _, truth, reading, _ = read
    matrix = counts(truth, reading)
    drawn = np.zeros_like(matrix)
    for text in figures_of["confusion"].axes[0].texts:
        across, down = text.get_position()
        drawn[int(down), int(across)] = int(text.get_text())
    assert np.array_equal(drawn, matrix)
    assert drawn.sum() == VALIDATION
    assert not np.array_equal(matrix, matrix.T)


def test_hidden_units_are_shown_upright_the_heaviest_first(page: Page, folder: Path) -> None:
    weights = torch.load(last(folder), weights_only=True)["state_dict"]
    V, W = weights["V"].numpy(), weights["W"].numpy()
    heaviest = sorted(range(HIDDEN), key=lambda unit: -float(np.square(W[:, unit]).sum()))
    montage = next(pixels for alt, pixels in page.figures if alt == f"input weights of {HIDDEN} hidden units")
    for place, unit in enumerate(heaviest):
        row, column = divmod(place, 3)
        top, left = tiles.GAP + row * (28 + tiles.GAP), tiles.GAP + column * (28 + tiles.GAP)
        tile = montage[top : top + 28, left : left + 28]
        blue = (tile[..., :3] == tiles.POSITIVE).all(-1)
        assert np.array_equal(blue, V[unit, :784].reshape(28, 28) >= 0)


def test_nothing_is_fetched_from_elsewhere(folder: Path, page: Page) -> None:
    assert page.fetched
    assert all(where.startswith(("data:image/png;base64,", "#")) for where in page.fetched)
    text = (folder / "report.html").read_text()
    assert "url(http" not in text
    assert "@import" not in text


def test_the_curves_are_the_logged_ones(folder: Path, gathered: run.Run) -> None:
    assert gathered.logged.curves == scalars(folder)
    assert [step for step, _ in gathered.logged.curves["val/acc"]] == [0, 50, 100, 150, 200]
    assert gathered.logged.steps == 200
    assert 0 < gathered.logged.seconds < 60


def test_settings_and_stages_are_the_runs(page: Page, folder: Path) -> None:
    assert f"data.path {folder.parents[1] / 'letters_data.mat'}" in page.text
    assert f"model.hidden {HIDDEN}" in page.text
    assert ["1", "120", "0.02", "0.01", "0.005"] in page.rows
    assert ["2", "80", "0.005", "0.1", "0.05"] in page.rows


def test_other_letters_than_the_competitions_are_said_not_to_compare(page: Page) -> None:
    assert "this run was trained on other letters, so the two cannot be compared" in page.text
    assert "Built-in letters" not in page.text


@pytest.fixture(scope="module")
def altered(gathered: run.Run) -> str:
    """The page of a run with stand-in letters, labelled test rows, one check, and a path that looks like HTML."""
    config = {**gathered.logged.config, "data": {"path": "<script>alert(1)</script>"}}
    history = logged.Logged(config, {"val/acc": [(0, 0.04)]}, seconds=0.0, steps=0)
    sets = gathered.sets
    gathered.data.sets = replace(sets, source="builtin", fallback=True)
    try:
        return run.document(replace(gathered, logged=history, test=gathered.validation))
    finally:
        gathered.data.sets = sets


def test_letters_that_stood_in_are_marked(altered: str) -> None:
    assert "Built-in letters, drawn by the program, not handwriting. They are used because" in Page(altered).text


def test_labelled_test_rows_are_reported_too(altered: str, page: Page) -> None:
    assert f"of {VALIDATION} test rows read right" in Page(altered).text
    assert "test rows read right" not in page.text


def test_the_accuracy_of_test_rows_is_theirs(gathered: run.Run) -> None:
    found = gathered.validation
    assert found.truth is not None
    none_right = Predictions(found.probabilities[:40], (found.classes[:40] + 1) % 26)
    assert "0.00% of 40 test rows read right" in Page(run.document(replace(gathered, test=none_right))).text


def test_the_speed_is_in_steps_a_second_and_microseconds_a_step(gathered: run.Run) -> None:
    history = replace(gathered.logged, seconds=0.5, steps=200)
    text = Page(run.document(replace(gathered, logged=history))).text
    assert "400 steps a second, validations included" in text
    assert "2,500 µs, validations and pictures included" in text


def test_names_are_not_taken_for_html(altered: str) -> None:
    assert "<script>" not in altered
    assert "data.path <script>alert(1)</script>" in Page(altered).text


def test_a_run_with_one_check_can_be_reported(altered: str) -> None:
    """Nothing to divide by: no steps and no seconds."""
    assert "1, the last after step 0" in Page(altered).text


def test_the_chosen_weights_are_said_to_be_chosen(gathered: run.Run, page: Page) -> None:
    chosen = Page(run.document(replace(gathered, checkpoint=Path("best-step=200-val_acc=0.5000.ckpt"))))
    assert "chosen by their accuracy on these validation rows" in chosen.text
    assert "chosen by their accuracy" not in page.text


def test_why_training_loss_is_higher(gathered: run.Run, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "each before its own update." in page.text
    monkeypatch.setattr(gathered.data, "augment", RollAndRotate())
    assert "on augmented letters, which are harder to read" in Page(run.document(gathered)).text


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1024, 1920])
def test_for_every_screen_and_everybody(folder: Path, width: int, scheme: str) -> None:
    """Contrast, names of figures, scope of headings, boxes that scroll by keys, and no window too narrow."""
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto((folder / "report.html").as_uri())
        assert page.evaluate(AUDIT) == []


def test_no_run_folder_no_report(gathered: run.Run, tmp_path: Path) -> None:
    stray = tmp_path / "stray.ckpt"
    stray.write_bytes(gathered.checkpoint.read_bytes())
    with pytest.raises(UserError, match=r"stray\.ckpt: not in the checkpoints/ of a run folder"):
        command.gather(None, gathered.module, gathered.data, stray)


def test_the_command_says_where_the_page_lies_and_no_more(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    output = tmp_path / "page.html"
    main(["report", "--ckpt_path", str(last(folder)), "--output", str(output)])
    said = capsys.readouterr()
    assert said.out == f"config: {folder / 'config.yaml'}\ncheckpoint: {last(folder)}\nreport: {output}\n"
    assert said.err == ""
    assert "validation rows read right" in Page(output.read_text()).text


def test_a_page_that_cannot_be_written(gathered: run.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "gather", lambda *_: gathered)
    monkeypatch.setattr(run, "document", lambda _: "a page")
    for output in (tmp_path / "none" / "x.html", tmp_path):
        with pytest.raises(
            UserError, match=rf"--output {re.escape(str(output))}: cannot be written \(.*\); name a file"
        ):
            command.report(None, gathered.module, gathered.data, gathered.checkpoint, output)
    assert list(tmp_path.iterdir()) == []


def test_a_page_in_a_home_that_there_is_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "report", "--ckpt_path", str(last(folder)), "--output=~nouser/x")
    assert error == "error: --output ~nouser/x: there is no user of that name; write the folder out\n"


def test_other_letters_than_the_runs_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = folder.parents[1] / "other"
    other.mkdir()
    save_letters(other / "letters_data.mat", seed=9)
    error = refused(capsys, "report", "--ckpt_path", str(last(folder)), "--data.path", str(other / "letters_data.mat"))
    assert "trained on other letters" in error


def test_stages_are_shown_as_they_were(gathered: run.Run) -> None:
    assert gathered.module.schedule.stages == (Stage(120, 0.02, 0.01), Stage(80, 0.005, 0.1))
    assert gathered.module.step == 200
