"""The tables and sentences of a study, the same for the terminal and for the page."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scipy import stats

from letters_torch.study import keys, statistics
from letters_torch.study.results import Results
from letters_torch.study.statistics import CONFIDENCE, MOST_SEEDS, Difference, Estimate
from letters_torch.study.study_file import Setting

PERCENT = f"{CONFIDENCE:.0%}"


@dataclass(frozen=True)
class Table:
    """A title, rows under a heading, and notes below them."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        """Columns of plain text, the first to the left and the others to the right."""
        cells = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(_padded(row, widths)).rstrip() for row in cells]
        return "\n".join([self.title, *(f"  {line}" for line in lines), *(f"  {note}" for note in self.notes)])


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if place else cell.ljust(width)


def tables(results: Results) -> list[Table]:
    """All tables that apply."""
    found = [_settings(results)]
    if results.study.factors:
        found.append(_factors(results))
    if results.study.draw is not None:
        found.append(_correlations(results))
    if results.final:
        found.append(_final(results))
    problems = _problems(results)
    return [*found, problems] if problems.rows else found


def headline(results: Results) -> str:
    """One sentence: the best setting."""
    if results.best is None:
        return "No setting has all its trials yet."
    best, metric = results.best, results.study.metric
    text = (
        f"Best by mean {metric}: {best.label}, {_mean(results.estimate(best))} over {_seeds(len(results.study.seeds))}."
    )
    fresh = results.estimate(best, final=True)
    if fresh.count:
        text += f" With fresh seeds: {_mean(fresh)} over {_seeds(fresh.count)}."
    return text


def verdicts(results: Results) -> list[str]:
    """Which differences from the base the seeds support, and which they leave open."""
    settled = [label for label, difference in results.differences.items() if difference.settled]
    open_ = {label: d for label, d in results.differences.items() if not d.settled and d.estimate.count}
    base = results.study.base.label
    lines = []
    if settled:
        lines.append(f"The seeds support a difference from {base} for: {'; '.join(settled)}.")
    if open_:
        lines.append(f"They leave open whether these differ from {base}: {'; '.join(open_)}.")
    return lines


def _settings(results: Results) -> Table:
    study = results.study
    head = (
        "setting", f"{study.metric}, mean ± sd", f"{PERCENT} interval", "against base", f"{PERCENT} interval",
        "p (Holm)", "verdict", "s a run",
    )  # fmt: skip
    rows = [_setting(results, setting) for setting in results.settings]
    note = (
        f"Seeds {', '.join(map(str, study.seeds))}. Differences are taken seed by seed, since a seed chooses the"
        " validation rows too; p is of a paired t test, adjusted for the number of comparisons. The verdict 'open'"
        " names the seeds that such a test would need for a power of 80 % if the difference and its spread are as seen."
    )
    return Table("Settings", head, rows, [note, *verdicts(results)])


def _setting(results: Results, setting: Setting) -> Sequence[str]:
    found, status = results.estimate(setting), results.status(setting)
    seconds = results.seconds(setting)
    time = "-" if math.isnan(seconds) else f"{seconds:.1f}"
    mean = _mean(found) + (f" ({status})" if status else "")
    if setting == results.study.base:
        return setting.label, mean, _interval(found), "-", "-", "-", "base", time
    difference = results.differences[setting.label]
    delta, p = difference.estimate, difference.p
    return (
        setting.label, mean, _interval(found), _mean(delta, "+"), _interval(delta, "+"),
        "-" if math.isnan(p) else f"{p:.3f}" if p >= 0.001 else "<0.001", _verdict(results, difference), time,
    )  # fmt: skip


def _verdict(results: Results, difference: Difference) -> str:
    if difference.settled:
        return results.verdict(difference)
    if difference.estimate.count < 2:
        return "open: 2 seeds or more"
    needed = difference.seeds_needed
    return f"open: {needed} seeds" if needed else f"open: over {MOST_SEEDS:,} seeds"


def _factors(results: Results) -> Table:
    rows = [
        (f"{key} = {value}", _mean(found, "+"), _interval(found, "+"))
        for key, levels in results.effects().items()
        for value, found in levels.items()
    ]
    note = "Mean over all values of the other keys, less the mean of the whole grid, seed by seed."
    return Table("Effect of each key", ("key and value", "effect, mean ± sd", f"{PERCENT} interval"), rows, [note])


def _correlations(results: Results) -> Table:
    draw = results.study.draw
    assert draw is not None
    drawn = [setting for setting in results.ranked if set(draw.space) <= set(setting.changes)]
    rows = []
    for key in draw.space:
        pairs = [(s.changes[key], results.estimate(s).mean) for s in drawn if type(s.changes[key]) in (int, float)]
        if len(pairs) > 2 and all(len(set(column)) > 1 for column in zip(*pairs, strict=True)):
            found = stats.spearmanr(*zip(*pairs, strict=True))
            rows.append((key, f"{found.statistic:+.2f}", f"{found.pvalue:.3f}"))
        else:
            rows.append((key, "-", "-"))
    note = f"Rank correlation (Spearman) of each drawn key with the mean {results.study.metric}, {len(drawn)} draws."
    return Table("Effect of each drawn key", ("key", "rank correlation", "p"), rows, [note])


def _final(results: Results) -> Table:
    base, best = results.study.base, results.best
    rows = []
    for setting in (each for each in results.settings if results.of(each, final=True)):
        found, fresh = results.estimate(setting, final=True), results.values(setting, final=True)
        paired = [] if setting == base else statistics.paired(fresh, results.values(base, final=True))
        delta = statistics.estimate(paired)
        rows.append((setting.label, _mean(found), _interval(found), _mean(delta, "+"), _interval(delta, "+")))
    interval = f"{PERCENT} interval"
    head = ("setting", f"{results.study.metric}, mean ± sd", interval, "against base", interval)
    name = best.label if best else "the best setting"
    note = f"{name} was chosen by its figure with the seeds above. The seeds of this table had no part in the choice."
    return Table("With fresh seeds", head, rows, [note])


def _problems(results: Results) -> Table:
    rows = [
        (f"{row.trial.setting.label}, seed {row.trial.seed}", row.result.status, row.result.message)
        for row in (*results.rows, *results.final)
        if row.result is not None and row.result.message
    ]
    return Table("Trials that did not end", ("trial", "status", "reason"), rows)


def _mean(found: Estimate, sign: str = "") -> str:
    if math.isnan(found.mean):
        return "-"
    return f"{found.mean:{sign}.4f}" + ("" if math.isnan(found.sd) else f" ± {found.sd:.4f}")


def _interval(found: Estimate, sign: str = "") -> str:
    return "-" if math.isnan(found.low) else f"{found.low:{sign}.4f} to {found.high:{sign}.4f}"


def _seeds(count: int) -> str:
    return f"{count} seed{'s' if count != 1 else ''}"


def changes(setting: Setting) -> str:
    """What a setting changes, `key = value` after `key = value`."""
    return "; ".join(f"{key} = {keys.text(value)}" for key, value in setting.changes.items()) or "nothing"
