"""Tables, as text for a terminal and as Markdown for a page: the same characters serve both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Table:
    """A title, a heading, rows of cells and notes below them.

    Attributes:
        key: names the place on the page that the table goes to.
    """

    key: str
    title: str
    heading: Sequence[str]
    rows: Sequence[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Markdown, its columns aligned: the first to the left, the others to the right."""
        cells = [self.heading, *self.rows]
        widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
        rule = [("-" * (w - 1) + (":" if i else "-")) for i, w in enumerate(widths)]
        lines = [_line(row, widths) for row in (self.heading, rule, *self.rows)]
        return "\n".join([f"**{self.title}**", "", *lines, *(text for note in self.notes for text in ("", note))])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]
    return "| " + " | ".join(padded) + " |"


def number(value: float) -> str:
    """Three significant digits, without an exponent: 0.0123, 1.23, 12.3, 123, 1,234."""
    if value != 0 and abs(value) < 1:
        return f"{value:.3g}" if abs(value) >= 1e-4 else f"{value:.0e}"
    return f"{value:,.{2 if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"


def ratio(value: float) -> str:
    """Two significant digits, which is what a ratio of times deserves: 0.95x, 2.0x, 32x, 120x."""
    digits = 1 - math.floor(math.log10(value)) if value > 0 else 1
    rounded = round(value, digits)
    return f"{rounded:,.{max(0, 1 - math.floor(math.log10(rounded)) if rounded > 0 else 1)}f}x"
