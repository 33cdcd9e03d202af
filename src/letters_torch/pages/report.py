"""The report of a run: how well it reads, how it got there, and what it was."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from letters_torch.data.datamodule import LettersDataModule
from letters_torch.data.directions import DIRECTIONS
from letters_torch.drawing import figures, tiles
from letters_torch.exact_sgd.schedule import Stage
from letters_torch.letters import ALPHABET, LetterSets
from letters_torch.lightning.module import LettersModule
from letters_torch.pages import page
from letters_torch.pages.logged import Logged
from letters_torch.reading import notebook
from letters_torch.reading.confusion import confusion, mistaken_for
from letters_torch.reading.intervals import CONFIDENCE, wilson
from letters_torch.reading.predictions import Predictions

SHOWN = 24  # letters in a gallery
UNITS = 100  # hidden units shown
TRAINER_SETTINGS = ("max_steps", "val_check_interval", "precision", "accelerator", "pictures")
BEST = (
    "These weights were chosen by their accuracy on these validation rows, so it is slightly optimistic. The interval"
    " covers only the random choice of the rows. `report --ckpt_path last` reports weights that were not chosen."
)
EVERY_SETTING = "Every setting is in config.yaml in the run's folder."


@dataclass(frozen=True)
class Run:
    """The content of the page."""

    folder: Path
    checkpoint: Path  # the weights of `module` are from this file
    module: LettersModule
    data: LettersDataModule  # set up, with the run's letters
    logged: Logged
    validation: Predictions
    test: Predictions | None  # None where the test rows have no labels

    @property
    def sets(self) -> LetterSets:
        """The letters."""
        assert self.data.sets is not None
        return self.data.sets


def document(run: Run) -> str:
    """The page."""
    assert run.validation.truth is not None
    counts = confusion(run.validation.truth, run.validation.classes)
    return page.document(
        f"letters_torch: {run.folder.parent.name}/{run.folder.name}",
        _headline(run),
        page.columns(_curves(run), _letters(counts)),
        page.columns(_confusion(counts), _hidden_units(run.module)),
        page.columns(*_galleries(run)),
        page.columns(_settings(run), f"<div>{_letters_used(run)}{_timings(run.logged)}</div>"),
    )


def _percent(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}%}"


def _accuracy(found: Predictions, rows: str) -> tuple[str, str]:
    count = len(found)
    low, high = wilson(found.num_correct, count)
    return (
        _percent(found.num_correct / count),
        f"of {count:,} {rows} read right; {CONFIDENCE:.0%} interval {low:.2%} to {high:.2%}",
    )


def _headline(run: Run) -> str:
    parts = []
    if run.sets.fallback or run.sets.source == "builtin":
        why = " They are used because no file of real letters was found." if run.sets.fallback else ""
        parts.append(page.paragraph(f"Built-in letters, drawn by the program, not handwriting.{why}", "warn"))
    parts += [page.paragraph(f"{warning[:1].upper()}{warning[1:]}.", "warn") for warning in run.logged.warnings]
    cards = [_accuracy(run.validation, "validation rows")]
    if run.test is not None:
        cards.append(_accuracy(run.test, "test rows"))
    cards.append((f"{run.module.step:,}", f"steps behind these weights, {run.checkpoint.name}"))
    speed = f"{run.logged.steps / run.logged.seconds:,.0f}" if run.logged.seconds else "-"
    cards.append((speed, "steps a second, validations included"))
    parts.append(page.facts(cards))
    if run.checkpoint.name.startswith("best"):
        parts.append(page.paragraph(BEST, "quiet"))
    return "\n".join(parts)


def _curves(run: Run) -> str:
    comparable = notebook.is_comparable(run.sets)
    label = "the notebook's validation" + ("" if comparable else "\n(on other letters)")
    theirs = [(point.step, point.val_acc) for point in notebook.curve()]
    drawn = figures.curves(run.logged.curves, run.module.schedule.ends, theirs, label)
    note = (
        "The dashed curve is the original notebook's own log, on the same file."
        if comparable
        else "The dashed curve is the original notebook's own log, from the competition's letters_data.mat; this run"
        " was trained on other letters, so the two cannot be compared."
    )
    stages = [
        (str(place), f"{stage.steps:,}", _rate(stage), *map(page.number, (stage.weight_decay, stage.weight_decay / 2)))
        for place, stage in enumerate(run.module.schedule.stages, 1)
    ]
    return page.section(
        "Curves",
        figures.svg(drawn, "curves", _curves_in_words(run.logged)),
        page.paragraph(f"{note} {_why_training_loss_is_higher(run.data)}", "quiet"),
        page.paragraph("The numbers above the dotted lines are the stages:", "quiet"),
        page.table("stages", ("stage", "steps", "learning rate", "weight decay", "λ"), stages),
    )


def _curves_in_words(logged: Logged) -> str:
    """What the figure shows, for those who do not see it."""
    step = logged.curves["val/acc"][-1][0]
    train, validation = (_percent(logged.last(tag), 1) for tag in ("train/acc", "val/acc"))
    ends = f"training accuracy {train}, validation accuracy {validation}"
    return f"Accuracy and loss over the steps; at step {step:,}: {ends}"


def _why_training_loss_is_higher(data: LettersDataModule) -> str:
    """Explains why the two loss curves cannot be compared directly."""
    before = "The training loss is the mean over the steps since the last validation, each before its own update"
    if data.augment is None:
        return f"{before}."
    return (
        f"{before}, on augmented letters, which are harder to read; the validation letters are not augmented. So the"
        " training loss lies above the validation loss."
    )


def _rate(stage: Stage) -> str:
    """Its learning rate, `"0.001"`, or from where to where it goes, `"0.004 to 0"`."""
    end = "" if stage.lr_end is None else f" to {page.number(stage.lr_end)}"
    return page.number(stage.lr) + end


def _letters(counts: Any) -> str:
    rows = [_letter(letter, row.tolist()) for letter, row in zip(ALPHABET, counts, strict=True)]
    head = ("letter", "rows", "accuracy", f"{CONFIDENCE:.0%} interval", "most often taken for")
    return page.section("Letter by letter", page.table("accuracy of each letter", head, rows, "words"))


def _letter(letter: str, row: list[int]) -> tuple[str, ...]:
    own, total = row[ALPHABET.index(letter)], sum(row)
    if not total:
        return letter, "0", "-", "-", ""
    low, high = wilson(own, total)
    taken = ", ".join(f"{other} {share:.1%}" for other, share in mistaken_for(letter, row))
    return letter, f"{total:,}", _percent(own / total, 1), f"{low:.1%} to {high:.1%}", taken


def _confusion(counts: Any) -> str:
    label = "Confusion matrix; the table beside it names what each letter is most often taken for"
    return page.section(
        "Which letter is taken for which",
        page.scroll("confusion matrix", figures.svg(figures.confusion_matrix(counts), "confusion", label)),
        page.paragraph("Validation rows; a row for each true letter, a column for each predicted letter.", "quiet"),
    )


def _galleries(run: Run) -> list[str]:
    found, images = run.validation, run.data.val.images
    parts = []
    for title, rows in (
        (f"Read wrong, most confident first ({len(found) - found.num_correct:,} in all)", found.worst_rows(SHOWN)),
        ("Read right, the first of the validation rows", found.correct_rows(SHOWN)),
    ):
        shown = [(255 - images[row], (*found.caption(row), f"row {row}")) for row in rows]
        content = [page.captioned(shown), page.paragraph("`explain --row` takes the number of a row.", "quiet")]
        parts.append(page.section(title, *(content if shown else [page.paragraph("None.", "quiet")])))
    return parts


def _hidden_units(module: LettersModule) -> str:
    V, W = (weights.detach().double().cpu().numpy() for weights in (module.V, module.W))
    units = tiles.weights(V, W, UNITS)
    montage = tiles.grid(tiles.signed(units), columns=int(np.ceil(len(units) ** 0.5)))
    return page.section(
        "What the hidden units look for",
        page.image(montage, f"input weights of {len(units)} hidden units", "wide"),
        page.paragraph(
            f"The input weights of {len(units)} of the {len(V)} hidden units, those that weigh most in the predictions"
            " first. A large input on blue drives a unit up, on red down. Direction features are"
            f" {DIRECTIONS} maps, one for each direction of an edge.",
            "quiet",
        ),
    )


def _settings(run: Run) -> str:
    config = run.logged.config
    sections: dict[str, Any] = {name: dict(config.get(name) or {}) for name in ("model", "data", "trainer")}
    sections["model"].pop("schedule", None)  # shown below the curves
    sections["trainer"] = {name: sections["trainer"].get(name) for name in TRAINER_SETTINGS}
    pairs = [("seed_everything", config.get("seed_everything")), *_flatten(sections)]
    shown = [(name, _as_given(value)) for name, value in pairs if value is not None]
    return page.section("Settings", page.definitions(shown), page.paragraph(EVERY_SETTING, "quiet"))


def _as_given(value: Any) -> str:
    """A setting as a config or the command line has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flatten(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """`{"data": {"path": p}}` -> `[("data.path", p)]`."""
    if not isinstance(value, dict):
        return [(name, value)]
    return [pair for key, item in value.items() for pair in _flatten(item, f"{name}.{key}" if name else str(key))]


def _letters_used(run: Run) -> str:
    data = run.data
    rows = [
        ("from", run.sets.origin),
        ("to train on", f"{len(data.train):,} rows"),
        ("validation", f"{len(data.val):,} rows"),
        ("test", f"{len(data.test):,} rows" + ("" if data.test.labels is not None else ", without labels")),
        ("fingerprint", data.digest),
    ]
    return page.section("Letters", page.definitions(rows))


def _timings(logged: Logged) -> str:
    validations = [step for step, _ in logged.curves["val/acc"]]
    per_step = f"{1e6 * logged.seconds / logged.steps:,.0f} µs" if logged.steps else "-"
    train, validation = (_percent(logged.last(tag)) for tag in ("train/acc", "val/acc"))
    rows = [
        ("trained for", f"{logged.seconds:,.1f} s"),
        ("steps in that time", f"{logged.steps:,}"),
        ("a step", f"{per_step}, validations and pictures included"),
        ("validations", f"{len(validations)}, the last after step {validations[-1]:,}"),
        ("at the last validation", f"training accuracy {train}, validation accuracy {validation}"),
    ]
    return page.section("Timings", page.definitions(rows))
