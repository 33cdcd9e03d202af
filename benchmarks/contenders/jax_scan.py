"""JAX: jax.grad of the loss, one sample at a time in a lax.scan, the whole of it compiled."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contenders.base import Contender
from benchmarks.problem import Array
from benchmarks.settings import UNIT


class JaxScan(Contender):
    """Without augmentation; the weights' memory is reused from call to call."""

    name = "JAX, jit and lax.scan"

    def prepare(self) -> None:
        V, W = (jnp.array(weights.numpy()) for weights in self.problem.weights())
        self.parameters = (V[:, :-1], V[:, -1], W[:, :-1], W[:, -1])
        # Threads of XLA are not those of the BLAS libraries: they are an option of its compiler.
        one = {"xla_cpu_multi_thread_eigen": False} if self.threads == 1 else None
        self.scan = jax.jit(_scan, donate_argnums=0, compiler_options=one)
        self.x, self.y = jnp.array(self.problem.x.numpy()), jnp.array(self.problem.y.numpy())

    def advance(self, steps: int) -> None:
        stage = self.problem.stage
        for step in range(self.step, self.step + steps, UNIT):
            piece = slice(step % self.problem.pool, step % self.problem.pool + UNIT)
            self.parameters = self.scan(self.parameters, self.x[piece], self.y[piece], stage.lr, stage.weight_decay)
        jax.block_until_ready(self.parameters)

    def weights(self) -> tuple[Array, Array]:
        weight, bias, weight_2, bias_2 = (np.asarray(parameter) for parameter in self.parameters)
        return np.column_stack([weight, bias]), np.column_stack([weight_2, bias_2])


def _loss(parameters: Any, x: Any, y: Any) -> Any:
    weight, bias, weight_2, bias_2 = parameters
    return -jax.nn.log_softmax(weight_2 @ jnp.tanh(weight @ x + bias) + bias_2)[y]


def _scan(parameters: Any, x: Any, y: Any, lr: float, weight_decay: float) -> Any:
    def step(parameters: Any, sample: Any) -> tuple[Any, None]:
        gradients = jax.grad(_loss)(parameters, *sample)
        return jax.tree.map(lambda p, g: p - lr * (g + weight_decay * p), parameters, gradients), None

    return jax.lax.scan(step, parameters, (x, y))[0]
