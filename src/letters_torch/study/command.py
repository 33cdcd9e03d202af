"""Runs a study: many runs from one file, and what they show."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from tqdm import tqdm

from letters_torch import files
from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.data.shared import SharedLetters
from letters_torch.errors import UserError
from letters_torch.letters import LetterSets
from letters_torch.study import building, cluster, results, summary, trial
from letters_torch.study.results import Results
from letters_torch.study.study_file import Setting, Study, Trial


def run(study: Study, name: str, folder: Path, address: str | None = None, threads: int = 1) -> None:
    """Conducts a study, and keeps other processes out of its folder meanwhile.

    Args:
        study: as for `conduct`.
        name: of the study file, as given; for the line that says how to resume.
        folder: as for `conduct`.
        address: as for `conduct`.
        threads: as for `conduct`.

    Raises:
        UserError: as `conduct`, or another process runs a study in the folder.
        SystemExit: 1 if a trial failed; 128 + N after signal N.
    """
    with _alone(folder), _stoppable(name, folder):
        found = conduct(study, folder, address, threads)
    if any(row.result is not None and row.result.status == trial.FAILED for row in (*found.rows, *found.final)):
        say("some trials failed (see above); start the study again to try them once more")
        sys.exit(1)


def conduct(study: Study, folder: Path, address: str | None = None, threads: int = 1) -> Results:
    """Runs what is left of a study and writes its results.

    Args:
        study: the study.
        folder: where runs and results are kept. Every node of a cluster must see it under this path.
        address: of a Ray cluster; None for this machine.
        threads: of each trial.

    Raises:
        UserError: a setting that cannot be used; letters that cannot be read, or other ones than before.
    """
    if study.draw is not None and study.draw.method == "random":
        study = _with_random_points(study)
    letters = _checked_letters(study, folder)
    with (
        _Progress(study, folder) as progress,
        cluster.Runner(study, folder, letters, threads, address, progress.done) as runner,
    ):
        _run(runner, progress, study.trials(study.settings, study.seeds), folder)
        settings = study.settings
        if study.draw is not None and study.draw.method == "optuna":
            settings = (*settings, *_search(runner, progress, study, folder))
        found = Results.read(study, folder, settings)
        final = _final_trials(study, found)
        _run(runner, progress, final, folder)
    found = Results.read(study, folder, settings, final)
    write(found, folder)
    return found


def _with_random_points(study: Study) -> Study:
    from dataclasses import replace

    cluster.import_ray()
    from letters_torch.study import search

    assert study.draw is not None
    drawn = tuple(study.drawn(point) for point in search.random_points(study.draw))
    return replace(study, settings=(*study.settings, *drawn))


def _checked_letters(study: Study, folder: Path) -> dict[building.LettersKey, LetterSets]:
    """Builds every setting once and reads its letters, so that nothing is refused after the first run."""
    letters: dict[building.LettersKey, LetterSets] = {}
    digests, splits = set(), set()
    for setting in study.settings:
        key, data = _built(study, setting)
        if key not in letters:
            letters[key] = data.read_letters()
            say(f"letters: {letters[key].origin}")
        split = (key, data.validation, data.validation_writers)
        if split not in splits:
            splits.add(split)
            digests.add(_digest_after_split(study, setting, data, letters[key]))
    for one in study.trials(study.settings, study.seeds):
        earlier = trial.result_of(folder, one)
        if earlier is not None and earlier.letters and earlier.letters not in digests:
            raise UserError(f"{folder}: its runs were trained on other letters; name another folder with --folder")
    return letters


def _built(study: Study, setting: Setting) -> tuple[building.LettersKey, LettersDataModule]:
    try:
        parsed = building.parse(Trial(setting, study.seeds[0]).config)
        return building.letters_key(parsed), building.build(parsed).data
    except UserError as error:
        raise UserError(f"{study.file}: {setting.label}: {error}") from error


def _digest_after_split(study: Study, setting: Setting, data: LettersDataModule, sets: LetterSets) -> str:
    data.shared, data.moments = SharedLetters(sets), None  # moments take seconds and do not matter here
    try:
        data.setup("fit")
    except UserError as error:
        raise UserError(f"{study.file}: {setting.label}: {error}") from error
    return data.digest


def _run(runner: cluster.Runner, progress: "_Progress", trials: Sequence[Trial], folder: Path) -> None:
    earlier = [(one, trial.result_of(folder, one)) for one in trials]
    left = [one for one, result in earlier if result is None or not result.is_final]
    progress.more(len(trials), len(trials) - len(left))
    if left:
        runner.run(left)


def _search(runner: cluster.Runner, progress: "_Progress", study: Study, folder: Path) -> tuple[Setting, ...]:
    from letters_torch.study import search

    assert study.draw is not None
    searcher = search.SeededSearch(study, folder)
    left, total = searcher.left(), study.draw.count * len(study.seeds)
    progress.more(total, total - left)
    if left:
        runner.search(searcher, left)
    return tuple(study.drawn(point) for point in search.Drawn(folder).points[: study.draw.count])


def _final_trials(study: Study, found: Results) -> list[Trial]:
    if not study.final_seeds or found.best is None:
        return []
    settings = dict.fromkeys([study.base.label, found.best.label])
    return study.trials(tuple(s for s in found.settings if s.label in settings), study.final_seeds)


def write(found: Results, folder: Path) -> None:
    """Writes results.csv, best.yaml and the page, and prints the tables."""
    from letters_torch.study import page

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
        """Tells of one that is over."""
        self._over += 1
        self._bar.update(1)
        result, name = trial.result_of(self._folder, one), f"{one.setting.label}, seed {one.seed}"
        value = result.last(self._study.metric) if result is not None else None
        if result is None:
            text = f"lost: its process died more than {cluster.RETRIES} times"
        elif value is None:
            text = f"{result.status}: {result.message}"
        else:
            text = f"{self._study.metric} = {value:.4f} ({result.seconds:.1f} s)"
        say(f"{self._over}/{self._total} {name}: {text}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps a second study out of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".study.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(f"{folder}: another study runs there; wait until it ends, or name another --folder") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _stoppable(name: str, folder: Path) -> Iterator[None]:
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
        say(f"to resume from their last checkpoints: python -m letters_torch study {name}")
        sys.exit(128 + (stopped[0] if stopped else signal.SIGINT))
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
