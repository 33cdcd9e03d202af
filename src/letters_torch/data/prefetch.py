"""Blocks of training samples: made between two blocks of updates by all threads, or in advance by other threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from letters_torch.exact_sgd.blocked import panels
from letters_torch.exact_sgd.threads import run_parallel

PART = 1000  # samples that a thread makes at a time: with fewer, calls cost more than samples


class Block(NamedTuple):
    """The samples of consecutive steps."""

    x: Tensor  # (N, 784), standardised and augmented
    y: Tensor  # (N,), int64, 0..25
    first_step: int


class Blocks(Iterable[Block]):
    """An endless iterable of blocks.

    Args:
        make: (first step, count) -> Block.
        block: the largest count.
        start: returns the step at which an iteration begins.
        next_pause: step -> the first later step at which a block must begin, because the trainer has something to do
            there; None when the run is over.
        workers: the number of blocks that threads prepare in advance; 0 makes each block when it is needed, with all
            threads.
    """

    def __init__(
        self,
        make: Callable[[int, int], Block],
        block: int,
        start: Callable[[], int],
        next_pause: Callable[[int], int | None],
        workers: int,
    ) -> None:
        self.make, self.block, self.start, self.next_pause, self.workers = make, block, start, next_pause, workers

    def __iter__(self) -> Iterator[Block]:
        if not self.workers:
            yield from (self._make_parallel(*piece) for piece in self._pieces())
            return
        made: deque[Future[Block]] = deque()
        pool = ThreadPoolExecutor(self.workers, "blocks", torch.set_num_threads, (1,))
        try:
            for piece in self._pieces():
                made.append(pool.submit(self.make, *piece))
                if len(made) > self.workers + 1:
                    yield made.popleft().result()
            while made:
                yield made.popleft().result()
        finally:  # a run that is stopped does not wait for blocks that are not needed
            pool.shutdown(wait=False, cancel_futures=True)

    def _make_parallel(self, first_step: int, count: int) -> Block:
        """One block by all threads. It is cut at multiples of PART, however many threads there are."""
        cuts = list(panels(first_step, count, PART))
        made: dict[int, Block] = {}

        def make(begin: int, end: int) -> None:
            made[begin] = self.make(first_step + begin, end - begin)

        run_parallel([partial(make, *cut) for cut in cuts])
        parts = [made[begin] for begin, _ in cuts]
        if len(parts) == 1:
            return parts[0]
        # Copied by all threads; torch.cat would use one.
        x = parts[0].x.new_empty(count, *parts[0].x.shape[1:])
        run_parallel([partial(x[begin:end].copy_, part.x) for (begin, end), part in zip(cuts, parts, strict=True)])
        return Block(x, torch.cat([part.y for part in parts]), first_step)

    def _pieces(self) -> Iterator[tuple[int, int]]:
        """(first step, count), cut at the multiples of `block` and wherever the trainer pauses."""
        step = self.start()
        while (pause := self.next_pause(step)) is not None:
            end = min(pause, step - step % self.block + self.block)
            yield step, end - step
            step = end
