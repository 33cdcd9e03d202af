"""letters_torch: a from-scratch network that reads handwritten letters, trained by exact single-sample SGD.

The public names are imported when they are first used, so `import letters_torch` itself loads neither torch nor
Lightning and changes nothing in the process.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from letters_torch import exact_sgd
    from letters_torch.data.datamodule import LettersDataModule
    from letters_torch.errors import UserError
    from letters_torch.exact_sgd.schedule import Schedule, Stage
    from letters_torch.lightning.module import LettersModule
    from letters_torch.lightning.trainer import StepTrainer
    from letters_torch.reading.reader import load

__version__ = "0.1.0"

__all__ = ["LettersDataModule", "LettersModule", "Schedule", "Stage", "StepTrainer", "UserError", "exact_sgd", "load"]

_MODULES = {
    "LettersDataModule": "letters_torch.data.datamodule",
    "LettersModule": "letters_torch.lightning.module",
    "Schedule": "letters_torch.exact_sgd.schedule",
    "Stage": "letters_torch.exact_sgd.schedule",
    "StepTrainer": "letters_torch.lightning.trainer",
    "UserError": "letters_torch.errors",
    "load": "letters_torch.reading.reader",
}


def __getattr__(name: str) -> Any:
    """Imports a public name on first use (PEP 562)."""
    if name == "exact_sgd":
        return import_module("letters_torch.exact_sgd")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
