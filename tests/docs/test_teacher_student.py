"""The teacher-student example: the differential equations beside networks that are trained one sample at a time."""

from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from docs.examples import order_parameters
from docs.examples.teacher_student import Setting, simulation, theory

FIRST = Setting(2, 2, eta=1.0, sigma=0.0, both_layers=False, inputs=300, time=20)
BOTH = Setting(3, 2, eta=0.7, sigma=0.3, both_layers=True, inputs=300, time=20)


def test_gaussian_averages() -> None:
    """Against a million samples of the Gaussian variables."""
    rng = np.random.default_rng(0)
    half = rng.normal(size=(3, 3))
    C = half @ half.T / 3 + 0.2 * np.eye(3)
    u = rng.multivariate_normal(np.zeros(3), C, size=1_000_000)
    g, slope = erf(u / 2**0.5), (2 / np.pi) ** 0.5 * np.exp(-u * u / 2)
    count, two = len(u), range(2)

    def close(found: np.ndarray, sampled: Any) -> None:
        np.testing.assert_allclose(found, sampled, rtol=0, atol=4e-3)

    close(order_parameters.mean_gg(C), g.T @ g / count)
    close(order_parameters.mean_dug(C, 2), [(slope[:, [i]] * u).T @ g / count for i in two])
    products = [[(slope[:, [i]] * slope[:, [j]] * g).T @ g / count for j in two] for i in two]
    close(order_parameters.mean_ddgg(C, 2), products)
    close(order_parameters.mean_dd(C, 2), slope[:, :2].T @ slope[:, :2] / count)


@pytest.mark.parametrize("setting", [FIRST, BOTH], ids=["first_layer", "both_layers"])
def test_simulation_follows_theory(setting: Setting) -> None:
    """Mean of three seeds, from t = 0.1 to 20: the error falls by more than ten, and stays within 15 % of theory."""
    times = setting.times(8)
    expected, found = (
        np.mean([errors(setting, seed, times) for seed in range(3)], 0) for errors in (theory, simulation)
    )
    assert expected[-1] < expected[0] / 10
    np.testing.assert_allclose(found, expected, rtol=0.15)


def test_every_term_matters() -> None:
    """The comparison above would notice if the noise or the motion of the second layer were left out."""
    times = BOTH.times(8)
    start = order_parameters.State.of(*BOTH.draw(0))
    whole, *others = (
        np.array([s.generalisation_error() for s in order_parameters.integrate(start, times, BOTH.eta, sigma, second)])
        for sigma, second in ((BOTH.sigma, True), (0.0, True), (BOTH.sigma, False))
    )
    for other in others:
        assert np.abs(other / whole - 1).max() > 0.19
