"""Figures that are quoted outside the tables are those of the tables."""

import re
import shutil
from pathlib import Path

import pytest

from benchmarks import figures
from benchmarks.figures import BENCHMARKS, QUOTES, RECIPES, Cell

ROOT = Path(__file__).parents[2]
EAGER = Cell(BENCHMARKS, "peers", figures.EAGER, "times ours")


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: f"{quote.file}: {quote.phrase}")
def test_a_quoted_figure_is_the_tables(quote: figures.Quote) -> None:
    text = " ".join((ROOT / quote.file).read_text(encoding="utf-8").split())
    figure = quote.form(min(figures.value(ROOT, cell) for cell in quote.cells))
    assert quote.phrase.format(figure) in text, "python -m benchmarks quote brings it up to the table"


def test_no_other_fraction_is_claimed() -> None:
    [bullet] = re.findall(r"- \*\*fast\*\*.*?(?=- \*\*reliable)", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(re.findall(r"1/[\d.]+", bullet)) == sum("1/{}" in q.phrase for q in QUOTES if q.file == "README.md")


@pytest.mark.parametrize(("value", "text"), [(2.094, "2.1"), (9.96, "10"), (32.2, "32"), (119.6, "120")])
def test_two_digits(value: float, text: str) -> None:
    assert figures.two_digits(value) == text


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The quoting files and the pages of the tables."""
    for name in {BENCHMARKS, RECIPES, *(quote.file for quote in QUOTES)}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_new_tables_are_quoted(copy: Path) -> None:
    page = copy / BENCHMARKS
    old = re.compile(rf"(\| {re.escape(figures.EAGER)} *(?:\|[^|\n]*)*\| *){figures.value(ROOT, EAGER):g}x")
    text, count = old.subn(r"\g<1>123.4x", page.read_text("utf-8"), count=1)
    assert count == 1
    page.write_text(text, "utf-8")
    assert figures.value(copy, EAGER) == 123.4
    assert figures.update(copy) == ["README.md", figures.INIT, figures.ENGINE]
    assert "1/120 of the time of PyTorch's" in " ".join((copy / "README.md").read_text("utf-8").split())
    assert "some 120 times slower" in " ".join((copy / figures.ENGINE).read_text("utf-8").split())
    assert figures.update(copy) == []


def test_a_phrase_or_a_cell_that_is_gone_is_named(copy: Path) -> None:
    with pytest.raises(ValueError, match="no number in peers, row 'nobody'"):
        figures.value(copy, EAGER._replace(row="nobody"))
    with pytest.raises(ValueError, match="column 'nothing'"):
        figures.value(copy, EAGER._replace(column="nothing"))
    (copy / "README.md").write_text("nothing", "utf-8")
    with pytest.raises(ValueError, match="0 times, not once"):
        figures.update(copy)
