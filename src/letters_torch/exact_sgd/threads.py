"""Threads that share work without waiting for each other by spinning.

Torch runs a large operation on several threads by itself. Those wait for each other by spinning, which is fast as long
as each has a core of its own. Beside the thread that prepares samples, or beside another program, all of them crawl:
updates took ten times as long, and the argmax of a check forty times. So here torch is kept to one thread an operation
(`sharing`), and work is cut into pieces that do not depend on who does them. One crew of threads does it all: what is
needed later (`ahead`), and between two such tasks a part of what is needed at once (`share`).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")

_hands: int | None = None  # the threads that share, inside `sharing`


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Lets torch use so many threads for an operation of the calling thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def sharing() -> Iterator[None]:
    """Inside, torch uses one thread an operation, and as many as it would have used `share` the jobs.

    For the whole process: the matrix products' library (MKL) has one number of threads for all who call it. So it is
    set for a whole run, not by each thread for itself.
    """
    global _hands
    if _hands is not None:
        yield
        return
    _hands = torch.get_num_threads()
    try:
        with torch_threads(1):
            yield
    finally:
        _hands = None


def ahead(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Has the crew do a job as soon as it can."""
    return _crew().submit(job, *args, **kwargs)


def share(jobs: Sequence[Callable[[], object]]) -> None:
    """Does all the jobs, which must not depend on each other, in as many threads as torch would use; see `sharing`.

    Whoever is free takes the next. A helper that has not begun when none is left is not waited for.

    Raises:
        Exception: what a job raises.
    """
    rest = iter(jobs)  # taking from it is one operation of the interpreter: no two threads get the same
    modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    with sharing():
        helping = [ahead(_do, rest, *modes) for _ in range(min(_hands or 1, len(jobs)) - 1)]
        try:
            for job in rest:
                job()
        finally:
            for helper in [helper for helper in helping if not helper.cancel()]:
                helper.result()


def _do(jobs: Iterator[Callable[[], object]], inference: bool, gradients: bool) -> None:
    with torch.inference_mode(inference), torch.set_grad_enabled(gradients):  # a thread has its own
        for job in jobs:
            job()


@cache
def _crew() -> ThreadPoolExecutor:
    """One thread less than torch would use, since the caller is one: more would fight for the cores."""
    hands = _hands or torch.get_num_threads()
    return ThreadPoolExecutor(max(hands - 1, 1), "crew", torch.set_num_threads, (1,))


os.register_at_fork(after_in_child=_crew.cache_clear)  # a forked process has none of its parent's threads
