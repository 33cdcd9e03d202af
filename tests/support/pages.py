"""A run to report on, and what is read out of a page."""

import base64
import io
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from letters_torch.data.datamodule import LettersDataModule
from letters_torch.exact_sgd import formulas


def hush() -> None:
    """As the command line does: what Lightning warns of is nothing that is tested here. Until the test ends."""
    warnings.filterwarnings("ignore", module="pytorch_lightning")


def probabilities(checkpoint: Path, data: LettersDataModule) -> np.ndarray:
    """Of the validation rows, (N, 26), by the derivation's formulas from the weights on file."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    V, W = state["V"].double().numpy(), state["W"].double().numpy()
    x = torch.cat([batch.x for batch in data.val_dataloader()[0]]).double().numpy()
    return np.stack([formulas.forward(V, W, row).g for row in x])


def counts(truth: np.ndarray, reading: np.ndarray) -> np.ndarray:
    """[truth, reading], counted one by one."""
    result = np.zeros((26, 26), np.int64)
    for t, r in zip(truth, reading, strict=True):
        result[t, r] += 1
    return result


def axes_lines(axes: Any) -> dict[str, list[tuple[float, float]]]:
    """The points of a figure's lines, by label; matplotlib labels those that have none `_child...`."""
    return {line.get_label(): list(map(tuple, line.get_xydata().tolist())) for line in axes.get_lines()}


class Page(HTMLParser):
    """What a reader sees: headings, table rows, captioned images; and what a browser would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.rows: list[list[str]] = []
        self.figures: list[tuple[str, np.ndarray]] = []  # the alt text and the pixels
        self.fetched: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        found = dict(attrs)
        self.fetched += [found[name] or "" for name in ("src", "href", "xlink:href") if name in found]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag in ("h1", "h2"):
            self.headings.append("")
        if tag == "img":
            self.figures.append((found["alt"] or "", pixels(found["src"] or "")))

    def handle_data(self, data: str) -> None:
        tag = self._open[-1] if self._open else ""
        if tag not in ("style", "title"):
            self.words.append(data)
        if tag in ("td", "th"):
            self.rows[-1][-1] += data
        if tag in ("h1", "h2"):
            self.headings[-1] += data

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def pixels(data_uri: str) -> np.ndarray:
    head, code = data_uri.split(",", 1)
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(code))))
