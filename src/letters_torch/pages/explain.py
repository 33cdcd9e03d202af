"""One sample walked through forward, gradient and update, formula by formula, next to autograd's values.

For a student who must derive it: every formula of docs/derivation.md with the sample's own numbers in place. One hidden
unit j, the true letter t and one pixel k are followed all the way.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from letters_torch.data.datamodule import LettersDataModule
from letters_torch.drawing import figures, tiles
from letters_torch.errors import UserError
from letters_torch.exact_sgd import formulas
from letters_torch.letters import ALPHABET, SIDE
from letters_torch.lightning.module import LettersModule
from letters_torch.pages import page
from letters_torch.pages.page import number as n
from letters_torch.pages.walk import Array, Walk, walk

TERMS = 3  # of a long sum, written out


def document(module: LettersModule, data: LettersDataModule, weights: str, row: int) -> str:
    """The page.

    Args:
        module: with the weights before the step.
        data: set up.
        weights: where those are from, in words.
        row: of the validation rows, from 0.

    Raises:
        UserError: there is no such row.
    """
    if not 0 <= row < len(data.val):
        raise UserError(f"--row must be 0 to {len(data.val) - 1}, a validation row, not {row}")
    batches = list(data.val_dataloader()[0])
    x = torch.cat([batch.x for batch in batches])[row].double().numpy()
    label = int(torch.cat([batch.y for batch in batches if batch.y is not None])[row])
    y = formulas.smoothed(np.eye(len(ALPHABET))[label], module.hparams["label_smoothing"])
    V, W = (weights.detach().double().cpu().numpy() for weights in (module.V, module.W))
    rates = module.schedule.rates(min(module.step, module.schedule.total - 1), 1)
    on_file = data.val.images[[row]]
    images = on_file[0], data.placed(on_file)[0]
    s = Lesson(walk(V, W, x, y, float(rates.lr[0]), float(rates.weight_decay[0]) / 2), *images)
    steps = [step(s) for step in STEPS]
    return page.document("One step, by hand", _opening(s, weights, row), *steps, _summary(s.walk))


class Lesson:
    """A walk, and what of it is followed: j, t, k, and the strongest other letter o.

    Attributes:
        on_file: the letter as it is on file.
        image: the same as it is standardised.
        j: the hidden unit that L depends on most.
        t: the true letter.
        o: the other letter with the highest probability.
        k: the pixel that is furthest from its mean.
    """

    def __init__(self, walk: Walk, on_file: tiles.UInt8, image: tiles.UInt8) -> None:
        self.walk, self.on_file, self.image, self.v = walk, on_file, image, walk.by_hand
        self.j = int(np.abs(self.v["∂L/∂a"]).argmax())
        self.t = int(walk.y.argmax())
        self.o = int(np.where(np.arange(len(walk.y)) == self.t, -1, self.v["g"]).argmax())
        self.k = int(np.abs(walk.x[:-1]).argmax())

    def step(self, title: str, formula: str, text: str, worked: str, checked: Sequence[str], *pictures: str) -> str:
        """A section: the formula, why, the numbers, the pictures, and how far autograd's values are."""
        parts = [f'<div class="formula">{formula}</div>', page.paragraph(text), f'<div class="worked">{worked}</div>']
        return page.section(title, *parts, *pictures, *(_check(self.walk, name) for name in checked))


def _check(walk: Walk, name: str) -> str:
    count = walk.by_hand[name].size
    entries = "1 value" if count == 1 else f"{count:,} values"
    apart = n(walk.difference(name), 2)
    return f'<p class="check">{name}, {entries}: by hand and by autograd <b>{apart}</b> apart</p>'


def products(left: Array, right: Array) -> str:
    """Σ left·right with its largest terms written out and the others summed."""
    terms = left * right
    order = np.argsort(-np.abs(terms), kind="stable")
    written = " + ".join(f"({n(left[i])})({n(right[i])})" for i in order[:TERMS])
    rest = f" + {n(terms[order[TERMS:]].sum())} from the other {len(order) - TERMS}" if len(order) > TERMS else ""
    return f"{written}{rest}\n  = {n(terms.sum())}"


def _weights_image(values: Array) -> tiles.UInt8:
    """The 784 of a row of V, or of its gradient, as an image."""
    return tiles.signed(values[:-1].reshape(SIDE, SIDE), float(np.abs(values[:-1]).max()))


def _strip(values: Array, columns: int = 40) -> tiles.UInt8:
    """A long vector as lines of colour."""
    padded = np.zeros(-(-len(values) // columns) * columns)
    padded[: len(values)] = values
    return tiles.signed(padded.reshape(-1, columns), float(np.abs(values).max()))


def _opening(s: Lesson, weights: str, row: int) -> str:
    before = float(s.v["L"])
    after = formulas.loss(formulas.forward(s.v["V after"], s.v["W after"], s.walk.x[:-1]).b, s.walk.y)
    read = int(s.v["g"].argmax())
    worst = max(s.walk.difference(name) for name in s.v)
    return "\n".join(
        [
            page.paragraph(
                f"Validation row {row}, through {weights}: {len(s.walk.V)} hidden units, learning rate η ="
                f" {n(s.walk.lr)}, λ = {n(s.walk.lam)}. All in float64. Followed all the way are hidden unit"
                f" j = {s.j}, the true letter t = {ALPHABET[s.t]}, and pixel k = {s.k}"
                f" (line {s.k // SIDE}, column {s.k % SIDE})."
            ),
            page.facts(
                [
                    (ALPHABET[s.t], "the true letter"),
                    (f"{ALPHABET[read]}, {s.v['g'][read]:.1%}", "what the network reads, and how sure it is"),
                    (f"{n(before, 4)} → {n(after, 4)}", "loss of this sample before and after one step"),
                    (n(worst, 2), "largest difference from autograd, of all quantities below"),
                ]
            ),
        ]
    )


def _input(s: Lesson) -> str:
    shown = [(255 - s.on_file, ["the letter on file"])]
    if not np.array_equal(s.image, s.on_file):
        shown.append((255 - s.image, ["brought to its moments"]))
    shown.append((_weights_image(s.walk.x), ["x: blue above the mean, red below"]))
    return page.section(
        "The sample",
        '<div class="formula">x = (pixels − mean) / deviation, and a last 1</div>',
        page.paragraph("784 standardised pixels. The 1 makes the last column of V the biases."),
        f'<div class="worked">x[k] = {n(s.walk.x[s.k])}   (pixel {s.k}: {s.image.flat[s.k]} of 255)</div>',
        page.captioned(shown, "tiles"),
    )


def _a(s: Lesson) -> str:
    V = s.walk.V[s.j]
    shown = [(_weights_image(V), [f"V[j], j = {s.j}"]), (_weights_image(V * s.walk.x), ["V[j] ∗ x, the terms"])]
    return s.step(
        "Forward: what enters tanh",
        "a = V x",
        "Each hidden unit weighs every pixel. Where weights and letter agree in sign the product is blue.",
        f"a[j] = Σ V[j,k] x[k]\n  = {products(V, s.walk.x)}",
        ["a"],
        page.captioned(shown, "tiles"),
    )


def _h(s: Lesson) -> str:
    return s.step(
        "Forward: the hidden units",
        "h = (tanh(a), 1)",
        "Between −1 and 1, and a last 1 that makes the last column of W the biases.",
        f"h[j] = tanh({n(s.v['a'][s.j])}) = {n(s.v['h'][s.j])}",
        ["h"],
        page.captioned([(_strip(s.v["h"][:-1]), ["all hidden units, in lines: blue above 0, red below"])], "strip"),
    )


def _b(s: Lesson) -> str:
    return s.step(
        "Forward: the logits",
        "b = W h",
        "One number for each letter: the larger, the more the network leans to it.",
        f"b[{ALPHABET[s.t]}] = Σ W[{ALPHABET[s.t]},j] h[j]\n  = {products(s.walk.W[s.t], s.v['h'])}",
        ["b"],
        figures.svg(figures.bars(s.v["b"], ALPHABET), "logits"),
    )


def _g(s: Lesson) -> str:
    b, g, y = s.v["b"], s.v["g"], s.walk.y
    e = np.exp(b - b.max())
    rows = [(c, n(b[i]), n(e[i]), n(g[i]), n(y[i]), n(g[i] - y[i])) for i, c in enumerate(ALPHABET)]
    return s.step(
        "Forward: the probabilities",
        "g<sub>i</sub> = e<sup>b<sub>i</sub></sup> / Σ<sub>k</sub> e<sup>b<sub>k</sub></sup>",
        "The largest logit is taken from all of them first: it cancels, and no exponential overflows.",
        f"g[{ALPHABET[s.t]}] = {n(e[s.t])} / {n(e.sum())} = {n(g[s.t])}",
        ["g"],
        page.table(("letter", "b", "exp(b − max b)", "g", "y", "g − y"), rows),
    )


def _L(s: Lesson) -> str:
    y, g = s.walk.y, s.v["g"]
    if y[s.t] == 1:
        text = "Only the true letter's term is left: y is 1 there and 0 elsewhere."
        worked = f"L = −log {n(g[s.t])} = {n(float(s.v['L']))}"
    else:
        text = (
            f"Label smoothing shares a part of the label among all letters: y is {n(y[s.t])} at the true one and"
            f" {n(y[s.o])} elsewhere: derivation, section 8."
        )
        worked = f"L = {products(y, -np.log(g))}"
    return s.step("Forward: the loss", "L = −Σ<sub>i</sub> y<sub>i</sub> log g<sub>i</sub>", text, worked, ["L"])


def _jacobian(s: Lesson) -> str:
    g, t, o = s.v["g"], ALPHABET[s.t], ALPHABET[s.o]
    J = s.v["∂g/∂b"]
    return s.step(
        "Backward: the softmax Jacobian",
        "∂g/∂b = diag(g) − g g<sup>T</sup>",
        "Raising one logit raises its own probability (blue, the diagonal) and lowers all others (red): derivation,"
        " section 3.",
        f"∂g[{t}]/∂b[{t}] = g(1 − g) = {n(g[s.t])} · {n(1 - g[s.t])} = {n(J[s.t, s.t])}\n"
        f"∂g[{t}]/∂b[{o}] = −g[{t}] g[{o}] = −{n(g[s.t])} · {n(g[s.o])} = {n(J[s.t, s.o])}",
        ["∂g/∂b"],
        page.captioned([(tiles.signed(J, float(np.abs(J).max())), ["∂g/∂b, A to Z on both sides"])], "tiles"),
    )


def _dL_db(s: Lesson) -> str:
    g, y, t = s.v["g"], s.walk.y, s.t
    J, dL_dg = s.v["∂g/∂b"], s.v["∂L/∂g"]
    by_letter = y > 0  # the others' terms are 0
    lines = [
        f"∂L/∂g[{ALPHABET[t]}] = −{n(y[t])}/{n(g[t])} = {n(dL_dg[t])}",
        *(
            f"∂L/∂b[{ALPHABET[i]}] = {products(dL_dg[by_letter], J[by_letter, i])} = g − y = {n(g[i])} − {n(y[i])}"
            for i in (t, s.o)
        ),
    ]
    return s.step(
        "Backward: to the logits",
        "∂L/∂g = −y / g\n∂L/∂b = (∂g/∂b)<sup>T</sup> ∂L/∂g = g − y",
        "A logit is pulled up by as much as its probability falls short of y, and pushed down by as much as it is"
        " above: derivation, section 4.",
        "\n".join(lines),
        ["∂L/∂g", "∂L/∂b"],
        figures.svg(figures.bars(s.v["∂L/∂b"], ALPHABET), "slopes"),
    )


def _dL_dW(s: Lesson) -> str:
    D, t = s.v["∂L/∂W"], ALPHABET[s.t]
    return s.step(
        "Backward: the second layer",
        "∂L/∂W = (g − y) h<sup>T</sup>",
        "An outer product: a line for each letter, a column for each hidden unit, the last for the biases.",
        f"∂L/∂W[{t},j] = ({n(s.v['∂L/∂b'][s.t])})({n(s.v['h'][s.j])}) = {n(D[s.t, s.j])}",
        ["∂L/∂W"],
        page.captioned([(tiles.signed(D), ["the gradient of W, A to Z from top to bottom"])], "strip tall"),
    )


def _dL_da(s: Lesson) -> str:
    h = s.v["h"][s.j]
    return s.step(
        "Backward: to the hidden units",
        "∂L/∂h = W<sup>T</sup>(g − y)\n∂L/∂a = [∂L/∂h] ∗ (1 − h²)",
        f"The last of the {len(s.v['h'])} rows of ∂L/∂h belongs to the constant 1, which depends on nothing: it is"
        " dropped, in the square brackets. 1 − h² is the slope of tanh: derivation, section 5.",
        f"∂L/∂h[j] = Σ W[i,j] (g − y)[i]\n  = {products(s.walk.W[:, s.j], s.v['∂L/∂b'])}\n"
        f"∂L/∂a[j] = {n(s.v['∂L/∂h'][s.j])} · (1 − ({n(h)})²) = {n(s.v['∂L/∂a'][s.j])}",
        ["∂L/∂h", "∂L/∂a"],
        page.captioned([(_strip(s.v["∂L/∂a"]), ["the slope at every hidden unit, in the same lines"])], "strip"),
    )


def _dL_dV(s: Lesson) -> str:
    D = s.v["∂L/∂V"]
    return s.step(
        "Backward: the first layer",
        "∂L/∂V = ∂L/∂a x<sup>T</sup>",
        "Again an outer product: each unit's row is the letter itself, as strong as the unit's slope.",
        f"∂L/∂V[j,k] = ({n(s.v['∂L/∂a'][s.j])})({n(s.walk.x[s.k])}) = {n(D[s.j, s.k])}",
        ["∂L/∂V"],
        page.captioned([(_weights_image(D[s.j]), [f"∂L/∂V[j], j = {s.j}"])], "tiles"),
    )


def _l2(s: Lesson) -> str:
    lam, V = s.walk.lam, s.walk.V
    squares = float((V**2).sum()), float((s.walk.W**2).sum())
    return s.step(
        "L2",
        "J = L + λ(‖V‖² + ‖W‖²)\n∂J/∂V = ∂L/∂V + 2λV\n∂J/∂W = ∂L/∂W + 2λW",
        "What a step descends. torch's weight_decay is 2λ: derivation, section 6.",
        f"J = {n(float(s.v['L']))} + {n(lam)}({n(squares[0])} + {n(squares[1])}) = {n(float(s.v['J']))}\n"
        f"∂J/∂V[j,k] = {n(s.v['∂L/∂V'][s.j, s.k])} + 2 · {n(lam)} · ({n(V[s.j, s.k])})"
        f" = {n(s.v['∂J/∂V'][s.j, s.k])}",
        ["J", "∂J/∂W", "∂J/∂V"],
    )


def _update(s: Lesson) -> str:
    V, W, t, lr = s.walk.V, s.walk.W, s.t, s.walk.lr
    shown = [
        (_weights_image(V[s.j]), ["V[j] before"]),
        (_weights_image(s.v["V after"][s.j] - V[s.j]), ["what the step adds, enlarged"]),
        (_weights_image(s.v["V after"][s.j]), ["V[j] after"]),
    ]
    return s.step(
        "The update",
        "V ← V − η ∂J/∂V\nW ← W − η ∂J/∂W",
        "Both gradients are taken at the old weights. Autograd's update is torch.optim.SGD's.",
        f"V[j,k] ← {n(V[s.j, s.k])} − {n(lr)} · ({n(s.v['∂J/∂V'][s.j, s.k])}) = {n(s.v['V after'][s.j, s.k])}\n"
        f"W[{ALPHABET[t]},j] ← {n(W[t, s.j])} − {n(lr)} · ({n(s.v['∂J/∂W'][t, s.j])})"
        f" = {n(s.v['W after'][t, s.j])}",
        ["W after", "V after"],
        page.captioned(shown, "tiles"),
    )


def _summary(walk: Walk) -> str:
    rows = [
        (name, " × ".join(map(str, value.shape)) or "1", n(walk.difference(name), 2))
        for name, value in walk.by_hand.items()
    ]
    return page.section(
        "By hand and by autograd",
        page.paragraph("The largest difference in any entry of each quantity, by formulas.py and by torch."),
        page.table(("quantity", "size", "largest difference"), rows),
    )


STEPS: tuple[Callable[[Lesson], str], ...] = (
    _input,
    _a,
    _h,
    _b,
    _g,
    _L,
    _jacobian,
    _dL_db,
    _dL_dW,
    _dL_da,
    _dL_dV,
    _l2,
    _update,
)
