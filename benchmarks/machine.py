"""What a measurement was made on, in one line."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("torch", "numpy", "numba", "pytorch-lightning", "scikit-learn", "jax")


def describe() -> str:
    """Processor, cores, memory, operating system, versions; and the load, which must be near 0 for a fair figure."""
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    parts = [_processor(), f"{os.cpu_count()} cores", _memory(), system, f"Python {platform.python_version()}"]
    return ", ".join([part for part in parts if part] + _versions()) + _threads() + _load()


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


def _load() -> str:
    return f"; load before the start {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
