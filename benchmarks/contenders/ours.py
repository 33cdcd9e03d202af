"""The blocked updates: by themselves, and on the real path of the data."""

from benchmarks.contenders.base import Contender
from benchmarks.problem import Array, Problem
from letters_torch.data.prefetch import Blocks
from letters_torch.exact_sgd import PANEL, Team
from letters_torch.exact_sgd.threads import one_thread_per_operation


class Ours(Contender):
    """The engine on samples that lie ready.

    Args:
        problem: samples, initial weights, rates.
        augment: without meaning here.
        threads: without meaning here; the team has as many as torch.
        panel: samples a panel.
    """

    name = "ours"
    tries_one_thread = False

    def __init__(
        self, problem: Problem, augment: bool | None = None, threads: int | None = None, panel: int = PANEL
    ) -> None:
        self.engine = Team(panel)
        super().__init__(problem, augment)

    def prepare(self) -> None:
        self.V, self.W = self.problem.weights()
        self.block = min(self.problem.data.block, self.problem.pool)

    def advance(self, steps: int) -> None:
        step = self.step
        with one_thread_per_operation():
            for x, y in self.problem.pieces(step, steps, self.block):
                self.engine(self.V, self.W, x, y, self.problem.rates(len(x)), step)
                step += len(x)

    def weights(self) -> tuple[Array, Array]:
        return self.V.numpy(), self.W.numpy()


class OursAugmented(Ours):
    """Drawing, standardising and the affine map included: the blocks are made by the same threads, as in `fit`."""

    name = "ours, augmented"
    augments = True
    rival = "ours, augmented"

    def advance(self, steps: int) -> None:
        data = self.problem.augmented() if self.augment else self.problem.data
        end = self.step + steps
        blocks = Blocks(
            data.make_block, data.block, lambda: self.step, lambda t: end if t < end else None, data.workers
        )
        with one_thread_per_operation():
            for x, y, first in blocks:
                self.engine(self.V, self.W, x, y, self.problem.rates(len(x)), first)
