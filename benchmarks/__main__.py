"""The command line: `python -m benchmarks report`, or one of its measurements by itself."""

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks.environment import limit_threads, restart_clean
from benchmarks.table import Table

PAGE = Path("docs/benchmarks.md")
ESTIMATOR_PAGE = Path("docs/estimator.md")
QUICK = {"rounds": 5, "seconds": 0.4, "repeats": 1}
Options = argparse.Namespace


def peers(options: Options) -> list[Table]:
    """a single-sample step: ours and its peers"""
    from benchmarks.peers import Peers
    from benchmarks.steps import measured

    return measured([Peers], options)


def floor(options: Options) -> list[Table]:
    """how far a step of ours is from the machine's floor, and where its time goes"""
    from benchmarks.floor import Floor
    from benchmarks.products import Products
    from benchmarks.steps import measured

    return measured([Floor, Products], options)


def scaling(options: Options) -> list[Table]:
    """the cost of a step by width, panel length and threads"""
    from benchmarks.scaling import Scaling
    from benchmarks.steps import measured

    return measured([Scaling], options)


def steps(options: Options) -> list[Table]:
    """peers, floor and scaling in one measurement, so that a step has one time in all tables"""
    from benchmarks.floor import Floor
    from benchmarks.peers import Peers
    from benchmarks.products import Products
    from benchmarks.scaling import Scaling
    from benchmarks.steps import measured

    return measured([Peers, Floor, Products, Scaling], options)


def fit(options: Options) -> list[Table]:
    """a whole training run: wall time, memory, and where the time goes"""
    from benchmarks import fit

    return fit.tables(options.data, options.repeats, options.fit_args.split())


def compare(options: Options) -> list[Table]:
    """this source tree against that of --against, in turn: steps, steps on a busy machine, whole runs"""
    from benchmarks import compare

    data, against = options.data.resolve(), options.against.resolve()
    return [compare.table(data, against, options.rounds, options.repeats, options.configs)]


def estimator(options: Options) -> list[Table]:
    """a step of the estimator beside scikit-learn's and PyTorch's, one thread each, written into docs/estimator.md"""
    from benchmarks import estimator

    return [estimator.table(options.data, options.rounds, options.seconds)]


def study(options: Options) -> list[Table]:
    """a study of 18 short runs, against a `fit` for each; --out docs/studies.md puts it there"""
    from benchmarks import study

    return [study.table(options.data, options.fits)]


def report(options: Options) -> list[Table]:
    """steps, fit and, with --against, compare, written into docs/benchmarks.md and where its figures are quoted"""
    parts = (steps, fit, compare) if options.against else (steps, fit)
    return [table for part in parts for table in part(options)]


def quote(_: Options) -> list[Table]:
    """measures nothing: brings the figures that README.md and the engine quote up to the pages' tables"""
    return []


MEASUREMENTS: tuple[Callable[[Options], list[Table]], ...] = (
    *(report, steps, peers, floor, scaling, fit, compare, estimator, study, quote),
)
STEPS = ("peers", "floor", "products", "widths", "panels", "threads")
# The keys of the tables that each returns, so that a page can be checked before anything is measured.
KEYS: dict[Callable[[Options], list[Table]], tuple[str, ...]] = {
    steps: STEPS,
    peers: STEPS[:1],
    floor: STEPS[1:3],
    scaling: STEPS[3:],
    fit: ("fit", "phases"),
    compare: ("compare",),
    estimator: ("estimator",),
    study: ("study",),
    report: (*STEPS, "fit", "phases"),
}
PAGES = {report: PAGE, estimator: ESTIMATOR_PAGE}  # where no --out is given


def main(args: list[str] | None = None) -> None:
    """Measures, prints the tables and, with --out, puts them into the page and the quoted figures where they are."""
    options = _parser().parse_args(args)
    if options.quick:
        vars(options).update(QUICK)
    if options.measure is estimator:
        options.threads = 1
    if options.threads:
        limit_threads(options.threads)
    if options.measure is not quote:
        _measure(options)
    if options.measure is quote or options.out == PAGE:
        from benchmarks import figures

        for file in figures.update(Path()):
            print(f"{file}: quoted figures brought up to the tables")


def _measure(options: Options) -> None:
    from benchmarks import idle, machine, page

    options.out = options.out or PAGES.get(options.measure)
    keys = KEYS[options.measure]
    if options.measure is report and options.against:
        keys += KEYS[compare]
    if options.out:
        page.require_places(options.out, keys)
    if "compare" in keys:
        _require_trees(options)
    measured_on = machine.describe(idle.others() if options.busy else idle.wait())
    print(f"{measured_on}\n", flush=True)
    tables: list[Table] = options.measure(options)
    print("\n\n".join(str(table) for table in tables))
    if options.out:
        page.update(options.out, tables, measured_on)


def _require_trees(options: Options) -> None:
    if options.data is None or options.against is None:
        raise SystemExit("compare needs --data letters_data.mat and --against PATH, the src of another source tree")
    if not (options.against / "letters_torch").is_dir():  # Python would import an installed one instead
        raise SystemExit(f"--against {options.against} holds no letters_torch; give the src of another source tree")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="|".join(each.__name__ for each in MEASUREMENTS))
    for measure in MEASUREMENTS:
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
    add("--quick", action="store_true", help=", ".join(f"--{name} {value}" for name, value in QUICK.items()))
    add("--busy", action="store_true", help="measure on a busy machine too; by default wait until it is idle")
    add("--rounds", type=int, default=9, help="steps, compare, estimator: rounds")
    add("--seconds", type=float, default=0.5, help="time of each contender in a round, about")
    add("--threads", type=int, help="of every library; by default as many as each takes")
    add("--repeats", type=int, default=1, help="fit, compare: whole runs of each")
    add("--configs", nargs="+", default=["kaggle.yaml"], help="compare: of the whole runs")
    add("--fits", type=int, default=6, help="study: how many of the `fit` commands are timed")
    add("--fit_args", default="", help="fit: more flags for it, in one string")


if __name__ == "__main__":
    restart_clean()
    main()
