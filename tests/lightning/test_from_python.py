"""Lightning's own door: what works from a script, and what is refused in one line."""

import pickle
import signal
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.logger import Logger

from letters_torch import checkpoint
from letters_torch.data.augment import RandomAffine, RandomWarp
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.data.moments import Moments
from letters_torch.errors import UserError
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from tests.support.making import message
from tests.support.running import (
    HIDDEN,
    KEEP,
    STAGES,
    Fit,
    data_module,
    fit,
    module,
    same_weights,
    save_letters,
    trainer,
)

RUN = Path("lightning_logs/version_0/checkpoints")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """A run of 200 steps, in a folder with labelled test rows."""
    folder = tmp_path_factory.mktemp("run")
    save_letters(folder / "letters_data.mat", labelled_test=True)
    settings: dict[str, Any] = {"moments": Moments(5.0, 0.5, 0.5), "augment": RandomWarp(10, (0.1, 0.1), pull=1.0)}
    return fit(folder, data=settings, **KEEP)


def root(done: Fit) -> Path:
    return Path(done.trainer.default_root_dir)


def test_the_module_of_a_checkpoint(done: Fit) -> None:
    loaded = LettersModule.load_from_checkpoint(root(done) / RUN / "last.ckpt")
    assert same_weights(loaded, done.model)
    assert loaded.step == 200
    assert loaded.schedule.stages == STAGES
    assert LettersModule.load_from_checkpoint(str(root(done) / RUN / "last.ckpt"), engine="autograd").step == 200
    with pytest.raises(UserError) as error:
        LettersModule.load_from_checkpoint(root(done) / RUN / "last.ckpt", hidden=HIDDEN + 1)
    message(error, HIDDEN, HIDDEN + 1)


@pytest.mark.parametrize(("kind", "what"), [(LettersModule, "module"), (LettersDataModule, "data module")])
def test_settings_that_there_are_not(done: Fit, kind: Any, what: str) -> None:
    file = root(done) / RUN / "last.ckpt"
    with pytest.raises(UserError) as error:
        kind.load_from_checkpoint(file, hiden=3)
    message(error, f"{file}: the settings of the {what} cannot be used (", "unexpected keyword argument 'hiden'")


def test_the_data_module_of_a_checkpoint(done: Fit) -> None:
    data = LettersDataModule.load_from_checkpoint(root(done) / RUN / "last.ckpt")
    assert data.hparams["data"] == done.data.hparams["data"]
    assert data.moments == done.data.moments
    assert isinstance(data.augment, RandomWarp)
    data.setup("fit")
    for ours, theirs in zip(data.make_block(3, 5), done.data.make_block(3, 5), strict=True):
        assert torch.equal(torch.as_tensor(ours), torch.as_tensor(theirs))
    other = LettersDataModule.load_from_checkpoint(root(done) / RUN / "last.ckpt", augment=RandomAffine(5), block=7)
    assert type(other.augment) is RandomAffine
    assert other.block == 7


class Mine(RandomAffine):
    pass


def test_an_augmentation_of_ones_own_is_asked_for(tmp_path: Path) -> None:
    fit(tmp_path, max_steps=10, data={"augment": Mine(5)}, **KEEP)
    with pytest.raises(UserError) as error:
        LettersDataModule.load_from_checkpoint(tmp_path / RUN / "last.ckpt")
    message(error, "augment Mine is not of letters_torch: give it as an argument")
    assert LettersDataModule.load_from_checkpoint(tmp_path / RUN / "last.ckpt", augment=None).augment is None


def test_validate_test_and_predict_take_last_best_and_paths(done: Fit) -> None:
    keeper = done.trainer.run_checkpoints
    assert keeper is not None
    best = Path(keeper.best_model_path)
    assert best.is_file()
    assert keeper.best_model_score == pytest.approx(float(best.stem.split("=")[-1]), abs=1e-4)
    (last,) = done.trainer.validate(done.model, datamodule=done.data, ckpt_path="last", verbose=False)
    fresh = trainer(root(done))
    for path in ("best", best, str(best)):
        (found,) = fresh.validate(module(), datamodule=done.data, ckpt_path=path, verbose=False)
        assert found["val/acc"] == pytest.approx(keeper.best_model_score)
    assert fresh.validate(module(), datamodule=done.data, ckpt_path="last", verbose=False) == [last]
    assert fresh.test(module(), datamodule=done.data, ckpt_path="last", verbose=False)[0]["test/acc"] > 0
    batches: Any = fresh.predict(module(), datamodule=done.data, ckpt_path="best")
    assert torch.cat(batches).shape == (40, 26)
    assert keeper.best_model_path == str(best)  # to validate another checkpoint is not to forget the own


def test_there_is_no_last_checkpoint(tmp_path: Path) -> None:
    save_letters(tmp_path / "letters_data.mat")
    with pytest.raises(UserError) as error:
        trainer(tmp_path).fit(module(), datamodule=data_module(tmp_path / "letters_data.mat"), ckpt_path="last")
    message(error, "no run with a last checkpoint", tmp_path)


def test_a_fit_goes_on_from_last(tmp_path: Path) -> None:
    stopped = fit(tmp_path, max_steps=130, **KEEP)
    goes_on = trainer(tmp_path)
    resumed = module()
    goes_on.fit(resumed, datamodule=stopped.data, ckpt_path="last")
    assert same_weights(resumed, fit(tmp_path).model)
    assert [folder.name for folder in (tmp_path / "lightning_logs").iterdir()] == ["version_0"]


class FakeLogger(Logger):
    """As MLflow's and W&B's: one folder for all runs, and an id for each."""

    def __init__(self, folder: Path, run: str) -> None:
        super().__init__()
        self.folder, self.run = folder, run

    @property
    def save_dir(self) -> str:
        return str(self.folder)

    @property
    def name(self) -> str:
        return "project"

    @property
    def version(self) -> str:
        return self.run

    def log_metrics(self, metrics: Any, step: int | None = None) -> None: ...

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None: ...


def test_two_runs_never_share_their_checkpoints(tmp_path: Path) -> None:
    loggers: list[Any] = [False, False, FakeLogger(tmp_path, "one"), FakeLogger(tmp_path, "two"), CSVLogger(tmp_path)]
    folders = set()
    for logger in loggers:
        run = fit(tmp_path, max_steps=50, logger=logger, **KEEP)
        assert run.trainer.run_checkpoints is not None
        assert run.trainer.run_checkpoints.last is not None
        folders.add(run.trainer.run_checkpoints.last.parent)
    assert len(folders) == len(loggers)
    assert all(len(list(folder.glob("best-*.ckpt"))) == 1 for folder in folders)


def test_a_trainer_does_not_write_a_second_run_over_its_first(tmp_path: Path) -> None:
    first = fit(tmp_path, max_steps=10, logger=True, **KEEP)
    with pytest.raises(UserError) as error:
        first.trainer.fit(module(), datamodule=first.data)
    new = "use a new trainer and, of a logger, a new run (wandb.finish() ends one of W&B)"
    message(error, f"holds a run already; {new}, or resume it with ckpt_path='last'")


def test_a_fit_goes_on_in_memory(tmp_path: Path) -> None:
    first = fit(tmp_path, max_steps=130, **KEEP)  # inside a panel
    trainer(tmp_path).fit(first.model, datamodule=first.data)
    torch.testing.assert_close(first.model.V, fit(tmp_path).model.V, rtol=0, atol=1e-5)  # its panels start elsewhere
    saved = checkpoint.load(tmp_path / "lightning_logs/version_1/checkpoints/last.ckpt")
    assert saved["letters_torch"]["step"] == 200
    assert "V" not in saved["letters_torch"]


def test_validation_rows_of_another_split_are_refused(done: Fit) -> None:
    path, last = root(done) / "letters_data.mat", root(done) / RUN / "last.ckpt"
    for change, flag in (({"seed": 4}, "--seed_everything 4"), ({"validation": 40}, "--data.validation 40")):
        for door in (trainer(root(done)), pl.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")):
            with pytest.raises(UserError) as error:
                door.validate(module(), datamodule=data_module(path, **change), ckpt_path=last)
            message(error, flag, "started with")
    other = data_module(save_letters(root(done) / "other.mat", seed=9), seed=4)
    trainer(root(done)).validate(module(), datamodule=other, ckpt_path="last", verbose=False)


def test_a_checkpoint_inside_a_panel_is_evaluated_at_its_step(tmp_path: Path) -> None:
    """It also holds the weights at the panel's start, which only a resumed fit is to take."""
    stopped = fit(tmp_path, max_steps=130, **KEEP)
    assert "V" in checkpoint.load(tmp_path / RUN / "last.ckpt")["letters_torch"]
    for name in ("validate", "predict"):
        read = module()
        getattr(trainer(tmp_path), name)(read, datamodule=stopped.data, ckpt_path="last")
        assert read.step == 130
        assert same_weights(read, stopped.model)


def test_weights_in_memory_are_not_validated_on_rows_that_they_were_trained_on(done: Fit) -> None:
    path, last = root(done) / "letters_data.mat", root(done) / RUN / "last.ckpt"
    for trained in (done.model, LettersModule.load_from_checkpoint(last)):
        with pytest.raises(UserError) as error:
            trainer(root(done)).validate(trained, datamodule=data_module(path, seed=4))
        message(error, "--seed_everything 4: the run was started with 0; with another, rows that it was trained on")
        trainer(root(done)).validate(trained, datamodule=data_module(path), verbose=False)
    trainer(root(done)).validate(module(), datamodule=data_module(path, seed=4), verbose=False)  # not trained


@pytest.mark.parametrize("name", ["validate", "test", "predict"])
def test_ctrl_c_ends_an_evaluation(done: Fit, name: str) -> None:
    class Interrupts(Callback):
        def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
            signal.raise_signal(signal.SIGINT)

        on_test_batch_end = on_predict_batch_end = on_validation_batch_end

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            getattr(trainer(root(done), callbacks=[Interrupts()]), name)(done.model, datamodule=done.data)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_averaged_weights_are_resumed(tmp_path: Path) -> None:
    average: dict[str, Any] = {"callbacks": [EMAWeightAveraging(decay=0.5)]}
    data = {"block": 20}
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = fit(tmp_path / "whole", data=data, **KEEP, **average)
    plain = fit(tmp_path / "whole", data=data)
    assert not same_weights(whole.model, plain.model)  # it ends as the average
    average = {"callbacks": [EMAWeightAveraging(decay=0.5)]}
    stopped = fit(tmp_path / "parts", data=data, max_steps=100, **KEEP, **average)
    last = tmp_path / "parts" / RUN / "last.ckpt"
    with pytest.raises(
        UserError, match=r"--ckpt_path: the run averages its weights; keep WeightAveraging among trainer\.callbacks"
    ):
        trainer(tmp_path / "parts").fit(module(), datamodule=stopped.data, ckpt_path=last)
    resumed = module()
    average = {"callbacks": [EMAWeightAveraging(decay=0.5)]}
    trainer(tmp_path / "parts", **average).fit(resumed, datamodule=stopped.data, ckpt_path=last)
    assert same_weights(resumed, whole.model)
    contents = [checkpoint.load(tmp_path / name / RUN / "last.ckpt") for name in ("whole", "parts")]
    for part in ("state_dict", "current_model_state"):
        assert all(torch.equal(contents[0][part][name], contents[1][part][name]) for name in "VW")
    assert torch.equal(contents[0]["current_model_state"]["V"], plain.model.V)


def test_a_data_module_can_be_pickled(done: Fit) -> None:
    for data in (data_module(root(done) / "letters_data.mat"), done.data):
        copy = pickle.loads(pickle.dumps(data))
        copy.setup("fit")
        data.setup("fit")
        assert torch.equal(copy.make_block(0, 3).x, data.make_block(0, 3).x)
    assert done.data.trainer is not None


@pytest.mark.parametrize("settings", [{"num_sanity_val_steps": 2}, {"num_sanity_val_steps": -1}], ids=str)
def test_a_sanity_check_changes_nothing(tmp_path: Path, settings: dict[str, Any]) -> None:
    usual = fit(tmp_path, max_steps=60, **KEEP)
    checked = fit(tmp_path, max_steps=60, **KEEP, **settings)
    assert same_weights(checked.model, usual.model)
    assert checked.trainer.run_checkpoints is not None
    assert usual.trainer.run_checkpoints is not None
    assert checked.trainer.run_checkpoints.best == usual.trainer.run_checkpoints.best
    assert checked.trainer.callback_metrics.keys() == usual.trainer.callback_metrics.keys()


def test_barebones(tmp_path: Path) -> None:
    save_letters(tmp_path / "letters_data.mat")
    bare, trained = StepTrainer(barebones=True, default_root_dir=tmp_path, val_check_interval=50), module()
    bare.fit(trained, datamodule=data_module(tmp_path / "letters_data.mat"))
    assert same_weights(trained, fit(tmp_path).model)
    assert [file.name for file in tmp_path.iterdir()] == ["letters_data.mat"]


def test_a_compiled_module_is_trained_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_letters(tmp_path / "letters_data.mat")
    trained = module()
    data = data_module(tmp_path / "letters_data.mat")
    compiled: Any = torch.compile(trained, backend="eager")
    trainer(tmp_path, enable_checkpointing=False).fit(compiled, datamodule=data)
    assert "torch.compile changes nothing here: the steps are compiled already\n" in capsys.readouterr().out
    assert same_weights(trained, fit(tmp_path).model)


def test_a_plain_trainer_and_another_module_are_refused(tmp_path: Path) -> None:
    data = data_module(save_letters(tmp_path / "letters_data.mat"))
    plain = pl.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", max_epochs=1)
    with pytest.raises(UserError) as error:
        plain.fit(module(), datamodule=data)
    message(error, "which pl.Trainer would count as one step; use letters_torch.StepTrainer")
    with pytest.raises(UserError) as error:
        trainer(tmp_path).fit(pl.LightningModule(), datamodule=data)
    counts = "it counts single-sample steps; use pl.Trainer for other modules"
    message(error, f"StepTrainer trains a LettersModule, not a LightningModule: {counts}")
    with pytest.raises(UserError) as error:
        trainer(tmp_path).fit(module(), [torch.zeros(1)])
    message(error, "StepTrainer.fit needs a LettersDataModule, as datamodule=...; it makes the blocks of steps")
    assert [file.name for file in tmp_path.iterdir()] == ["letters_data.mat"]


def test_a_plain_trainer_validates(done: Fit) -> None:
    plain = pl.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", enable_progress_bar=False)
    (found,) = plain.validate(done.model, datamodule=done.data, verbose=False)
    (ours,) = trainer(root(done)).validate(done.model, datamodule=done.data, verbose=False)
    assert found == ours


@pytest.mark.parametrize("weights", [3e38, -3e38])
def test_outputs_that_are_not_finite_are_refused(done: Fit, weights: float) -> None:
    broken = module()
    with torch.no_grad():
        broken.V.fill_(weights)
        broken.W.fill_(weights)
    for call in (trainer(root(done)).predict, trainer(root(done)).validate, trainer(root(done)).test):
        with pytest.raises(UserError, match="not finite"):
            call(broken, datamodule=done.data)
