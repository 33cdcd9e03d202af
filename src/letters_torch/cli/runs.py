"""`python -m letters_torch runs`: the runs in a folder, one line each."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from letters_torch import config_files, metrics_csv
from letters_torch.console import Parser, duration
from letters_torch.errors import UserError
from letters_torch.paths import expanded

DESCRIPTION = """Lists the runs in lightning_logs/: best validation accuracy and its step, steps done, training time,
and the settings in which the runs differ."""
_BEST = re.compile(r"best-step=(\d+)-val_acc=([\d.]+)\.ckpt")
_STEP = re.compile(r"step=(\d+)")
# Where a run is kept is no setting of it.
_LEFT_OUT = ("trainer.default_root_dir", "trainer.run_name", "ckpt_path")


@dataclass(frozen=True)
class Run:
    """What is listed of a run; None for what is not known of it."""

    name: str  # of its folder
    accuracy: float | None = None  # the best on the validation rows
    best_step: int | None = None  # the step of it
    steps: int | None = None  # done, as far as they are logged
    seconds: float | None = None  # of training; Lightning's CSVLogger logs none
    settings: dict[str, Any] = field(default_factory=dict)  # by key, "model.hidden"; empty if config.yaml is unreadable


def main(args: list[str]) -> None:
    """Parses the arguments and prints the table.

    Raises:
        UserError: a wrong argument, or no run.
    """
    parser = Parser("runs", DESCRIPTION, "", "--sort accuracy", "~/experiments")
    parser.add_argument("folder", nargs="?", default=".", help="that holds lightning_logs/ (default: .)")
    parser.add_argument("--sort", choices=["number", "accuracy"], default="number", help="(default: number)")
    given = parser.parse_args(args)
    root = expanded(Path(given.folder), "runs")
    found = read_all(root)
    if given.sort == "accuracy":
        found.sort(key=lambda run: run.accuracy or 0.0, reverse=True)
    print(table(found))


def read_all(root: Path) -> list[Run]:
    """The runs below `root`/lightning_logs, by number.

    Raises:
        UserError: there is none.
    """
    logs = root if root.name == "lightning_logs" else root / "lightning_logs"
    folders = [folder for folder in logs.glob("version_*") if folder.is_dir()]
    if not folders:
        raise UserError(f"no runs in {logs}; train one with `python -m letters_torch fit`, or name another folder")
    return [read(folder) for folder in sorted(folders, key=_order)]


def _order(folder: Path) -> tuple[int, str]:
    number = re.match(r"version_(\d+)", folder.name)
    return int(number[1]) if number else -1, folder.name


def read(folder: Path) -> Run:
    """What is listed of the run in a folder."""
    names = [file.name for file in (folder / "checkpoints").glob("*.ckpt")]
    accuracies = [(float(m[2]), int(m[1])) for m in map(_BEST.match, names) if m]
    accuracy, best_step = max(accuracies, default=(None, None))
    rows = metrics_csv.read(folder / metrics_csv.NAME)
    steps = [int(row["step"]) for row in rows] + [int(m[1]) for m in map(_STEP.search, names) if m]
    return Run(
        folder.name,
        accuracy,
        best_step,
        max(steps, default=None),
        metrics_csv.seconds(rows) or None,
        _settings(folder),
    )


def _settings(folder: Path) -> dict[str, Any]:
    try:
        config = config_files.read(folder / "config.yaml", flag="")
    except UserError:
        return {}
    return {key: value for key, value in _flat(config) if key not in _LEFT_OUT}


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """`{"model": {"hidden": 6}}` -> `[("model.hidden", 6)]`; a class comes with its last name only."""
    if isinstance(value, dict) and "class_path" in value:
        own = (name, str(value["class_path"]).rpartition(".")[2])
        return [own, *_flat(value.get("init_args") or {}, name)]
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _flat(item, f"{name}.{key}" if name else str(key))]
    return [(name, value)]


def differences(runs: list[Run]) -> list[dict[str, str]]:
    """For each run the settings that are not the same in all runs, by their shortest unambiguous name."""
    readable = [run.settings for run in runs if run.settings]
    keys = list(dict.fromkeys(key for settings in readable for key in settings))
    differing = [key for key in keys if len({repr(settings.get(key)) for settings in readable}) > 1]
    leaves = [key.rpartition(".")[2] for key in differing]
    names = {key: leaf if leaves.count(leaf) == 1 else key for key, leaf in zip(differing, leaves, strict=True)}
    return [
        {names[key]: _short(run.settings[key]) for key in differing if run.settings.get(key) is not None}
        for run in runs
    ]


def _short(value: Any) -> str:
    """A value in a few characters: a schedule as its stages, `40,000 at 0.01 to 0`; callbacks as their names."""
    if isinstance(value, list) and value and all(isinstance(each, dict) and "lr" in each for each in value):
        return " + ".join(map(_stage, value))
    if isinstance(value, list) and value and all(isinstance(each, dict) and "class_path" in each for each in value):
        return " + ".join(map(_callback, value))
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(str(value).split())[:60]


def _callback(callback: dict[str, Any]) -> str:
    name, patience = str(callback["class_path"]).rpartition(".")[2], (callback.get("init_args") or {}).get("patience")
    return name if patience is None else f"{name}(patience={patience})"


def _stage(stage: dict[str, Any]) -> str:
    end = "" if stage.get("lr_end") is None else f" to {stage['lr_end']:g}"
    decay = f", decay {stage['weight_decay']:g}" if stage.get("weight_decay") else ""
    return f"{stage.get('steps', 0):,} at {stage['lr']:g}{end}{decay}"


def table(runs: list[Run]) -> str:
    """One line per run, the columns aligned."""
    rows = [("run", "accuracy", "at step", "steps", "time", "settings that differ" if len(runs) > 1 else "")]
    for run, own in zip(runs, differences(runs), strict=True):
        settings = "  ".join(f"{name}={value}" for name, value in own.items())
        rows.append(
            (
                run.name,
                "-" if run.accuracy is None else f"{run.accuracy:.4f}",
                "-" if run.best_step is None else f"{run.best_step:,}",
                "-" if run.steps is None else f"{run.steps:,}",
                "-" if run.seconds is None else duration(run.seconds),
                settings if run.settings else "config.yaml cannot be read",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:5], widths[1:], strict=True)),
                row[5],
            ]
        ).rstrip()
        for row in rows
    )
