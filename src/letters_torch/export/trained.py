"""A trained network and what is known about it, as read from a checkpoint and its run folder."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from letters_torch import checkpoint, run_folder
from letters_torch.data.standardize import Standardizer
from letters_torch.errors import UserError
from letters_torch.letters import ALPHABET
from letters_torch.pages import logged

Float32 = npt.NDArray[np.float32]
INPUT = "uint8, N x 28 x 28, upright, white ink (255) on black (0)"


@dataclass(frozen=True)
class Trained:
    """A trained network."""

    V: Float32  # first layer, (hidden, 785); the last column is the bias
    W: Float32  # second layer, (26, hidden + 1); the last column is the bias
    standardizer: Standardizer  # the preprocessing of the training letters
    scaling: str  # as `data.scaling` names it
    step: int  # single-sample updates behind the weights
    origin: str  # the training letters in words
    digest: str  # their fingerprint
    validation: int  # the number of validation rows
    accuracy: float | None = None  # on the validation rows at this step; None where it was not measured
    config: dict[str, Any] = field(default_factory=dict)  # the settings; empty outside a run folder

    @property
    def hidden(self) -> int:
        """The number of hidden units."""
        return len(self.V)

    def metadata(self) -> dict[str, str]:
        """What a file of weights says about them, as strings; `moments` is JSON."""
        moments = self.standardizer.moments
        return {
            "letters": ALPHABET,
            "input": INPUT,
            "polarity": "white on black",
            "scaling": self.scaling,
            "moments": json.dumps(None if moments is None else asdict(moments)),
            "directions": str(self.standardizer.directions).lower(),
            "step": str(self.step),
            "validation_accuracy": "not measured" if self.accuracy is None else f"{self.accuracy:.6f}",
            "validation_rows": str(self.validation),
            "producer": "letters_torch",
        }


def read(path: Path) -> Trained:
    """Reads a checkpoint (UserError if it cannot) and, from its run folder if there is one, settings and accuracy."""
    content = checkpoint.load(path)
    V, W = (content["state_dict"][name].float().numpy() for name in "VW")
    data, step = content["LettersDataModule"], content["global_step"]
    standardizer = Standardizer.from_state(data["standardizer"])
    origin = data["origin"].rsplit("/", 1)[-1]  # without the folders, as a card may be published
    config, accuracies = _run(run_folder.of_checkpoint(path))
    facts = (data["scaling"], step, origin, data["letters"], data["validation"])
    return Trained(V, W, standardizer, *facts, accuracies.get(step), config)


def _run(folder: Path | None) -> tuple[dict[str, Any], dict[int, float]]:
    """Settings, and accuracies by step; both empty if the folder is incomplete, which does not concern the weights."""
    try:
        run = None if folder is None else logged.read(folder)
    except UserError:
        run = None
    return ({}, {}) if run is None else (run.config, dict(run.curves["val/acc"]))
