"""The factory, the public surface, and the example in the engine's README."""

import re
from pathlib import Path
from typing import Any

import pytest

import letters_torch.exact_sgd
from letters_torch.exact_sgd import ENGINES, Blocked, Engine, Model, OneAtATime, Team, make_engine

README = Path(letters_torch.exact_sgd.__file__).with_name("README.md")


def test_engines_are_made_by_name() -> None:
    model = Model(label_smoothing=0.1)
    blocked, autograd = make_engine("blocked", 7, model), make_engine("autograd", model=model)
    assert isinstance(blocked, Team)
    assert blocked.panel == 7
    assert isinstance(autograd, OneAtATime)
    assert blocked.model == autograd.model == model
    assert all(make_engine(name).model == Model() for name in ENGINES)


@pytest.mark.parametrize("name", ["bloked", "", "Blocked"])
def test_an_unknown_engine_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^engine must be one of blocked, autograd, not '{name}'"):
        make_engine(name)


def test_an_empty_panel_is_refused() -> None:
    with pytest.raises(ValueError, match="panel must be 1 or more, not 0"):
        make_engine("blocked", 0)


def test_every_public_function_and_class_is_described() -> None:
    public = {name: getattr(letters_torch.exact_sgd, name) for name in letters_torch.exact_sgd.__all__}
    assert {name for name, value in public.items() if not callable(value)} == {
        "ACTIVATIONS",
        "ENGINES",
        "LOSSES",
        "PANEL",
    }
    assert [name for name, value in public.items() if callable(value) and not value.__doc__] == []


def test_the_example_of_the_readme_learns_the_digits() -> None:
    pytest.importorskip("sklearn")
    [example] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in example.splitlines() if line and not line.startswith(("from ", "import "))]) == 6
    names: dict[str, Any] = {}
    exec(example, names)
    assert names["losses"].shape == (1797,)
    assert names["accuracy"] > 0.9


def engines_meet_the_protocol() -> list[Engine]:
    """Read by mypy."""
    return [Blocked(), OneAtATime(), Team()]
