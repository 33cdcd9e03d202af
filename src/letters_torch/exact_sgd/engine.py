"""The protocol that every engine meets, and the factory that makes one by name."""

from typing import Protocol

from torch import Tensor

from letters_torch.exact_sgd.blocked import PANEL, Blocked
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Rates

ENGINES = ("blocked", "autograd")


class Engine(Protocol):
    """Single-sample SGD: a callable that updates the weights once for each sample, in order.

    All engines do the same sequence of updates. They differ in speed and in the order of floating-point operations.

    Attributes:
        model: what is trained: see `Model`.
    """

    model: Model

    def __call__(self, V: Tensor, W: Tensor, x: Tensor, y: Tensor, rates: Rates, first_step: int = 0) -> Tensor:
        """Does N updates of V and W, in place.

        Args:
            V: first layer, (hidden, inputs + 1), float32 or float64; its last column holds the biases.
            W: second layer, (classes, hidden + 1); its last column holds the biases. W and x have V's dtype, and W, x
                and y are on V's device.
            x: samples, (N, inputs).
            y: labels, (N,), int64, from 0 to classes - 1.
            rates: learning rate and weight decay: plain numbers, or float arrays of shape (N,).
            first_step: number of steps done before this call. It decides where panels start, and so only the rounding.

        Returns:
            The cross-entropy of each sample before its update, (N,), in nats, without label smoothing.

        Raises:
            TypeError: V, W, x or y is not a tensor or has the wrong dtype.
            ValueError: the shapes or the devices do not match, or `first_step` is negative.
            IndexError: a label is outside 0..classes - 1.
        """
        ...


def make_engine(name: str, panel: int = PANEL, model: Model | None = None) -> Engine:
    """Makes an engine by its name.

    Args:
        name: "blocked", a panel of samples at a time by matrix products; or "autograd", one sample at a time by
            autograd and torch.optim.SGD, which is some 30 times slower.
        panel: samples a panel of the blocked engine, 1 or more.
        model: what is trained; by default tanh units and softmax cross-entropy.

    Raises:
        ValueError: there is no engine of that name, or the panel is shorter than 1.
    """
    if name == "blocked":
        return Blocked(panel, model=model)
    if name == "autograd":
        return OneAtATime(model)
    raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
