"""The process that trials run in, one after another."""

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
    """Ray Tune's process. A trial is one step of it: its checkpoints are those of its run folder, not Tune's."""

    def setup(  # type: ignore[override]
        self, config: dict[str, Any], study: Study, folder: Path, letters: Mapping[Any, LetterSets], threads: int
    ) -> None:
        """Once for each process: limits torch's threads, and takes the shared letters."""
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
        setting = self.trial.setting
        factors = {"setting": setting.label, "seed": self.trial.seed, **setting.changes}
        result = trial.run(self.folder, self.trial, self.letters, factors, self.study.metric)
        return {"done": True, "value": result.last(self.study.metric)}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the run folder has it."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: the run folder has it."""
