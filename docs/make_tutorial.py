"""Makes docs/tutorial.ipynb from docs/tutorial.md, and runs it: python -m docs.make_tutorial [--output FILE].

The text is the source; the notebook holds the same cells with their outputs.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

SOURCE = Path(__file__).with_name("tutorial.md")
NOTEBOOK = SOURCE.with_suffix(".ipynb")
SECONDS = 600  # a cell may take


def read() -> Any:
    """The notebook, not run."""
    notebook = jupytext.read(SOURCE)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # not random, so that a new build changes nothing that did not change
    return notebook


def run(notebook: Any, folder: Path) -> Any:
    """Runs all cells in a folder, in place, and returns the notebook. Its outputs do not name the folder.

    Args:
        notebook: from `read`.
        folder: an absolute path.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}}).execute()
    for output in (output for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output):
        output.text = output.text.replace(f"{folder}{os.sep}", "")
    return notebook


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m docs.make_tutorial", description=__doc__)
    parser.add_argument("--output", type=Path, default=NOTEBOOK)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        notebook = run(read(), Path(folder).resolve())
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of the day
    nbformat.write(notebook, options.output)
    print(options.output)


if __name__ == "__main__":
    main()
