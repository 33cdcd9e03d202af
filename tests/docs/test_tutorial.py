"""The tutorial: the notebook is made from the text, and runs."""

from pathlib import Path

import nbformat
import pytest

from docs import make_tutorial


def test_the_notebook_is_the_text() -> None:
    """If it is not: python -m docs.make_tutorial."""
    built, source = nbformat.read(make_tutorial.NOTEBOOK, as_version=4), make_tutorial.read()
    assert [(cell.cell_type, cell.source) for cell in built.cells] == [(c.cell_type, c.source) for c in source.cells]


def test_the_notebook_was_run_without_an_error() -> None:
    code = [cell for cell in nbformat.read(make_tutorial.NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [out for cell in code for out in cell.outputs if out.output_type == "error"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own libraries
def test_it_runs(tmp_path: Path) -> None:
    """Every cell, in an empty folder; the assertions in it hold."""
    notebook = make_tutorial.run(make_tutorial.read(), tmp_path)
    assert (tmp_path / "result.csv").read_text().startswith("Id,Category\n1,")
    assert list(tmp_path.glob("lightning_logs/*/report.html"))
    text = "\n".join(out.text for cell in notebook.cells for out in cell.get("outputs", []) if "text" in out)
    assert "standard deviation" in text
    assert str(tmp_path) not in text
    assert (tmp_path / "draw.html").stat().st_size > 200_000
