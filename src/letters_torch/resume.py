"""The rules of a resume: what must not have changed, and what the folder of the run must look like.

They are checked where every door passes: by the trainer before a fit, and by the module and the data module when
Lightning hands them a checkpoint. Each `require_` function raises UserError where its rule is broken. `saved` and `now`
are states of the data module (`LettersDataModule.state_dict`), as `checkpoint.schema` describes them.
"""

import re
from pathlib import Path
from typing import Any

from letters_torch import checkpoint, files
from letters_torch.console import say
from letters_torch.errors import UserError
from letters_torch.run_folder import LAST

SET_ASIDE = "set_aside"


def require_resumable(
    content: dict[str, Any], hidden: int, total: int, now: dict[str, Any], averages: bool = False
) -> None:
    """Refuses to resume a fit with settings that do not fit its checkpoint.

    Args:
        content: of the checkpoint.
        hidden: units of the network.
        total: steps of the schedule.
        now: the state of the data module.
        averages: whether the fit averages its weights.
    """
    if "current_model_state" in content and not averages:
        raise UserError("--ckpt_path: the run averages its weights; keep WeightAveraging among trainer.callbacks")
    require_same_width(content, hidden)
    require_step_in_schedule(content, total)
    require_same_data(content["LettersDataModule"], now)


def require_same_data(saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuses to resume with other letters, another split, other moments, features or scaling."""
    if saved["letters"] != now["letters"]:
        raise UserError(
            f"--ckpt_path: the run was trained on other letters than {now['origin']};"
            " give its --data.source, --data.path and --data.transposed"
        )
    require_same_split(saved, now)
    for (flag, given), began in zip(_pixels(now).items(), _pixels(saved).values(), strict=True):
        if given != began:
            raise UserError(
                f"{flag} {given}: the run of --ckpt_path was started with {began}, and its weights do not fit other"
                f" pixels; give {began}, or start another run"
            )


def require_same_split(saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuses a split in which training rows of a run are validation rows. Rows of other letters never are."""
    if saved["letters"] != now["letters"]:
        return
    for flag, name in (
        ("--seed_everything", "seed"),
        ("--data.validation", "validation"),
        ("--data.validation_writers", "validation_writers"),
    ):
        if now[name] != saved[name]:
            raise UserError(
                f"{flag} {now[name]}: the run was started with {saved[name]}; with another, rows that it"
                f" was trained on would be validation rows; give {saved[name]}, or start another run"
            )
    if now["split"] != saved["split"]:
        raise UserError(
            f"{now['origin']}: the validation rows are others than when the run began, although the"
            " letters and the settings are the same; restore the writers of the rows (train_writers) or the version of"
            " NumPy, or start another run"
        )


def require_same_width(content: dict[str, Any], hidden: int) -> None:
    """Refuses a checkpoint of a network with another number of hidden units."""
    saved = len(content["state_dict"]["V"])
    if saved != hidden:
        raise UserError(
            f"--ckpt_path: a network with {saved} hidden units, but --model.hidden is {hidden};"
            f" give --model.hidden {saved}"
        )


def require_step_in_schedule(content: dict[str, Any], total: int) -> None:
    """Refuses to resume from a step beyond the schedule."""
    step = content["letters_torch"]["step"]
    if step > total:
        raise UserError(
            f"--ckpt_path: the run is at step {step:,}, but model.schedule ends at step {total:,};"
            " lengthen a stage or add one"
        )


def prepare_folder(source: Path, folder: Path, step: int) -> None:
    """Prepares a run's checkpoints/ for a resume from `source`, a checkpoint of `step`.

    What the run had beyond that step moves to `set_aside`, and `source` becomes last.ckpt, so that a kill from here on
    cannot mix old and new checkpoints. If `source` is not in `folder`, there is nothing to do.
    """
    if source.resolve().parent != folder.resolve() or source.name == LAST:
        return
    last, aside = folder / LAST, folder.parent / SET_ASIDE
    beyond = [file for file in folder.glob("*-step=*.ckpt") if step_of(file) > step and file.name != source.name]
    if last.exists() and step_of(last) > step:
        aside.mkdir(exist_ok=True)
        copy(last, aside / last.name)
        say(f"resuming from step {step:,}; later checkpoints are kept in {aside}")
    for file in beyond:
        aside.mkdir(exist_ok=True)
        file.replace(aside / file.name)
    copy(source, last)


def step_of(file: Path) -> float:
    """The step at which a checkpoint was written: from its name or, for last.ckpt, from its content."""
    named = re.search(r"-step=(\d+)", file.name)
    if named:
        return int(named[1])
    try:
        return float(checkpoint.load(file)["letters_torch"]["step"])
    except UserError:
        return float("inf")  # unreadable: set it aside rather than overwrite it


def copy(source: Path, target: Path) -> None:
    """Copies a checkpoint whole or not at all; raises UserError."""
    checkpoint.write(target, source.read_bytes(), sync=False)  # after a power cut, the source is still there


def sweep(folder: Path) -> None:
    """Deletes the partial files of a killed process."""
    for part in folder.glob(f"*{files.PART}"):
        part.unlink(missing_ok=True)


def _pixels(state: dict[str, Any]) -> dict[str, str]:
    """What the pixels went through, as the command line takes it, by flag."""
    by = state["standardizer"]
    moments = ", ".join(f"{name}: {value}" for name, value in (by["moments"] or {}).items())
    return {
        "--data.moments": f"{{{moments}}}" if moments else "null",
        "--data.directions": str(by["directions"]).lower(),
        "--data.scaling": state["scaling"],
    }
