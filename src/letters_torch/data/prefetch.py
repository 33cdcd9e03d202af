"""Blocks of training samples: made between two blocks of updates by all threads, or ahead by threads of their own."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from letters_torch.exact_sgd.blocked import panels
from letters_torch.exact_sgd.threads import run_parallel

PART = 500  # steps that a thread makes at a time: fewer cost more in calls than in samples


class Block(NamedTuple):
    """The samples of consecutive steps."""

    x: Tensor  # (N, 784), standardised and augmented
    y: Tensor  # (N,), int64, 0..25
    first_step: int


class Blocks(Iterable[Block]):
    """Blocks without end.

    Args:
        make: (first step, count) -> Block.
        block: the largest count.
        start: the step at which iteration begins, asked when it does.
        next_pause: the first step after a given one between which and the step before it the trainer must get a turn.
        workers: blocks in preparation at once, each by a thread; 0 makes each block when it is asked for, with all
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
        finally:  # a run that is stopped does not wait for blocks that nobody will take
            pool.shutdown(wait=False, cancel_futures=True)

    def _make_parallel(self, first_step: int, count: int) -> Block:
        """One block by all threads. It is cut at multiples of PART, however many threads there are."""
        parts = list(panels(first_step, count, PART))
        made: list[Block | None] = [None] * len(parts)

        def make(index: int, begin: int, end: int) -> None:
            made[index] = self.make(first_step + begin, end - begin)

        run_parallel([partial(make, index, *part) for index, part in enumerate(parts)])
        blocks = [block for block in made if block is not None]
        if len(blocks) == 1:
            return blocks[0]
        return Block(torch.cat([block.x for block in blocks]), torch.cat([block.y for block in blocks]), first_step)

    def _pieces(self) -> Iterator[tuple[int, int]]:
        """(first step, count), cut at the multiples of `block` and wherever the trainer pauses."""
        step = self.start()
        while (pause := self.next_pause(step)) is not None:
            end = min(pause, step - step % self.block + self.block)
            yield step, end - step
            step = end
