"""Online SGD on two-layer networks, theory beside simulation: python -m docs.examples.teacher_student.

Draws docs/images/teacher_student.png. Left, as in Saad and Solla (1995): the second layer is fixed at 1, the teacher's
units are orthonormal. Right, as in Goldt et al. (2019): both layers are trained, the teacher's units are drawn at
random. The lines are the differential equations of order_parameters.py, from the initial weights of each seed; the
points are the generalisation errors of networks that ExactSGDRegressor (right) or Blocked (left) trained one sample
at a time. Nothing is fitted.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.special import erf

from docs.examples.order_parameters import Array, State, integrate
from letters_torch.exact_sgd import Blocked, Model, Rates
from letters_torch.sklearn import ExactSGDRegressor

PICTURE = Path(__file__).parents[1] / "images" / "teacher_student.png"
BLOCK = 10_000  # samples that are drawn at a time


@dataclass(frozen=True)
class Setting:
    """One experiment.

    Attributes:
        students: K, number of the student's units.
        teachers: M, number of the teacher's.
        eta: learning rate, as order_parameters.py defines it.
        sigma: standard deviation of the noise of the labels.
        both_layers: train both layers, from random weights; otherwise the second layer stays at 1.
        inputs: N.
        time: the end, in steps / N.
    """

    students: int
    teachers: int
    eta: float
    sigma: float
    both_layers: bool
    inputs: int
    time: float

    def times(self, points: int = 25) -> Array:
        """When the networks are looked at: whole steps, equally spaced on a logarithmic axis."""
        steps = np.geomspace(0.1 * self.inputs, self.time * self.inputs, points).astype(int)
        return steps / self.inputs

    def draw(self, seed: int) -> tuple[Array, Array, Array, Array]:
        """Initial weights: w (K, N), v (K,), w_teacher (M, N), v_teacher (M,)."""
        rng = np.random.default_rng(seed)
        w_teacher = rng.normal(size=(self.teachers, self.inputs))
        if not self.both_layers:
            w_teacher = np.linalg.qr(w_teacher.T)[0].T * self.inputs**0.5
            return self._student(rng, 0.3), np.ones(self.students), w_teacher, np.ones(self.teachers)
        w, v = self._student(rng, 1.0), rng.normal(size=self.students) / self.students**0.5
        return w, v, w_teacher, np.ones(self.teachers)

    def _student(self, rng: np.random.Generator, scale: float) -> Array:
        return scale * rng.normal(size=(self.students, self.inputs))


def theory(setting: Setting, seed: int, times: Array) -> Array:
    """Generalisation errors at these times, from the differential equations."""
    start = State.of(*setting.draw(seed))
    states = integrate(start, times, setting.eta, setting.sigma, setting.both_layers)
    return np.array([state.generalisation_error() for state in states])


def simulation(setting: Setting, seed: int, times: Array) -> Array:
    """Generalisation errors at these times, of a network that is trained one sample at a time."""
    w, v, w_teacher, v_teacher = setting.draw(seed)
    # With inputs x instead of x / sqrt(N), weights w / sqrt(N) and the learning rate eta / N the steps are the same.
    scale = setting.inputs**0.5
    network = (BothLayers if setting.both_layers else FirstLayer)(setting.eta / setting.inputs, w / scale, v)
    rng, done, errors = np.random.default_rng([seed, 1]), 0, []
    for end in np.rint(times * setting.inputs).astype(int):
        while done < end:
            x = rng.normal(size=(min(BLOCK, end - done), setting.inputs))
            y = erf(x @ w_teacher.T / scale / 2**0.5) @ v_teacher
            network.learn(x, y + setting.sigma * rng.normal(size=len(y)))
            done += len(x)
        first, second = network.weights()
        errors.append(State.of(first * scale, second, w_teacher, v_teacher).generalisation_error())
    return np.array(errors)


class BothLayers:
    """A student of which both layers are trained: the estimator."""

    def __init__(self, learning_rate: float, first: Array, second: Array) -> None:
        self.model = ExactSGDRegressor(
            len(first), "erf", alpha=0.0, learning_rate_init=learning_rate, fit_intercept=False
        )
        self.model.partial_fit(np.zeros((1, first.shape[1])), [0.0])  # allocates the weights
        self.model.coefs_ = first.T, second[:, None]

    def learn(self, x: Array, y: Array) -> None:
        """One step for each sample."""
        self.model.partial_fit(x, y)

    def weights(self) -> tuple[Array, Array]:
        """(K, N) and (K,)."""
        return self.model.coefs_[0].T, self.model.coefs_[1][:, 0]


class FirstLayer:
    """A student with a fixed second layer: the engine itself."""

    def __init__(self, learning_rate: float, first: Array, second: Array) -> None:
        self.engine = Blocked(model=Model("erf", "squared_error", train_biases=False, train_second_layer=False))
        without_biases = np.column_stack([first, np.zeros(len(first))]), np.append(second, 0.0)[None]
        self.V, self.W = (torch.from_numpy(matrix) for matrix in without_biases)
        self.rates = Rates(learning_rate, 0.0)

    def learn(self, x: Array, y: Array) -> None:
        """One step for each sample."""
        self.engine(self.V, self.W, torch.from_numpy(x), torch.from_numpy(y[:, None]), self.rates)

    def weights(self) -> tuple[Array, Array]:
        """(K, N) and (K,)."""
        return self.V[:, :-1].numpy(), self.W[0, :-1].numpy()


SETTINGS = {
    "second layer fixed, orthonormal teacher (Saad and Solla 1995)": [
        Setting(students, students, eta=1.0, sigma=0.0, both_layers=False, inputs=784, time=400)
        for students in (1, 2, 3)
    ],
    "both layers trained, two teacher units, noise 0.1 (Goldt et al. 2019)": [
        Setting(students, 2, eta=0.5, sigma=0.1, both_layers=True, inputs=784, time=400) for students in (2, 4, 6)
    ],
}


def draw(seeds: int, file: Path) -> None:
    """Draws the figure."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for axis, (title, settings) in zip(axes, SETTINGS.items(), strict=True):
        for colour, setting in enumerate(settings):
            coarse, fine = setting.times(), setting.times(200)
            for seed in range(seeds):
                name = f"K = {setting.students}" if seed == 0 else None
                axis.loglog(fine, theory(setting, seed, fine), color=f"C{colour}", linewidth=1, label=name)
                axis.loglog(coarse, simulation(setting, seed, coarse), "o", color=f"C{colour}", markersize=3)
        axis.set(title=title, xlabel="steps / N", ylabel="generalisation error")
        axis.set_ylim(bottom=1e-7 if not settings[0].both_layers else None)
        axis.title.set_fontsize(9)
        axis.legend(title="student units", fontsize=8)
    figure.savefig(file, dpi=110)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m docs.examples.teacher_student", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=PICTURE)
    options = parser.parse_args()
    draw(options.seeds, options.output)


if __name__ == "__main__":
    main()
