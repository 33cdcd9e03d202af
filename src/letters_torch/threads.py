"""Threads that share work without waiting for each other by spinning.

Torch runs a large operation on several threads by itself. Those wait for each other by spinning, which is fast as long
as each has a core of its own. Beside the thread that prepares samples, or beside another program, all of them crawl:
updates took ten times as long, and the argmax of a check forty times. So here torch is kept to the calling thread, and
work is cut into pieces that do not depend on who does them.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Lets torch use so many threads for an operation of the calling thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def share(jobs: Sequence[Callable[[], object]]) -> None:
    """Does all the jobs, which must not depend on each other, in as many threads as torch would use.

    Whoever is free takes the next. A helper that has not begun when none is left is not waited for.

    Raises:
        Exception: what a job raises.
    """
    rest = iter(jobs)  # taking from it is one operation of the interpreter: no two threads get the same
    helpers = min(torch.get_num_threads(), len(jobs)) - 1
    modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    with torch_threads(1), ThreadPoolExecutor(max(helpers, 1), "share", torch.set_num_threads, (1,)) as pool:
        helping = [pool.submit(_do, rest, *modes) for _ in range(helpers)]
        _do(rest, *modes)
        for helper in helping:
            if not helper.cancel():
                helper.result()


def _do(jobs: Iterator[Callable[[], object]], inference: bool, gradients: bool) -> None:
    with torch.inference_mode(inference), torch.set_grad_enabled(gradients):  # a thread has its own
        for job in jobs:
            job()
