"""Builds the API reference from the docstrings: python -m docs.make_api [--output build/api].

There is a page for each package in PACKAGES, with the public names: those of its `__all__`.
"""

import argparse
from importlib import import_module
from pathlib import Path

import pdoc
from pdoc import doc, render

PACKAGES = ("letters_torch", "letters_torch.exact_sgd", "letters_torch.sklearn")


def build(folder: Path) -> None:
    """Writes the pages into a folder, which is made if needed; index.html links to them.

    Raises:
        ImportError: a package, or something that it needs, is not installed.
    """
    pdoc.render.configure(docformat="google", search=False)
    for package in PACKAGES:
        module = import_module(package)
        for name in module.__all__:
            getattr(module, name)  # imports the names that are imported on first use
    modules = {package: doc.Module.from_name(package) for package in PACKAGES}
    for package, page in modules.items():
        file = folder / f"{package.replace('.', '/')}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(render.html_module(page, modules), encoding="utf-8")
    (folder / "index.html").write_text(render.html_index(modules), encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m docs.make_api", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/api"), help="folder (default: build/api)")
    options = parser.parse_args()
    build(options.output)
    print(options.output / "index.html")


if __name__ == "__main__":
    main()
