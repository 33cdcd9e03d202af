"""Small studies, to be run in a moment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from letters_torch import checkpoint
from letters_torch.data.shared import SharedLetters
from letters_torch.data.sources import open_letters
from letters_torch.study import building, cluster, outcome, study_file, trial
from letters_torch.study.study_file import Study, Trial
from tests.support.running import CONFIG, save_letters

STUDY: dict[str, Any] = {
    "config": "small.yaml",
    "vary": {"model.schedule.0.lr": [0.01, 0.02], "model.hidden": [4, 6]},
    "cases": {"moments": {"data.moments": {"spread": 6.0}}},
    "seeds": [0, 3],
}


def study(folder: Path, **changed: Any) -> Study:
    """A study file beside its config and its letters; a value of None leaves a section out."""
    path = folder / "letters_data.mat"
    if not path.exists():
        save_letters(path)
    data = {**CONFIG["data"], "path": str(path)}
    (folder / "small.yaml").write_text(yaml.safe_dump({**CONFIG, "data": data}))
    content = {key: value for key, value in {**STUDY, **changed}.items() if value is not None}
    file = folder / "study.yaml"
    file.write_text("# A small study.\n" + yaml.safe_dump(content, sort_keys=False))
    return study_file.read(file)


def letters_of(one: Trial) -> dict[building.LettersKey, SharedLetters]:
    parsed = building.parse(one.config)
    return {building.letters_key(parsed): SharedLetters(open_letters("kaggle", Path(parsed.data.path)))}


def run(folder: Path, one: Trial) -> outcome.Result:
    """Runs a trial in this process."""
    return trial.run(folder, one, letters_of(one))


def weights(run_folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = checkpoint.load(run_folder / "checkpoints" / "last.ckpt")["state_dict"]
    return found


def assert_same_weights(one: Path, other: Path) -> None:
    for a, b in zip(weights(one).values(), weights(other).values(), strict=True):
        assert torch.equal(a, b)


class InProcess(cluster.Runner):
    """Runs the trials one after another in this process, without Ray."""

    def start(self) -> None:
        pass

    def run(self, trials: Sequence[Trial]) -> None:
        for one in trials:
            run(self.folder, one)
            self.done(one)

    def search(self, searcher: Any, count: int) -> None:
        for number in range(count):
            one = searcher.suggest(str(number))["trial"]
            searcher.on_trial_complete(str(number), {"value": run(self.folder, one).last(self.study.metric)})
            self.done(one)
