"""Settings that are drawn: at random before the first trial, or by Optuna while trials end."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import optuna
from ray import tune
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from letters_torch import files
from letters_torch.study.outcome import is_over, result_of
from letters_torch.study.study_file import Draw, Study, Trial

Point = dict[str, Any]  # the drawn value of each key


def domains(draw: Draw) -> dict[str, Any]:
    """Ray Tune's distribution of each key."""
    found = {}
    for key, distribution in draw.space.items():
        [(name, arguments)] = distribution.items()
        make = getattr(tune, name)
        found[key] = make(arguments) if name == "choice" else make(*arguments)
    return found


def random_points(draw: Draw) -> list[Point]:
    """`count` points. They follow from the seed, and a larger `count` only adds to them."""
    rng = np.random.default_rng(draw.seed)
    return [
        {key: _plain(domain.sample(random_state=rng)) for key, domain in domains(draw).items()}
        for _ in range(draw.count)
    ]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


class Drawn:
    """The points that Optuna has suggested, kept in the study's folder for when the study is started again.

    Points from before an edit of the study file that the distributions no longer contain are kept, but not used.

    Args:
        folder: of the study.
        space: Optuna's distribution of each key.
    """

    def __init__(self, folder: Path, space: dict[str, Any]) -> None:
        self._file = folder / "draws.json"
        kept: list[Point] = json.loads(self._file.read_text()) if self._file.exists() else []
        self.points = [point for point in kept if _contains(space, point)]
        self._others = [point for point in kept if point not in self.points]

    def add(self, point: Point) -> None:
        """Keeps a point."""
        self.points.append(point)
        files.write(self._file, json.dumps([*self._others, *self.points], indent=1).encode())


def _contains(space: dict[str, Any], point: Point) -> bool:
    try:
        optuna.create_trial(params=point, distributions=space, value=0.0)
    except ValueError:
        return False
    return True


class SeededSearch(Searcher):
    """Optuna's search through Ray Tune, with a run for each seed of a point; Optuna is told the mean.

    Means are told in the order of the points, and a point is drawn when all but the last `lag` of the earlier ones are
    told. So the points follow from the seed, whichever runs end first.

    Args:
        study: with an Optuna draw.
        folder: of the study.

    Attributes:
        drawn: the points so far.
        lag: at least as many as there are points at a time in training, so that no core waits.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        super().__init__(metric="value", mode=study.mode)
        assert study.draw is not None
        space = OptunaSearch.convert_search_space(domains(study.draw))
        self._study, self._draw, self._folder, self.drawn = study, study.draw, folder, Drawn(folder, space)
        known = [(point, self._reward(point)) for point in self.drawn.points[: study.draw.count]]
        seed = study.draw.seed + len(known)  # the same seed would draw the known points again
        self._optuna = OptunaSearch(space=space, metric="value", mode=study.mode, seed=seed)
        self._waiting: list[Trial] = []
        for point, reward in known:
            if reward is not None:
                self._optuna.add_evaluated_point(point, reward)
            else:
                self._waiting += [trial for trial in self._trials(point) if not is_over(folder, trial)]
        self.lag = 1
        self._untold: list[str] = []  # Optuna's ids of the points whose mean it does not know yet, the oldest first
        self._point_id = ""  # of the point whose seeds are suggested
        self._running: dict[str, tuple[str, Trial]] = {}  # by Tune's id: Optuna's id of the point, and the trial
        self._count = len(known)
        self._values: dict[str, list[float | None]] = {}

    def left(self) -> int:
        """How many trials are still to be run."""
        return len(self._waiting) + (self._draw.count - self._count) * len(self._study.seeds)

    def _trials(self, point: Point) -> list[Trial]:
        return self._study.trials((self._study.drawn(point),), self._study.seeds)

    def _reward(self, point: Point) -> float | None:
        results = [result_of(self._folder, trial) for trial in self._trials(point)]
        values = [result.last(self._study.metric) for result in results if result is not None]
        known = [value for value in values if value is not None]
        return mean(known) if len(known) == len(self._study.seeds) else None

    def suggest(self, trial_id: str) -> Any:
        """The next trial: another seed of the last point, or the first seed of a new one."""
        if not self._waiting:
            if self._count >= self._draw.count:
                return Searcher.FINISHED
            if not self._tell():
                return None  # Tune asks again when another trial has ended
            self._point_id, point = trial_id, dict(self._optuna.suggest(trial_id) or {})
            self._untold.append(trial_id)
            self._count += 1
            self.drawn.add(point)
            self._waiting = self._trials(point)
        trial = self._waiting.pop(0)
        self._running[trial_id] = (self._point_id, trial)
        return {"trial": trial}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Keeps the value for the mean of its point."""
        point, trial = self._running.pop(trial_id)
        if not point:  # one that was drawn before the study was started again
            drawn = dict(trial.setting.changes)
            reward = self._reward(drawn)
            if reward is not None:
                self._optuna.add_evaluated_point(drawn, reward)
            return
        self._values.setdefault(point, []).append((result or {}).get("value"))

    def _tell(self) -> bool:
        """Tells Optuna the means of all but the last `lag` points, or an error where a run diverged or failed.

        Returns:
            False if one of them is still in training.
        """
        while len(self._untold) > self.lag:
            values = self._values.get(self._untold[0], [])
            if len(values) < len(self._study.seeds):
                return False
            known = [value for value in values if value is not None]
            whole = len(known) == len(values)
            point = self._untold.pop(0)
            self._optuna.on_trial_complete(point, {"value": mean(known)} if whole else None, error=not whole)
        return True

    def save(self, checkpoint_path: str) -> None:
        """Nothing: draws.json and the results tell everything."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: draws.json and the results tell everything."""
