"""metrics.csv: the curves of a run as a table, beside TensorBoard's file."""

import csv
import io
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from letters_torch import files

NAME = "metrics.csv"
FIRST = ("step", "seconds")


class MetricsCsv:
    """Writes one row per validation: `step`, `seconds` and the metrics, as Lightning's CSVLogger names them.

    `seconds` is the time since the run began to log; the pause between a stop and a resume does not count. Rows that an
    earlier process logged at `purge_from` and beyond are dropped. The folder must exist.
    """

    def __init__(self, folder: Path, purge_from: int | None = None) -> None:
        self.file = folder / NAME
        self._rows = [row for row in read(self.file) if purge_from is None or row["step"] < purge_from]
        self._began = time.monotonic() - seconds(self._rows)
        self._columns = [*FIRST, *dict.fromkeys(name for row in self._rows for name in row if name not in FIRST)]
        self._whole = False  # the file holds exactly these rows and columns

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Adds a row and writes it out; OSError if that fails."""
        row = {"step": step, "seconds": time.monotonic() - self._began, **metrics}
        new = [name for name in metrics if name not in self._columns]
        self._columns += new
        self._rows.append(row)
        if new or not self._whole:
            header = dict(zip(self._columns, self._columns, strict=True))
            files.write(self.file, self._text([header, *map(_cells, self._rows)]).encode(), sync=False)
            self._whole = True
        else:
            with self.file.open("a", encoding="utf-8", newline="") as file:
                file.write(self._text([_cells(row)]))

    def _text(self, rows: Iterable[Mapping[str, str]]) -> str:
        text = io.StringIO(newline="")
        csv.DictWriter(text, self._columns, lineterminator="\n").writerows(rows)
        return text.getvalue()


def _cells(row: Mapping[str, float]) -> dict[str, str]:
    formats = {"step": ".0f", "seconds": ".3f"}
    return {name: format(value, formats.get(name, ".8g")) for name, value in row.items()}  # metrics are of float32


def read(file: Path) -> list[dict[str, float]]:
    """The rows of a metrics.csv, ours or that of Lightning's CSVLogger, by column; none if there is no file.

    Empty cells are left out, and so are rows without a step and a last line that a killed process left without its end.
    """
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    rows = [{name: _number(cell) for name, cell in row.items() if name} for row in csv.DictReader(whole)]
    kept = ({name: value for name, value in row.items() if value is not None} for row in rows)
    return [row for row in kept if 0 <= row.get("step", math.nan) < math.inf]


def _number(cell: str | list[str] | None) -> float | None:
    try:
        return float(cell) if isinstance(cell, str) and cell else None
    except ValueError:
        return None


def seconds(rows: list[dict[str, float]]) -> float:
    """The training time up to the last row; 0 if the rows do not say."""
    return max((row["seconds"] for row in rows if math.isfinite(row.get("seconds", math.nan))), default=0.0)
