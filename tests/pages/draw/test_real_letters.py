"""On real letters the page reads what `predict` reads, from pixels and from the paper."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from letters_torch import LettersDataModule, LettersModule
from letters_torch.cli import main
from letters_torch.pages.draw.command import draw
from letters_torch.reading.predictions import predict
from letters_torch.run_folder import find_checkpoint
from tests.support.browser import Visit, browser, needs_chromium
from tests.support.javascript import Engine
from tests.support.shared import LETTERS as REAL
from tests.support.shared import needs_letters

pytestmark = [pytest.mark.slow, needs_chromium, needs_letters]
READ = "(letters_) => letters_.map((pixels) => letters.readPixels(Uint8Array.from(pixels)))"
READ_ENLARGED = """() => Array.from({ length: letters.count }, (_, i) => {
  letters.example(i);
  return letters.readCanvas();
})"""

ENLARGED = """
var mine = model.create(page), letter = (i) => all.slice(784 * i, 784 * i + 784);
var enlarged = (pixels) => Float32Array.from({ length: 280 * 280 }, (_, at) =>
  255 - pixels[28 * Math.floor(at / 2800) + Math.floor((at % 280) / 10)]);
var direct = (i) => mine.predict(mine.see(letter(i)).x);
var drawn = (i) => mine.predict(mine.see(picture.normalise({ image: enlarged(letter(i)), height: 280, width: 280 })).x);
"""
READERS = ("direct", "drawn")


@dataclass(frozen=True)
class Opened:
    """A run on the real letters, and its page in a browser."""

    module: LettersModule
    data: LettersDataModule
    file: Path
    visit: Visit


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """After a short training: enough to read, in seconds."""
    folder = tmp_path_factory.mktemp("real")
    short = ["--trainer.max_steps", "12000", "--trainer.val_check_interval", "12000", "--trainer.pictures", "never"]
    root = ["--trainer.default_root_dir", str(folder)]
    main(["fit", "--config", "best-438k.yaml", "--data.path", str(REAL), *short, *root])
    checkpoint = find_checkpoint("last", folder)
    module = LettersModule.load_from_checkpoint(checkpoint)
    data = LettersDataModule.load_from_checkpoint(checkpoint)
    with browser() as chromium:
        file = draw(checkpoint, output=folder / "draw.html")
        visit = Visit(chromium, file)
        yield Opened(module, data, file, visit)
        assert visit.errors == []


def test_a_thousand_letters_from_pixels(opened: Opened) -> None:
    opened.data.setup("predict")
    x = opened.data.predict_dataloader()[0].x[:1000]
    expected = predict(opened.module, [(x, None)])
    pixels = opened.data.test.images[:1000].reshape(1000, -1).tolist()
    found = np.array(opened.visit.page.evaluate(READ, pixels))
    assert np.abs(found - expected.probabilities).max() <= 5e-3
    (differ,) = np.nonzero(found.argmax(1) != expected.classes)
    assert len(differ) <= 1
    for row in differ:
        first, second = np.sort(expected.probabilities[row])[-2:][::-1]
        assert first - second <= 5e-3


@pytest.fixture(scope="module")
def scripts(opened: Opened) -> Engine:
    """The page's scripts in V8, with all validation letters in `all`: many times faster than a canvas."""
    js = Engine("network", "moments", "directions", "resample", "filters", "photograph", "picture", "model")
    embedded = re.search(r'type="application/json">(.*?)</script>', opened.file.read_text(encoding="utf-8"))
    assert embedded
    opened.data.setup("validate")
    js.set(page=json.loads(embedded[1]), all=opened.data.val.images)
    js.run(ENLARGED)
    return js


def test_letters_drawn_enlarged_are_read_as_well_as_the_letters_themselves(opened: Opened, scripts: Engine) -> None:
    """On 4,800 validation letters, drawn as the page draws an example: dark on white, each pixel a square of ten."""
    labels = opened.data.val.labels
    assert labels is not None
    direct, drawn = (np.array(scripts.get(f"Array.from({{length: {len(labels)}}}, (_, i) => {f}(i))")) for f in READERS)
    right, right_drawn = (np.mean(found == labels - 1) for found in (direct, drawn))
    assert len(labels) == 4800
    assert right > 0.75
    assert abs(right_drawn - right) <= 0.005


def test_the_canvas_reads_what_the_scripts_read(opened: Opened, scripts: Engine) -> None:
    count = opened.visit.page.evaluate("letters.count")
    assert count >= 400
    drawn = np.array(opened.visit.page.evaluate(READ_ENLARGED)).argmax(1)
    assert np.count_nonzero(drawn != scripts.get(f"Array.from({{length: {count}}}, (_, i) => drawn(i))")) <= 1
