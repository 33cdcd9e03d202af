"""The figures of a page, as SVG that is legible on light and on dark.

The background is transparent. Lines and text have one colour, which `svg` replaces by the colour of the page's text.
"""

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from letters_torch.drawing import tiles
from letters_torch.letters import ALPHABET, CLASSES

INK = "#010203"  # nearly black, and used for nothing else
TRAIN, VAL, NOTEBOOK = "#e08a1e", "#2b83d6", "#8a8f98"  # mid tones: they show on white and on black
_RC: Any = {
    "svg.fonttype": "none",  # letters stay letters: small, sharp, and in the page's font
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}

Curve = Sequence[tuple[int, float]]  # (step, value)


def _figure(width: float, height: float, **kwargs: Any) -> tuple[Figure, Any]:
    """A figure in inches and its axes; no pyplot, which would keep a state and look for a screen."""
    figure = Figure((width, height), layout="constrained")
    return figure, figure.subplots(**kwargs)


@mpl.rc_context(_RC)
def curves(
    curves: Mapping[str, Curve], stage_ends: Sequence[int], reference: Curve = (), reference_label: str = ""
) -> Figure:
    """Accuracy and loss over the steps, another run's accuracy as a dashed line, and the stages numbered.

    The curves are by TensorBoard's tags: "val/acc", "train/acc", "val/loss", "train/loss"; any may be missing.
    """
    figure, (accuracy, loss) = _figure(5.2, 5.7, nrows=2, sharex=True, height_ratios=(3, 2))
    _line(accuracy, reference, reference_label, NOTEBOOK, linestyle="--", linewidth=1.2)
    for axes, kind in ((accuracy, "acc"), (loss, "loss")):
        _line(axes, curves.get(f"train/{kind}", ()), "training", TRAIN)
        _line(axes, curves.get(f"val/{kind}", ()), "validation", VAL)
    last = max((step for curve in curves.values() for step, _ in curve), default=0) or 1
    _mark_stages(accuracy, loss, stage_ends, last)
    accuracy.set(ylabel="accuracy", ylim=(0, 1))
    accuracy.yaxis.set_major_formatter(PercentFormatter(1))
    loss.set(ylabel="loss (nats)", xlabel="step", ylim=(0, None))
    loss.xaxis.set_major_locator(MaxNLocator(5))
    loss.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    # Beside the axes: inside, a stage's line or a curve would cross it sooner or later.
    figure.legend(*accuracy.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _line(axes: Any, curve: Curve, label: str, colour: str, **kwargs: Any) -> None:
    if curve:
        axes.plot(*zip(*curve, strict=True), label=label, color=colour, **kwargs)


def _mark_stages(top: Any, bottom: Any, ends: Sequence[int], last: int) -> None:
    """A dotted line at the end of each stage, and its number above the part of it that was run."""
    begins = [0, *ends[:-1]]
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True), 1):
        if begin < last:
            top.text((begin + min(end, last)) / 2, 1.01, str(number), ha="center", va="bottom", fontsize=9)
        if end < last:
            for axes in (top, bottom):
                axes.axvline(end, color=INK, linewidth=0.7, linestyle=":")
    top.set_xlim(0, last)


@mpl.rc_context(_RC)
def confusion_matrix(counts: npt.NDArray[np.int64]) -> Figure:
    """Counts [truth, prediction], (26, 26), with letters on both axes; the colour is the share of the row's letter."""
    figure, axes = _figure(7.2, 7.2)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(tiles.signed(0.7 * np.sqrt(shares), 1.0), interpolation="nearest")  # the root brings out the rare
    for truth, predicted in np.argwhere(counts).tolist():
        count = str(counts[truth, predicted])
        axes.text(predicted, truth, count, ha="center", va="center", fontsize=7, in_layout=False)
    axes.set_xticks(range(CLASSES), list(ALPHABET))
    axes.set_yticks(range(CLASSES), list(ALPHABET))
    axes.tick_params(length=0, labeltop=True, labelright=True)
    axes.set(xlabel="read as", ylabel="true letter")
    axes.spines[:].set_visible(False)
    return figure


def svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an <svg> element whose ink is the colour of the text around it.

    The name is unique among the figures of a page, as it begins the ids. The label tells a screen reader what is shown.
    """
    file = io.StringIO()
    with mpl.rc_context({**_RC, "svg.hashsalt": name}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"|(<metadata>.*?</metadata>)', r"\1", text, flags=re.S)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
