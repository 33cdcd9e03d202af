"""The guard lets torchvision's Python parts load where its operators cannot, and does nothing where they can."""

import subprocess
import sys

import pytest
import torch

from letters_torch import _torchvision_guard as guard


def program(text: str) -> str:
    """What a Python process of its own prints."""
    command = [sys.executable, "-W", "ignore", "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# A process stands for itself: torch's operators, once declared, are declared for the whole of it.
@pytest.mark.skipif(guard._operators_load(), reason="torchvision's operators fit this torch: nothing to guard against")
def test_a_torchvision_without_operators_can_be_imported() -> None:
    shown = program(
        "import letters_torch.lightning, torchvision, pytorch_lightning, torch\n"
        "from torchvision.transforms import v2\n"
        "print(v2.functional.affine(torch.eye(4)[None], 90, [0, 0], 1, [0, 0]).sum().item())\n"
        "try: torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)\n"
        "except NotImplementedError as error: print('not there:', 'nms' in str(error))\n"
    )
    assert shown.splitlines() == ["4.0", "not there: True"]


def test_where_the_operators_load_nothing_is_declared() -> None:
    shown = program(
        "import importlib.util, torch\n"  # the guard alone: with its package it would have run already
        "torch.ops.load_library = lambda path: None\n"
        "import sys; sys.modules['torchmetrics'] = None\n"  # nor is it to import anything
        f"spec = importlib.util.spec_from_file_location('letters_torch._torchvision_guard', {guard.__file__!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(module._library, hasattr(torch.ops.torchvision, 'nms'))\n"
        "module._operators_load = lambda: False\n"
        "module.install()\n"
        "print(module._library is not None, hasattr(torch.ops.torchvision, 'nms'))\n"
    )
    assert shown.splitlines() == ["None False", "True True"]


def test_it_declares_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Library:
        def __init__(self, *args: str) -> None:
            made.append(args)

        def define(self, schema: str) -> None:
            made.append((schema,))

    monkeypatch.setattr(torch.library, "Library", Library)
    monkeypatch.setattr(guard, "_library", None)
    monkeypatch.setattr(guard, "_operators_load", lambda: False)
    guard.install()
    count = len(made)
    guard.install()
    assert made[0] == ("torchvision", "FRAGMENT")
    assert len(made) == count


def test_no_torchvision_is_not_the_guards_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert guard._operators_load()


def test_lightning_comes_without_scipy_signal_until_it_is_asked_for() -> None:
    shown = program(
        "import sys, letters_torch.lightning, pytorch_lightning\n"
        "print('scipy.signal' in sys.modules)\n"
        "import scipy.signal\n"
        "print(scipy.signal.windows.hann(3).tolist(), scipy.signal.__file__ is not None)\n"
    )
    assert shown.splitlines() == ["False", "[0.0, 1.0, 0.0] True"]


def test_what_asks_for_scipy_signal_beside_torchmetrics_gets_it() -> None:
    shown = program(
        "import sys, types\n"
        "sys.modules['torchmetrics'] = types.ModuleType('torchmetrics')\n"
        "from letters_torch._torchvision_guard import _Later\n"
        "later = sys.modules['scipy.signal'] = _Later('scipy.signal')\n"
        "print(hasattr(later, '__file__'), later is sys.modules['scipy.signal'])\n"
        "from scipy.signal import convolve\n"
        "print(convolve([1, 2], [1]).tolist(), later is sys.modules['scipy.signal'])\n"
        "print(later.convolve is convolve)\n"
    )
    assert shown.splitlines() == ["False True", "[1, 2] False", "True"]
