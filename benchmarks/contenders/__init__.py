"""The contenders: the same single-sample SGD in ours and in other people's ways of writing it.

Every contender starts from the same weights, sees the same samples in the same order, and can be asked for its
weights: `check.py` holds them against the reference before anything is timed.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from benchmarks.contenders.base import Contender

# Module, class, the library that it cannot do without.
KNOWN = (
    ("ours", "Ours", "torch"),
    ("ours", "OursAugmented", "torch"),
    ("notebook", "Notebook", "scipy"),
    ("notebook", "NotebookFloat32", "scipy"),
    ("lightning_loop", "LightningLoop", "pytorch_lightning"),
    ("torch_eager", "TorchEager", "torch"),
    ("sklearn_mlp", "SklearnMLP", "sklearn"),
    ("jax_scan", "JaxScan", "jax"),
    ("compiled_loop", "CompiledLoop", "numba"),
    ("compiled_loop", "CompiledOnePass", "numba"),
)


def available() -> tuple[list[type[Contender]], Sequence[str]]:
    """The contenders that can run here, and what is said of those that cannot."""
    found, missing = [], []
    for module, name, library in KNOWN:
        if find_spec(library) is None:
            missing.append(f"{name} is left out: {library} is not installed (pip install -e .[benchmarks]).")
        else:
            found.append(getattr(import_module(f"benchmarks.contenders.{module}"), name))
    return found, missing
