"""What the page carries is what the checkpoint and the letters hold."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from letters_torch.data import standardize
from letters_torch.data.moments import Moments
from letters_torch.errors import UserError
from letters_torch.exact_sgd.network import initial_weights, logits
from letters_torch.letters import ALPHABET, Letters
from letters_torch.pages.draw import document as draw
from tests.support import running
from tests.support.javascript import Engine

SCRIPTS = ("network", "moments", "directions", "model")


def some_letters(count: int) -> Letters:
    images, labels = running.letters(count, seed=1)
    return Letters((images * (images > 90)).reshape(-1, 28, 28), labels.ravel())


def contents(
    letters: Letters, hidden: int = 400, scaling: standardize.Scaling = "global", directions: bool = False
) -> draw.Contents:
    """With weights that float16 holds exactly."""
    V, W = (w.half().double().numpy() for w in initial_weights(784, hidden, 26, seed=4, scale=0.5))
    moments = Moments() if scaling == "global" else None
    placed = moments(letters.images) if moments else letters.images
    standardizer = standardize.fit(placed, scaling, moments, directions)
    return draw.Contents(V, W, standardizer, letters, np.arange(len(letters)), 0, draw.Training(lr=0.004, lam=5e-5))


def model(made: draw.Contents) -> Engine:
    js = Engine(*SCRIPTS)
    js.set(page=draw.data(made))
    js.run("var mine = model.create(page)")
    return js


@pytest.mark.parametrize(("scaling", "directions"), [("global", False), ("pixel", False), ("global", True)])
def test_what_the_network_sees_is_python_s(scaling: standardize.Scaling, directions: bool) -> None:
    made = contents(some_letters(30), hidden=3, scaling=scaling, directions=directions)
    seen = np.array(model(made).get("mine.letters.map(({x}) => x)"))
    expected = made.standardizer(torch.from_numpy(made.letters.images)).flatten(1).numpy()
    levels = 1.01 * made.standardizer.inv_std.max().item()  # of one grey level, see test_pictures
    assert np.abs(seen - expected).max() <= levels
    assert np.count_nonzero(seen != expected) <= seen.size // 10_000


@pytest.mark.parametrize("count", [800, pytest.param(4800, marks=pytest.mark.slow)])
def test_predictions_are_torch_s_in_float32(count: int) -> None:
    made = contents(some_letters(count))
    found = model(made).get("mine.letters.map(({x}) => mine.predict(x))")
    x = made.standardizer(torch.from_numpy(made.letters.images)).flatten(1)
    expected = logits(torch.from_numpy(made.V).float(), torch.from_numpy(made.W).float(), x).argmax(1)
    assert len(set(expected.tolist())) > 10
    assert found == expected.tolist()


def test_letters_and_labels_arrive() -> None:
    letters = some_letters(20)
    js = model(replace(contents(letters, hidden=3, scaling="pixel"), rows=np.arange(20) + 7))
    assert np.array_equal(np.reshape(js.get("mine.letters.map(({pixels}) => pixels)"), (20, 28, 28)), letters.images)
    assert letters.labels is not None
    assert js.get("mine.letters.map(({label}) => label)") == (letters.labels - 1).tolist()
    assert js.get("mine.letters.map(({row}) => row)") == list(range(7, 27))


def test_teaching_forgetting_and_going_back() -> None:
    js = model(contents(some_letters(5), hidden=20))
    losses = js.get("(mine.remember(), mine.step(mine.letters[0].x, 3, 0.01))")
    assert losses["after"] < losses["before"]
    taught = js.get("mine.net.W[3]")
    js.run("mine.undo()")
    assert js.get("mine.net.W[3] === mine.origin.W[3]") is True
    assert js.get("mine.step(mine.letters[0].x, 3, 0.01)") == losses
    assert js.get("mine.net.W[3]") == taught
    js.run("mine.reset()")
    assert js.get("mine.net.W.every((value, i) => value === mine.origin.W[i])") is True
    assert js.get("mine.canUndo") is False


def test_the_page_is_whole_and_small_enough() -> None:
    made = replace(contents(some_letters(800)), row=790, rows=np.arange(800), derivation="docs/derivation.md")
    page = draw.document(made)
    assert len(page.encode()) <= draw.LARGEST < 1_200_000
    embedded = re.search(r'type="application/json">(.*?)</script>', page)
    assert embedded
    carried = json.loads(embedded[1])
    assert 50 <= len(carried["labels"]) < 800
    assert carried["row"] == 790
    assert carried["rows"][-1] == 790
    assert made.letters.labels is not None
    assert carried["labels"][-1] == ALPHABET[made.letters.labels[790] - 1]
    assert not re.search(r"<!--", page)
    assert 'href="docs/derivation.md#3-the-softmax-jacobian"' in page


def test_a_derivation_that_is_not_at_hand_is_not_linked() -> None:
    page = draw.document(contents(some_letters(3), hidden=2))
    assert "derivation.md#" not in page
    assert "(section 3)" in page


def test_anchors_are_the_derivations_headings() -> None:
    text = (draw.HERE.parents[3] / "docs" / "derivation.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## ((\d+)\. .*)$", text, re.M)
    anchors = {number: re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title, number in headings}
    assert draw.ANCHORS.items() <= anchors.items()


def test_words_are_not_taken_for_html() -> None:
    page = draw.document(replace(contents(some_letters(3), hidden=2), origin="<script>alert(1)", note="a </p> b"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_weights_beyond_float16_are_refused() -> None:
    made = contents(some_letters(3), hidden=2)
    with pytest.raises(UserError, match="does not fit the page"):
        draw.document(replace(made, V=made.V + 70_000))
