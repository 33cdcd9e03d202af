"""The protocol that every engine meets, and the factory that makes one by name."""

from typing import Protocol

from torch import Tensor

from letters_torch.exact_sgd.blocked import PANEL
from letters_torch.exact_sgd.model import DEFAULT, Model
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Rates
from letters_torch.exact_sgd.team import Team

ENGINES = ("blocked", "autograd")


class Engine(Protocol):
    """Single-sample SGD: a callable that updates the weights once for each sample, in order.

    All engines do the same sequence of updates. They differ in speed and in the order of floating-point operations.

    Attributes:
        model: what is trained: see `Model`.
    """

    model: Model

    def __call__(
        self,
        V: Tensor,
        W: Tensor,
        x: Tensor,
        y: Tensor,
        rates: Rates,
        first_step: int = 0,
        *,
        sample_weight: Tensor | None = None,
        outputs: Tensor | None = None,
    ) -> Tensor:
        """Does N updates of V and W, in place.

        All tensors have V's dtype, int64 labels excepted, and are on V's device.

        Args:
            V: first layer, (hidden, inputs + 1), float32 or float64; its last column holds the biases.
            W: second layer, (classes, hidden + 1); its last column holds the biases. A network for regression has as
                many "classes" as it has outputs.
            x: samples, (N, inputs).
            y: for cross-entropy labels, (N,), int64, from 0 to classes - 1, or distributions over the classes,
                (N, classes); for the squared error targets, (N, classes).
            rates: learning rate and weight decay: plain numbers, or float arrays of shape (N,).
            first_step: number of steps done before this call. It decides where panels start, and so only the rounding.
            sample_weight: (N,); multiplies the gradient of each sample's loss, not the weight decay. None means 1.
            outputs: (N, classes), filled with each sample's b = W h before its update.

        Returns:
            The loss of each sample before its update, (N,): cross-entropy in nats, or half the squared error. It has
            neither label smoothing nor the sample's weight in it.

        Raises:
            TypeError: an argument is not a tensor or has the wrong dtype.
            ValueError: shapes or devices do not match, a row of y is no distribution, or `first_step` is negative.
            IndexError: a label is outside 0..classes - 1.
        """
        ...


def make_engine(name: str, panel: int = PANEL, model: Model = DEFAULT) -> Engine:
    """Makes an engine by its name.

    Args:
        name: "blocked", a panel of samples at a time by matrix products and by all cores (`Team`); or "autograd", one
            sample at a time by autograd and torch.optim.SGD, which is some 71 times slower.
        panel: samples a panel of the blocked engine, 1 or more.
        model: what is trained; by default tanh units and softmax cross-entropy.

    Raises:
        ValueError: there is no engine of that name, or the panel is shorter than 1.
    """
    if name == "blocked":
        return Team(panel, model)
    if name == "autograd":
        return OneAtATime(model)
    raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
