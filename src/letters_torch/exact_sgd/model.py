"""What an engine trains: the settings that change the updates themselves, not the way they are computed."""

from dataclasses import dataclass

ACTIVATIONS = ("tanh", "relu", "logistic", "identity", "erf")
LOSSES = ("cross_entropy", "squared_error")


@dataclass(frozen=True)
class Model:
    """Settings of the two-layer network, of its loss, and of what is trained.

    The network is b = W h, h = f(V x), with a constant 1 appended to x and to h. A step descends the gradient of the
    loss plus weight_decay / 2 times the sum of the squared weights.

    Args:
        activation: f, one of ACTIVATIONS. "erf" is erf(a / sqrt(2)), as in Saad and Solla (1995). The derivative of
            "relu" at 0 is 0.
        loss: one of LOSSES. "cross_entropy" is -sum y log softmax(b); "squared_error" is sum (b - y)^2 / 2, whose
            gradient is that of scikit-learn's MLPRegressor.
        label_smoothing: from 0 to 1, with cross-entropy only. Updates are done with the target
            (1 - label_smoothing) y + label_smoothing / classes; losses are reported with y.
        decay_biases: whether weight decay applies to the biases too. It does in torch.optim.SGD; it does not in
            scikit-learn.
        train_biases: False keeps the biases as they are. With biases of 0 this is a network without biases.
        train_second_layer: False keeps W as it is, with its biases.

    Raises:
        ValueError: a name is unknown, or the label smoothing is out of range or combined with the squared error.
    """

    activation: str = "tanh"
    loss: str = "cross_entropy"
    label_smoothing: float = 0.0
    decay_biases: bool = True
    train_biases: bool = True
    train_second_layer: bool = True

    def __post_init__(self) -> None:
        for name, value, known in (("activation", self.activation, ACTIVATIONS), ("loss", self.loss, LOSSES)):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        if not 0 <= self.label_smoothing <= 1:  # NaN fails this comparison too
            raise ValueError(f"label_smoothing must be from 0 to 1, not {self.label_smoothing}")
        if self.label_smoothing and self.loss != "cross_entropy":
            raise ValueError("label_smoothing needs loss='cross_entropy'")


DEFAULT = Model()
