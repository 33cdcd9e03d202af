"""Threads that share work without waiting for each other by spinning.

Torch and BLAS libraries run a large operation on several threads by themselves. Those wait for each other by spinning,
which is fast only while each has a core of its own: beside another busy program, updates took ten times as long. So
here every operation is kept to one thread (`one_thread_per_operation`), and work is cut into jobs that do not depend on
the thread that does them (`run_parallel`).
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import torch
from threadpoolctl import ThreadpoolController

_here = threading.local()  # .alone: this thread does its jobs by itself
MOST = 1024  # a thread of the pool is only started when a job finds none idle
PART = 250  # rows in a job of `run_in_parts`: enough for a call, and balanced threads in a block of 2,000


class _Inside:
    """What all threads that are inside `one_thread_per_operation` share."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0  # of these threads, each as often as it is inside
        self.num_threads: int | None = None  # the number for run_parallel
        self.limits: Any = None  # restores the BLAS libraries


_inside = _Inside()


def num_threads() -> int:
    """The number of threads that `run_parallel` uses: as many as torch would use for one operation."""
    if getattr(_here, "alone", False):
        return 1
    return _inside.num_threads or torch.get_num_threads()


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Sets the number of threads that torch uses for an operation of the calling thread."""
    before = torch.get_num_threads()
    _set_torch_threads(count)
    try:
        yield
    finally:
        _set_torch_threads(before)


def _set_torch_threads(count: int) -> None:
    if torch.get_num_threads() != count:  # what is set is also the number of threads that have not used torch yet
        torch.set_num_threads(count)


@contextmanager
def one_thread_per_operation() -> Iterator[None]:
    """Inside, torch and the BLAS libraries use one thread per operation; `num_threads` is what it was before.

    Torch has such a number for each thread. A BLAS library has one for the whole process, so it is set when the first
    thread enters, and restored when the last one leaves. A run enters once, around all its work.
    """
    with _inside.lock:
        if _inside.count == 0:
            _inside.limits = blas_libraries().limit(limits=1, user_api="blas")
            _inside.num_threads = torch.get_num_threads()
        _inside.count += 1
    try:
        with torch_threads(1):
            yield
    finally:
        with _inside.lock:
            _inside.count -= 1
            if _inside.count == 0:
                _inside.num_threads = None
                _inside.limits.restore_original_limits()


def run_parallel(
    jobs: Sequence[Callable[[], object]], threads: int | None = None, stop: Callable[[], object] | None = None
) -> None:
    """Does all the jobs; whoever is free takes the next.

    Args:
        jobs: calls that do not depend on each other. If there are no more of them than threads, each gets a thread of
            its own, and they may wait for each other.
        threads: the number of threads, the caller's included; by default `num_threads`.
        stop: called when a job raises or the caller is interrupted, to end the jobs that are still at work.

    Raises:
        Exception: what a job raises.
    """
    rest = iter(jobs)  # next() is atomic: no two threads get the same job
    modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    helpers: list[Future[None]] = []
    with one_thread_per_operation():
        try:
            with _ending(stop):
                for _ in range(min(threads or num_threads(), len(jobs)) - 1):
                    helpers.append(_pool().submit(_help, rest, modes, stop))
                for job in rest:
                    job()
        finally:
            # A helper that has not begun when no job is left is not waited for.
            begun = [helper for helper in helpers if not helper.cancel()]
            wait(begun)  # all of them, also when one has failed: no job is at work after the return
            for helper in begun:
                helper.result()


def run_in_parts(job: Callable[[int, int], object], count: int) -> None:
    """`run_parallel` of job(begin, end) for parts of range(count)."""
    run_parallel([partial(job, begin, min(begin + PART, count)) for begin in range(0, count, PART)])


def work_alone() -> None:
    """From now on the calling thread does its jobs by itself, and torch uses one thread for its operations."""
    _here.alone = True
    torch.set_num_threads(1)


def _help(jobs: Iterator[Callable[[], object]], modes: tuple[bool, bool], stop: Callable[[], object] | None) -> None:
    inference, gradients = modes  # every thread has its own
    with torch.inference_mode(inference), torch.set_grad_enabled(gradients), _ending(stop):
        for job in jobs:
            job()


@contextmanager
def _ending(stop: Callable[[], object] | None) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if stop is not None:
            stop()
        raise


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, "run_parallel", work_alone)


def _after_fork() -> None:
    """A forked process has none of its parent's threads, and nobody to release a lock that one of them held."""
    _pool.cache_clear()
    _inside.lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)


@cache
def blas_libraries() -> ThreadpoolController:
    """The BLAS libraries of NumPy and SciPy. Loads both: a library must be loaded before it can be limited."""
    import numpy.linalg  # noqa: F401
    import scipy.linalg.blas  # noqa: F401

    return ThreadpoolController()
