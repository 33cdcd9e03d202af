"""Puts the page together: its parts lie beside this file, and everything they need goes into the one HTML file."""

import json
import re
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from letters_torch.data.directions import DIRECTIONS
from letters_torch.data.standardize import Standardizer
from letters_torch.errors import UserError
from letters_torch.exact_sgd.formulas import Array
from letters_torch.letters import ALPHABET, Letters
from letters_torch.pages.draw import embed

HERE = Path(__file__).parent
# In the order in which each needs those before it.
SCRIPTS = (
    *("bytes", "network", "moments", "directions", "resample", "filters", "photograph", "picture", "model", "walk"),
    *("dom", "pad", "accuracy", "reading", "teaching", "training", "hand", "lesson", "main"),
)
MOST_LETTERS = 500
LARGEST = 1_198_000  # bytes of the file: fewer letters are embedded where it would become larger
LOOKS_FOR_INK = "Blue in its weights marks where it looks for ink. Which stroke does it look for?"
LOOKS_FOR_EDGES = (
    f"Its weights are {DIRECTIONS} small maps of edges, one for each direction. Blue marks where it looks for such an"
    " edge. Which stroke does it look for?"
)
LARGEST_WEIGHT = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Training:
    """How the page's network is trained further."""

    lr: float  # that the page begins with
    lam: float  # the strength of the L2 term, half of torch's weight_decay
    smoothing: float = 0.0  # of the labels, 0 to 1
    initial_scale: float = 1.0  # of freshly drawn weights, times the notebook's


@dataclass(frozen=True)
class Contents:
    """What the page shows."""

    V: Array  # first layer, (hidden, 785)
    W: Array  # second layer, (26, hidden + 1)
    standardizer: Standardizer  # what a letter goes through before the network
    letters: Letters  # labelled ones to read, to count on and to train on
    rows: npt.NDArray[np.int64]  # the number of each of the letters in its set
    row: int | None  # the number of the letter that the page opens with; None for an empty paper
    training: Training
    origin: str = ""  # where weights and letters are from, a sentence
    note: str = ""  # a warning about the letters
    opens: str = ""  # the id of the part that the page opens at; empty for its top
    derivation: str = ""  # a link to docs/derivation.md; empty where it is not at hand


def document(contents: Contents) -> str:
    """The page; UserError if a weight is too large for float16."""
    if max(np.abs(contents.V).max(), np.abs(contents.W).max()) > LARGEST_WEIGHT:
        raise UserError(f"a weight exceeds {LARGEST_WEIGHT:g} and does not fit the page; use an earlier checkpoint")
    page = _filled(contents)
    beyond, count = len(page.encode()) - LARGEST, len(contents.letters)
    if beyond <= 0 or not count:
        return page
    each = len(embed.pixels(contents.letters.images)) / count
    return _filled(_first(contents, max(2, count - 2 - int(1.05 * beyond / each))))


def script(name: str) -> str:
    """The text of one of `SCRIPTS`."""
    return (HERE / "js" / f"{name}.js").read_text(encoding="utf-8")


def data(contents: Contents) -> dict[str, Any]:
    """What `js/model.js` is created from."""
    standardizer, labels = contents.standardizer, contents.letters.labels
    assert labels is not None
    mean, inv_std = (_short(table.numpy()) for table in (standardizer.mean, standardizer.inv_std))
    return {
        "hidden": len(contents.V),
        "V": embed.base64_of(contents.V, "<f2"),
        "W": embed.base64_of(contents.W, "<f2"),
        "mean": embed.base64_of(mean, "<f4"),
        "inv_std": embed.base64_of(inv_std, "<f4"),
        "moments": asdict(standardizer.moments) if standardizer.moments else None,
        "directions": standardizer.directions,
        "pixels": embed.pixels(contents.letters.images),
        "labels": "".join(ALPHABET[label - 1] for label in labels.tolist()),
        "rows": contents.rows.tolist(),
        "row": contents.row,
        **asdict(contents.training),
        "open": contents.opens,
    }


def _short(table: Array) -> Array:
    """One value where all are the same."""
    return table.reshape(-1)[:1] if (table == table.flat[0]).all() else table


def _filled(contents: Contents) -> str:
    """The template with its marks replaced."""
    edges = contents.standardizer.directions
    parts = {
        "seen": "its edges, as the network sees them" if edges else "as the network sees it",
        "looks": LOOKS_FOR_EDGES if edges else LOOKS_FOR_INK,
        "style": (HERE / "draw.css").read_text(encoding="utf-8"),
        "hidden": str(len(contents.V)),
        "note": f'<p class="warn">{escape(contents.note)}</p>' if contents.note else "",
        "origin": escape(contents.origin),
        "data": json.dumps(data(contents), separators=(",", ":")).replace("</", "<\\/"),
        "scripts": "\n".join(map(script, SCRIPTS)),
    }

    def fill(mark: re.Match[str]) -> str:
        name, section, text = mark.groups()
        return _link(contents.derivation, section, text) if text else parts[name]

    template = (HERE / "page.html").read_text(encoding="utf-8")
    return re.sub(r"<!-- ([a-z]+)(?:#(\d+))?(?:: ([\w ]+))? -->", fill, template)


def _link(derivation: str, section: str | None, text: str) -> str:
    """The text, linked to a section of the derivation where that is at hand."""
    if not derivation:
        return text
    anchor = f"#{ANCHORS[section]}" if section else ""
    return f'<a href="{escape(derivation + anchor)}">{text}</a>'


# The headings of docs/derivation.md as its viewers turn them into anchors.
ANCHORS = {
    "1": "1-forward",
    "2": "2-cross-entropy",
    "3": "3-the-softmax-jacobian",
    "4": "4-the-second-layer",
    "5": "5-the-first-layer",
    "6": "6-l2-and-why-weight_decay-is-2λ",
    "7": "7-the-update",
    "8": "8-label-smoothing",
}


def _first(contents: Contents, count: int) -> Contents:
    """With the first `count` letters, the one that the page opens with among them."""
    keep = np.arange(count)
    if contents.row is not None and contents.row not in contents.rows[keep]:
        keep[-1] = int(np.flatnonzero(contents.rows == contents.row)[0])
    return replace(contents, letters=contents.letters[keep], rows=contents.rows[keep])
