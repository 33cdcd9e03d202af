"""Reads the folder of a run: its settings, its curves and its training time."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from letters_torch import config_files, metrics_csv
from letters_torch.errors import UserError
from letters_torch.paths import printable

# 0 keeps every point; of pictures and histograms nothing is read here.
_KEPT = {"scalars": 0, "images": 1, "histograms": 1, "compressedHistograms": 1, "tensors": 1}
_NO_CURVES = ("step", "seconds", "epoch")  # columns of metrics.csv

Curves = dict[str, list[tuple[int, float]]]


@dataclass(frozen=True)
class Logged:
    """What the folder of a run holds."""

    config: dict[str, Any]  # the settings of its (last) start
    curves: Curves  # by tag ("val/acc", "train/loss", ...): (step, value), by step, each step once
    seconds: float  # between the first validation and the last, without pauses after a stop; 0 if unknown
    steps: int  # done in that time
    warnings: tuple[str, ...] = ()  # what is wrong with the files that the curves are from

    def last(self, tag: str) -> float | None:
        """The last value of a curve; None where there is none."""
        return self.curves[tag][-1][1] if self.curves.get(tag) else None


def read(folder: Path) -> Logged:
    """Reads a run folder: TensorBoard's files of events and metrics.csv, or either of them.

    Raises:
        UserError: the folder holds no settings or no curve.
    """
    config = folder / "config.yaml"
    events = sorted(folder.glob("events.out.tfevents.*"))
    rows = metrics_csv.read(folder / metrics_csv.NAME)
    if events and printable(folder) != str(folder):
        raise UserError(f"{printable(folder)}: not UTF-8, which TensorBoard's reader needs; rename the folder")
    if not config.is_file() or not (events or rows):
        missing = "TensorBoard events and no metrics.csv" if config.is_file() else "config.yaml"
        raise UserError(f"{folder} has no {missing}; a report needs the whole folder of a run (--ckpt_path)")
    curves = _merged(_of_table(rows), _of_events(folder) if events else {})
    if "val/acc" not in curves:
        raise UserError(f"{folder}: no validation was logged, so there is nothing to report; train on with `fit`")
    sessions = [_session(file) for file in events] or [_session_of_table(rows)]
    seconds, steps = (sum(column) for column in zip(*sessions, strict=True))
    what = "ends in the middle of a record; points after it are missing unless metrics.csv has them"
    cut = tuple(f"{file.name} {what}" for file in events if _is_cut(file))
    return Logged(config_files.read(config, flag=""), curves, seconds, int(steps), cut)


def _merged(table: Curves, events: Curves) -> Curves:
    """The points of both; those of the events, which have all digits, replace those of the table."""
    return {tag: sorted((dict(table.get(tag, [])) | dict(events.get(tag, []))).items()) for tag in table | events}


def _of_events(folder: Path) -> Curves:
    events = EventAccumulator(str(folder), size_guidance=_KEPT)
    events.Reload()
    return {
        tag: sorted({event.step: float(event.value) for event in events.Scalars(tag)}.items())
        for tag in events.Tags()["scalars"]
    }


def _of_table(rows: list[dict[str, float]]) -> Curves:
    curves: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for row in rows:
        for tag, value in row.items():
            if tag not in _NO_CURVES:
                curves[tag][int(row["step"])] = value
    return {tag: sorted(points.items()) for tag, points in curves.items()}


def _session(file: Path) -> tuple[float, int]:
    """Seconds and steps between the first and the last validation of one process; a process writes one file."""
    events = EventAccumulator(str(file), size_guidance=_KEPT)
    events.Reload()
    points = events.Scalars("val/acc") if "val/acc" in events.Tags()["scalars"] else []
    return (points[-1].wall_time - points[0].wall_time, points[-1].step - points[0].step) if points else (0.0, 0)


def _session_of_table(rows: list[dict[str, float]]) -> tuple[float, int]:
    """The same from metrics.csv; Lightning's CSVLogger writes no times into it."""
    seconds = metrics_csv.seconds(rows)
    return (seconds, int(rows[-1]["step"] - rows[0]["step"])) if seconds else (0.0, 0)


def _is_cut(file: Path) -> bool:
    """Whether a file of events ends inside a record, which TensorBoard's reader passes over in silence.

    A record is its length (8 bytes, little-endian), a checksum (4), the data and their checksum (4).
    """
    size, at = file.stat().st_size, 0
    with file.open("rb") as content:
        while at + 12 <= size:
            content.seek(at)
            at += 16 + int.from_bytes(content.read(8), "little")
    return at != size
