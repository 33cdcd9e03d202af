"""Blocks of training samples, made ahead of the training."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor


class Block(NamedTuple):
    """The samples of consecutive steps."""

    x: Tensor  # (N, 784), standardised and augmented
    y: Tensor  # (N,), int64, 0..25
    first_step: int


class Blocks(Iterable[Block]):
    """Blocks without end, made ahead by threads.

    Args:
        make: (first step, count) -> Block.
        block: the largest count.
        start: the step at which iteration begins, asked when it does.
        next_pause: the first step after a given one between which and the step before it the trainer must get a turn.
        workers: blocks in preparation at once; 0 makes each block when it is asked for.
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
            yield from (self.make(*piece) for piece in self._pieces())
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

    def _pieces(self) -> Iterator[tuple[int, int]]:
        """(first step, count), cut at the multiples of `block` and wherever the trainer pauses."""
        step = self.start()
        while (pause := self.next_pause(step)) is not None:
            end = min(pause, step - step % self.block + self.block)
            yield step, end - step
            step = end
