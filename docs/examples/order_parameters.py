"""Online SGD on a two-layer network as differential equations of a few order parameters.

Saad and Solla, "Exact solution for on-line learning in multilayer neural networks", Phys. Rev. Lett. 74, 4337 (1995);
with both layers trained: Goldt, Advani, Saxe, Krzakala and Zdeborova, "Dynamics of stochastic gradient descent for
two-layer neural networks in the teacher-student setup", NeurIPS 2019 (arXiv:1906.08632).

A student with K hidden units learns from a teacher with M of them, both without biases:

    student(x) = sum_k v_k g(lambda_k),  lambda_k = w_k . x / sqrt(N),  g(u) = erf(u / sqrt(2))
    teacher(x) = sum_m v*_m g(rho_m),    rho_m = w*_m . x / sqrt(N),    y = teacher(x) + sigma zeta

Each sample x ~ N(0, I_N) is used once. The error is delta = y - student(x), the loss delta^2 / 2, and a step is

    w_k += eta / sqrt(N) v_k g'(lambda_k) delta x,    v_k += eta / N g(lambda_k) delta.

For large N, Q = w w^T / N, R = w w*^T / N and v follow differential equations in the time t = steps / N. Everything
that they need are averages over the Gaussian variables u = (lambda, rho), whose covariance is C = [[Q, R], [R^T, T]].
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """The order parameters of a student and its teacher.

    Attributes:
        Q: (K, K), overlaps of the student's units.
        R: (K, M), overlaps of the student's and the teacher's units.
        T: (M, M), overlaps of the teacher's units.
        v: (K,), second layer of the student.
        v_teacher: (M,), second layer of the teacher.
    """

    Q: Array
    R: Array
    T: Array
    v: Array
    v_teacher: Array

    @classmethod
    def of(cls, w: Array, v: Array, w_teacher: Array, v_teacher: Array) -> "State":
        """Of networks with first layers w (K, N) and w_teacher (M, N)."""
        n = w.shape[1]
        return cls(w @ w.T / n, w @ w_teacher.T / n, w_teacher @ w_teacher.T / n, v, v_teacher)

    @property
    def covariance(self) -> Array:
        """C, (K + M, K + M): of the student's and the teacher's local fields."""
        return np.block([[self.Q, self.R], [self.R.T, self.T]])

    @property
    def readout(self) -> Array:
        """(K + M,): delta without noise is readout . g(u)."""
        return np.concatenate([-self.v, self.v_teacher])

    def generalisation_error(self) -> float:
        """The mean of delta^2 / 2 over new samples without noise."""
        return float(self.readout @ mean_gg(self.covariance) @ self.readout) / 2


def mean_gg(C: Array) -> Array:
    """<g(u_a) g(u_b)>, (n, n), for u ~ N(0, C): I2 of Saad and Solla."""
    norm = np.sqrt(1 + np.diag(C))
    return 2 / np.pi * np.arcsin(C / np.outer(norm, norm))


def mean_dug(C: Array, k: int) -> Array:
    """<g'(u_i) u_a g(u_b)>, (k, n, n), for the first k of the u_i: I3."""
    d = 1 + np.diag(C)
    c_ii, c_ia, c_ib = d[:k, None, None], C[:k, :, None], C[:k, None, :]
    root = np.sqrt(c_ii * d - c_ib**2)
    return 2 / np.pi / root * (C * c_ii - c_ia * c_ib) / c_ii


def mean_ddgg(C: Array, k: int) -> Array:
    """<g'(u_i) g'(u_j) g(u_a) g(u_b)>, (k, k, n, n), for the first k of the u_i and u_j: I4."""
    d = 1 + np.diag(C)
    d_i, d_j, c_ij = d[:k, None, None, None], d[None, :k, None, None], C[:k, :k, None, None]
    c_ia, c_ib, c_ja, c_jb = C[:k, None, :, None], C[:k, None, None, :], C[None, :k, :, None], C[None, :k, None, :]
    det = d_i * d_j - c_ij**2

    def form(c_ix: Array, c_jx: Array, c_iy: Array, c_jy: Array, c_xy: Array) -> Array:
        """det times the covariance of u_x and u_y once g'(u_i) g'(u_j) has tilted the Gaussian."""
        mixed = c_ij * (c_ix * c_jy + c_iy * c_jx)
        result: Array = det * c_xy - c_jx * c_jy * d_i - c_ix * c_iy * d_j + mixed
        return result

    aa = form(c_ia, c_ja, c_ia, c_ja, d[:, None])
    bb = form(c_ib, c_jb, c_ib, c_jb, d[None, :])
    ab = form(c_ia, c_ja, c_ib, c_jb, C)
    return 4 / np.pi**2 / np.sqrt(det) * np.arcsin(ab / np.sqrt(aa * bb))


def mean_dd(C: Array, k: int) -> Array:
    """<g'(u_i) g'(u_j)>, (k, k), for the first k of the u_i: J2."""
    d = 1 + np.diag(C)[:k]
    return 2 / np.pi / np.sqrt(np.outer(d, d) - C[:k, :k] ** 2)


def velocity(state: State, eta: float, sigma: float, train_second: bool) -> tuple[Array, Array, Array]:
    """dQ/dt, dR/dt and dv/dt; dv/dt is 0 where the second layer is not trained."""
    k, C, readout = len(state.v), state.covariance, state.readout
    # eta v_i <delta g'(lambda_i) u_a>: what a step adds to the overlap of w_i with the vector behind u_a.
    drift = eta * state.v[:, None] * (mean_dug(C, k) @ readout)
    spread = np.einsum("ijab,a,b->ij", mean_ddgg(C, k), readout, readout) + sigma**2 * mean_dd(C, k)
    dQ = drift[:, :k] + drift[:, :k].T + eta**2 * np.outer(state.v, state.v) * spread
    return dQ, drift[:, k:], train_second * eta * mean_gg(C)[:k] @ readout


def integrate(start: State, times: Array, eta: float, sigma: float = 0.0, train_second: bool = True) -> list[State]:
    """The order parameters at these increasing times, from `start` at time 0.

    Raises:
        RuntimeError: the equations cannot be integrated.
    """
    k, m = start.R.shape
    cuts = np.cumsum([k * k, k * m])

    def state(flat: Array) -> State:
        Q, R, v = np.split(flat, cuts)
        return State(Q.reshape(k, k), R.reshape(k, m), start.T, v, start.v_teacher)

    def flat_velocity(_: float, flat: Array) -> Array:
        return np.concatenate([part.ravel() for part in velocity(state(flat), eta, sigma, train_second)])

    first = np.concatenate([start.Q.ravel(), start.R.ravel(), start.v])
    found = solve_ivp(flat_velocity, (0, times[-1]), first, "LSODA", times, rtol=1e-8, atol=1e-10)
    if not found.success:
        raise RuntimeError(f"the differential equations cannot be integrated: {found.message}")
    return [state(flat) for flat in found.y.T]
