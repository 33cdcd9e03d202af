"""The network's forward pass, gradients and update, derived by hand and written in NumPy.

This is the reference for everything that is faster. It follows `docs/derivation.md` line by line and in its notation,
for one sample at a time:

    x   the sample with a constant 1 appended (784 pixels + 1)      y   the label, one-hot (26)
    V   the first layer (400 x 785)                                 W   the second layer (26 x 401)
    a = V x        h = tanh(a) with a 1 appended        b = W h        g = softmax(b)        L = -sum y log g

The last column of V and of W multiplies the constant 1: it holds the biases. The sizes in brackets are those of the
letters; every function takes them from its arguments. All arithmetic is float64.

The objective is J = L + lam (||V||^2 + ||W||^2), Frobenius norms, biases included. Its gradient adds 2 lam V and
2 lam W, so `lam` here is a `weight_decay` of 2 lam in torch.optim.

A `Model` other than the default has another activation than tanh, the squared error L = sum (b - y)^2 / 2, biases that
do not decay, or weights that are not trained.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from letters_torch.exact_sgd.model import DEFAULT, Model

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Activations:
    """Every value of one forward pass, named as in the derivation.

    Attributes:
        x: the sample and a last 1, (inputs + 1,).
        a: input of the activation, (hidden,).
        h: the hidden units and a last 1, (hidden + 1,).
        b: the logits, (classes,).
        g: the probabilities, (classes,), of use with cross-entropy only.
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


def activate(a: Array, activation: str = "tanh") -> Array:
    """f(a), elementwise (derivation, section 1, for tanh).

    Args:
        a: any shape.
        activation: one of `model.ACTIVATIONS`.
    """
    match activation:
        case "relu":
            return np.where(a < 0, 0, a)
        case "logistic":
            return 0.5 * (1 + np.tanh(a / 2))  # 1 / (1 + exp(-a)), which would overflow
        case "identity":
            return a
        case "erf":
            return np.array([math.erf(each) for each in (a / math.sqrt(2)).flat]).reshape(a.shape)
    return np.tanh(a)


def slope(a: Array, activation: str = "tanh") -> Array:
    """f'(a), elementwise (derivation, section 4, for tanh); arguments as those of `activate`."""
    h = activate(a, activation)
    match activation:
        case "relu":
            return np.where(a > 0, 1.0, 0.0)
        case "logistic":
            return h * (1 - h)
        case "identity":
            return np.ones_like(a)
        case "erf":
            return math.sqrt(2 / math.pi) * np.exp(-(a**2) / 2)
    return 1 - h**2


def loss(b: Array, y: Array, kind: str = "cross_entropy") -> float:
    """The cross-entropy L = -sum y log softmax(b), in nats (derivation, section 2).

    Taken from the logits, as log sum exp(b) - y.b: a probability that rounds to 0 keeps its finite, exact loss.

    Args:
        b: logits, (classes,).
        y: one-hot label or another distribution, (classes,).
        kind: "squared_error" for sum (b - y)^2 / 2 instead, where y are any numbers.

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError: `b` and `y` differ in shape.
    """
    _require_same_shape(b, y)
    if kind == "squared_error":
        return float(np.sum((b - y) ** 2) / 2)
    shifted = b - b.max()
    return float(np.log(np.exp(shifted).sum()) - y @ shifted)


def smoothed(y: Array, smoothing: float) -> Array:
    """The label with a part of its 1 shared by all classes: (1 - smoothing) y + smoothing / classes (section 8).

    Every function here takes such a y: the gradients only need its sum to be 1.

    Args:
        y: one-hot label or many of them, (..., classes).
        smoothing: the part that is shared, from 0 to 1.

    Returns:
        Shaped as `y`.
    """
    return (1 - smoothing) * y + smoothing / y.shape[-1]


def forward(V: Array, W: Array, x: Array, activation: str = "tanh") -> Activations:
    """One sample through the network (derivation, section 1).

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        x: the sample without its 1, (inputs,).
        activation: one of `model.ACTIVATIONS`.

    Raises:
        ValueError: the shapes do not match.
    """
    x = np.append(x, 1.0)
    a = V @ x
    h = np.append(activate(a, activation), 1.0)
    b = W @ h
    return Activations(x=x, a=a, h=h, b=b, g=softmax(b))


def objective(V: Array, W: Array, x: Array, y: Array, lam: float, model: Model = DEFAULT, weight: float = 1.0) -> float:
    """What one step descends: J = L + lam (||V||^2 + ||W||^2) (derivation, section 6).

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        x: the sample without its 1, (inputs,).
        y: one-hot label, (classes,), or what takes its place: a distribution, or targets for the squared error. If the
            model smooths labels, the smoothed one.
        lam: the strength of the L2 term, half of torch's `weight_decay`.
        model: the activation, the loss, and whether biases are part of the norms.
        weight: multiplies L.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes do not match.
    """
    L = loss(forward(V, W, x, model.activation).b, y, model.loss)
    decayed_V, decayed_W = _decayed(V, model), _decayed(W, model)
    return weight * L + lam * float(np.sum(decayed_V**2) + np.sum(decayed_W**2))


def gradients(
    V: Array, W: Array, x: Array, y: Array, lam: float, model: Model = DEFAULT, weight: float = 1.0
) -> tuple[Array, Array]:
    """The gradient of `objective`, whose arguments it takes (derivation, sections 4 to 6).

    Returns:
        dJ_dV and dJ_dW, shaped as V and W; 0 where the model does not train the weights.

    Raises:
        ValueError: the shapes do not match.
    """
    s = forward(V, W, x, model.activation)
    _require_same_shape(s.b, y)
    dL_db = s.g - y
    if model.loss == "squared_error":
        dL_db = s.b - y
    dL_db = weight * dL_db
    dL_dh = W.T @ dL_db
    # The last entry of h is the constant 1: nothing before it depends on V, so its row is dropped.
    dL_da = dL_dh[:-1] * slope(s.a, model.activation)
    dJ_dV = np.outer(dL_da, s.x) + 2 * lam * _decayed(V, model)
    dJ_dW = np.outer(dL_db, s.h) + 2 * lam * _decayed(W, model)
    if not model.train_biases:
        dJ_dV[:, -1] = dJ_dW[:, -1] = 0
    return dJ_dV, dJ_dW if model.train_second_layer else np.zeros_like(W)


def _decayed(weights: Array, model: Model) -> Array:
    """The weights with 0 in place of biases that do not decay."""
    if model.decay_biases:
        return weights
    return np.column_stack([weights[:, :-1], np.zeros(len(weights))])


def step(
    V: Array, W: Array, x: Array, y: Array, lr: float, lam: float, model: Model = DEFAULT, weight: float = 1.0
) -> tuple[Array, Array]:
    """One update of single-sample SGD: V - lr dJ/dV and W - lr dJ/dW (derivation, section 7).

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        x: the sample without its 1, (inputs,).
        y: one-hot label, (classes,), or what takes its place; see `objective`.
        lr: the learning rate.
        lam: the strength of the L2 term, half of torch's `weight_decay`.
        model: what is trained.
        weight: multiplies the gradient of L.

    Returns:
        The new V and W; the arguments are left as they were.

    Raises:
        ValueError: the shapes do not match.
    """
    dJ_dV, dJ_dW = gradients(V, W, x, y, lam, model, weight)
    return V - lr * dJ_dV, W - lr * dJ_dW


def train(
    V: Array, W: Array, X: Array, Y: Array, lr: npt.ArrayLike, lam: npt.ArrayLike, model: Model = DEFAULT
) -> tuple[Array, Array]:
    """One step for every sample, in order.

    Args:
        V: first layer, (hidden, inputs + 1).
        W: second layer, (classes, hidden + 1).
        X: the samples without their 1, (samples, inputs).
        Y: one-hot labels, or what takes their place; see `objective`; (samples, classes).
        lr: the learning rate, one for all steps or one for each, (samples,).
        lam: the strength of the L2 term, one for all steps or one for each, (samples,).
        model: what is trained.

    Returns:
        V and W after the last sample; the arguments are left as they were.

    Raises:
        ValueError: the shapes do not match, or X, Y, `lr` and `lam` differ in length.
    """
    lrs, lams = np.broadcast_to(lr, len(X)), np.broadcast_to(lam, len(X))
    for x, y, lr_t, lam_t in zip(X, Y, lrs, lams, strict=True):
        V, W = step(V, W, x, y, lr_t, lam_t, model)
    return V, W


def _require_same_shape(b: Array, y: Array) -> None:
    """Stops a class number, or a label of the wrong length, before it broadcasts into a wrong answer."""
    if np.shape(b) != np.shape(y):
        raise ValueError(f"the label must be one-hot, shaped as the logits {np.shape(b)}, not {np.shape(y)}")
