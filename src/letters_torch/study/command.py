"""Runs a study and compares its runs in tables and on a page."""

import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import AcquireReturnProxy, FileLock, Timeout
from tqdm import tqdm

from letters_torch import files
from letters_torch.console import say
from letters_torch.errors import UserError
from letters_torch.study import cluster
from letters_torch.study.outcome import FAILED, is_over, result_of
from letters_torch.study.study_file import Setting, Study, Trial, distinct

if TYPE_CHECKING:
    from letters_torch.study.results import Results

# They import torch and SciPy.
_SLOW = ("letters_torch.study.checking", "letters_torch.study.results", "letters_torch.study.page")


def run(study: Study, resume: str, folder: Path, address: str | None = None, threads: int = 1) -> None:
    """Does as `conduct`, and keeps other studies out of the folder meanwhile.

    `resume` is the command that resumes the study, for the person who interrupts it.

    Raises:
        UserError: as `conduct`, or another process runs a study in the folder.
        SystemExit: 1 if a trial failed; 128 + N after signal N.
    """
    with _alone(folder), _stoppable(resume, folder):
        found = conduct(study, folder, address, threads)
    if any(row.result is not None and row.result.status == FAILED for row in (*found.rows, *found.final)):
        say("some trials failed (see above); start the study again to try them once more")
        sys.exit(1)


def conduct(study: Study, folder: Path, address: str | None = None, threads: int = 1) -> "Results":
    """Runs the trials of a study that are not over and writes its results.

    Args:
        study: the study.
        folder: for its runs and results.
        address: of a Ray cluster; None for this machine.
        threads: number of threads of each trial.

    Raises:
        UserError: a setting is refused, or letters cannot be read or are not those of earlier runs.
    """
    if study.draw is not None and study.draw.method == "random":
        cluster.import_ray()
        from letters_torch.study import search

        drawn = map(study.drawn, search.random_points(study.draw))
        study = replace(study, settings=distinct((*study.settings, *drawn)))
    with (
        _Progress(study, folder) as progress,
        cluster.Runner(study, folder, threads, address, progress.done) as runner,
    ):
        _start(runner, study, folder)
        from letters_torch.study import checking
        from letters_torch.study.results import Results

        runner.letters = checking.letters_of(study, folder)
        _run(runner, progress, study.trials(study.settings, study.seeds), folder)
        settings = study.settings
        if study.draw is not None and study.draw.method == "optuna":
            settings = distinct((*settings, *_search(runner, progress, study, folder)))
        best = Results.read(study, folder, settings).best
        compared = tuple(setting for setting in settings if best and setting in (study.base, best))
        final = study.trials(compared, study.final_seeds)
        _run(runner, progress, final, folder)
    found = Results.read(study, folder, settings, final)
    write(found, folder)
    return found


def _start(runner: cluster.Runner, study: Study, folder: Path) -> None:
    """Starts Ray while this process imports torch; not where all trials are over."""
    if all(is_over(folder, one) for one in study.trials(study.settings, study.seeds)):
        return
    folder.mkdir(parents=True, exist_ok=True)
    importer = threading.Thread(target=_import_slow)
    importer.start()
    try:
        runner.start()  # in this thread: its processes are killed by the end of the thread that started them
    finally:
        importer.join()


def _import_slow() -> None:
    gc.disable()  # imports leave no garbage, and looking for it takes a seventh of their time
    try:
        for name in _SLOW:
            importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def _run(runner: cluster.Runner, progress: "_Progress", trials: Sequence[Trial], folder: Path) -> None:
    left = [one for one in trials if not is_over(folder, one)]
    progress.more(len(trials), len(trials) - len(left))
    if left:
        runner.run(left)


def _search(runner: cluster.Runner, progress: "_Progress", study: Study, folder: Path) -> tuple[Setting, ...]:
    cluster.import_ray()  # configures what the next line imports
    from letters_torch.study import search

    assert study.draw is not None
    searcher = search.SeededSearch(study, folder)
    left, total = searcher.left(), study.draw.count * len(study.seeds)
    progress.more(total, total - left)
    if left:
        runner.search(searcher, left)
    return tuple(map(study.drawn, searcher.drawn.points[: study.draw.count]))


def write(found: "Results", folder: Path) -> None:
    """Writes results.csv, best.yaml and the page, and prints the tables."""
    from letters_torch.study import page, results, summary

    best = results.best_config(found)
    contents = {"results.csv": results.table(found), "study.html": page.document(found), "best.yaml": best}
    for name, text in contents.items():
        if text is not None:
            files.write(folder / name, text.encode())
    for table in summary.tables(found):
        say(f"\n{table}")
    say(f"\n{summary.headline(found)}")
    say(f"results: {folder / 'results.csv'}\npage: {folder / 'study.html'}")
    if best is not None:
        say(f"best setting: python -m letters_torch fit --config {folder / 'best.yaml'}")


class _Progress:
    """A bar over the trials with the remaining time, and a line for each trial that is over."""

    def __init__(self, study: Study, folder: Path) -> None:
        self._study, self._folder = study, folder
        self._bar = tqdm(total=0, unit="trial", disable=not sys.stderr.isatty(), dynamic_ncols=True, smoothing=0)
        self._total = self._over = 0

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()

    def more(self, total: int, over: int) -> None:
        """Adds trials, some of which are over already."""
        self._total += total
        self._over += over
        if over:
            say(f"{over} of {total} trials are finished already")
        self._bar.reset(self._total)
        self._bar.initial = self._bar.n = self._over
        self._bar.refresh()

    def done(self, one: Trial) -> None:
        """Reports a trial that is over."""
        self._over += 1
        self._bar.update(1)
        result, name = result_of(self._folder, one), f"{one.setting.label}, seed {one.seed}"
        value = result.last(self._study.metric) if result is not None else None
        if result is None:
            text = f"lost: its process died more than {cluster.RETRIES} times"
        elif value is None:
            text = f"{result.status}: {result.message}"
        else:
            text = f"{self._study.metric} = {value:.4f} ({result.seconds:.1f} s)"
        say(f"{self._over}/{self._total} {name}: {text}")


def _alone(folder: Path) -> AcquireReturnProxy:
    """A context that keeps a second study out of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return FileLock(folder / ".study.lock", timeout=0).acquire()
    except Timeout as error:
        raise UserError(f"{folder}: another study runs there; wait until it ends, or name another --folder") from error


@contextmanager
def _stoppable(resume: str, folder: Path) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the study cleanly, and a line says how to resume it."""
    stopped: list[int] = []

    def stop(which: int, _: Any) -> None:
        if not stopped:
            stopped.append(which)
            raise KeyboardInterrupt
        signal.signal(which, signal.SIG_DFL)  # asked twice: at once
        os.kill(os.getpid(), which)

    before = {which: signal.signal(which, stop) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        say(f"\n{signal.Signals(stopped[0]).name if stopped else 'SIGINT'}: stopped; runs are kept in {folder}")
        say(f"to resume them from their last checkpoints: {resume}")
        sys.exit(128 + (stopped[0] if stopped else signal.SIGINT))
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
