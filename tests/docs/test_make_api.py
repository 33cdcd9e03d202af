"""The API reference: every public name has a docstring, and its page builds without a warning (warnings are errors)."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from docs.make_api import PACKAGES

ROOT = Path(__file__).parents[2]
PUBLIC = [(package, name) for package in PACKAGES for name in import_module(package).__all__]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("api")
    command = [sys.executable, "-W", "error::UserWarning", "-m", "docs.make_api", "--output", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert (folder / "index.html").is_file()
    return {package: (folder / f"{package.replace('.', '/')}.html").read_text() for package in PACKAGES}


@pytest.mark.parametrize(("package", "name"), PUBLIC)
def test_every_public_name_is_on_its_page(pages: dict[str, str], package: str, name: str) -> None:
    value = getattr(import_module(package), name)
    assert f'id="{name}"' in pages[package] or f">{name}<" in pages[package]
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__
        first = inspect.getdoc(value).splitlines()[0].split("`")[0].split("<")[0].split("'")[0]  # type: ignore[union-attr]
        assert first.strip() in pages[package].replace("&#39;", "'")
