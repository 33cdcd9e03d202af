"""This source tree against another one, in turn: a step in memory, a step with augmentation, a load, whole fits."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.fit import run
from benchmarks.table import Table, number, ratio

HERE = Path(__file__).parents[1] / "src"
BUSY = 4  # processes, in the row with a load
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


def table(data: Path, other: Path, rounds: int, fits: int, configs: Sequence[str], steps: int = 20_000) -> Table:
    """Times both trees in turn.

    Args:
        data: letters_data.mat.
        other: the `src` of the other tree.
        rounds: of each kind of step.
        fits: whole runs of each config and tree; 0 for none.
        configs: of the whole runs.
        steps: in a round.
    """
    trees = (HERE, other)
    rows = [
        _row(f"µs a step, {name}", *_steps(data, trees, augmented, load, rounds, steps))
        for name, augmented, load in (
            ("in memory", False, 0),
            ("with augmentation", True, 0),
            (f"in memory, beside {BUSY} busy processes", False, BUSY),
        )
    ]
    for config in configs if fits else ():
        here, there = _fits(data, trees, config, fits)
        name = f"fit --config {_name(config, other)}"
        rows.append(_row(f"s, {name}", [s for s, _ in here], [s for s, _ in there]))
        rows.append(_row(f"MiB at most, {name}", [m for _, m in here], [m for _, m in there]))
    heading = ("", "this tree, median", "lowest..highest", "the other, median", "lowest..highest", "other / this")
    title = f"This source tree and {_commit(other)} in turn, rounds of steps: {rounds}, whole runs: {fits}"
    return Table("compare", title, heading, rows)


def _name(config: str, other: Path) -> str:
    """A config as it was given, or where it is in the other tree."""
    path, root = Path(config).resolve(), other.resolve().parent
    return f"{path.relative_to(root)} of the other tree" if path.is_relative_to(root) else config


def _commit(tree: Path) -> str:
    """Of a git checkout; otherwise what to call it."""
    try:
        found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=tree, capture_output=True, text=True)
    except OSError:
        return "another one"
    return f"that of commit {found.stdout.strip()}" if found.returncode == 0 else "another one"


def _row(name: str, here: list[float], there: list[float]) -> list[str]:
    cells = [
        cell
        for taken in (here, there)
        for cell in (number(median(taken)), f"{number(min(taken))}..{number(max(taken))}")
    ]
    return [name, *cells, ratio(median(b / a for a, b in zip(here, there, strict=True)))]


def _steps(
    data: Path, trees: tuple[Path, Path], augmented: bool, load: int, rounds: int, steps: int
) -> tuple[list[float], list[float]]:
    arguments = [sys.executable, "-c", STEP, str(data), str(int(augmented)), str(steps // (5 if load else 1))]
    running = [
        subprocess.Popen(
            arguments,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
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
            for pipe in (started.stdin, started.stdout):
                if pipe is not None:
                    pipe.close()
    return taken


def _fits(data: Path, trees: tuple[Path, Path], config: str, fits: int) -> list[list[tuple[float, float]]]:
    """(seconds, MiB) of each run. A short run before them compiles and is not counted."""
    command = ["letters_torch", "fit", "--config", config, "--data.path", str(data)]
    taken: list[list[tuple[float, float]]] = [[], []]
    for tree in trees:
        run([*command, "--trainer.max_steps", "2000"], tree)
    for _ in range(fits):
        for tree, found in zip(trees, taken, strict=True):
            seconds, peak = run(command, tree)
            found.append((seconds, peak / 2**20))
    return taken
