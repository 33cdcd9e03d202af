"""Puts measured tables into a page, each between its own markers, so that no figure there is typed by hand."""

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.table import Table


def require_places(page: Path, keys: Iterable[str]) -> None:
    """Ends the program if the page cannot be read, cannot be written or has no place for one of the tables."""
    try:
        with page.open("r+", encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise SystemExit(f"--out {page}: {reason}; name an existing page with places for the tables") from error
    for key in keys:
        if not _place(key).search(text):
            raise SystemExit(f"--out {page}: no place for the table {key}; add the lines {_begin(key)} and {_end(key)}")


def update(page: Path, tables: list[Table], measured_on: str) -> None:
    """Replaces the tables in the page, which has a place for each; the rest of it stays as it is."""
    text = page.read_text(encoding="utf-8")
    for table in tables:
        before, after = _place(table.key).split(text, maxsplit=1)
        text = f"{before}{_begin(table.key)}\n{table}\n\nMeasured on: {measured_on}.\n{_end(table.key)}{after}"
    page.write_text(text, encoding="utf-8")


def _place(key: str) -> re.Pattern[str]:
    return re.compile(re.escape(_begin(key)) + ".*?" + re.escape(_end(key)), re.DOTALL)


def _begin(key: str) -> str:
    return f"<!-- {key}: begin -->"


def _end(key: str) -> str:
    return f"<!-- {key}: end -->"
