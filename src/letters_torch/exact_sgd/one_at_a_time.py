"""Single-sample SGD as it is written in a textbook: autograd and torch.optim.SGD. The reference for the fast forms."""

import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.exact_sgd.network import logits
from letters_torch.exact_sgd.schedule import Rates


class OneAtATime:
    """For each sample in turn: forward, backward, step.

    Args:
        smoothing: of the labels, 0 to 1: the target is smoothing / classes everywhere, 1 - smoothing more at the label.

    Raises:
        ValueError: the smoothing is outside 0 to 1.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        require_share(smoothing)
        self.smoothing = smoothing

    def __call__(self, V: Tensor, W: Tensor, x: Tensor, y: Tensor, rates: Rates, first_step: int = 0) -> Tensor:
        """Does len(x) updates of V and W, in place.

        Args:
            V: (hidden, inputs + 1), the last column the bias.
            W: (classes, hidden + 1), the last column the bias.
            x: (N, inputs), standardised pixels.
            y: (N,), int64, 0..classes - 1.
            rates: learning rate and weight decay of each step, N of each.
            first_step: number of the first of these steps in the run; makes no difference here.

        Returns:
            The cross-entropy of each sample before its update, (N,), with its label as it is, smoothed or not.
        """
        v, w = V.detach().requires_grad_(), W.detach().requires_grad_()  # they share V's and W's memory
        sgd = torch.optim.SGD([v, w])
        losses = []
        for k, (lr, weight_decay) in enumerate(zip(*rates, strict=True)):
            sgd.param_groups[0].update(lr=float(lr), weight_decay=float(weight_decay))
            sgd.zero_grad()
            b, label = logits(v, w, x[k : k + 1]), y[k : k + 1]
            loss = F.cross_entropy(b, label)
            (F.cross_entropy(b, label, label_smoothing=self.smoothing) if self.smoothing else loss).backward()
            sgd.step()
            losses.append(loss.detach())
        return torch.stack(losses) if losses else x.new_empty(0)


def require_share(smoothing: float) -> None:
    """Stops a label smoothing outside 0 to 1, NaN included.

    Raises:
        ValueError: that.
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"label_smoothing must be from 0 to 1, not {smoothing}")
