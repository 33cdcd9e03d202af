"""scikit-learn's MLPClassifier with batches of one. It does not decay biases; otherwise it takes the same steps."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.contenders.base import Contender
from benchmarks.problem import Array


class SklearnMLP(Contender):
    """partial_fit on samples that lie ready, in float32, without augmentation."""

    name = "scikit-learn MLPClassifier"
    decays_biases = False

    def prepare(self) -> None:
        V, W = (weights.numpy() for weights in self.problem.weights())
        stage = self.problem.stage
        self.network = MLPClassifier(
            (self.problem.hidden,),
            activation="tanh",
            solver="sgd",
            alpha=stage.weight_decay,
            batch_size=1,
            learning_rate_init=stage.lr,
            momentum=0,
            nesterovs_momentum=False,
            shuffle=False,
        )
        # It allocates its weights in the first fit only.
        self.network.partial_fit(self.problem.x[:1].numpy(), self.problem.y[:1].numpy(), classes=np.arange(len(W)))
        self.network.coefs_ = [V[:, :-1].T.copy(), W[:, :-1].T.copy()]
        self.network.intercepts_ = [V[:, -1].copy(), W[:, -1].copy()]

    def advance(self, steps: int) -> None:
        for x, y in self.problem.pieces(self.step, steps, self.problem.pool):
            self.network.partial_fit(x.numpy(), y.numpy())

    def weights(self) -> tuple[Array, Array]:
        pairs = zip(self.network.coefs_, self.network.intercepts_, strict=True)
        V, W = (np.column_stack([weights.T, bias]) for weights, bias in pairs)
        return V, W
