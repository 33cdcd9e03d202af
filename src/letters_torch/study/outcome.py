"""The outcome of a trial, kept in its run folder."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from letters_torch.study.study_file import Trial

FINISHED, DIVERGED, FAILED = "finished", "diverged", "failed"
RESULT = "result.json"
RUNS = "runs"


@dataclass(frozen=True)
class Result:
    """The outcome of a trial."""

    status: str  # FINISHED, DIVERGED or FAILED
    steps: int = 0
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # by tag, (step, value) of each validation
    seconds: float = 0.0  # from the first validation to the last
    letters: str = ""  # digest of the labelled letters
    message: str = ""  # the reason, where the status is not FINISHED

    def last(self, tag: str) -> float | None:
        """The last value of a curve; None if the trial did not finish."""
        return self.curves[tag][-1][1] if self.status == FINISHED and self.curves.get(tag) else None

    @property
    def is_final(self) -> bool:
        """Whether another attempt would have the same outcome."""
        return self.status in (FINISHED, DIVERGED)


def folder_of(study: Path, trial: Trial) -> Path:
    """The run folder of a trial in the study's folder."""
    return study / RUNS / trial.key


def result_of(study: Path, trial: Trial) -> Result | None:
    """The result of an earlier attempt; None if there is none, or if it was interrupted."""
    try:
        content = json.loads((folder_of(study, trial) / RESULT).read_text(encoding="utf-8"))
        curves = {
            tag: [(int(step), float(value)) for step, value in points] for tag, points in content["curves"].items()
        }
        return Result(**{**content, "curves": curves})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_over(study: Path, trial: Trial) -> bool:
    """Whether a trial needs no further attempt."""
    result = result_of(study, trial)
    return result is not None and result.is_final
