"""The BLAS library whose matrix products the compiled code calls."""

import ctypes
from functools import cache
from pathlib import Path
from typing import NamedTuple

import llvmlite.binding
import torch
from numba.extending import get_cython_function_address

from letters_torch.exact_sgd.threads import blas_libraries

AMD = ("znver", "btver", "bdver", "amdfam", "k8", "athlon", "opteron")  # how LLVM's names of AMD's processors begin


class Blas(NamedTuple):
    """A BLAS library.

    Attributes:
        name: with version and kernels, where the library tells them.
        sgemm, dgemm: addresses of its matrix products.
    """

    name: str
    sgemm: int
    dgemm: int

    def gemm(self, dtype: torch.dtype) -> int:
        """The address for a dtype."""
        return self.dgemm if dtype == torch.float64 else self.sgemm


@cache
def fastest() -> Blas:
    """Torch's MKL on an Intel processor, SciPy's BLAS (OpenBLAS in its wheels) on any other.

    The processor decides, and not a measurement, which could come out one way today and another way tomorrow: with
    another library the weights would have other bits.
    """
    processor = llvmlite.binding.get_host_cpu_name()
    intel = torch.backends.mkl.is_available() and not processor.startswith(AMD)
    return (torchs() if intel else None) or scipys()


def torchs() -> Blas | None:
    """The MKL inside torch; None where it cannot be called."""
    for library in (Path(torch.__file__).parent / "lib").glob("*torch_cpu.*"):
        try:
            functions = ctypes.CDLL(str(library))
            sgemm, dgemm = (ctypes.cast(functions[name], ctypes.c_void_p).value for name in ("sgemm_", "dgemm_"))
        except (OSError, AttributeError):
            continue
        if sgemm and dgemm:
            return Blas("MKL", sgemm, dgemm)
    return None


def scipys() -> Blas:
    """The BLAS that SciPy calls."""
    sgemm, dgemm = (get_cython_function_address("scipy.linalg.cython_blas", name) for name in ("sgemm", "dgemm"))
    return Blas(_scipys_name(), sgemm, dgemm)


def _scipys_name() -> str:
    for library in blas_libraries().info():
        if library["internal_api"] == "openblas" and "scipy" in library["filepath"]:
            return f"OpenBLAS {library['version']} ({library['architecture']})"
    return "SciPy's BLAS"


def give_way() -> int:
    """The address of the system's function that lets another thread have the core."""
    library = ctypes.WinDLL("kernel32") if hasattr(ctypes, "WinDLL") else ctypes.CDLL(None)
    function = library.SwitchToThread if hasattr(ctypes, "WinDLL") else library.sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0
