"""Threads that share work without waiting for each other by spinning.

Torch runs a large operation on several threads by itself. Those wait for each other by spinning, which is fast as long
as each has a core of its own. Beside the thread that prepares samples, or beside another program, all of them crawl:
updates took ten times as long, and the argmax of a check forty times. So here torch is kept to one thread an operation,
and work is cut into pieces that do not depend on who does them. One crew of threads does it all: what is needed
later (`ahead`), and between two such tasks a part of what is needed at once (`share`).
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


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Lets torch use so many threads for an operation of the calling thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def ahead(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Has the crew do a job as soon as it can."""
    return _crew().submit(job, *args, **kwargs)


def share(jobs: Sequence[Callable[[], object]]) -> None:
    """Does all the jobs, which must not depend on each other, in as many threads as torch would use.

    Whoever is free takes the next. A helper that has not begun when none is left is not waited for.

    Raises:
        Exception: what a job raises.
    """
    rest = iter(jobs)  # taking from it is one operation of the interpreter: no two threads get the same
    helpers = min(torch.get_num_threads(), len(jobs)) - 1
    modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    helping = [ahead(_do, rest, *modes) for _ in range(helpers)]
    try:
        with torch_threads(1):
            for job in rest:
                job()
    finally:
        begun = [helper for helper in helping if not helper.cancel()]
        for helper in begun:
            helper.result()


def _do(jobs: Iterator[Callable[[], object]], inference: bool, gradients: bool) -> None:
    with torch.inference_mode(inference), torch.set_grad_enabled(gradients):  # a thread has its own
        for job in jobs:
            job()


@cache
def _crew() -> ThreadPoolExecutor:
    """One thread less than torch would use, since the caller is one: more would fight for the cores."""
    return ThreadPoolExecutor(max(torch.get_num_threads() - 1, 1), "crew", torch.set_num_threads, (1,))


os.register_at_fork(after_in_child=_crew.cache_clear)  # a forked process has none of its parent's threads
