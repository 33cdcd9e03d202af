"""The Ray process that runs trials, one after another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ray import tune

from letters_torch.data.shared import SharedLetters
from letters_torch.letters import LetterSets
from letters_torch.study import trial
from letters_torch.study.study_file import Study


class TrialActor(tune.Trainable):
    """A trial is one step of it. Ray Tune keeps no checkpoint of it, since the run folder holds the trial's state."""

    def setup(  # type: ignore[override]
        self, config: dict[str, Any], study: Study, folder: Path, letters: Mapping[Any, LetterSets], threads: int
    ) -> None:
        """Limits torch's threads and takes the shared letters; called once in a process."""
        torch.set_num_threads(threads)
        self.study, self.folder = study, folder
        self.letters = {key: SharedLetters(sets) for key, sets in letters.items()}
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next trial."""
        self.trial = new_config["trial"]
        return True

    def step(self) -> dict[str, Any]:
        """Runs the trial."""
        result = trial.run(self.folder, self.trial, self.letters)
        return {"done": True, "value": result.last(self.study.metric)}
