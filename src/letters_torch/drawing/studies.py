"""Figures of a study: differences with their intervals, curves with bands, accuracy over cost."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from letters_torch.drawing.figures import _RC, INK, VAL, Curve, _figure

COLOURS = ("#2b83d6", "#e08a1e", "#2ca25f", "#c0504d", "#8856a7", "#0f9d9d", "#b58900", "#8a8f98")

WIDTH, TEXT = 6.2, 9.5  # inches, points: 10 pixels on a phone, where the page draws a figure 480 pixels wide

CHARACTERS = 34  # of a name on a line, so that two fit beside each other in a legend

VERDICTS = {"better": VAL, "worse": "#c0504d", "open": "#8a8f98"}


@mpl.rc_context(_RC)
def forest(differences: Mapping[str, tuple[float, float, float, str]], xlabel: str) -> Figure:
    """A row for each name (mean difference, ends of its interval, verdict), around a line at 0."""
    names = [fill(name, CHARACTERS) for name in differences]
    lines = 1 + max(name.count("\n") for name in names)
    figure, axes = _figure(WIDTH, 1.0 + 0.15 * (1 + lines) * len(names))
    for row, (mean, low, high, verdict) in enumerate(differences.values()):
        axes.plot([low, high], [row, row], color=VERDICTS[verdict], linewidth=2)
        axes.plot([mean], [row], "o", color=VERDICTS[verdict], markersize=5)
    axes.axvline(0, color=INK, linewidth=0.7)
    axes.set_yticks(range(len(names)), names, fontsize=TEXT)
    axes.set_ylim(len(names) - 0.4, -0.6)  # the first on top
    axes.set_xlabel(xlabel)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(axis="y", length=0)
    return figure


@mpl.rc_context(_RC)
def bands(curves: Mapping[str, Sequence[Curve]], ylabel: str) -> Figure:
    """For each name the mean of its curves, one for each seed, and a band of one standard deviation around several.

    Only steps that all curves of a name have are drawn.
    """
    figure, axes = _figure(WIDTH, 4.2)
    for (name, several), colour in zip(curves.items(), cycle(COLOURS), strict=False):
        steps, values = _together(several)
        if not steps:
            continue
        mean, sd = values.mean(0), values.std(0, ddof=1) if len(values) > 1 else np.zeros(len(steps))
        axes.plot(steps, mean, label=fill(name, CHARACTERS), color=colour)
        axes.fill_between(steps, mean - sd, mean + sd, color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel="step", ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    figure.legend(loc="outside lower center", ncols=2, fontsize=TEXT)
    return figure


def _together(curves: Sequence[Curve]) -> tuple[list[int], Any]:
    tables = [dict(curve) for curve in curves if curve]
    steps = sorted(set.intersection(*(set(table) for table in tables))) if tables else []
    return steps, np.array([[table[step] for step in steps] for table in tables])


@mpl.rc_context(_RC)
def costs(points: Mapping[str, tuple[float, float, float]], ylabel: str) -> Figure:
    """For each name (seconds a run, mean, standard deviation) as a point with a bar, numbered as in the legend."""
    figure, axes = _figure(WIDTH, 4.2)
    for number, (name, colour) in enumerate(zip(points, cycle(COLOURS), strict=False), 1):
        seconds, mean, sd = points[name]
        label = fill(f"{number}: {name}", CHARACTERS)
        axes.errorbar([seconds], [mean], yerr=[np.nan_to_num(sd)], fmt="o", color=colour, label=label)
        axes.annotate(str(number), (seconds, mean), textcoords="offset points", xytext=(5, 4), fontsize=TEXT)
    axes.set(xscale="log", xlabel="seconds a run", ylabel=ylabel)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", which="minor", labelsize=TEXT)
    figure.legend(loc="outside lower center", ncols=2, fontsize=TEXT)
    return figure
