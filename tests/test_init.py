"""The front door: light, without side effects, and complete. A process for each test: this one has imported it all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import letters_torch


def python(code: str, **environment: str) -> str:
    """What a process of its own prints."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_it_changes_nothing_and_loads_nothing_heavy() -> None:
    code = """
import gc, os, signal, sys, threading, warnings
def state():
    handlers = [signal.getsignal(which) for which in signal.valid_signals()]
    return handlers, gc.isenabled(), gc.get_freeze_count(), sys.excepthook, threading.excepthook, dict(os.environ), \
        list(warnings.filters), list(sys.meta_path)
sys.argv = ["-m", "fit"]  # as a program has it
before = state()
import letters_torch
import letters_torch.cli
assert state() == before
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
    loaded = set(python(code).split())
    assert "letters_torch" in loaded
    assert not loaded & {
        "pytorch_lightning",
        "lightning_fabric",
        "matplotlib",
        "torch",
        "torchvision",
        "numpy",
        "scipy",
    }


@pytest.mark.parametrize("name", letters_torch.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(letters_torch, name)
    assert value is getattr(letters_torch, name)
    assert name in dir(letters_torch)
    assert value.__doc__


def test_a_public_name_can_be_the_first_import() -> None:
    """Whatever it needs, such as the torchvision guard, comes with it."""
    code = "from letters_torch import {}; print({}.__module__)"
    assert python(code.format("LettersModule", "LettersModule")) == "letters_torch.lightning.module\n"
    assert python("import letters_torch; print(letters_torch.exact_sgd.__name__)") == "letters_torch.exact_sgd\n"


def test_the_engine_loads_no_lightning() -> None:
    code = "import sys; from letters_torch import exact_sgd, Schedule, Stage; print('pytorch_lightning' in sys.modules)"
    assert python(code) == "False\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"letters_torch.*nonsense"):
        letters_torch.nonsense  # noqa: B018


def test_it_is_typed() -> None:
    assert Path(letters_torch.__file__).with_name("py.typed").is_file()


MAIN = """
import gc, signal, sys
from letters_torch import __main__, cli
cli.main = lambda: print(signal.getsignal(signal.SIGINT) is {wanted}, gc.isenabled())
signal.signal(signal.SIGINT, {before})
__main__.main()
"""


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ("signal.default_int_handler", "signal.SIG_DFL"),  # Ctrl-C ends the program without a traceback
        ("signal.SIG_IGN", "signal.SIG_IGN"),  # nohup
    ],
)
def test_the_program_prepares_its_process(before: str, wanted: str) -> None:
    assert python(MAIN.format(before=before, wanted=wanted)) == "True False\n"


def test_the_script_is_the_program() -> None:
    from importlib.metadata import entry_points

    found = [entry.value for entry in entry_points(group="console_scripts") if entry.name == "letters-torch"]
    project = Path(letters_torch.__file__).parents[2] / "pyproject.toml"
    if project.is_file():
        assert 'letters-torch = "letters_torch.__main__:main"' in project.read_text()
    else:
        assert found == ["letters_torch.__main__:main"]


def test_the_programs_lines_are_seen_at_once_in_any_encoding() -> None:
    """Through a pipe, and where the encoding is ASCII."""
    code = """
import sys
from letters_torch import __main__, cli
cli.main = lambda: print("caf\\u00e9 \\udcff", flush=False)
__main__.main()
print(sys.stdout.line_buffering, sys.stderr.line_buffering, sys.stdout.encoding)
"""
    shown = python(code, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="")
    assert shown.splitlines() == [r"caf\xe9 \udcff", "True True ascii"]
