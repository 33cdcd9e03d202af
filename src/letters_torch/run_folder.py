"""The folder of a run, `lightning_logs/version_N`: made for one run, locked, and found by its checkpoints."""

import re
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from letters_torch.console import say
from letters_torch.errors import UserError
from letters_torch.paths import expanded

RUNS = "lightning_logs"
CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"


def lock(folder: Path) -> FileLock:
    """Keeps a second fit from writing into a folder, until the lock is released or the process ends in any way.

    Raises:
        UserError: another fit holds the lock.
    """
    taken = FileLock(folder / ".lock", thread_local=False)
    try:
        taken.acquire(blocking=False)
    except Timeout as error:
        raise UserError(f"{folder}: another fit is writing there; wait until it ends, or stop it") from error
    return taken


def claim(root: Path, name: str | None = None) -> Path:
    """Makes the next `version_N` or `version_N-name` below `root`/lightning_logs; no other process gets the same N.

    Raises:
        UserError: the name cannot be part of a folder's name.
    """
    if name is not None and not re.fullmatch(r"[\w.+=-]{1,80}", name):
        raise UserError(f"--name {name!r}: use letters, digits and the signs - _ . + =, at most 80")
    runs = root / RUNS
    runs.mkdir(parents=True, exist_ok=True)
    number = 1 + max((_number(folder) for folder in runs.iterdir()), default=-1)
    while True:
        folder = runs / f"version_{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            continue
        if [each for each in runs.glob("version_*") if _number(each) == number] == [folder]:
            return folder if name is None else folder.rename(runs / f"{folder.name}-{name}")
        folder.rmdir()  # another process has renamed its own in the meantime
        number += 1


def of_logger(logger: Any, root: Path) -> Path:
    """The folder in which one of Lightning's loggers keeps its run, of its own for every run.

    It is below `root` for a logger that has no folder, as that of a remote server.
    """
    folder = getattr(logger, "log_dir", None)  # TensorBoardLogger and CSVLogger
    if folder:
        return Path(folder)
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    return Path(logger.save_dir or root, str(logger.name), version)


def of_checkpoint(checkpoint: Path) -> Path | None:
    """The run folder, with its config.yaml, that a checkpoint is in; None if it is not in one."""
    folder = checkpoint.resolve().parent
    return folder.parent if folder.name == CHECKPOINTS and (folder.parent / "config.yaml").is_file() else None


def resumed(checkpoint: Path, root: Path | None) -> Path | None:
    """The run folder in which a fit from this checkpoint is resumed; None if it starts a new run.

    If a `root`, which holds lightning_logs, was given, a run elsewhere is not resumed.
    """
    folder = checkpoint.resolve().parent
    run = folder.parent
    if folder.name != CHECKPOINTS:
        return None
    if root is None:
        return run if _number(run) >= 0 or (run / "config.yaml").is_file() else None
    runs = (root / RUNS).glob("version_*")  # the folders may be symbolic links
    return next((each for each in runs if each.resolve() == run), None)


def newest(root: Path) -> Path | None:
    """The run folder with the highest number that holds a checkpoint; None if there is none."""
    folders = sorted((root / RUNS).glob("version_*"), key=_number, reverse=True)
    return next((folder for folder in folders if any((folder / CHECKPOINTS).glob("*.ckpt"))), None)


def named_checkpoint(named: str | Path | None, root: Path = Path()) -> Path:
    """The checkpoint that is meant: a file, or "last" or "best" of `find_checkpoint`, or None. Prints its name."""
    if named is None or named in ("last", "best"):
        file = find_checkpoint("last" if named == "last" else "best", root)
    else:
        file = expanded(named, "--ckpt_path")
    say(f"checkpoint: {file}")
    return file


def find_checkpoint(which: Literal["last", "best"], root: Path) -> Path:
    """The last or the best checkpoint of the newest run below `root`/lightning_logs; UserError if there is none."""
    run = newest(root)
    found = list((run / CHECKPOINTS).glob(LAST if which == "last" else "best-*.ckpt")) if run else []
    if not found:
        raise UserError(
            f"no run with a {which} checkpoint under {root / RUNS}; train one with"
            " `python -m letters_torch fit`, or name a file with --ckpt_path"
        )
    return max(found, key=lambda file: file.stat().st_mtime)


def _number(folder: Path) -> int:
    """N of version_N and of version_N-NAME; -1 for any other name."""
    found = re.match(r"version_([0-9]+)(?:-|$)", folder.name)
    return int(found[1]) if found else -1
