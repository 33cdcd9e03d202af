"""PyTorch as in its tutorials: a module, cross_entropy, backward, torch.optim.SGD; a batch of one."""

import torch
import torch.nn.functional as F

from benchmarks.contenders.base import Contender
from benchmarks.problem import Array, linear_network, weights_of


class TorchEager(Contender):
    """Autograd, without augmentation."""

    name = "PyTorch eager, torch.optim.SGD"

    def prepare(self) -> None:
        stage = self.problem.stage
        self.network = linear_network(*self.problem.weights())
        self.sgd = torch.optim.SGD(self.network.parameters(), lr=stage.lr, weight_decay=stage.weight_decay)

    def advance(self, steps: int) -> None:
        for x, y in self.problem.pieces(self.step, steps, 1):
            self.sgd.zero_grad()
            F.cross_entropy(self.network(x), y).backward()
            self.sgd.step()

    def weights(self) -> tuple[Array, Array]:
        return weights_of(self.network)
