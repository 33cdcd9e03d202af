"""What TensorBoard is shown of a run."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from letters_torch.cli import main
from letters_torch.data import stream
from letters_torch.data.augment import RandomAffine
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.drawing import sheets, tiles
from letters_torch.errors import UserError
from letters_torch.exact_sgd.schedule import Stage
from letters_torch.lightning.callbacks.pictures import SHOWN, entering, log_notebook
from letters_torch.lightning.trainer import StepTrainer
from letters_torch.reading import notebook
from letters_torch.reading.predictions import Predictions
from tests.support.pages import counts, hush, probabilities
from tests.support.running import PROBE, ROWS, VALIDATION, data_module, fit, prepare, save_letters, scalars

READINGS = [
    "validation/confusion",
    "validation/accuracy of each letter",
    "validation/read wrong, most confident first",
    "validation/read right",
    "weights/of the heaviest hidden units",
]
INPUTS = "inputs/on file, and as they enter"
NOTEBOOK = "notebook_on_other_letters"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of stages that end at 120 and 200, stopped at 60 and resumed; its folder."""
    folder = tmp_path_factory.mktemp("pictures")
    prepare(folder)
    flags = ["--config", str(folder / "small.yaml"), "--data.path", str(folder / "letters_data.mat")]
    flags += ["--trainer.default_root_dir", str(folder)]
    main(["fit", *flags, "--trainer.max_steps", "60"])
    last = folder / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt"
    main(["fit", *flags, "--ckpt_path", str(last)])
    return last.parents[1]


def logged(run: Path) -> EventAccumulator:
    return EventAccumulator(str(run), size_guidance={"images": 0, "histograms": 0}).Reload()


def steps(run: Path) -> dict[str, list[int]]:
    events = logged(run)
    return {tag: [event.step for event in events.Images(tag)] for tag in events.Tags()["images"]}


def picture(run: Path, tag: str) -> np.ndarray:
    """The last of a tag."""
    encoded = logged(run).Images(tag)[-1].encoded_image_string
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


def test_pictures_come_at_the_checks_after_a_stages_end_and_at_the_last(run: Path) -> None:
    """Checks are at every 50th step; the first stage ended at 120. What was drawn at 60, the end of the first process,
    went when the run was resumed from the check before."""
    assert steps(run) == {INPUTS: [0, 50], **{tag: [150, 200] for tag in READINGS}}
    events = logged(run)
    for tag in ("weights/V", "weights/W", "activations/h"):
        assert [event.step for event in events.Histograms(tag)] == [150, 200]


def test_a_run_resumed_at_the_end_of_a_stage_still_gets_its_pictures(tmp_path: Path) -> None:
    """They come at the next validation, 150, as in a run that was not resumed."""
    done = fit(tmp_path, logger=True, enable_checkpointing=True, enable_progress_bar=False)
    run = tmp_path / "lightning_logs" / "version_0"
    expected = steps(run)
    again = StepTrainer(default_root_dir=tmp_path, val_check_interval=50, enable_progress_bar=False)
    again.fit(done.model, datamodule=done.data, ckpt_path=run / "checkpoints" / "stage1-step=120.ckpt")
    assert expected["validation/confusion"] == [150, 200]
    resumed = steps(run)
    assert resumed.pop(INPUTS) == [0, 120]
    expected.pop(INPUTS)
    assert resumed == expected
    assert [event.step for event in logged(run).Histograms("weights/V")] == [150, 200]


def test_pictures_are_of_the_readings_at_that_step(run: Path) -> None:
    data = data_module(run.parents[1] / "letters_data.mat")
    data.setup("fit")
    g = probabilities(run / "checkpoints" / "last.ckpt", data)
    truth = data.val.labels.astype(np.int64) - 1  # type: ignore[union-attr]
    matrix, found = counts(truth, g.argmax(1)), Predictions(g, truth)
    wrong, right = (np.flatnonzero((truth == g.argmax(1)) == way) for way in (False, True))
    wrong = wrong[np.argsort(-g.max(1)[wrong], kind="stable")]
    assert len(wrong)
    assert len(right)
    for tag, sheet in (
        ("validation/confusion", sheets.confusion_matrix(matrix)),
        ("validation/accuracy of each letter", sheets.letter_accuracy(matrix)),
        ("validation/read wrong, most confident first", gallery(data, found, wrong[:SHOWN])),
        ("validation/read right", gallery(data, found, right[:SHOWN])),
    ):
        assert np.array_equal(picture(run, tag), sheet), tag


def gallery(data: LettersDataModule, found: Predictions, rows: np.ndarray) -> np.ndarray:
    return sheets.gallery(data.val.images[rows], [found.caption(row) for row in rows])


def test_hidden_units_are_shown_upright_the_heaviest_first(run: Path) -> None:
    weights = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    V, W = weights["V"].numpy(), weights["W"].numpy()
    heaviest = sorted(range(len(V)), key=lambda unit: -float(np.square(W[:, unit]).sum()))
    units = tiles.signed(V[heaviest, :784].reshape(-1, 28, 28))
    shown = picture(run, "weights/of the heaviest hidden units")
    assert np.array_equal(shown, tiles.on_white(tiles.grid(units, columns=10)))


def test_histograms_are_of_all_weights_and_of_every_unit(run: Path) -> None:
    weights = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    events = logged(run)
    for name in "VW":
        histogram = events.Histograms(f"weights/{name}")[-1].histogram_value
        assert histogram.num == weights[name].numel()
        assert (histogram.min, histogram.max) == pytest.approx((weights[name].min().item(), weights[name].max().item()))
    h = events.Histograms("activations/h")[-1].histogram_value
    assert h.num == VALIDATION * len(weights["V"])
    assert -1 <= h.min < 0 < h.max <= 1


def test_the_notebooks_curve_lies_beside_the_runs_own_once(run: Path) -> None:
    """In a run of its own, under the same names; its name says that the letters are others."""
    ours, theirs = scalars(run), scalars(run.parent / NOTEBOOK)
    assert {tag: [step for step, _ in points] for tag, points in theirs.items()} == {"train/acc": [0], "val/acc": [0]}
    assert [step for step, _ in ours["val/acc"]] == [0, 50, 100, 150, 200]
    assert set(theirs) <= set(ours)
    assert not (run.parent / "notebook").exists()
    assert len(list((run.parent / NOTEBOOK).glob("events*"))) == 1


def test_the_notebooks_curve_goes_as_far_as_the_run(tmp_path: Path) -> None:
    """It gets longer with a longer run, not shorter with a shorter one; each point is there once."""
    for last, points in ((9_000, 5), (58_000, 32)):
        log_notebook(tmp_path, True, last)
        log_notebook(tmp_path, True, 9_000)
        assert len(list((tmp_path / "notebook").glob("events*"))) == 1
        theirs, expected = scalars(tmp_path / "notebook"), notebook.curve()[:points]
        assert theirs["val/acc"] == [(p.step, pytest.approx(p.val_acc, abs=1e-6)) for p in expected]
        assert theirs["train/acc"] == [(p.step, pytest.approx(p.train_acc, abs=1e-6)) for p in expected]
        assert expected[-1].step <= last < notebook.curve()[points].step


def weights_of(model: torch.nn.Module) -> list[bytes]:
    return [weight.detach().numpy().tobytes() for weight in model.parameters()]


def test_no_bit_of_the_run_depends_on_the_pictures(tmp_path: Path) -> None:
    """Nor does any random generator that the rest of the program might use.

    They come at the check at a stage's end, 50, and at the checks after 75 steps and 150: at 100 and 150.
    """
    hush()
    states, weights = [], []
    for name, when in (("without", "never"), ("often", 75)):
        settings: dict[str, Any] = {"logger": True, "pictures": when}
        (tmp_path / name).mkdir()
        save_letters(tmp_path / name / "letters_data.mat")
        torch.manual_seed(1)
        np.random.seed(1)
        affine = RandomAffine(10, (0.1, 0.1))
        run = fit(tmp_path / name, stages=(Stage(50, 0.02), Stage(150, 0.005)), data={"augment": affine}, **settings)
        weights.append(weights_of(run.model))
        states.append((torch.get_rng_state().numpy().tobytes(), np.random.get_state()[1].tobytes()))  # type: ignore[index]
    assert weights[0] == weights[1]
    assert states[0] == states[1]
    assert steps(next((tmp_path / "without").glob("lightning_logs/version_0"))) == {}
    assert not list((tmp_path / "without").glob("lightning_logs/notebook*"))
    assert steps(next((tmp_path / "often").glob("lightning_logs/version_0")))[READINGS[0]] == [50, 100, 150, 200]


def test_an_interval_that_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match=r"--trainer\.pictures must be 1 step or more, stages or never, not 0"):
        StepTrainer(pictures=0)


def test_inputs_are_shown_as_they_lie_on_file_and_as_they_enter(tmp_path: Path) -> None:
    data = data_module(save_letters(tmp_path / "letters.mat"), scaling="global", augment=RandomAffine(10, (0.1, 0.1)))
    data.setup("fit")
    first, count = 5, 12
    sheet = entering(data, first, count)
    rows = stream.rows(stream.draws(data.seed, first, count), len(data.train))
    entered = data.make_block(first, count).x.view(-1, 28, 28).numpy()
    for index in range(count):
        row, column = divmod(index, 10)
        top, left = tiles.GAP + row * (56 + tiles.GAP), tiles.GAP + column * (28 + tiles.GAP)
        assert np.array_equal(sheet[top : top + 28, left : left + 28], data.train.images[rows[index]])
        below = sheet[top + 28 : top + 56, left : left + 28]
        assert np.corrcoef(below.ravel(), entered[index].ravel())[0, 1] > 0.999
        assert not np.array_equal(below, data.train.images[rows[index]])
    assert ROWS - VALIDATION == len(data.train) > PROBE
