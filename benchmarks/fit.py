"""The whole of `python -m letters_torch fit`, from the start of the process to its end, in a temporary folder."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

from benchmarks.phases import BEHIND
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
    runs = [_run(["letters_torch", *args]) for _ in range(repeats)]
    walls = [wall for wall, _ in runs]
    peak = max(rss for _, rss in runs) / 2**20
    rows = [[number(median(walls)), f"{number(min(walls))}..{number(max(walls))}", number(peak)]]
    heading = ("seconds, median", "lowest..highest", "peak memory, MiB")
    command = "`python -m letters_torch " + " ".join(["fit --config kaggle.yaml", *extra]) + "`"
    return [Table("fit", f"{command}, runs: {repeats}", heading, rows), _phases(args)]


def _run(module: list[str]) -> tuple[float, int]:
    """`python -m` these words in a folder of its own: (seconds, peak bytes of memory).

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        where = ["--trainer.default_root_dir", folder]
        begin = time.perf_counter()
        child = psutil.Popen([sys.executable, "-m", *module, *where], stdout=output, stderr=subprocess.STDOUT)
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
        wall, _ = _run(["benchmarks.phases", str(file), str(time.time()), *args])
        seconds: dict[str, float] = json.loads(file.read_text())
    beside = seconds.pop(BEHIND, 0.0)
    seconds["end of Python"] = wall - sum(seconds.values())
    rows = [[name, number(taken), f"{taken / wall:.0%}"] for name, taken in seconds.items()]
    rows += [["the whole run", number(wall), "100%"], [BEHIND, number(beside), f"{beside / wall:.0%}"]]
    return Table("phases", "Where the time of one run goes", ("phase", "seconds", "of the whole"), rows)
