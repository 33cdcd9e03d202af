"""What an engine trains: the settings that change the updates themselves, not the way they are computed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """Settings of the network and of its objective.

    Args:
        label_smoothing: from 0 to 1. The target is label_smoothing / classes at every class, plus 1 - label_smoothing
            at the label.

    Raises:
        ValueError: a value is out of range.
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing <= 1:  # NaN fails this comparison too
            raise ValueError(f"label_smoothing must be from 0 to 1, not {self.label_smoothing}")
