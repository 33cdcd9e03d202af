"""The whole of `python -m letters_torch fit`, from the start of the process to its end, in a temporary folder."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import psutil

from benchmarks.table import Table, number

POLL = 0.02  # seconds between two looks at the memory


def tables(path: Path | None, repeats: int, extra: list[str]) -> list[Table]:
    """Runs it several times for the wall time and the memory, then once with clocks inside.

    Args:
        path: of the letters; None for those that `fit` finds itself.
        repeats: number of runs without clocks inside.
        extra: more flags for `fit`.
    """
    args = ["fit", "--config", "kaggle.yaml", *(["--data.path", str(path.absolute())] if path else []), *extra]
    runs = [run(["letters_torch", *args]) for _ in range(repeats)]
    walls = [wall for wall, _ in runs]
    peak = max(rss for _, rss in runs) / 2**20
    rows = [[number(median(walls)), f"{number(min(walls))}..{number(max(walls))}", number(peak)]]
    heading = ("seconds, median", "lowest..highest", "peak memory, MiB")
    command = "`python -m letters_torch " + " ".join(["fit --config kaggle.yaml", *extra]) + "`"
    return [Table("fit", f"{command}, runs: {repeats}", heading, rows), _phases(args)]


def run(module: Sequence[str], tree: Path | None = None) -> tuple[float, int]:
    """`python -m` these words with a run folder of its own: (seconds, peak bytes of memory).

    Args:
        module: its name and arguments.
        tree: the `src` that letters_torch comes from; by default this process's.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        where = ["--trainer.default_root_dir", folder]
        begin = time.perf_counter()
        environment = {**os.environ, **({"PYTHONPATH": str(tree)} if tree else {})}
        child = psutil.Popen(
            [sys.executable, "-m", *module, *where], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        peak = _watch(child)
        wall = time.perf_counter() - begin
        if child.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(module)} failed:\n{output.read().decode()[-2000:]}")
    return wall, peak


def _watch(child: psutil.Popen) -> int:
    peak = 0
    while child.poll() is None:
        try:
            peak = max(peak, child.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(POLL)
    child.wait()
    return peak


def _phases(args: list[str]) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "phases.json"
        wall, _ = run(["benchmarks.phases", str(file), str(time.time()), *args])
        seconds: dict[str, float] = json.loads(file.read_text())
    seconds["end of Python"] = wall - sum(seconds.values())
    rows = [[name, number(taken), f"{taken / wall:.0%}"] for name, taken in seconds.items()]
    rows.append(["the whole run", number(wall), "100%"])
    return Table("phases", "Where the time of one run goes", ("phase", "seconds", "of the whole"), rows)
