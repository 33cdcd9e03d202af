"""Single-sample SGD as it is written in a textbook: autograd and torch.optim.SGD. The reference for the fast forms."""

import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.exact_sgd.arguments import validated
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.network import logits
from letters_torch.exact_sgd.schedule import Rates


class OneAtATime:
    """For each sample in turn: forward, backward, step. An `Engine`.

    Args:
        model: what is trained; by default tanh units and softmax cross-entropy.
    """

    def __init__(self, model: Model | None = None) -> None:
        self.model = model or Model()

    def __call__(self, V: Tensor, W: Tensor, x: Tensor, y: Tensor, rates: Rates, first_step: int = 0) -> Tensor:
        """Does N updates of V and W, in place: see `Engine`. `first_step` makes no difference here."""
        rates = validated(V, W, x, y, rates, first_step)
        v, w = V.detach().requires_grad_(), W.detach().requires_grad_()  # they share V's and W's memory
        sgd = torch.optim.SGD([v, w])
        smoothing = self.model.label_smoothing
        losses = []
        for k, (lr, weight_decay) in enumerate(zip(*rates, strict=True)):
            sgd.param_groups[0].update(lr=float(lr), weight_decay=float(weight_decay))
            sgd.zero_grad()
            b, label = logits(v, w, x[k : k + 1]), y[k : k + 1]
            loss = F.cross_entropy(b, label)
            (F.cross_entropy(b, label, label_smoothing=smoothing) if smoothing else loss).backward()
            sgd.step()
            losses.append(loss.detach())
        return torch.stack(losses) if losses else x.new_empty(0)
