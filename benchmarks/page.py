"""Puts measured tables into a page, each between its own markers, so that no figure there is typed by hand."""

import re
from pathlib import Path

from benchmarks.table import Table


def update(page: Path, tables: list[Table], measured_on: str) -> None:
    """Replaces the tables in the page; the rest of it stays as it is.

    Raises:
        ValueError: the page has no place for one of them.
    """
    text = page.read_text(encoding="utf-8")
    for table in tables:
        text = _replaced(text, table, measured_on, page)
    page.write_text(text, encoding="utf-8")


def _replaced(text: str, table: Table, measured_on: str, page: Path) -> str:
    begin, end = f"<!-- {table.key}: begin -->", f"<!-- {table.key}: end -->"
    place = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not place.search(text):
        raise ValueError(f"{page} has no place for the table {table.key}: {begin} ... {end}")
    section = f"{begin}\n{table}\n\nMeasured on: {measured_on}.\n{end}"
    return place.sub(lambda _: section, text)
