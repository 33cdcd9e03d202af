"""The results of a study's trials side by side: results.csv, best.yaml, and the figures of the page's tables."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from letters_torch.study import keys, statistics
from letters_torch.study.outcome import DIVERGED, FAILED, Result, result_of
from letters_torch.study.statistics import Difference, Estimate, Values
from letters_torch.study.study_file import METRICS, Setting, Study, Trial


@dataclass(frozen=True)
class Row:
    """A trial and its result."""

    trial: Trial
    result: Result | None  # None where it was not begun or was cut off


@dataclass(frozen=True)
class Results:
    """The trials of a study."""

    study: Study
    settings: tuple[Setting, ...]  # the base first; those that were drawn, last
    rows: tuple[Row, ...]  # of each setting with each seed
    final: tuple[Row, ...] = ()  # of the base and the best setting with the fresh seeds

    @classmethod
    def read(cls, study: Study, folder: Path, settings: tuple[Setting, ...], final: Sequence[Trial] = ()) -> "Results":
        """From the results in a study's folder."""
        rows = [Row(trial, result_of(folder, trial)) for trial in study.trials(settings, study.seeds)]
        return cls(study, settings, tuple(rows), tuple(Row(trial, result_of(folder, trial)) for trial in final))

    def of(self, setting: Setting, final: bool = False) -> list[Row]:
        """The rows of a setting."""
        return [row for row in (self.final if final else self.rows) if row.trial.setting == setting]

    def values(self, setting: Setting, final: bool = False) -> Values:
        """The metric by seed, of the trials that ended."""
        found = {row.trial.seed: row.result.last(self.study.metric) for row in self.of(setting, final) if row.result}
        return {seed: value for seed, value in found.items() if value is not None}

    def estimate(self, setting: Setting, final: bool = False) -> Estimate:
        """Mean, spread and interval of the metric."""
        return statistics.estimate(list(self.values(setting, final).values()))

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """Each setting but the base against the base, by label."""
        others = self.settings[1:]
        found = statistics.differences([self.values(setting) for setting in others], self.values(self.study.base))
        return {setting.label: difference for setting, difference in zip(others, found, strict=True)}

    def verdict(self, difference: Difference) -> str:
        """`better` or `worse` where the seeds support a difference from the base, else `open`."""
        if not difference.settled:
            return "open"
        return "better" if (difference.estimate.mean > 0) == (self.study.mode == "max") else "worse"

    @cached_property
    def ranked(self) -> list[Setting]:
        """The settings whose trials all ended, the best mean first."""
        whole = [setting for setting in self.settings if len(self.values(setting)) == len(self.study.seeds)]
        sign = -1 if self.study.mode == "max" else 1
        return sorted(whole, key=lambda setting: sign * self.estimate(setting).mean)

    @property
    def best(self) -> Setting | None:
        """The setting with the best mean; None before any setting has all its trials."""
        return self.ranked[0] if self.ranked else None

    def seconds(self, setting: Setting) -> float:
        """The median of the trials' seconds."""
        found = [row.result.seconds for row in self.of(setting) if row.result and row.result.steps]
        return median(found) if found else math.nan

    def status(self, setting: Setting) -> str:
        """How many trials diverged, failed or are missing, in words; empty for none."""
        states = [row.result.status if row.result else "missing" for row in self.of(setting)]
        return ", ".join(f"{states.count(name)} {name}" for name in (DIVERGED, FAILED, "missing") if name in states)

    def effects(self) -> dict[str, dict[str, Estimate]]:
        """For each key under `vary`, what each of its values adds to the mean of the grid."""
        grid = [setting for setting in self.settings if setting.factors]
        found = {}
        for key in self.study.factors:
            levels: dict[str, list[Values]] = {}
            for setting in grid:
                levels.setdefault(keys.text(setting.factors[key]), []).append(self.values(setting))
            found[key] = statistics.marginal(levels)
        return found


def table(results: Results) -> str:
    """results.csv: a row for each trial, in the order of the study. It holds nothing that depends on when it ran."""
    changed = list(dict.fromkeys(key for setting in results.settings for key in setting.changes))
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["part", "setting", *changed, "seed", "status", "steps", *METRICS, "best val/acc", "at step"])
    for part, rows in (("study", results.rows), ("final", results.final)):
        for row in rows:
            writer.writerow([part, *_cells(row, changed)])
    return lines.getvalue()


def _cells(row: Row, changed: Sequence[str]) -> list[str]:
    setting, result = row.trial.setting, row.result
    values = [keys.text(setting.changes[key]) if key in setting.changes else "" for key in changed]
    head = [setting.label, *values, str(row.trial.seed)]
    if result is None:
        return [*head, "missing", *[""] * (len(METRICS) + 3)]
    last = [result.last(tag) for tag in METRICS]
    curve = result.curves.get("val/acc", [])
    step, best = max(curve, key=lambda point: (point[1], -point[0]), default=("", None))
    ends = ["" if value is None else f"{value:.6f}" for value in (*last, best)]
    return [*head, result.status, str(result.steps or ""), *ends, str(step)]


def best_config(results: Results) -> str | None:
    """best.yaml: the config of the best setting, for `fit`; None before any setting has all its trials."""
    if results.best is None:
        return None
    study, found = results.study, results.estimate(results.best)
    spread = "" if math.isnan(found.sd) else f", standard deviation {found.sd:.4f}"
    lines = [
        f"# The best of {len(results.settings)} settings of the study {study.file.name}: {results.best.label}.",
        f"# {study.metric} {found.mean:.4f}{spread}, seeds {_listed(study.seeds)}. It was chosen by this figure, so"
        " a new run will read a little less on average.",
    ]
    config: dict[str, Any] = {"seed_everything": study.seeds[0], **results.best.config}
    return "\n".join([*lines, yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=120)])


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) if len(seeds) < 8 else f"{seeds[0]} to {seeds[-1]} ({len(seeds)} of them)"
