"""Single-sample SGD as it is written in a textbook: autograd and torch.optim.SGD. The reference for the fast forms."""

import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.network import logits
from letters_torch.schedule import Rates


class OneAtATime:
    """For each sample in turn: forward, backward, step."""

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
            The cross-entropy of each sample before its update, (N,).
        """
        v, w = V.detach().requires_grad_(), W.detach().requires_grad_()  # they share V's and W's memory
        sgd = torch.optim.SGD([v, w])
        losses = []
        for k, (lr, weight_decay) in enumerate(zip(*rates, strict=True)):
            sgd.param_groups[0].update(lr=float(lr), weight_decay=float(weight_decay))
            sgd.zero_grad()
            loss = F.cross_entropy(logits(v, w, x[k : k + 1]), y[k : k + 1])
            loss.backward()
            sgd.step()
            losses.append(loss.detach())
        return torch.stack(losses) if losses else x.new_empty(0)
