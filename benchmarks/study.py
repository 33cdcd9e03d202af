"""A study of 18 short runs, against a `fit` for each of them, one after another."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks import fit
from benchmarks.table import Table, number, ratio

STEPS, VALIDATION = 20_000, 10_000  # steps of a run, and between two validations
RATES, SEEDS = (1.0e-2, 5.0e-3, 2.0e-3), 6


def table(path: Path | None, fits: int) -> Table:
    """Times the study and some of its runs as commands of their own.

    Args:
        path: of the letters; None for those that `fit` finds itself.
        fits: how many `fit` commands are timed; the others are taken to last as long.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "short.yaml"
        file.write_text("# Short runs.\n" + yaml.safe_dump(_study(path)))
        seconds = _seconds(["study", str(file), "--folder", str(folder / "out")])
        configs = sorted((folder / "out/runs").glob("*/config.yaml"))
        step = max(1, len(configs) // fits)
        walls = [fit.run(["letters_torch", "fit", "--config", str(config)])[0] for config in configs[::step][:fits]]
    count, each = len(configs), median(walls)
    rows = [
        [f"{count} `fit` commands, one after another", number(count * each), "1.0x"],
        [f"one study of {count} runs", number(seconds), ratio(count * each / seconds)],
    ]
    title = f"{count} runs of {STEPS:,} steps with quick.yaml's network, a validation every {VALIDATION:,} steps"
    note = f"{len(walls)} of the {count} `fit` commands were timed: {number(min(walls))} to {number(max(walls))} s."
    return Table("study", title, ("", "seconds", "times as fast"), rows, [note])


def _study(path: Path | None) -> dict[str, Any]:
    common: dict[str, Any] = {
        "model.schedule": [{"steps": STEPS, "lr": RATES[0], "weight_decay": 1.0e-4}],
        "trainer.val_check_interval": VALIDATION,
    }
    if path is not None:
        common["data.path"] = str(path.absolute())
    return {"config": "quick.yaml", "set": common, "vary": {"model.schedule.0.lr": list(RATES)}, "seeds": SEEDS}


def _seconds(args: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "letters_torch", *args], check=True, stdout=subprocess.DEVNULL, env=os.environ
    )
    return time.perf_counter() - begin
