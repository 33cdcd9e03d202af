"""The page about pictures: each picture, without shadow and lines if it had any, 28 x 28, and its predictions."""

import numpy as np

from letters_torch.data.readers.pictures import Picture, Pictures
from letters_torch.pages import page
from letters_torch.paths import printable
from letters_torch.reading.predictions import UNSURE, Predictions

TOP = 3  # letters shown for each picture


def document(pictures: Pictures, predictions: Predictions, read_by: str) -> str:
    """The page about pictures, with the predictions for those that were read; `read_by` names the checkpoints."""
    unsure = int(predictions.unsure.sum())
    facts = [
        (f"{len(predictions):,}", "pictures read"),
        (f"{unsure:,}", f"unsure: the first letter has a probability below {UNSURE:g}"),
        (f"{len(pictures.failed):,}", "files not read"),
    ]
    rows = zip(pictures.read, predictions.top(TOP), predictions.unsure.tolist(), strict=True)
    return page.document(
        "letters_torch: pictures",
        page.facts(facts),
        page.paragraph(f"Read by {read_by}.", "quiet"),
        *(_failed(pictures) if pictures.failed else ()),
        *(_picture(*row) for row in rows),
    )


def _failed(pictures: Pictures) -> list[str]:
    return [page.section("Not read", *(page.paragraph(reason, "warn") for _, reason in pictures.failed))]


def _picture(picture: Picture, letters: list[tuple[str, float]], unsure: bool) -> str:
    cleaned = [] if np.array_equal(picture.cleaned, picture.shown) else [(picture.cleaned, ("cleaned",))]
    stages = [(picture.shown, ("picture",)), *cleaned, (255 - picture.letter, ("28 x 28",))]
    (first, probability), *others = letters
    rest = ", ".join(f"{letter} {p:.1%}" for letter, p in others)
    told = f"{first} {probability:.1%}{' (unsure)' if unsure else ''}; then {rest}"
    return page.section(printable(picture.file), page.captioned(stages, "stages"), page.paragraph(told))
