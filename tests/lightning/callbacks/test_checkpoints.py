"""Which checkpoints a run keeps."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from letters_torch import checkpoint, resume
from letters_torch.exact_sgd.network import logits
from letters_torch.files import PART
from letters_torch.lightning.callbacks.checkpoints import RunCheckpoints
from letters_torch.lightning.clock import Clock
from letters_torch.lightning.trainer import StepTrainer
from tests.support.running import fit

KEEP: dict[str, Any] = {"enable_checkpointing": True, "enable_progress_bar": False}
RUN = Path("lightning_logs/version_0/checkpoints")


class FakeTrainer:
    """A fit that is validated every 10 steps, for RunCheckpoints; its checkpoints say when they were saved."""

    def __init__(self, folder: Path) -> None:
        self.state, self.sanity_checking = SimpleNamespace(fn="fit"), False
        self.loggers: list[Any] = []
        self.clock, self.callback_metrics = Clock((1000,)), {"val/acc": torch.tensor(0.0)}
        self.clock.set_limits(-1, 10)
        self.callbacks: list[Any] = []
        self.keeper = RunCheckpoints()
        self.keeper.folder = folder

    @property
    def global_step(self) -> int:
        return self.clock.step

    def save_checkpoint(self, path: Path) -> None:
        path.write_text(str(self.clock.step))

    def validate(self, step: int, accuracy: float) -> dict[str, str]:
        """The files and what they hold after a validation at this step."""
        self.clock.step, self.callback_metrics["val/acc"] = step, torch.tensor(accuracy)
        self.keeper.on_validation_start(self, None)
        self.keeper.on_validation_end(self, None)
        assert self.keeper.folder is not None
        return {file.name: file.read_text() for file in self.keeper.folder.iterdir()}


def test_the_best_is_a_copy_and_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    run = FakeTrainer(tmp_path)
    assert run.validate(0, 0.25) == {"last.ckpt": "0", "best-step=0-val_acc=0.2500.ckpt": "0"}
    assert run.validate(10, 0.5) == {"last.ckpt": "10", "best-step=10-val_acc=0.5000.ckpt": "10"}
    assert run.validate(20, 0.25) == {"last.ckpt": "20", "best-step=10-val_acc=0.5000.ckpt": "10"}
    assert run.keeper.best == (0.5, "best-step=10-val_acc=0.5000.ckpt")
    assert run.keeper.best_model_path == str(tmp_path / "best-step=10-val_acc=0.5000.ckpt")


def test_the_first_of_equals_stays_the_best(tmp_path: Path) -> None:
    run = FakeTrainer(tmp_path)
    run.validate(10, 0.5)
    assert run.validate(20, 0.5) == {"last.ckpt": "20", "best-step=10-val_acc=0.5000.ckpt": "10"}


def test_a_validation_that_an_undisturbed_run_lacks_deletes_no_best(tmp_path: Path) -> None:
    """A resumed run goes on from the best before it."""
    run = FakeTrainer(tmp_path)
    run.validate(10, 0.5)
    kept = run.validate(15, 0.75)
    assert kept.keys() == {"last.ckpt", "best-step=10-val_acc=0.5000.ckpt", "best-step=15-val_acc=0.7500.ckpt"}
    content: dict[str, Any] = {"callbacks": {}}
    run.callbacks = [run.keeper]
    run.validate(16, 0.8)
    content["callbacks"][run.keeper.state_key] = run.keeper.state_dict()
    run.keeper.on_save_checkpoint(run, None, content)
    assert content["callbacks"][run.keeper.state_key]["best"][1] == "best-step=15-val_acc=0.7500.ckpt"


def test_stages_ends_are_kept_at_their_step(tmp_path: Path) -> None:
    fit(tmp_path, **KEEP)
    files = {file.name: checkpoint.load(file)["global_step"] for file in (tmp_path / RUN).glob("*.ckpt")}
    best = next(name for name in files if name.startswith("best-"))
    assert files == {"last.ckpt": 200, "stage1-step=120.ckpt": 120, "stage2-step=200.ckpt": 200, best: files[best]}
    assert f"best-step={files[best]}-" in best


def test_a_checkpoint_inside_a_panel_is_read_where_it_was_saved(tmp_path: Path) -> None:
    """A fit goes on from the start of the panel; predict and validate read the weights of the last step."""
    stopped = fit(tmp_path, max_steps=130, **KEEP)  # panels start at 100 and, after the end of a stage, at 120
    last = tmp_path / RUN / "last.ckpt"
    content = checkpoint.load(last)
    assert (content["global_step"], content["letters_torch"]["step"]) == (130, 120)
    assert torch.equal(content["state_dict"]["V"], stopped.model.V)
    assert not torch.equal(content["letters_torch"]["V"], stopped.model.V)
    trainer = StepTrainer(logger=False, default_root_dir=tmp_path, **KEEP)
    batch = next(iter(stopped.data.predict_dataloader()))
    with torch.no_grad():
        expected = stopped.model.predict_step(batch)
        stopped.model.V.zero_()
    found: Any = trainer.predict(stopped.model, datamodule=stopped.data, ckpt_path=last)
    torch.testing.assert_close(torch.cat(found), expected, rtol=0, atol=1e-6)
    anchored = torch.softmax(logits(content["letters_torch"]["V"], content["letters_torch"]["W"], batch.x), 1)
    assert (anchored - expected).abs().max() > 1e-3  # the difference would show
    assert stopped.model.step == 130


def test_leftovers_of_a_killed_process_are_swept(tmp_path: Path) -> None:
    fit(tmp_path, max_steps=50, **KEEP)
    leftovers = [tmp_path / RUN / f"last.ckpt.1-ab{PART}", tmp_path / RUN.parent / f"config.yaml.1-ab{PART}"]
    for file in leftovers:
        file.write_bytes(b"half")
    other = tmp_path / f"mine{PART}"
    other.write_bytes(b"")
    done = fit(tmp_path, max_steps=10, **KEEP)  # of another run: these stay
    assert all(file.exists() for file in leftovers)
    done.trainer.should_stop = False
    resumed = StepTrainer(logger=False, default_root_dir=tmp_path, val_check_interval=50, max_steps=100, **KEEP)
    resumed.fit(done.model, datamodule=done.data, ckpt_path=tmp_path / RUN / "last.ckpt")
    assert not any(file.exists() for file in leftovers)
    assert other.exists()


def test_a_checkpoint_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"damaged")
    assert resume.step_of(tmp_path / "last.ckpt") == float("inf")
    assert resume.step_of(tmp_path / "stage1-step=120.ckpt") == 120


@pytest.mark.parametrize("linked", ["lightning_logs", "version_0"])
def test_a_symbolic_link_leads_to_the_same_run(tmp_path: Path, linked: str) -> None:
    """A resume goes on in the folder of its run, wherever that really is."""
    elsewhere, logs = tmp_path / "elsewhere", tmp_path / "lightning_logs"
    elsewhere.mkdir()
    if linked == "lightning_logs":
        logs.symlink_to(elsewhere, target_is_directory=True)
    stopped = fit(tmp_path, max_steps=50, logger=True, **KEEP)
    if linked == "version_0":
        (logs / "version_0").rename(elsewhere / "run")
        (logs / "version_0").symlink_to(elsewhere / "run", target_is_directory=True)
    resumed = StepTrainer(default_root_dir=tmp_path, val_check_interval=50, max_steps=100, pictures="never", **KEEP)
    resumed.fit(stopped.model, datamodule=stopped.data, ckpt_path=tmp_path / RUN / "last.ckpt")
    assert [folder.name for folder in logs.glob("version_*")] == ["version_0"]
    assert resumed.log_dir is not None
    assert Path(resumed.log_dir).resolve() == (logs / "version_0").resolve()
    assert checkpoint.load(tmp_path / RUN / "last.ckpt")["global_step"] == 100


def test_the_curve_is_written_before_the_checkpoint(tmp_path: Path) -> None:
    trainer, written = FakeTrainer(tmp_path), list[str]()
    trainer.loggers = [SimpleNamespace(save=lambda: written.append("curve"))]
    trainer.callback_metrics = {"val/acc": torch.tensor(-1.0)}  # no best, so no copy of last.ckpt

    def save_checkpoint(path: Path) -> None:
        written.append(path.name)

    trainer.save_checkpoint = save_checkpoint  # type: ignore[method-assign]
    trainer.keeper.on_validation_end(trainer, None)
    assert written == ["curve", "last.ckpt"]


def test_the_best_of_a_run_that_is_validated_is_not_taken_over(tmp_path: Path) -> None:
    trainer = FakeTrainer(tmp_path)
    trainer.state.fn = "validate"
    key = trainer.keeper.state_key
    loaded = {"callbacks": {key: {"best": [0.9, "best-step=10-val_acc=0.9000.ckpt"]}}}
    trainer.keeper.on_load_checkpoint(trainer, None, loaded)
    assert key not in loaded["callbacks"]
