"""What the compiled code calls by address: a BLAS library's matrix products, and two functions of the system."""

import ctypes
from functools import cache
from pathlib import Path
from typing import NamedTuple

import llvmlite.binding
import numpy as np
import numpy.typing as npt
import torch
from numba.extending import get_cython_function_address

from letters_torch.exact_sgd.threads import blas_libraries

AMD = ("znver", "btver", "bdver", "amdfam", "k8", "athlon", "opteron")  # how LLVM's names of AMD's processors begin


class Blas(NamedTuple):
    """A BLAS library.

    Attributes:
        name: with version and kernels, where the library tells them.
        sgemm, dgemm: addresses of its matrix products.
        bgemm: that of products of bfloat16 matrices, summed in float32; 0 unless the processor has a unit for them
            (AMX), without which they are no faster.
    """

    name: str
    sgemm: int
    dgemm: int
    bgemm: int

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
            names = "sgemm_", "dgemm_", "gemm_bf16bf16f32_"
            sgemm, dgemm, bgemm = (ctypes.cast(functions[name], ctypes.c_void_p).value for name in names)
        except (OSError, AttributeError):
            continue
        if sgemm and dgemm:
            has_unit = llvmlite.binding.get_host_cpu_features().get("amx-bf16", False)
            return Blas("MKL", sgemm, dgemm, bgemm or 0 if has_unit else 0)
    return None


def scipys() -> Blas:
    """The BLAS that SciPy calls."""
    sgemm, dgemm = (get_cython_function_address("scipy.linalg.cython_blas", name) for name in ("sgemm", "dgemm"))
    return Blas(_scipys_name(), sgemm, dgemm, 0)


def _scipys_name() -> str:
    for library in blas_libraries().info():
        # NumPy's library has "scipy" in its name as well.
        if library["internal_api"] == "openblas" and Path(library["filepath"]).parent.name.startswith("scipy"):
            return f"OpenBLAS {library['version']} ({library['architecture']})"
    return "SciPy's BLAS"


def system(limit: float) -> npt.NDArray[np.int64]:
    """What compiled code needs of the operating system to wait.

    Args:
        limit: seconds.

    Returns:
        The address of the function that gives the core away, that of the clock, the clock's ticks in a unit of the
        first of the two int64 that it writes (the second counts ticks), and the limit in ticks.
    """
    if hasattr(ctypes, "WinDLL"):
        kernel = ctypes.WinDLL("kernel32")
        give_way, clock, unit, ticks = kernel.SwitchToThread, kernel.GetSystemTimeAsFileTime, 1, 10**7
    else:
        process = ctypes.CDLL(None)
        give_way, clock, unit, ticks = process.sched_yield, process.gettimeofday, 10**6, 10**6
    addresses = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in (give_way, clock)]
    return np.array([*addresses, unit, int(limit * ticks)], np.int64)
