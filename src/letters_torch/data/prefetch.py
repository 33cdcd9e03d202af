"""Blocks of training samples, made between two blocks of updates or in advance by other threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from torch import Tensor

from letters_torch.exact_sgd.threads import work_alone


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
        workers: the number of blocks that threads of their own prepare in advance; 0 makes each block when it is
            needed.
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
        pool = ThreadPoolExecutor(self.workers, "blocks", work_alone)
        try:
            for piece in self._pieces():
                made.append(pool.submit(self.make, *piece))
                if len(made) > self.workers + 1:
                    yield made.popleft().result()
            while made:
                yield made.popleft().result()
        finally:  # a run that is stopped does not wait for blocks that are not needed
            pool.shutdown(wait=False, cancel_futures=True)

    def _pieces(self) -> Iterator[tuple[int, int]]:
        """(first step, count), cut at the multiples of `block` and wherever the trainer pauses."""
        step = self.start()
        while (pause := self.next_pause(step)) is not None:
            end = min(pause, step - step % self.block + self.block)
            yield step, end - step
            step = end
