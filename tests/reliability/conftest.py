"""What the tests of runs share."""

from collections.abc import Iterator

import pytest
import torch

from tests.reliability.figures import FIGURES
from tests.reliability.killing import Killer


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that docs/reliability.md quotes."""
    if FIGURES:
        terminalreporter.section("reliability, measured in this run")
        for what, count in sorted(FIGURES.items()):
            terminalreporter.line(f"{count:>12,} {what}")


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """The same sums in the same order, whatever ran before and however many cores are free."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def killer() -> Iterator[Killer]:
    with Killer() as helper:
        yield helper
