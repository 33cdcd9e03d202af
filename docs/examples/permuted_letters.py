"""Continual learning on permuted letters: python -m docs.examples.permuted_letters [--data letters_data.mat].

Task after task, all pixels change places: each task has a permutation of its own, as in permuted MNIST. The network is
not told when. It sees each letter once, predicts it, and takes one step (test-then-train). Draws
docs/images/permuted_letters.png. Left: online accuracy in each task, which shows how well the network still learns
after many tasks (Dohare et al., Loss of plasticity in deep continual learning, Nature 632, 2024). Right: accuracy on
new letters of the first task, which the later tasks make it forget.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from letters_torch import LettersDataModule
from letters_torch.letters import CLASSES, Letters
from letters_torch.sklearn import ExactSGDClassifier

PICTURE = Path(__file__).parents[1] / "images" / "permuted_letters.png"
LEARNING_RATES = (0.001, 0.003, 0.01, 0.03)
Float32 = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]


class Stream(NamedTuple):
    """Letters to learn from, and others to test with: standardised pixels (N, 784), classes (N,)."""

    x: Float32
    y: Classes
    x_new: Float32
    y_new: Classes


class Curves(NamedTuple):
    """By task: the online accuracy in it, and the accuracy on new letters of the first task after it."""

    online: list[float]
    first_task: list[float]


def stream(path: Path | None) -> Stream:
    """The letters of a file; without one, those that the program writes itself."""
    data = LettersDataModule(path=path, source="auto" if path else "builtin", scaling="global")
    data.setup("fit")
    assert data.standardizer is not None
    scale = data.standardizer

    def arrays(letters: Letters) -> tuple[Float32, Classes]:
        assert letters.labels is not None
        return scale(torch.from_numpy(letters.images)).flatten(1).numpy(), letters.labels.astype(np.int64) - 1

    return Stream(*arrays(data.train), *arrays(data.val))


def run(letters: Stream, learning_rate: float, tasks: int, samples: int, hidden: int = 100, seed: int = 0) -> Curves:
    """Learns the tasks one after another.

    Args:
        letters: drawn from with replacement.
        learning_rate: of every step.
        tasks: number of permutations; the first leaves the pixels where they are.
        samples: steps per task.
        hidden: number of hidden units.
        seed: of weights, permutations and draws.
    """
    rng, curves = np.random.default_rng(seed), Curves([], [])
    model = ExactSGDClassifier(hidden, alpha=0.0, learning_rate_init=learning_rate, random_state=seed)
    order = np.arange(letters.x.shape[1])
    for _ in range(tasks):
        rows = rng.integers(len(letters.x), size=samples)
        seen = model.test_then_train(letters.x[rows][:, order], letters.y[rows], np.arange(CLASSES))
        curves.online.append(float((seen.prediction == letters.y[rows]).mean()))
        curves.first_task.append(float(model.score(letters.x_new, letters.y_new)))
        order = rng.permutation(len(order))
    return curves


def draw(letters: Stream, tasks: int, samples: int, file: Path) -> None:
    """Draws the figure."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for learning_rate in LEARNING_RATES:
        curves = run(letters, learning_rate, tasks, samples)
        for axis, accuracies in zip(axes, curves, strict=True):
            axis.plot(range(1, tasks + 1), accuracies, ".-", label=f"learning rate {learning_rate:g}")
    for axis, title in zip(axes, ("online accuracy in each task", "accuracy on the first task"), strict=True):
        axis.set(title=title, xlabel=f"task ({samples:,} letters each)", ylim=(0, 1))
    axes[1].axhline(1 / CLASSES, color="grey", linestyle=":", label="chance")
    axes[1].legend()
    figure.savefig(file, dpi=110)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m docs.examples.permuted_letters", description=__doc__)
    parser.add_argument("--data", type=Path, help="letters_data.mat or an EMNIST folder (default: built-in letters)")
    parser.add_argument("--tasks", type=int, default=30)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--output", type=Path, default=PICTURE)
    options = parser.parse_args()
    draw(stream(options.data), options.tasks, options.samples, options.output)


if __name__ == "__main__":
    main()
