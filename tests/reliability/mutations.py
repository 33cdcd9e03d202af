"""Mutation tests: whether the tests notice what `mutants.py` breaks.

    python -m tests.reliability.mutations --results mutations.json [--only exact_sgd/] [--seconds 200] [--write]

Each mutation is applied to a copy of the source, and the tests that are to notice it run there, up to the first that
fails. The tests that noticed something must pass on the source as it is. Results are kept in a file, by mutation; a
call goes on with those that have no result yet. With --write the table goes into docs/reliability.md.

A process imports the libraries once and forks a child for each mutation, in which the package is imported anew.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.reliability.figures import ROOT, put
from tests.reliability.mutants import HARMLESS, MUTANTS

COPIED = ("src", "tests", "configs", "docs", "benchmarks", "pyproject.toml", "README.md", "CONTRIBUTING.md")
PATIENCE = 240.0  # seconds for the tests of a mutation; one that never ends is noticed too
NOTICED, SURVIVED, BROKEN = "noticed", "survived", "no tests ran"


@dataclass(frozen=True)
class Mutation:
    """A text in a file of the source, another in its place, and the tests that are to notice."""

    file: str
    old: str
    new: str
    tests: str

    @property
    def key(self) -> str:
        return f"{self.file}: {self.old} -> {self.new}"

    def fits(self) -> bool:
        """Whether the text is there, once."""
        file = ROOT / "src/letters_torch" / self.file
        return file.is_file() and file.read_text(encoding="utf-8").count(self.old) == 1


def mutations() -> Iterator[Mutation]:
    for file, (tests, changes) in MUTANTS.items():
        for old, new in changes:
            yield Mutation(file, old, new, tests)


def copied(folder: Path) -> Path:
    """A copy of the repository, with the times of its files, by which Numba knows its compiled code."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("lightning_logs", ".pytest_cache"))
        elif source.exists():
            shutil.copy2(source, target)
    if (ROOT.parent / "shared").is_dir():
        (folder.parent / "shared").symlink_to(ROOT.parent / "shared")
    return folder


def tried(mutation: Mutation, copy: Path) -> str:
    """What the tests say of a mutation: NOTICED and the test, or SURVIVED, or BROKEN."""
    file = copy / "src/letters_torch" / mutation.file
    text, times = file.read_text(encoding="utf-8"), file.stat()
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        words = shlex.split(mutation.tests)
        return _run([f"tests/{word}" if (copy / "tests" / word).exists() else word for word in words], copy)
    finally:
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def _run(arguments: list[str], copy: Path) -> str:
    """Runs tests of the copy in a child."""
    noted = copy.with_name("failed")
    noted.write_text("")
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os._exit(_test(arguments, copy, noted))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            names = {0: SURVIVED, 4: BROKEN, 5: BROKEN}
            return names.get(code, f"{NOTICED} by {noted.read_text() or f'a crash, exit code {code}'}")
        time.sleep(0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return f"{NOTICED} by a test that does not end"


class _Noting:
    """Notes the first test that fails."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.file.read_text():
            self.file.write_text(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.file.read_text():
            self.file.write_text("an import that fails")


def _test(arguments: list[str], copy: Path, noted: Path) -> int:
    """In a child: pytest's exit code."""
    import pytest

    with copy.with_name("last.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("letters_torch", "tests")]:
        del sys.modules[name]
    os.chdir(copy)
    paths = [str(copy / "src"), str(copy)]
    sys.path[:0] = paths
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # of the processes that tests start
    return int(pytest.main(["-x", "-q", "-n0", "-p", "no:cacheprovider", *arguments], plugins=[_Noting(noted)]))


def unsound(results: dict[str, str], copy: Path) -> list[str]:
    """The mutations whose test fails on the source as it is, too."""
    tests = {key: result.removeprefix(f"{NOTICED} by ") for key, result in results.items() if "::" in result}
    failing = set[str]()
    while passing := sorted(set(tests.values()) - failing):
        result = _run(passing, copy)
        if result == SURVIVED:
            break
        failing.add(result.removeprefix(f"{NOTICED} by "))
    return [key for key, test in tests.items() if test in failing]


def table(results: dict[str, str]) -> list[str]:
    """The table of docs/reliability.md: for each room how many mutations its tests notice; then those that survive."""
    counts: dict[str, Counter[str]] = {}
    for mutation in mutations():
        room = mutation.file.partition("/")[0] if "/" in mutation.file else "single modules"
        counts.setdefault(room, Counter())[results.get(mutation.key, "not tried").partition(" ")[0]] += 1
    lines = ["| room | mutations | tried | noticed | survived |", "|---|---:|---:|---:|---:|"]
    counts["all"] = sum(counts.values(), Counter())
    for room, count in counts.items():
        cells = (count.total(), count[NOTICED] + count[SURVIVED], count[NOTICED], count[SURVIVED])
        lines.append(f"| {room} | {' | '.join(map(str, cells))} |")
    survived = [m for m in mutations() if results.get(m.key) == SURVIVED]
    lines += [""] * bool(survived)
    return lines + [f"- `{m.file}`: `{m.old.strip()}`: {HARMLESS.get((m.file, m.new), 'not known')}" for m in survived]


def _import_libraries() -> None:
    """Whatever takes seconds and is not ours; the package's guard clears the way for torchvision."""
    libraries = ("letters_torch.data.augment", "matplotlib.figure", "pytest", "pytorch_lightning.cli")
    for name in (*libraries, "torch.utils.tensorboard"):
        import_module(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=Path, default=Path("mutations.json"), help="where results are kept")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="mutations of files whose paths begin so, in this order"
    )
    parser.add_argument("--seconds", type=float, default=float("inf"), help="starts no mutation after so long")
    parser.add_argument("--again", action="store_true", help="also those that survived before")
    parser.add_argument("--write", action="store_true", help="puts the table into docs/reliability.md")
    options = parser.parse_args()
    results: dict[str, str] = json.loads(options.results.read_text()) if options.results.exists() else {}
    everything = list(mutations())
    stale = [mutation for mutation in everything if not mutation.fits()]  # the source has changed
    known = (NOTICED,) if options.again else (NOTICED, SURVIVED)
    left = [m for begin in options.only for m in everything if m.file.startswith(begin)]
    left = [m for m in left if m not in stale and not results.get(m.key, "").startswith(known)]
    began = time.monotonic()
    if left:
        _import_libraries()
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder).resolve() / "copy") if left else Path()
        for mutation in left:
            if time.monotonic() - began > options.seconds:
                break
            results[mutation.key] = tried(mutation, copy)
            print(f"{mutation.key!r}: {results[mutation.key]}", flush=True)
            options.results.write_text(json.dumps(results, indent=0))
        if left:
            tried_now = {m.key: results[m.key] for m in left if m.key in results}
            for key in unsound(tried_now, copy):
                results[key] = BROKEN
            options.results.write_text(json.dumps(results, indent=0))
    if options.write:
        put("mutations", table(results))
    print("\n".join(table(results)))
    harmless = {(m.file, m.new) for m in everything} & HARMLESS.keys()
    survivors = [
        m.key for m in everything if results.get(m.key) in (SURVIVED, BROKEN) and (m.file, m.new) not in harmless
    ]
    if survivors:
        print("survived, and not known to be harmless:", *survivors, sep="\n")
    if stale:
        print("not in the source (any more), or more than once:", *(m.key for m in stale), sep="\n")
    if survivors or stale:
        sys.exit(1)


if __name__ == "__main__":
    main()
