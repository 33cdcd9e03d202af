"""This source tree against another one, in turn: a step in memory, a step with augmentation, a load, whole fits."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.table import Table, number

HERE = Path(__file__).parents[1] / "src"
# Runs on either tree: an older one has other names for the same things.
STEP = """
import json, sys, time, warnings
from pathlib import Path
import numpy as np, torch
warnings.simplefilter("ignore")
path, augmented, steps = sys.argv[1], sys.argv[2] == "1", int(sys.argv[3])
try:
    from letters_torch.data.datamodule import LettersDataModule
    from letters_torch.data.prefetch import Blocks
    from letters_torch.data.augment import RandomAffine
    from letters_torch.exact_sgd import Rates, initial_weights, make_engine
    from letters_torch.exact_sgd.threads import one_thread_per_operation
    engine = make_engine("blocked")
except ImportError:
    from letters_torch.data.augment import RandomAffine
    from letters_torch.data.datamodule import Blocks, LettersDataModule
    from letters_torch.updates.blocked import Blocked
    from letters_torch.network import initial_weights
    from letters_torch.schedule import Rates
    from letters_torch.threads import sharing as one_thread_per_operation
    engine, given = Blocked(), initial_weights
    initial_weights = lambda inputs, hidden, classes, seed: given(hidden, seed=seed)
augment = RandomAffine(degrees=10, translate=(0.064, 0.064)) if augmented else None
data = LettersDataModule(path=Path(path), augment=augment)
data.setup("fit")
V, W = initial_weights(784, 400, 26, seed=0)
ready = data.make_block(0, 10_000) if not augmented else None
def run(first, count):
    if ready is None:
        end = first + count
        for x, y, step in Blocks(data.make_block, data.block, lambda: first, lambda t: end if t < end else None,
                                 data.workers):
            engine(V, W, x, y, Rates(np.full(len(x), 1e-3), np.full(len(x), 2e-3)), step)
        return
    for step in range(first, first + count, data.block):
        at = step % 10_000
        x, y = ready.x[at : at + data.block], ready.y[at : at + data.block]
        engine(V, W, x, y, Rates(np.full(len(x), 1e-3), np.full(len(x), 2e-3)), step)
with one_thread_per_operation():
    run(0, 5_000)
    print("ready", flush=True)
    first = 5_000
    for line in sys.stdin:
        begin = time.perf_counter()
        run(first, steps)
        print(json.dumps(1e6 * (time.perf_counter() - begin) / steps), flush=True)
        first += steps
"""


def table(data: Path, other: Path, rounds: int, fits: int, steps: int = 20_000) -> Table:
    """Times both trees in turn.

    Args:
        data: letters_data.mat.
        other: the `src` of the other tree.
        rounds: of each kind of step.
        fits: whole runs of each config and tree; 0 for none.
        steps: in a round.
    """
    trees = (HERE, other)
    rows = [
        _row(f"µs a step, {name}", *_steps(data, trees, augmented, load, rounds, steps))
        for name, augmented, load in (
            ("in memory", False, 0),
            ("with augmentation", True, 0),
            ("in memory, beside 4 busy processes", False, 4),
        )
    ]
    for config in ("kaggle.yaml", "best.yaml") if fits else ():
        here, there = _fits(data, trees, config, fits)
        rows.append(_row(f"s, fit --config {config}", [s for s, _ in here], [s for s, _ in there]))
        rows.append(_row(f"MiB at most, fit --config {config}", [m for _, m in here], [m for _, m in there]))
    heading = ("", "this tree, median", "lowest..highest", "the other, median", "lowest..highest", "other / this")
    return Table("compare", f"Two source trees in turn, rounds: {rounds}, fits: {fits}", heading, rows)


def _row(name: str, here: list[float], there: list[float]) -> list[str]:
    ratio = median(b / a for a, b in zip(here, there, strict=True))
    cells = [
        cell
        for taken in (here, there)
        for cell in (number(median(taken)), f"{number(min(taken))}..{number(max(taken))}")
    ]
    return [name, *cells, f"{ratio:.2f}x"]


def _environment(tree: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    return {**kept, "PYTHONPATH": str(tree)}


def _steps(
    data: Path, trees: tuple[Path, Path], augmented: bool, load: int, rounds: int, steps: int
) -> tuple[list[float], list[float]]:
    arguments = [sys.executable, "-c", STEP, str(data), str(int(augmented)), str(steps // (5 if load else 1))]
    running = [
        subprocess.Popen(
            arguments, env=_environment(tree), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for tree in trees
    ]
    taken: tuple[list[float], list[float]] = ([], [])
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    busy: list[subprocess.Popen[Any]] = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(load)
    ]
    try:
        for _ in range(rounds):
            for process, found in zip(running, taken, strict=True):
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write("go\n")
                found.append(json.loads(process.stdout.readline()))
    finally:
        for started in [*busy, *running]:
            started.kill()
            started.wait()
    return taken


def _fits(data: Path, trees: tuple[Path, Path], config: str, fits: int) -> list[list[tuple[float, float]]]:
    """(seconds, MiB) of each run. The first, which compiles, is not counted."""
    import tempfile

    taken: list[list[tuple[float, float]]] = [[], []]
    for tree in trees:
        _fit(data, tree, config, tempfile.mkdtemp(), ("--trainer.max_steps", "2000"))
    for _ in range(fits):
        for tree, found in zip(trees, taken, strict=True):
            found.append(_fit(data, tree, config, tempfile.mkdtemp()))
    return taken


def _fit(data: Path, tree: Path, config: str, folder: str, more: tuple[str, ...] = ()) -> tuple[float, float]:
    command = [sys.executable, "-m", "letters_torch", "fit", "--config", config, "--data.path", str(data), *more]
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=_environment(tree), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - begin, used.ru_maxrss / 1024
