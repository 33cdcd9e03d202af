"""The step that is explained is the step that is taken."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from letters_torch.cli import main
from letters_torch.data.moments import Moments
from letters_torch.drawing import tiles
from letters_torch.errors import UserError
from letters_torch.exact_sgd import formulas
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.lightning.module import LettersModule
from letters_torch.pages.explain import document, products
from letters_torch.pages.walk import walk
from tests.support.pages import Page, hush
from tests.support.running import HIDDEN, STAGES, data_module, fit, prepare

LN2, LN3 = np.log(2), np.log(3)


def test_the_worked_example_of_the_derivation_both_ways() -> None:
    """docs/derivation.md, section 9: every number can be checked on paper."""
    V, W = np.array([[0.5, 1, LN2], [-0.5, -1, -LN3]]), np.array([[-1, 0.5, 1], [1, 0.75, LN3]])
    s = walk(V, W, np.array([2.0, -1]), np.array([1.0, 0]), lr=0.1, lam=0.05)
    expected = {
        "a": [LN2, -LN3],
        "h": [0.6, -0.8, 1],
        "b": [0, LN3],
        "g": [0.25, 0.75],
        "L": 2 * LN2,
        "∂g/∂b": [[0.1875, -0.1875], [-0.1875, 0.1875]],
        "∂L/∂g": [-4, 0],
        "∂L/∂b": [-0.75, 0.75],
        "∂L/∂W": [[-0.45, 0.6, -0.75], [0.45, -0.6, 0.75]],
        "∂L/∂a": [0.96, 0.0675],
        "∂L/∂V": [[1.92, -0.96, 0.96], [0.135, -0.0675, 0.0675]],
        "∂J/∂W": [[-0.55, 0.65, -0.65], [0.55, -0.525, 0.75 + 0.1 * LN3]],
        "∂J/∂V": [[1.97, -0.86, 0.96 + 0.1 * LN2], [0.085, -0.1675, 0.0675 - 0.1 * LN3]],
        "W after": [[-0.945, 0.435, 1.065], [0.945, 0.8025, 0.99 * LN3 - 0.075]],
        "V after": [[0.303, 1.086, 0.99 * LN2 - 0.096], [-0.5085, -0.98325, -0.99 * LN3 - 0.00675]],
    }
    for way in (s.by_hand, s.by_autograd):
        assert set(way) == {*expected, "∂L/∂h", "J"}
        for name, value in expected.items():
            np.testing.assert_allclose(way[name], value, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(way["∂L/∂h"][:-1], [1.5, 0.1875], atol=1e-12)


def test_a_difference_is_noticed() -> None:
    V, W = np.array([[0.5, 1, LN2], [-0.5, -1, -LN3]]), np.array([[-1, 0.5, 1], [1, 0.75, LN3]])
    s = walk(V, W, np.array([2.0, -1]), np.array([1.0, 0]), lr=0.1, lam=0.05)
    s.by_hand["∂L/∂V"][1, 0] += 0.25
    assert s.difference("∂L/∂V") == pytest.approx(0.25)
    assert s.difference("∂L/∂W") < 1e-12


def test_long_sums_are_written_with_their_largest_terms() -> None:
    text = products(np.array([1.0, 5.0, 2.0, 0.5, -4.0]), np.array([1.0, 2.0, 3.0, 1.0, 2.0]))
    assert text == "(5)(2) + (−4)(2) + (2)(3) + 1.5 from the other 2\n  = 9.5"
    assert products(np.array([2.0]), np.array([3.0])) == "(2)(3)\n  = 6"


def number(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With letters, a config, and a run in it."""
    root = tmp_path_factory.mktemp("explain")
    prepare(root)
    hush()
    fit(root, logger=False, enable_checkpointing=True)
    return root


def explain(folder: Path, *flags: str) -> Page:
    output, letters = folder / "page.html", ["--data.path", str(folder / "letters_data.mat")]
    main(["explain", "--config", str(folder / "small.yaml"), *letters, "--output", str(output), *flags])
    return Page(output.read_text())


def test_the_page_shows_the_samples_own_numbers(folder: Path) -> None:
    row = 7
    checkpoint = next(folder.glob("lightning_logs/*/checkpoints/last.ckpt"))
    page = explain(folder, "--ckpt_path", str(checkpoint), "--row", str(row))
    data = data_module(folder / "letters_data.mat")
    data.setup("fit")
    weights = torch.load(checkpoint, weights_only=True)["state_dict"]
    V, W = weights["V"].double().numpy(), weights["W"].double().numpy()
    batch = data.val_dataloader()[0].batches[0]
    g = formulas.forward(V, W, batch.x[row].double().numpy()).g
    table = {line[0]: line for line in page.rows if len(line) == 6}
    assert [number(table[letter][3]) for letter in "ABCXYZ"] == pytest.approx(g[[0, 1, 2, 23, 24, 25]], rel=1e-5)
    assert [letter for letter, line in table.items() if line[4] == "1"] == ["ABCDEFGHIJKLMNOPQRSTUVWXYZ"[batch.y[row]]]  # type: ignore[index]
    pictures = dict(page.figures)
    assert np.array_equal(pictures["the letter on file"], 255 - data.val.images[row])
    entered = pictures["x: blue above the mean, red below"]
    blue = (entered[..., :3] == tiles.POSITIVE).all(-1)
    assert np.array_equal(blue, batch.x[row].numpy().reshape(28, 28) >= 0)
    assert "through the weights of last.ckpt" in page.text


def test_pixels_are_those_of_the_letter_as_it_is_standardised(folder: Path) -> None:
    moments = Moments(5, slant=1, aspect=0.5)
    data = data_module(folder / "letters_data.mat", moments=moments)
    data.setup("validate")
    page = Page(document(LettersModule(list(STAGES), hidden=HIDDEN), data, "", 3))
    pictures, on_file = dict(page.figures), data.val.images[[3]]
    assert np.array_equal(pictures["the letter on file"], 255 - on_file[0])
    assert np.array_equal(pictures["brought to its moments"], 255 - moments(on_file)[0])
    told = re.search(r"pixel (\d+): (\d+) of 255", page.text)
    assert told
    assert moments(on_file).flat[int(told[1])] == int(told[2])


def test_every_quantity_is_next_to_autograds(folder: Path) -> None:
    page = explain(folder)
    lines = {row[0]: row for row in page.rows if len(row) == 3 and row[0] != "quantity"}
    assert len(lines) == 17
    assert all(0 <= number(row[2]) < 1e-12 for row in lines.values())
    worst = max((row[2] for row in lines.values()), key=number)
    assert f"{worst} largest difference from autograd, of all quantities below" in page.text
    assert lines["∂L/∂V"][1] == f"{HIDDEN} × 785"
    assert lines["W after"][1] == f"26 × {HIDDEN + 1}"
    assert "through freshly drawn weights" in page.text


def test_a_smoothed_label_is_walked_through_too(folder: Path) -> None:
    module = LettersModule(list(STAGES), hidden=HIDDEN, label_smoothing=0.26)
    data = data_module(folder / "letters_data.mat")
    data.setup("validate")
    page = Page(document(module, data, "", 3))
    batch = data.val_dataloader()[0].batches[0]
    assert batch.y is not None
    x, y, true = batch.x[3:4].double(), batch.y[3:4], int(batch.y[3])
    labels = [number(row[4]) for row in page.rows if len(row) == 6 and row[0] != "letter"]
    assert labels == pytest.approx([0.75 if letter == true else 0.01 for letter in range(26)])
    assert all(0 <= number(row[2]) < 1e-12 for row in page.rows if len(row) == 3 and row[0] != "quantity")
    V, W = (weights.detach().double().clone() for weights in (module.V, module.W))
    OneAtATime(Model(label_smoothing=0.26))(V, W, x, y, module.schedule.rates(0, 1))
    told = re.search(r"hidden unit j = (\d+).* W\[.,j\] ← .* = (\S+) ", page.text)
    assert told
    assert number(told[2]) == pytest.approx(float(W[true, int(told[1])]), rel=1e-5)


@pytest.mark.parametrize("row", [-1, 50])
def test_a_row_that_is_not_there(folder: Path, row: int) -> None:
    data = data_module(folder / "letters_data.mat")
    data.setup("validate")
    with pytest.raises(UserError, match=rf"--row must be 0 to 49, a validation row, not {row}"):
        document(LettersModule(list(STAGES), hidden=HIDDEN), data, "", row)
