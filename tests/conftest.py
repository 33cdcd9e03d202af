"""Slow tests run only when asked for: pytest --slow. Tests on a GPU run where there is one."""

import os
import signal

import pytest

# Before torch and NumPy are imported. Test processes that run side by side have a core each, or less: teams of threads,
# which wait for each other by spinning, would only take it from each other. What is about threads sets their number.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


# A shell starts a background job with Ctrl-C ignored, and a fit leaves an ignored signal ignored. The tests send it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests that take minutes, too")
    parser.addoption("--write-figures", action="store_true", help="write what they counted into docs/reliability.md")


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Not at the top of the file: the process that only hands the tests out need not import torch for seconds."""
    import letters_torch._torchvision_guard  # noqa: F401  # before any test imports torchvision


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    import torch

    skipped = {}
    if not config.getoption("--slow"):
        skipped["slow"] = "takes minutes; run with --slow"
    if not torch.cuda.is_available():
        skipped["gpu"] = "needs a CUDA device, and torch finds none"
    for item in items:
        for mark, reason in skipped.items():
            if mark in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))
