"""Single-sample SGD as in a textbook, by autograd and torch.optim.SGD: the reference for the blocked engine."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.exact_sgd.activations import activate
from letters_torch.exact_sgd.arguments import validated
from letters_torch.exact_sgd.model import DEFAULT, Model
from letters_torch.exact_sgd.schedule import Rates


class OneAtATime:
    """For each sample in turn: forward, backward, step. An `Engine`.

    Args:
        model: what is trained; by default tanh units and softmax cross-entropy.
    """

    def __init__(self, model: Model = DEFAULT) -> None:
        self.model = model

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
        """Does N updates of V and W, in place: see `Engine`. `first_step` makes no difference here."""
        rates = validated(V, W, x, y, rates, first_step, self.model, sample_weight, outputs)
        x, y = x.detach(), y.detach()
        weight = None if sample_weight is None else sample_weight.detach()
        # Leaves that share V's and W's memory: weights and biases of the two layers.
        leaves = [part for matrix in (V.detach(), W.detach()) for part in (matrix[:, :-1], matrix[:, -1])]
        sgd = torch.optim.SGD(self._groups(leaves))
        losses = x.new_empty(len(x))
        with torch.enable_grad():
            for k, (lr, weight_decay) in enumerate(zip(*rates, strict=True)):
                for group in sgd.param_groups:
                    group.update(lr=float(lr), weight_decay=float(weight_decay) * group["decays"])
                sgd.zero_grad()
                v, v_biases, w, w_biases = leaves
                h = activate(torch.addmm(v_biases, x[k : k + 1], v.T), self.model.activation)
                b = torch.addmm(w_biases, h, w.T)
                loss = self._loss(b, y[k : k + 1], self.model.label_smoothing)
                (loss if weight is None else weight[k] * loss).backward()
                sgd.step()
                losses[k] = self._loss(b.detach(), y[k : k + 1])
                if outputs is not None:
                    outputs[k] = b.detach()[0]
        return losses

    def _groups(self, leaves: list[Tensor]) -> list[dict[str, Any]]:
        """The parameter groups of the optimiser: weights, and biases."""
        trained = leaves if self.model.train_second_layer else leaves[:2]
        groups: list[dict[str, Any]] = [{"params": trained[::2], "decays": True}]
        if self.model.train_biases:
            groups.append({"params": trained[1::2], "decays": self.model.decay_biases})
        for group in groups:
            for leaf in group["params"]:
                leaf.requires_grad_()
        return groups

    def _loss(self, b: Tensor, y: Tensor, smoothing: float = 0.0) -> Tensor:
        if self.model.loss == "squared_error":
            return 0.5 * (b - y).square().sum()
        return F.cross_entropy(b, y, label_smoothing=smoothing)
