"""What a measurement was made on, in one line."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("torch", "numpy", "numba", "pytorch-lightning", "scikit-learn", "jax")


def describe(others: float | None = None) -> str:
    """Processor, cores, memory, operating system, versions, kernels of the BLAS libraries.

    Args:
        others: the share of the cores that other processes used before the start; None if nobody looked.
    """
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    parts = [_processor(), f"{os.cpu_count()} cores", _memory(), system, f"Python {platform.python_version()}"]
    used = "" if others is None else f"; other processes used {others:.0%} of the cores before the start"
    return ", ".join([part for part in parts if part] + _versions()) + _kernels() + _threads() + used


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _memory() -> str:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return ""
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _versions() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def _threads() -> str:
    limit = os.environ.get("OMP_NUM_THREADS")
    return f"; limited to {limit} thread{'' if limit == '1' else 's'}" if limit else ""


def _kernels() -> str:
    """Which kernels the BLAS libraries of NumPy and SciPy run on this processor, and which of them the engine calls."""
    from letters_torch.exact_sgd import Team
    from letters_torch.exact_sgd.threads import blas_libraries

    found = [
        f"{library['internal_api']} {library['version']} ({library.get('architecture', 'unknown')} kernels)"
        for library in blas_libraries().info()
        if library["user_api"] == "blas"
    ]
    return f"; BLAS of NumPy and SciPy: {', '.join(dict.fromkeys(found))}; engine: {Team()}"
