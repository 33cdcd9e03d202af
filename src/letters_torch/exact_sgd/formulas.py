"""The network's forward pass, gradients and update, derived by hand and written in NumPy.

This is the reference that everything faster is held against, so it reads like `docs/derivation.md`, line by line and
in its notation, for one sample at a time:

    x   the sample with a constant 1 appended (784 pixels + 1)      y   the label, one-hot (26)
    V   the first layer (400 x 785)                                 W   the second layer (26 x 401)
    a = V x        h = tanh(a) with a 1 appended        b = W h        g = softmax(b)        L = -sum y log g

The last column of V and of W multiplies the constant 1: it holds the biases. The sizes in brackets are those of the
letters; every function takes them from its arguments. All arithmetic is float64.

The objective is L + lam (||V||^2 + ||W||^2), Frobenius norms, biases included. Its gradient adds 2 lam V and 2 lam W,
so `lam` here is a `weight_decay` of 2 lam in torch.optim.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Activations:
    """Every value of one forward pass, named as in the derivation.

    Attributes:
        x: the sample and a last 1, (inputs + 1,).
        a: what enters tanh, (hidden,).
        h: the hidden units and a last 1, (hidden + 1,).
        b: the logits, (classes,).
        g: the probabilities, (classes,).
    """

    x: Array
    a: Array
    h: Array
    b: Array
    g: Array


def softmax(b: Array) -> Array:
    """exp(b) / sum exp(b), for logits of any size (derivation, section 1).

    Args:
        b: logits, (classes,).

    Returns:
        Probabilities, (classes,), which sum to 1.
    """
    # A common shift changes nothing but the largest exponential, which becomes 1: none can overflow.
    exponentials = np.exp(b - b.max())
    return exponentials / exponentials.sum()


def softmax_jacobian(g: Array) -> Array:
    """dg/db = diag(g) - g g^T, in full (derivation, section 3).

    Args:
        g: the probabilities at which it is taken, (classes,).

    Returns:
        (classes, classes): entry i, j is dg_i / db_j. It is symmetric.
    """
    return np.diag(g) - np.outer(g, g)


def loss(b: Array, y: Array) -> float:
    """The cross-entropy L = -sum y log softmax(b), in nats (derivation, section 2).

    Taken from the logits, as log sum exp(b) - y.b: a probability that rounds to 0 keeps its finite, exact loss.

    Args:
        b: logits, (classes,).
        y: one-hot label, (classes,).

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError: `b` and `y` differ in shape.
    """
    _require_same_shape(b, y)
    shifted = b - b.max()
    return float(np.log(np.exp(shifted).sum()) - y @ shifted)


def smoothed(y: Array, smoothing: float) -> Array:
    """The label with a part of its 1 shared by all classes: (1 - smoothing) y + smoothing / classes (section 8).

    Every function here takes it in the label's stead: all they ask of `y` is that it sums to 1.

    Args:
        y: one-hot label or many of them, (..., classes).
        smoothing: the part that is shared, from 0 to 1.

    Returns:
        Shaped as `y`.
    """
    return (1 - smoothing) * y + smoothing / y.shape[-1]


def forward(V: Array, W: Array, x: Array) -> Activations:
    """One sample through the network (derivation, section 1).

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        x: the sample without its 1, (inputs,).

    Raises:
        ValueError: the shapes do not fit each other.
    """
    x = np.append(x, 1.0)
    a = V @ x
    h = np.append(np.tanh(a), 1.0)
    b = W @ h
    return Activations(x=x, a=a, h=h, b=b, g=softmax(b))


def objective(V: Array, W: Array, x: Array, y: Array, lam: float) -> float:
    """What one step descends: L + lam (||V||^2 + ||W||^2) (derivation, section 6).

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        x: the sample without its 1, (inputs,).
        y: one-hot label, (classes,).
        lam: the strength of the L2 term, half of torch's `weight_decay`.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    return loss(forward(V, W, x).b, y) + lam * float(np.sum(V**2) + np.sum(W**2))


def gradients(V: Array, W: Array, x: Array, y: Array, lam: float) -> tuple[Array, Array]:
    """The gradient of `objective`, whose arguments it takes (derivation, sections 4 to 6).

    Returns:
        dL_dV and dL_dW, shaped as V and W, the L2 term included.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    s = forward(V, W, x)
    _require_same_shape(s.b, y)
    dL_db = s.g - y
    dL_dh = W.T @ dL_db
    # The last entry of h is the constant 1: nothing before it depends on V, so its row is dropped.
    dL_da = dL_dh[:-1] * (1 - s.h[:-1] ** 2)
    dL_dV = np.outer(dL_da, s.x) + 2 * lam * V
    dL_dW = np.outer(dL_db, s.h) + 2 * lam * W
    return dL_dV, dL_dW


def mean_objective(V: Array, W: Array, X: Array, Y: Array, lam: float) -> float:
    """The mean of `objective` over many samples.

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        X: the samples without their 1, (samples, inputs), at least one.
        Y: one-hot labels, (samples, classes).
        lam: the strength of the L2 term, half of torch's `weight_decay`.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes do not fit each other, or X and Y differ in length.
    """
    return float(np.mean([objective(V, W, x, y, lam) for x, y in zip(X, Y, strict=True)]))


def mean_gradients(V: Array, W: Array, X: Array, Y: Array, lam: float) -> tuple[Array, Array]:
    """The gradient of `mean_objective`, whose arguments it takes: the mean of the samples' gradients.

    Returns:
        dL_dV and dL_dW, shaped as V and W, the L2 term included.

    Raises:
        ValueError: the shapes do not fit each other, or X and Y differ in length.
    """
    each = [gradients(V, W, x, y, lam) for x, y in zip(X, Y, strict=True)]
    dL_dV, dL_dW = zip(*each, strict=True)
    return np.mean(dL_dV, axis=0), np.mean(dL_dW, axis=0)


def step(V: Array, W: Array, x: Array, y: Array, lr: float, lam: float) -> tuple[Array, Array]:
    """One update of single-sample SGD: V - lr dL/dV and W - lr dL/dW (derivation, section 7).

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        x: the sample without its 1, (inputs,).
        y: one-hot label, (classes,).
        lr: the learning rate.
        lam: the strength of the L2 term, half of torch's `weight_decay`.

    Returns:
        The new V and W; the arguments are left as they were.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    dL_dV, dL_dW = gradients(V, W, x, y, lam)
    return V - lr * dL_dV, W - lr * dL_dW


def train(V: Array, W: Array, X: Array, Y: Array, lr: npt.ArrayLike, lam: npt.ArrayLike) -> tuple[Array, Array]:
    """One step for every sample, in order.

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        X: the samples without their 1, (samples, inputs).
        Y: one-hot labels, (samples, classes).
        lr: the learning rate, one for all steps or one for each, (samples,).
        lam: the strength of the L2 term, one for all steps or one for each, (samples,).

    Returns:
        V and W after the last sample; the arguments are left as they were.

    Raises:
        ValueError: the shapes do not fit each other, or X, Y, `lr` and `lam` differ in length.
    """
    lrs, lams = np.broadcast_to(lr, len(X)), np.broadcast_to(lam, len(X))
    for x, y, lr_t, lam_t in zip(X, Y, lrs, lams, strict=True):
        V, W = step(V, W, x, y, lr_t, lam_t)
    return V, W


def _require_same_shape(b: Array, y: Array) -> None:
    """Stops a class number, or a label of the wrong length, before it broadcasts into a wrong answer."""
    if np.shape(b) != np.shape(y):
        raise ValueError(f"the label must be one-hot, shaped as the logits {np.shape(b)}, not {np.shape(y)}")
