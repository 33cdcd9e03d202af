"""The command line: `python -m benchmarks peers|floor|scaling|fit|accuracy|estimator|report`."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from benchmarks import machine
from benchmarks.table import Table

PAGE = Path("docs/benchmarks.md")
ESTIMATOR_PAGE = Path("docs/estimator.md")
PICTURE = Path("docs/images/accuracy_over_seconds.png")


def peers(options: argparse.Namespace) -> list[Table]:
    """a single-sample step: ours and its peers"""
    from benchmarks import peers
    from benchmarks.problem import Problem, letters

    return [peers.table(Problem.of(letters(options.data)), options.rounds, options.seconds)]


def floor(options: argparse.Namespace) -> list[Table]:
    """what a step of ours is made of, and how far it is from the machine's floor"""
    from benchmarks import floor
    from benchmarks.problem import Problem, letters

    return [floor.table(Problem.of(letters(options.data)), options.rounds, options.seconds)]


def scaling(options: argparse.Namespace) -> list[Table]:
    """the cost of a step by width, panel and threads"""
    from benchmarks import scaling
    from benchmarks.problem import Problem, letters

    return scaling.tables(Problem.of(letters(options.data)), options.rounds, options.seconds)


def fit(options: argparse.Namespace) -> list[Table]:
    """a whole training run: wall time, memory, and where the time goes"""
    from benchmarks import fit

    return fit.tables(options.data, options.repeats, options.fit_args.split())


def compare(options: argparse.Namespace) -> list[Table]:
    """this source tree against that of --against, in turn: steps, and whole fits"""
    from benchmarks import compare

    if options.data is None or options.against is None:
        raise SystemExit("compare needs --data letters_data.mat and --against PATH, the src of another source tree")
    return [compare.table(options.data.resolve(), options.against.resolve(), options.rounds, options.repeats)]


def accuracy(options: argparse.Namespace) -> list[Table]:
    """accuracy over seconds, against mini-batch AdamW and SGD; draws docs/images/accuracy_over_seconds.png"""
    from benchmarks import accuracy

    return [accuracy.table(options.data, options.samples, options.picture)]


def estimator(options: argparse.Namespace) -> list[Table]:
    """a step of the estimator beside scikit-learn's and PyTorch's, one thread each, written into docs/estimator.md"""
    from benchmarks import estimator

    options.out = options.out or ESTIMATOR_PAGE
    return [estimator.table(options.data, options.rounds, options.seconds)]


MEASUREMENTS: tuple[Callable[[argparse.Namespace], list[Table]], ...] = (peers, floor, scaling, fit, accuracy)


def report(options: argparse.Namespace) -> list[Table]:
    """all of them but estimator, written into docs/benchmarks.md"""
    options.out = options.out or PAGE
    return [table for measurement in MEASUREMENTS for table in measurement(options)]


def main(args: list[str] | None = None) -> None:
    """Measures, prints the tables and, with --out, puts them into the page."""
    options = _parser().parse_args(args)
    if options.measure is estimator:
        options.threads = 1
    if options.threads:
        limit_threads(options.threads)
    measured_on = machine.describe()
    print(f"{measured_on}\n")
    tables: list[Table] = options.measure(options)
    print("\n\n".join(str(table) for table in tables))
    if options.out:
        from benchmarks import page

        page.update(options.out, tables, measured_on)


def limit_threads(count: int) -> None:
    """For torch, NumPy, Numba and JAX; they read it when they are imported, which is later."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = str(count)
    if count == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="peers|floor|scaling|fit|accuracy|estimator|report")
    for measure in (*MEASUREMENTS, estimator, report):
        command = commands.add_parser(measure.__name__, help=measure.__doc__, description=measure.__doc__)
        command.set_defaults(measure=measure)
        _add_flags(command)
    return parser


def _add_flags(command: argparse.ArgumentParser) -> None:
    """The same flags for all, so that `report` takes them too."""
    add = command.add_argument
    add("--data", type=Path, help="letters_data.mat or an EMNIST folder; by default what `fit` would take")
    add("--against", type=Path, help="compare: the src of another source tree, such as an older checkout's")
    add("--out", type=Path, help=f"put the tables into this page, such as {PAGE}")
    add("--rounds", type=int, default=9, help="peers, floor, scaling, estimator: rounds")
    add("--seconds", type=float, default=0.5, help="time of each contender in a round, about")
    add("--threads", type=int, help="of every library; by default as many as each takes")
    add("--repeats", type=int, default=3, help="fit: runs")
    add("--fit_args", default="", help="fit: more flags for it, in one string")
    add("--samples", type=int, help="accuracy: samples of a run; by default the config's")
    add("--picture", type=Path, default=PICTURE, help="accuracy: the picture to draw")


if __name__ == "__main__":
    main()
