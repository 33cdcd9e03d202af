"""Small runs, and all that a run leaves behind: to be compared to the bit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from letters_torch.cli import main
from tests.reliability.figures import FIGURES
from tests.support import making

# Checks every 120 steps, stages that end inside a panel of 100 and between checks, blocks cut at 150.
CONFIG: dict[str, Any] = {
    "seed_everything": 3,
    "model": {
        "hidden": 16,
        "schedule": [
            {"steps": 250, "lr": 1.0e-2, "weight_decay": 1.0e-4},
            {"steps": 290, "lr": 3.0e-3, "weight_decay": 1.0e-3},
        ],
    },
    "data": {"validation": 60, "probe": 50, "block": 150, "workers": 0},
    "trainer": {
        "val_check_interval": 120,
        "accelerator": "cpu",
        "enable_progress_bar": False,
    },
}
LAST = 540


def arrays(rows: int = 300) -> dict[str, Any]:
    """Letters that can be learnt, but not in a few hundred steps: patterns under a good deal of noise."""
    draw = np.random.default_rng(5)
    patterns = draw.integers(0, 256, (26, 784))

    def some(labels: np.ndarray) -> np.ndarray:
        return (0.6 * patterns[labels - 1] + 0.4 * draw.integers(0, 256, (len(labels), 784))).astype(np.uint8)

    train, test = making.labels(rows), making.labels(40)
    return {"train_x": some(train), "train_y": train[:, None], "test_x": some(test)}


def make(folder: Path, rows: int = 300, **sections: dict[str, Any]) -> Path:
    """Letters, so many to train on and be validated by, and a config; returns the config's file."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = making.save_mat(folder / "letters.mat", arrays(rows))
    config = {**CONFIG, **{name: {**CONFIG.get(name, {}), **values} for name, values in sections.items()}}
    config["data"] = {**config["data"], "path": str(letters)}
    config["trainer"] = {**config["trainer"], "default_root_dir": str(folder)}
    file = folder / "small.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


def endless(folder: Path, first: int = 1, **model: Any) -> Path:
    """A run that nobody waits for, with a stage of its own for its `first` steps."""
    schedule = [{"steps": steps, "lr": 1.0e-3, "weight_decay": 0.0} for steps in (first, 100_000_000)]
    return make(folder, model={"hidden": 16, "schedule": schedule, **model})


def last_of(folder: Path) -> Path:
    """The checkpoint of the first run in `folder` to go on from."""
    return folder / "lightning_logs/version_0/checkpoints/last.ckpt"


def command(*args: object) -> int:
    """Runs the command line in this process; returns its exit code."""
    try:
        main([str(arg) for arg in args])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else -1
    return 0


def fit(config: Path, *args: object) -> int:
    return command("fit", "--config", config, *args)


def mistake(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    """The error of a command that must fail: one line."""
    capsys.readouterr()
    assert command(*args) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error


@dataclass(frozen=True)
class Left:
    """What a run left behind."""

    step: int
    last: bytes
    best_name: str
    best: bytes
    stages: dict[str, bytes]
    points: dict[str, list[tuple[int, float]]]
    submission: bytes


def left(folder: Path, run: str = "version_0") -> Left:
    """All of the only run in `folder`."""
    runs = folder / "lightning_logs"
    assert [each.name for each in runs.glob("version_*")] == [run]
    kept = runs / run / "checkpoints"
    assert not list(kept.glob("*.part"))
    (best,) = kept.glob("best-*.ckpt")
    assert command("predict", "--trainer.default_root_dir", folder, "--output", folder / "result.csv") == 0
    return Left(
        step=torch.load(kept / "last.ckpt", weights_only=True)["global_step"],
        last=weights(kept / "last.ckpt"),
        best_name=best.name,
        best=weights(best),
        stages={file.name: weights(file) for file in sorted(kept.glob("stage*.ckpt"))},
        points=points(runs / run),
        submission=(folder / "result.csv").read_bytes(),
    )


def assert_same(one: Left, other: Left) -> None:
    """Fails at the first thing that differs; else counts the bits that do not."""
    assert one == other
    FIGURES["runs compared with an undisturbed one, all the same"] += 1
    FIGURES["bits of weights compared, all the same"] += 8 * sum(map(len, (one.last, one.best, *one.stages.values())))
    FIGURES["points of curves compared, all the same"] += sum(map(len, one.points.values()))


def weights(file: Path) -> bytes:
    """The bits of V and W."""
    state = torch.load(file, weights_only=True)["state_dict"]
    return b"".join(state[name].numpy().tobytes() for name in "VW")


def points(run: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows: (step, value) of each scalar."""
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(p.step, p.value) for p in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
