"""The figures that README.md and the engine quote: each is a cell of a table, and is put there by a program.

`python -m benchmarks quote` brings them up to the tables; tests/benchmarks/test_figures.py holds them to it.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

BENCHMARKS, RECIPES = "docs/benchmarks.md", "docs/recipes.md"
ACCURACY = "val/acc, mean ± sd"  # as a study heads it


class Cell(NamedTuple):
    """A place in a table of a page: the table's key, the row's first cell, the column's heading."""

    page: str
    table: str
    row: str
    column: str


class Quote(NamedTuple):
    """A phrase with one figure, {}, and the cells that it comes from: the smallest of them."""

    file: str
    phrase: str
    cells: tuple[Cell, ...]
    form: Callable[[float], str]


def two_digits(value: float) -> str:
    """Two significant digits: 2.1, 32, 120."""
    return f"{float(f'{value:.2g}'):.1f}" if value < 9.95 else f"{float(f'{value:.2g}'):.0f}"


def hundredths(value: float) -> str:
    """0.89."""
    return f"{value:.2f}"


def _times(*rows: str) -> tuple[Cell, ...]:
    return tuple(Cell(BENCHMARKS, "peers", row, "times ours") for row in rows)


EAGER, LOOPS = "PyTorch eager, torch.optim.SGD", ("a compiled loop (Numba)", "the same, one pass over V a step")
INIT, ENGINE = "src/letters_torch/exact_sgd/__init__.py", "src/letters_torch/exact_sgd/engine.py"
QUOTES = (
    Quote("README.md", "1/{} of the time of PyTorch's eager autograd", _times(EAGER), two_digits),
    Quote("README.md", "1/{} of scikit-learn's", _times("scikit-learn MLPClassifier"), two_digits),
    Quote("README.md", "1/{} of JAX's compiled scan", _times("JAX, jit and lax.scan"), two_digits),
    Quote("README.md", "1/{} of the fastest compiled loop's", _times(*LOOPS), two_digits),
    Quote("README.md", "1/{} of a plain Lightning loop's", _times("a plain Lightning loop, augmented"), two_digits),
    Quote("README.md", "1/{} of the notebook's", _times("the notebook's NumPy step, augmented"), two_digits),
    Quote(INIT, "1/{} of the time of PyTorch's eager autograd", _times(EAGER), two_digits),
    Quote(INIT, "1/{} of the time of the fastest compiled loop", _times(*LOOPS), two_digits),
    Quote(ENGINE, "some {} times slower", _times(EAGER), two_digits),
    Quote(
        "README.md", "{} of real letters by unseen writers", (Cell(RECIPES, "recipes", "base", ACCURACY),), hundredths
    ),
    Quote(
        "README.md",
        "where `kaggle.yaml` reads {}",
        (Cell(RECIPES, "recipes", "all as in kaggle.yaml", ACCURACY),),
        hundredths,
    ),
)
FIGURE = r"(\d+(?:\.\d+)?)"


def value(root: Path, cell: Cell) -> float:
    """The number at the start of a cell.

    Raises:
        ValueError: the page has no such cell, or no number is in it.
    """
    text, column = (root / cell.page).read_text(encoding="utf-8"), 0
    for line in text.partition(f"<!-- {cell.table}: begin -->")[2].partition("<!--")[0].splitlines():
        cells = [part.strip() for part in line.strip("|").split("|")]
        if cell.column in cells:
            column = cells.index(cell.column)
        elif column and cells[0] == cell.row:
            found = re.match(r"[\d.,]+", cells[column])
            if found:
                return float(found.group().replace(",", ""))
    raise ValueError(f"{cell.page} has no number in {cell.table}, row {cell.row!r}, column {cell.column!r}")


def update(root: Path) -> list[str]:
    """Brings all quoted figures up to the tables; returns the files that it changed.

    Raises:
        ValueError: a file does not have a phrase exactly once, or a cell is missing.
    """
    changed = []
    for quote in QUOTES:
        file = root / quote.file
        text = file.read_text(encoding="utf-8")
        new = replaced(text, quote, quote.form(min(value(root, cell) for cell in quote.cells)))
        if new != text:
            file.write_text(new, encoding="utf-8")
            changed.append(quote.file)
    return sorted(set(changed))


def replaced(text: str, quote: Quote, figure: str) -> str:
    """The text with that figure in the phrase, which may go over the end of a line."""
    before, after = (r"\s+".join(map(re.escape, part.split(" "))) for part in quote.phrase.split("{}"))
    found = list(re.finditer(before + FIGURE + after, text))
    if len(found) != 1:
        raise ValueError(f"{quote.file} has {quote.phrase!r} {len(found)} times, not once")
    begin, end = found[0].span(1)
    return text[:begin] + figure + text[end:]
