"""Pictures with words, drawn in milliseconds: what TensorBoard gets while a run waits. RGB, dark ink on white.

All have the width at which TensorBoard shows a picture. It scales others by repeating or dropping pixels, which makes
words hard to read.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from letters_torch.drawing import tiles
from letters_torch.letters import ALPHABET, CLASSES

Counts = npt.NDArray[np.int64]
INK, WHITE = (20, 20, 20), (255, 255, 255)
WIDTH = 350
ZOOM = 2  # pixels of a sheet for a pixel of a letter
COLUMNS = 5  # letters beside each other
CELL = 12  # side of a cell of the confusion matrix
BAR, LINE = WIDTH - 90, 18  # length of a bar for an accuracy of 1, height of its line


def gallery(images: tiles.UInt8, captions: Sequence[tuple[str, str]]) -> tiles.UInt8:
    """Letters (N, 28, 28), light ink on black, each with its caption of two lines below."""
    width, height = WIDTH // COLUMNS, 28 * ZOOM + 38
    sheet = Image.new("RGB", (WIDTH, max(1, -(-len(images) // COLUMNS)) * height), WHITE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for index, (image, lines) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(index, COLUMNS)
        left, top = column * width + (width - 28 * ZOOM) // 2, row * height + 4
        sheet.paste(Image.fromarray(255 - image).resize((28 * ZOOM, 28 * ZOOM), Image.Resampling.NEAREST), (left, top))
        for number, line in enumerate(lines):
            at = (left + 14 * ZOOM, top + 28 * ZOOM + 8 + 13 * number)
            draw.text(at, line, fill=INK, font=font, anchor="mm")
    return np.asarray(sheet)


def confusion_matrix(counts: Counts) -> tiles.UInt8:
    """Counts [truth, prediction], (26, 26): a row for each true letter, a column for each predicted one.

    Numbers are per cent of the row's letter; a share that rounds to 0 is left out. The colour is the root of the
    share, to bring out what is rare.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    cells = tiles.on_white(tiles.signed(0.85 * np.sqrt(shares), 1.0))
    side = (CLASSES + 3) * CELL
    sheet = Image.new("RGB", (WIDTH, side), WHITE)
    inner = Image.fromarray(cells).resize((CLASSES * CELL, CLASSES * CELL), Image.Resampling.NEAREST)
    sheet.paste(inner, (2 * CELL, 2 * CELL))
    draw, font, small = ImageDraw.Draw(sheet), ImageFont.load_default(10), ImageFont.load_default(8)
    percent = np.rint(100 * shares).astype(int)
    for truth, predicted in np.argwhere(percent).tolist():
        at = ((predicted + 2.5) * CELL, (truth + 2.5) * CELL)
        draw.text(at, str(percent[truth, predicted]), fill=INK, font=small, anchor="mm")
    for index, letter in enumerate(ALPHABET):
        for near in (1.5, CLASSES + 2.5):
            draw.text(((index + 2.5) * CELL, near * CELL), letter, fill=INK, font=font, anchor="mm")
            draw.text((near * CELL, (index + 2.5) * CELL), letter, fill=INK, font=font, anchor="mm")
    draw.text((side / 2, CELL / 2), "true letter down, read as across, in per cent", fill=INK, font=font, anchor="mm")
    return np.asarray(sheet)


def letter_accuracy(counts: Counts) -> tiles.UInt8:
    """A bar for each letter, as long as the share of its rows that are read right; counts [truth, prediction]."""
    rows = counts.sum(1)
    shares = counts.diagonal() / np.maximum(rows, 1)
    sheet = Image.new("RGB", (WIDTH, CLASSES * LINE + 8), WHITE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (letter, share) in enumerate(zip(ALPHABET, shares.tolist(), strict=True)):
        top = 4 + index * LINE
        draw.text((14, top + LINE / 2), letter, fill=INK, font=font, anchor="mm")
        draw.rectangle((28, top + 2, 28 + BAR * share, top + LINE - 3), fill=tiles.POSITIVE)
        told = f"{share:.1%}" if rows[index] else "-"
        draw.text((BAR + 36, top + LINE / 2), told, fill=INK, font=font, anchor="lm")
    return np.asarray(sheet)
