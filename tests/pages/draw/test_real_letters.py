"""On real letters the page reads what `predict` reads, from pixels and from the paper."""

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

REAL = Path(__file__).parents[4] / "shared/data/letters_data.mat"
pytestmark = [
    pytest.mark.slow,
    needs_chromium,
    pytest.mark.skipif(not REAL.is_file(), reason="../shared/data/letters_data.mat is not here"),
]
READ = "(letters_) => letters_.map((pixels) => letters.readPixels(Uint8Array.from(pixels)))"
READ_ENLARGED = """() => Array.from({ length: letters.count }, (_, i) => {
  letters.example(i);
  return letters.readCanvas();
})"""


@dataclass(frozen=True)
class Opened:
    """A run on the real letters, and its page in a browser."""

    module: LettersModule
    data: LettersDataModule
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
        visit = Visit(chromium, draw(checkpoint, output=folder / "draw.html"))
        yield Opened(module, data, visit)
        assert visit.errors == []


def test_a_thousand_letters_from_pixels(opened: Opened) -> None:
    opened.data.setup("predict")
    x = opened.data.predict_dataloader().batches[0].x[:1000]
    expected = predict(opened.module, [(x, None)])
    pixels = opened.data.test.images[:1000].reshape(1000, -1).tolist()
    found = np.array(opened.visit.page.evaluate(READ, pixels))
    assert np.abs(found - expected.probabilities).max() <= 5e-3
    (differ,) = np.nonzero(found.argmax(1) != expected.classes)
    assert len(differ) <= 1
    for row in differ:
        first, second = np.sort(expected.probabilities[row])[-2:][::-1]
        assert first - second <= 5e-3


def test_letters_drawn_enlarged_on_the_paper(opened: Opened) -> None:
    opened.data.setup("validate")
    val, count = opened.data.val, opened.visit.page.evaluate("letters.count")
    assert val.labels is not None
    truth = val.labels[:count].astype(int) - 1
    direct = np.array(opened.visit.page.evaluate(READ, val.images[:count].reshape(count, -1).tolist())).argmax(1)
    drawn = np.array(opened.visit.page.evaluate(READ_ENLARGED)).argmax(1)
    assert (direct == truth).mean() > 0.6
    assert abs((drawn == truth).mean() - (direct == truth).mean()) <= 0.02  # of some 470 letters: nine
