"""A step of the estimator beside scikit-learn's MLPClassifier and a PyTorch loop, on one thread each.

All three do the same updates of the same network in float32: single samples, tanh, softmax, an L2 term that spares the
biases, from equal weights. They are compared before they are timed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from benchmarks.problem import letters
from benchmarks.settings import UNIT
from benchmarks.table import Table, number
from benchmarks.timing import Times, clocked, measure
from letters_torch.exact_sgd import to_linear
from letters_torch.exact_sgd.threads import torch_threads
from letters_torch.sklearn import ExactSGDClassifier

OURS, SKLEARN, TORCH = "ExactSGDClassifier", "MLPClassifier(batch_size=1)", "PyTorch loop, torch.optim.SGD"
LR, ALPHA = 1e-3, 1e-4
SAMPLES = 10_000
GOALS = {784: 30, 64: 40}
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Setting:
    """A network and its samples: x (N, inputs) float32, y (N,) of 0..classes - 1."""

    x: Array
    y: Array
    hidden: int

    @property
    def sizes(self) -> str:
        """Such as 784-400-26."""
        return f"{self.x.shape[1]}-{self.hidden}-{len(self.classes)}"

    @property
    def classes(self) -> Array:
        """All labels."""
        return np.arange(self.y.max() + 1)


def settings(data: Path | None) -> list[Setting]:
    """Letters with 400 hidden units, and scikit-learn's digits with 100."""
    x, y, _ = letters(data).make_block(0, SAMPLES)
    digits, labels = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).integers(len(digits), size=SAMPLES)
    digits = ((digits - digits.mean()) / digits.std()).astype(np.float32)[rows]
    return [Setting(x.numpy(), y.numpy(), 400), Setting(digits, labels[rows], 100)]


class Ours:
    """The estimator."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.model: Any = ExactSGDClassifier(setting.hidden, alpha=ALPHA, learning_rate_init=LR, random_state=0)
        self.model.partial_fit(setting.x[:1], setting.y[:1], classes=setting.classes)

    def advance(self, steps: int) -> None:
        """That many steps, from the first sample on."""
        self.model.partial_fit(self.setting.x[:steps], self.setting.y[:steps])

    def weights(self) -> list[Array]:
        """Of both layers."""
        return [*self.model.coefs_, *self.model.intercepts_]


class Sklearn(Ours):
    """scikit-learn's network."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.model = MLPClassifier(
            (setting.hidden,),
            activation="tanh",
            solver="sgd",
            alpha=ALPHA,
            batch_size=1,
            learning_rate_init=LR,
            momentum=0,
            nesterovs_momentum=False,
            shuffle=False,
            random_state=0,
        )
        self.model.partial_fit(setting.x[:1], setting.y[:1], classes=setting.classes)


class Torch:
    """PyTorch as in its tutorials."""

    def __init__(self, setting: Setting) -> None:
        self.x, self.y = torch.from_numpy(setting.x), torch.from_numpy(setting.y.astype(np.int64))
        start = ExactSGDClassifier(setting.hidden, alpha=ALPHA, learning_rate_init=LR, random_state=0)
        start.partial_fit(setting.x[:1], setting.y[:1], classes=setting.classes)
        pairs = zip(start.coefs_, start.intercepts_, strict=True)
        self.layers = to_linear(*(torch.from_numpy(np.column_stack([w.T, b])) for w, b in pairs))
        self.network = torch.nn.Sequential(self.layers[0], torch.nn.Tanh(), self.layers[1])
        groups: list[dict[str, Any]] = [
            {"params": [layer.weight for layer in self.layers], "weight_decay": ALPHA},
            {"params": [layer.bias for layer in self.layers]},
        ]
        self.sgd = torch.optim.SGD(groups, lr=LR)

    def advance(self, steps: int) -> None:
        """That many steps, from the first sample on."""
        for x, y in zip(self.x[:steps].split(1), self.y[:steps].split(1), strict=True):
            self.sgd.zero_grad()
            F.cross_entropy(self.network(x), y).backward()
            self.sgd.step()

    def weights(self) -> list[Array]:
        """Of both layers."""
        layers = [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in self.layers]
        return [w for w, _ in layers] + [b for _, b in layers]


KINDS: dict[str, Callable[[Setting], Any]] = {OURS: Ours, SKLEARN: Sklearn, TORCH: Torch}


def difference(setting: Setting) -> dict[str, float]:
    """The largest difference of any weight from ours, after UNIT steps; the weights are of the order of 0.1."""
    found = {}
    for name, kind in KINDS.items():
        contender = kind(setting)
        contender.advance(UNIT)
        found[name] = contender.weights()
    return {
        name: max(float(np.abs(a - b).max()) for a, b in zip(weights, found[OURS], strict=True))
        for name, weights in found.items()
    }


def table(data: Path | None, rounds: int, seconds: float) -> Table:
    """Compares and times all three on both networks."""
    rows = []
    with torch_threads(1):
        for setting in settings(data):
            off = difference(setting)
            times = measure({name: _timed(kind(setting)) for name, kind in KINDS.items()}, rounds, seconds, UNIT)
            rows += [_row(setting, name, times, off[name]) for name in KINDS]
    heading = ("network", "contender", "µs a step", "times ours", "lowest..highest", "goal", "largest difference")
    return Table("estimator", f"One single-sample step, float32, one thread, {rounds} rounds", heading, rows, [_NOTE])


def _timed(contender: Any) -> Callable[[int], float]:
    """Runs the same samples again once they are used up."""

    def work(steps: int) -> None:
        while steps:
            part = min(steps, SAMPLES)
            contender.advance(part)
            steps -= part

    return clocked(work)


def _row(setting: Setting, name: str, times: Times, off: float) -> list[str]:
    own, ratio = times.of(name), times.ratio(name, OURS)
    goal = GOALS[setting.x.shape[1]] if name == SKLEARN else None
    return [
        setting.sizes,
        name,
        number(own.median),
        "1" if name == OURS else f"{ratio.median:.0f}x",
        "" if name == OURS else f"{ratio.low:.0f}..{ratio.high:.0f}",
        "" if goal is None else f"{goal}x",
        f"{off:.0e}",
    ]


_NOTE = (
    f"Ratios are taken within a round. The estimators are called with as many samples as there are, up to {SAMPLES:,}"
    f" at a time. Largest difference: of any weight from ours after {UNIT} steps from equal weights."
)
