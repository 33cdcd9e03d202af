"""What a run left in its folder: the settings it was started with, its curves, and the time it took."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from letters_torch.errors import UserError

# 0 keeps every point; of pictures and histograms nothing is read here.
_KEPT = {"scalars": 0, "images": 1, "histograms": 1, "compressedHistograms": 1, "tensors": 1}


@dataclass(frozen=True)
class Logged:
    """A run as its folder tells it.

    Attributes:
        config: the settings of its (last) start.
        curves: by tag ("val/acc", "train/loss", ...): (step, value), by step, each step once.
        seconds: from the first check to the last, without the pauses between a stop and a resume.
        steps: that were done in that time.
    """

    config: dict[str, Any]
    curves: dict[str, list[tuple[int, float]]]
    seconds: float
    steps: int

    def last(self, tag: str) -> float | None:
        """The last value of a curve; None where there is none."""
        return self.curves[tag][-1][1] if self.curves.get(tag) else None


def read(folder: Path) -> Logged:
    """Reads a run folder.

    Raises:
        UserError: it holds no settings or no curve.
    """
    config = folder / "config.yaml"
    events = sorted(folder.glob("events.out.tfevents.*"))
    if not config.is_file() or not events:
        missing = "TensorBoard events" if config.is_file() else "config.yaml"
        raise UserError(f"{folder} has no {missing}; a report needs the whole folder of a run (--ckpt_path)")
    curves = _curves(folder)
    if "val/acc" not in curves:
        raise UserError(f"{folder}: no check was logged, so there is nothing to report; train on with `fit`")
    sessions = [_session(file) for file in events]
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    return Logged(settings, curves, sum(s for s, _ in sessions), sum(n for _, n in sessions))


def _curves(place: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(place), size_guidance=_KEPT)
    events.Reload()
    return {
        tag: sorted({event.step: float(event.value) for event in events.Scalars(tag)}.items())
        for tag in events.Tags()["scalars"]
    }


def _session(file: Path) -> tuple[float, int]:
    """The seconds and the steps between the first and the last check of one process; a process writes one file."""
    events = EventAccumulator(str(file), size_guidance=_KEPT)
    events.Reload()
    checks = events.Scalars("val/acc") if "val/acc" in events.Tags()["scalars"] else []
    return (checks[-1].wall_time - checks[0].wall_time, checks[-1].step - checks[0].step) if checks else (0.0, 0)
