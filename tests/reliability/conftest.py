"""What the tests of runs share."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.reliability.figures import FIGURES, put, table
from tests.reliability.killing import Killer


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: hands its figures over."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = dict(FIGURES)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the process that the workers belong to: adds them up."""
    FIGURES.update(getattr(node, "workeroutput", {}).get("figures", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that docs/reliability.md quotes."""
    if FIGURES:
        terminalreporter.section("reliability, measured in this run")
        for what, count in sorted(FIGURES.items()):
            terminalreporter.line(f"{count:>12,} {what}")
        if terminalreporter.config.getoption("--write-figures"):
            put("runs", table(FIGURES))


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """The same sums in the same order, whatever ran before and however many cores are free."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="package")
def _ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal, also where the tests run in the background: there shells switch it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="package")
def killer() -> Iterator[Killer]:
    with Killer() as helper:
        yield helper
