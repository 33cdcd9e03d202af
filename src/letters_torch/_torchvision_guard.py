"""Lets torchvision's Python transforms work beside a torch that its compiled operators were not built for.

A torchvision wheel built for CUDA, installed beside a CPU build of torch (pip installs both without a warning), cannot
load its operators, and then stops at its own import with "operator torchvision::nms does not exist"; through
torchmetrics it takes `import pytorch_lightning` down with it. Nothing here uses those operators. Declaring the two
that the import looks up lets the rest load; calling one still raises torch's error. Where the real operators load,
nothing is declared.

It must be imported before torchvision, and so before Lightning, which imports torchvision through torchmetrics. It
imports torchmetrics itself, to spare every command a module that takes half a second: `_import_torchmetrics`.
"""

import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

# torch drops a library's definitions with the object that made them.
_library: torch.library.Library | None = None


def install() -> None:
    """Declares torchvision's missing operators, once, if its compiled ones cannot be loaded."""
    global _library
    if _library is not None or _operators_load():
        return
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            _library.define(schema)


def _operators_load() -> bool:
    """Loads torchvision's compiled operators the way torchvision does, without importing torchvision."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True  # the import that needs it reports its absence
    folder = next(iter(spec.submodule_search_locations))
    loader = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
    library = importlib.machinery.FileFinder(folder, loader).find_spec("_C")
    if library is None or library.origin is None:
        return False
    if hasattr(os, "add_dll_directory"):  # Windows looks for the libraries beside it only when told to
        os.add_dll_directory(folder)
    try:
        torch.ops.load_library(library.origin)
    except OSError:
        return False
    return True


class _Later(ModuleType):
    """Stands for scipy.signal until something of it is asked for."""

    hamming = None  # all that torchmetrics asks for: an old name, which it gives back to scipy.signal if it is missing

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # `inspect` asks all modules for their files
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _import_torchmetrics() -> None:
    """Imports torchmetrics without scipy.signal, if neither has been imported."""
    name = "scipy.signal"
    if {name, "torchmetrics"} & sys.modules.keys():
        return
    sys.modules[name] = stand_in = _Later(name)
    try:
        import torchmetrics  # noqa: F401
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


install()
_import_torchmetrics()
