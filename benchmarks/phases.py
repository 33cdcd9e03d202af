"""Runs the command line with a clock on its phases: `python -m benchmarks.phases FILE BEGAN fit --config kaggle.yaml`.

FILE receives the seconds of each phase, as JSON, the first since the moment BEGAN (as `time.time()` tells it). A phase
does not count what a phase inside it takes.
"""

import gc
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any


class Phases:
    """Exclusive time of nested phases, thread by thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._local = threading.local()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts the time inside as that phase's."""
        inner = self._local.__dict__.setdefault("inner", [0.0])  # what phases inside each open phase have taken
        inner.append(0.0)
        begin = time.perf_counter()
        try:
            yield
        finally:
            whole = time.perf_counter() - begin
            self.seconds[name] += whole - inner.pop()
            inner[-1] += whole

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Counts every call of a method."""
        original: Callable[..., Any] = getattr(owner, method)

        @wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.phase(name):
                return original(*args, **kwargs)

        setattr(owner, method, timed)

    def watch_iteration(self, owner: Any, name: str) -> None:
        """Counts the waiting for every item of an iteration."""
        original = owner.__iter__

        def timed(this: Any) -> Iterator[Any]:
            items = original(this)
            while True:
                with self.phase(name):
                    item = next(items, None)
                if item is None:
                    return
                yield item

        owner.__iter__ = timed


def watch(phases: Phases) -> None:
    """Puts the clocks where the phases are."""
    from letters_torch.data import datamodule  # before Lightning: it makes torchvision importable where it is not
    from letters_torch.lightning.logger import RunLogger
    from letters_torch.lightning.module import LettersModule

    import pytorch_lightning as pl  # isort: skip
    from pytorch_lightning.loops.evaluation_loop import _EvaluationLoop  # isort: skip
    from pytorch_lightning.loops.fit_loop import _FitLoop  # isort: skip

    phases.watch(datamodule.LettersDataModule, "setup", "reading and standardising")
    phases.watch_iteration(datamodule.Blocks, "making blocks")
    phases.watch(LettersModule, "training_step", "updates")
    phases.watch(_FitLoop, "run", "Lightning's loop")
    phases.watch(_EvaluationLoop, "run", "validation")
    phases.watch(pl.Trainer, "save_checkpoint", "checkpoints")
    phases.watch(RunLogger, "log_metrics", "logging")


def main(result: Path, began: float, args: list[str]) -> None:
    """Runs the command line on `args`."""
    phases = Phases()
    gc.disable()  # as the package does where it is the program
    from letters_torch.cli import main as command_line

    watch(phases)
    phases.seconds["start of Python and imports"] = time.time() - began
    with phases.phase("command line, start and end of the run"):
        command_line(args)
    result.write_text(json.dumps(phases.seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
