"""The environment of a measurement, which libraries read when they are loaded."""

import os
import sys
from collections.abc import Mapping

SLOWER = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # where they are set, OpenBLAS may take slower kernels


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what makes a library slower."""
    return {name: value for name, value in environment.items() if name not in SLOWER}


def restart_clean() -> None:
    """Starts `python -m benchmarks` again with a clean environment, if this one is not."""
    if any(name in os.environ for name in SLOWER):
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], clean(os.environ))


def limit_threads(count: int) -> None:
    """For torch, NumPy, Numba and JAX; they read it when they are imported, which is later."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = str(count)
    if count == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
