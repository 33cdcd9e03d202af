"""Waits for an idle machine: a step that shares its cores with another program is not what the tables are about."""

import os
import time

import numpy as np
import psutil

BUSY = 0.1  # of all cores, used by other processes: more than that is too much
LIMIT = 120.0  # seconds


def wait(limit: float = LIMIT) -> float:
    """Returns once other processes have used less than BUSY of the cores for a second.

    Args:
        limit: seconds to wait.

    Returns:
        The share of the cores that other processes used in that second.

    Raises:
        SystemExit: the machine was still busy at the limit.
    """
    end = time.monotonic() + limit
    while (share := others()) >= BUSY:
        if time.monotonic() >= end:
            raise SystemExit(
                f"benchmarks: other processes use {share:.0%} of the cores, and have for {limit:.0f} s."
                " Stop them, or measure anyway with --busy."
            )
    return share


def others(seconds: float = 1.0) -> float:
    """The share of all cores that other processes use during so many seconds."""
    before, own = psutil.cpu_times(), os.times()
    time.sleep(seconds)
    after, own_after = psutil.cpu_times(), os.times()
    # guest times are part of user and nice; iowait is idle time
    counted = [name for name in after._fields if name not in ("idle", "iowait", "guest", "guest_nice")]
    used = sum(getattr(after, name) - getattr(before, name) for name in counted)
    used -= own_after.user + own_after.system - own.user - own.system
    return float(np.clip(used / (seconds * (os.cpu_count() or 1)), 0, 1))
