"""The page of a study."""

import math

from letters_torch.drawing import figures, studies
from letters_torch.pages import page
from letters_torch.study import summary
from letters_torch.study.results import Results
from letters_torch.study.study_file import Setting

CURVES = 8  # settings whose curves are drawn: the base and the best


def document(results: Results) -> str:
    """The page."""
    study = results.study
    tables = summary.tables(results)
    parts = [
        page.paragraph(study.title),
        page.paragraph(summary.headline(results)),
        _table(tables[0]),
        _forest(results),
        page.columns(_curves(results), _costs(results)),
        *map(_table, tables[1:]),
        page.section(
            "What each setting changes", page.definitions((s.label, summary.changes(s)) for s in results.settings)
        ),
    ]
    return page.document(f"Study: {study.file.stem}", *filter(None, parts))


def _table(table: summary.Table) -> str:
    notes = [page.paragraph(note, "quiet") for note in table.notes]
    return page.section(table.title, page.table(table.title, table.head, table.rows), *notes)


def _forest(results: Results) -> str:
    known = {
        label: (d.estimate.mean, d.estimate.low, d.estimate.high, results.verdict(d))
        for label, d in results.differences.items()
        if not math.isnan(d.estimate.low)
    }
    if not known:
        return ""
    label = f"{results.study.metric} against {results.study.base.label}, mean and {summary.PERCENT} interval"
    title = "Differences from the base, paired by seed"
    drawn = figures.svg(studies.forest(known, label), "forest", f"{title}: {label}")
    return page.section(title, page.scroll(title, drawn))


def _shown(results: Results) -> list[Setting]:
    """The base and the best settings."""
    base = results.study.base
    return [base, *(setting for setting in results.ranked if setting != base)][:CURVES]


def _curves(results: Results) -> str:
    metric = results.study.metric
    curves = {
        setting.label: [row.result.curves.get(metric, []) for row in results.of(setting) if row.result]
        for setting in _shown(results)
    }
    title = f"{metric} over the steps, for each setting"
    drawn = figures.svg(studies.bands(curves, metric), "bands", title)
    note = "Mean over the seeds, with a band of one standard deviation."
    if len(results.settings) > CURVES:
        note += f" Shown are the base and the best {CURVES - 1} settings."
    return page.section("Curves", page.scroll(title, drawn), page.paragraph(note, "quiet"))


def _costs(results: Results) -> str:
    points = {}
    for setting in _shown(results):
        found, seconds = results.estimate(setting), results.seconds(setting)
        if not math.isnan(found.mean) and seconds > 0:
            points[setting.label] = (seconds, found.mean, found.sd)
    if not points:
        return ""
    title = f"{results.study.metric} over seconds"
    drawn = figures.svg(studies.costs(points, results.study.metric), "costs", title)
    note = "Median seconds from the first validation to the last, on one thread beside the other trials."
    return page.section(f"{results.study.metric} over cost", page.scroll(title, drawn), page.paragraph(note, "quiet"))
