"""Counts what the tests tried, and writes it into docs/reliability.md: `pytest --slow --write-figures`."""

import os
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from letters_torch import files

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reliability.md"
FIGURES = Counter[str]()


def section(name: str) -> list[str]:
    """The lines of the page between the marks `<!-- NAME: begin -->` and `<!-- NAME: end -->`."""
    return _parts(name)[1].strip("\n").split("\n")


def put(name: str, lines: Iterable[str]) -> None:
    """Replaces the lines between these marks."""
    before, _, after = _parts(name)
    PAGE.write_text("\n".join([before, *lines, after]), encoding="utf-8")


def _parts(name: str) -> tuple[str, str, str]:
    """The page up to the first mark, what is between the marks, and the page from the second on."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = PAGE.read_text(encoding="utf-8").split(begin)
    between, after = rest.split(end)
    return before + begin, between, end + after


def conditions() -> str:
    """The commit and the machine, for a sentence."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return f"commit {asked.stdout.strip() or 'unknown'}, a machine of {os.cpu_count()} cores"


def table(figures: Mapping[str, int]) -> list[str]:
    """What a run of the tests counted, and the time that a checkpoint takes to write."""
    rows = [f"| {what} | {count:,} |" for what, count in sorted(figures.items())]
    times = " and ".join(f"{1000 * seconds_to_write(sync):.1f} ms" for sync in (True, False))
    return [
        f"Measured with {conditions()}:",
        *("", "| | |", "|---|---:|", *rows),
        f"| time to write 1.3 MB and rename it, with and without a sync; the median of 50 | {times} |",
    ]


def seconds_to_write(sync: bool) -> float:
    """The median time of `files.write` for a checkpoint of the 784-400-26 network, in the folder of temporary files."""
    taken, content = [], os.urandom(1_300_000)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(50):
            began = time.perf_counter()
            files.write(Path(folder, "last.ckpt"), content, sync)
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)
