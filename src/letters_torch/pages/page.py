"""The parts of a page: one HTML file that needs no other, for phones and wide screens, light and dark."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from letters_torch.drawing import tiles

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
LONG = 30  # characters of a cell that may take several lines


def document(title: str, *parts: str) -> str:
    """The whole page."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A part of the page under its own heading; the parts are HTML."""
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def number(value: float) -> str:
    """A number with six significant digits and a typographic minus."""
    return f"{float(value):.6g}".replace("-", "−")


def paragraph(text: str, kind: str = "") -> str:
    """Plain text, with code between backticks; `kind` is a class of the style: quiet, warn."""
    inner = re.sub("`(.+?)`", r"<code>\1</code>", escape(text))
    return f'<p class="{kind}">{inner}</p>' if kind else f"<p>{inner}</p>"


def columns(*parts: str) -> str:
    """Side by side where there is room, otherwise below each other."""
    return '<div class="columns">\n' + "\n".join(parts) + "\n</div>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """The most important figures, as pairs (value, meaning)."""
    cards = (f"<div><b>{escape(value)}</b><span>{escape(what)}</span></div>" for value, what in pairs)
    return '<div class="facts">' + "".join(cards) + "</div>"


def definitions(pairs: Iterable[tuple[str, object]]) -> str:
    """(name, value) in two columns."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in pairs) + "</dl>"


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Plain text in rows; it scrolls by itself where it is wider than the screen. The label is for a screen reader.

    The first column holds names, the others numbers, which are aligned to the right; with `kind` "words" the last
    column holds words too. A cell of more than `LONG` characters takes several lines where there is no room for it.
    """
    lines = ["".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)]
    for name, *cells in rows:
        lines.append(_cell('th scope="row"', name) + "".join(_cell("td", cell) for cell in cells))
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return scroll(label, f'<table class="{kind}">{body}</table>')


def _cell(tag: str, text: str) -> str:
    kind = ' class="long"' if len(text) > LONG else ""
    return f"<{tag}{kind}>{escape(text)}</{tag.partition(' ')[0]}>"


def scroll(label: str, content: str) -> str:
    """A box for HTML that may be wider than a phone. It scrolls sideways, by the arrow keys too."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">{content}</div>'


def image(pixels: tiles.UInt8, alt: str, kind: str = "") -> str:
    """Grey or RGBA pixels, enlarged without smoothing."""
    return f'<img class="{kind}" src="{tiles.data_uri(pixels)}" alt="{escape(alt)}">'


def captioned(images: Iterable[tuple[tiles.UInt8, Sequence[str]]], kind: str = "gallery") -> str:
    """Images, each with lines of text below it."""
    figures = (
        f"<figure>{image(pixels, ', '.join(lines))}<figcaption>{'<br>'.join(map(escape, lines))}</figcaption></figure>"
        for pixels, lines in images
    )
    return f'<div class="{kind}">\n' + "\n".join(figures) + "\n</div>"
