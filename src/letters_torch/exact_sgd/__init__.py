"""Exact single-sample SGD on a two-layer network, at the speed of matrix products. Arrays in, arrays out.

Result: at 784-400-26 in float32 a step takes 1/71 of the time of PyTorch's eager autograd and 1/3.5 of the time of the
        fastest compiled loop, measured on two cores (docs/benchmarks.md has the table and the command).
Proof:  2,000 steps equal NumPy formulas derived by hand to a relative 1e-10 in float64; in float32 the weights are no
        further from the float64 run than those of one-at-a-time SGD (tests/exact_sgd; README.md has the derivation).
"""

from letters_torch.exact_sgd.blocked import PANEL, Blocked
from letters_torch.exact_sgd.engine import ENGINES, Engine, make_engine
from letters_torch.exact_sgd.model import ACTIVATIONS, LOSSES, Model
from letters_torch.exact_sgd.network import from_linear, hidden_units, initial_weights, logits, to_linear
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Rates, Schedule, Stage
from letters_torch.exact_sgd.team import Levels, Team, parallel_logits, uses_levels

__all__ = [
    "ACTIVATIONS",
    "ENGINES",
    "LOSSES",
    "PANEL",
    "Blocked",
    "Engine",
    "Levels",
    "Model",
    "OneAtATime",
    "Rates",
    "Schedule",
    "Stage",
    "Team",
    "from_linear",
    "hidden_units",
    "initial_weights",
    "logits",
    "make_engine",
    "parallel_logits",
    "to_linear",
    "uses_levels",
]
