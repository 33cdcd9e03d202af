"""Writes the page of `draw`, and that of `explain`: the same page, opened at one step by hand."""

import os.path
from pathlib import Path
from typing import Any

import numpy as np

from letters_torch import checkpoint as checkpoints
from letters_torch import files, resume
from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.data.standardize import Standardizer
from letters_torch.errors import UserError
from letters_torch.letters import Letters
from letters_torch.lightning.module import LettersModule
from letters_torch.pages.draw.document import HERE, MOST_LETTERS, Contents, Training, document
from letters_torch.paths import output_errors
from letters_torch.synthetic.make import make

DERIVATION = HERE.parents[3] / "docs" / "derivation.md"


def draw(checkpoint: Path, path: Path | None = None, output: Path = Path("draw.html")) -> Path:
    """Writes the page for a checkpoint of a run, and returns its file.

    The run's letters are at `path` or, if it is None, where they were in training.

    Raises:
        UserError: the checkpoint cannot be read, `path` holds no letters or the run's in another split, or the page
            cannot be written.
    """
    module, content = LettersModule.load_from_checkpoint(checkpoint), checkpoints.load(checkpoint)
    letters, origin, note = _letters(checkpoint, content, path)
    return _write(
        output,
        module,
        f"{checkpoint.name}, after {module.step:,} steps. Letters: {origin}.",
        standardizer=_standardizer(content),
        letters=letters,
        rows=np.arange(len(letters)),
        row=0,
        note=note,
    )


def explain(
    module: LettersModule, data: LettersDataModule, checkpoint: Path | None, row: int, output: Path | None
) -> Path:
    """Writes the page, opened at one step by hand on the validation row of this index, and returns its file.

    The weights are the checkpoint's or, if it is None, the module's. The file is `output` or explain.html.

    Raises:
        UserError: there is no such row, the checkpoint cannot be used, or the page cannot be written.
    """
    content = None if checkpoint is None else checkpoints.load(checkpoint)
    if content is not None:
        module.load(content)
    data.setup("validate")
    if not 0 <= row < len(data.val):
        raise UserError(f"--row must be 0 to {len(data.val) - 1}, a validation row, not {row}")
    assert data.standardizer is not None
    rows = np.arange(min(len(data.val), MOST_LETTERS))
    rows[-1] = max(rows[-1], row)
    weights = "freshly drawn" if checkpoint is None else f"{checkpoint.name}, after {module.step:,} steps"
    return _write(
        output or Path("explain.html"),
        module,
        f"{weights}. Letters: {_origin(data)}.",
        standardizer=data.standardizer if content is None else _standardizer(content),
        letters=data.val[rows],
        rows=rows,
        row=row,
        opens="hand",
    )


def _standardizer(content: dict[str, Any]) -> Standardizer:
    return Standardizer.from_state(content["LettersDataModule"]["standardizer"])


def _write(file: Path, module: LettersModule, origin: str, **shown: Any) -> Path:
    """Writes the page for a module, with what else `Contents` has."""
    V, W = (weights.detach().double().cpu().numpy() for weights in (module.V, module.W))
    first = module.hparams["schedule"][0]  # a later stage's rates may be too small to move any weight visibly
    training = Training(
        first["lr"], first["weight_decay"] / 2, module.hparams["label_smoothing"], module.hparams["initial_scale"]
    )
    link = _derivation(file)
    page = document(Contents(V, W, training=training, origin=f"Weights: {origin}", derivation=link, **shown)).encode()
    with output_errors(file):
        files.write(file, page)
    say(f"{file}: {len(page) / 1e6:.2f} MB; open it in a browser")
    return file


def _letters(checkpoint: Path, content: dict[str, Any], path: Path | None) -> tuple[Letters, str, str]:
    """The first validation rows of the run, where they are from, and a warning if they are others than the run's."""
    try:
        data = LettersDataModule.load_from_checkpoint(checkpoint, **({} if path is None else {"path": path}))
        data.setup("validate")
    except UserError as error:
        if path is not None:
            raise
        note = f"The run's letters cannot be read here ({error}); these are built-in letters, drawn by the program."
        return make(MOST_LETTERS, test=True), "built-in", note
    resume.require_same_split(content["LettersDataModule"], data.state_dict())
    assert data.sets is not None
    note = "Built-in letters, drawn by the program, not handwriting." if data.sets.source == "builtin" else ""
    return data.val[:MOST_LETTERS], _origin(data), note


def _origin(data: LettersDataModule) -> str:
    assert data.sets is not None
    return f"validation rows of {data.sets.origin}"


def _derivation(output: Path) -> str:
    """The way from the page to docs/derivation.md; empty where the package lies outside its repository."""
    if not DERIVATION.is_file():
        return ""
    return Path(os.path.relpath(DERIVATION, output.absolute().parent)).as_posix()
