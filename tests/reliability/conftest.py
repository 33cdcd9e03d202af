"""What the tests of runs share."""

from collections.abc import Iterator

import pytest
import torch

from tests.reliability.killing import Killer


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
