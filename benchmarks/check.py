"""Holds every contender against the derivation's formulas: a peer that computes something else proves nothing."""

import numpy as np

from benchmarks.contenders.base import Contender
from benchmarks.problem import Array, Problem
from letters_torch.exact_sgd import formulas

# Of the change that the steps made to the weights. float32 leaves some 1e-5 of it; a forgotten weight decay, 1e-2.
TOLERANCE = 1e-3


def reference(problem: Problem, steps: int, decays_biases: bool = True) -> tuple[Array, Array]:
    """V and W after so many steps, by formulas.py, in float64."""
    V, W = (weights.double().numpy() for weights in problem.weights())
    lr, lam = problem.stage.lr, problem.stage.weight_decay / 2
    targets, samples = np.eye(len(W)), problem.x.double().numpy()
    for k in range(steps):
        before = V, W
        V, W = formulas.step(V, W, samples[k], targets[problem.y[k]], lr, lam)
        if not decays_biases:
            for new, old in zip((V, W), before, strict=True):
                new[:, -1] += lr * 2 * lam * old[:, -1]
    return V, W


def distance(contender: Contender, steps: int) -> float:
    """How far its weights are from the reference's after so many steps, as a part of the way that they went."""
    contender.seconds(steps)
    start = [weights.double().numpy() for weights in contender.problem.weights()]
    right = reference(contender.problem, steps, contender.decays_biases)
    triples = zip(contender.weights(), right, start, strict=True)
    return max(float(np.linalg.norm(got - ref) / np.linalg.norm(ref - first)) for got, ref, first in triples)


def check(kind: type[Contender], problem: Problem, steps: int) -> float:
    """The distance of a fresh contender without augmentation.

    Raises:
        ValueError: it does not compute what it is meant to.
    """
    found = distance(kind(problem, augment=False), steps)
    if not found < TOLERANCE:
        raise ValueError(f"{kind.name}: after {steps} steps its weights are {found:.1e} of the way off the reference")
    return found
