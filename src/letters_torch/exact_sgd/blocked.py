"""The single-sample updates of one_at_a_time.py, computed mostly as matrix products. README.md has the derivation.

V is read and written once per panel of samples, not once per sample: within a panel the effect of V's updates on later
samples is computed from inner products. Nothing is approximated: every gradient is taken at the weights that the sample
before it left.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from letters_torch.exact_sgd import sweep
from letters_torch.exact_sgd.arguments import validated
from letters_torch.exact_sgd.model import DEFAULT, Model
from letters_torch.exact_sgd.schedule import Rates
from letters_torch.exact_sgd.threads import one_thread_per_operation, run_parallel

PANEL = 100
UNITS = 200  # hidden units of one job: fixed, so that no bit depends on the number of threads


class Blocked:
    """Exact single-sample SGD, a panel of samples at a time. An `Engine`.

    Args:
        panel: samples per panel, 1 or more. Panels start at multiples of it, counted in steps of the run, so that
            rounding does not depend on how the run is cut into blocks.
        compiled: whether to use the compiled sweep, which runs on the CPU only. None uses it on the CPU if Numba is
            installed.
        model: what is trained; by default tanh units and softmax cross-entropy.

    Raises:
        ValueError: the panel is shorter than 1, or the compiled kernel is asked for and Numba cannot be imported.
    """

    def __init__(self, panel: int = PANEL, compiled: bool | None = None, model: Model = DEFAULT) -> None:
        if panel < 1:
            raise ValueError(f"panel must be 1 or more, not {panel}")
        if compiled and not sweep.COMPILED:
            raise ValueError("compiled=True needs Numba, which cannot be imported here")
        self.panel = panel
        self.compiled = compiled
        self.model = model
        self._buffers: _Buffers | None = None

    def __call__(
        self,
        V: Tensor,
        W: Tensor,
        x: Tensor,
        y: Tensor,
        rates: Rates,
        first_step: int = 0,
        *,
        sample_weight: Tensor | None = None,
        outputs: Tensor | None = None,
    ) -> Tensor:
        """Does N updates of V and W, in place: see `Engine`."""
        rates = validated(V, W, x, y, rates, first_step, self.model, sample_weight, outputs)
        losses = x.new_empty(len(x))
        with torch.no_grad(), one_thread_per_operation():  # torch's threads would change bits where a layer is wide
            self._update(V.detach(), W.detach(), x, y, rates, first_step, sample_weight, losses, outputs)
        return losses

    def _update(
        self,
        V: Tensor,
        W: Tensor,
        x: Tensor,
        y: Tensor,
        rates: Rates,
        first_step: int,
        sample_weight: Tensor | None,
        losses: Tensor,
        outputs: Tensor | None,
    ) -> None:
        """Does all panels. Makes contiguous what the sweep reads and writes: Numba compiles anew for other layouts."""
        w, labels = W.contiguous(), y.contiguous()
        weights = None if sample_weight is None else sample_weight.contiguous()
        b = None if outputs is None else outputs.contiguous()
        with _full_precision(x.device.type):
            for begin, end in panels(first_step, len(x), self.panel):
                part = slice(begin, end)
                weight, output = (None if t is None else t[part] for t in (weights, b))
                A, G, D, U = self._workspace(x[part], V)
                biases = V[:, -1].clone() if sweep.biases_are_apart(self.model) else None
                self._products(V, x[part], A, G, biases is None)
                rates_part = Rates(rates.lr[part], rates.weight_decay[part])
                panel = sweep.Panel(A, G, w, biases, labels[part], weight, rates_part, D, losses[part], output)
                self._take(V, x[part], D, U, biases, self._sweep(panel))
        for given, worked in ((W, w), (outputs, b)):
            if given is not None and worked is not None and worked is not given:
                given.copy_(worked)

    def _products(self, V: Tensor, x: Tensor, A: Tensor, G: Tensor, with_biases: bool) -> None:
        """Fills A with V_0 x_k, and G with x_j . x_k where j < k. `with_biases`: x ends with a constant 1."""

        def forward(units: slice) -> None:
            if with_biases:
                torch.addmm(V[units, -1], x, V[units, :-1].T, out=A[:, units])
            else:
                torch.mm(x, V[units, :-1].T, out=A[:, units])

        def inner_products(rows: slice) -> None:  # not with later samples: the sweep never reads those
            g = torch.mm(x[rows], x[: rows.stop].T, out=G[rows, : rows.stop])
            if with_biases:
                g.add_(1)

        half = len(x) // 2
        halves = [partial(inner_products, rows) for rows in (slice(half), slice(half, len(x)))]
        _run([*_pieces(forward, V), *halves], V)

    def _sweep(self, panel: sweep.Panel) -> float:
        compiled = self.compiled if self.compiled is not None else panel.A.device.type == "cpu" and sweep.COMPILED
        return (sweep.compiled if compiled else sweep.plain)(panel, self.model)

    def _take(self, V: Tensor, x: Tensor, D: Tensor, U: Tensor, biases: Tensor | None, decay: float) -> None:
        """Updates V_0 to V_K, given D from the sweep: lr_j c_(j+1)..c_(K-1) d_j. Works in U."""
        columns = V.shape[1] if biases is None else V.shape[1] - 1

        def take(units: slice) -> None:
            v, u, d = V[units, :columns], U[units, :columns], D[:, units]
            torch.mm(d.T, x, out=u[:, : x.shape[1]])
            if biases is None:
                torch.sum(d, 0, out=u[:, -1])
            if 0.5 < decay < 2:
                # Decay is added to the gradients before V takes both, and as (1 - decay) V: float32 is too coarse for
                # a factor near 1, and for a small decay taken by itself. Both would err in the same direction in every
                # panel.
                u.add_(v, alpha=1 - decay)
            else:
                v.mul_(decay)  # where little is left of V, V - (1 - decay) V would be its rounding error
            v.sub_(u)

        _run(_pieces(take, V), V)
        if biases is not None:
            V[:, -1] = biases

    def _workspace(self, x: Tensor, V: Tensor) -> "_Buffers":
        """Buffers for this panel, reused from panel to panel: allocating them takes as long as using them."""
        kept, n, hidden = self._buffers, len(x), len(V)
        if (
            kept is None
            or (kept.A.shape, kept.U.shape) != ((n, hidden), V.shape)
            or (kept.A.dtype, kept.A.device) != (x.dtype, x.device)
        ):
            A, G, D = (x.new_empty(n, columns) for columns in (hidden, n, hidden))
            self._buffers = kept = _Buffers(A, G, D, x.new_empty(V.shape))
        return kept


class _Buffers(NamedTuple):
    A: Tensor  # (K, hidden): V_0 x_k
    G: Tensor  # (K, K): x_j . x_k where j < k
    D: Tensor  # (K, hidden): the scaled errors of the hidden layer
    U: Tensor  # shape of V: the update of V


def _pieces(work: Callable[[slice], None], V: Tensor) -> list[Callable[[], None]]:
    """Cuts the work on all hidden units, the rows of V, into jobs for threads; on another device than the CPU, one."""
    units = UNITS if V.device.type == "cpu" else len(V)
    return [partial(work, slice(begin, begin + units)) for begin in range(0, len(V), units)]


def _run(jobs: Sequence[Callable[[], None]], V: Tensor) -> None:
    if V.device.type == "cpu":
        run_parallel(jobs)
    else:
        for job in jobs:
            job()


def panels(first_step: int, count: int, panel: int) -> Iterator[tuple[int, int]]:
    """Cuts `count` steps, the first of them numbered `first_step`, at the multiples of `panel`.

    Yields:
        (begin, end) positions among the `count` steps.
    """
    begin = 0
    while begin < count:
        end = min(count, begin + panel - (first_step + begin) % panel)
        yield begin, end
        begin = end


@contextmanager
def _full_precision(device: str) -> Iterator[None]:
    """Keeps products in the precision of their operands: no TF32 on a GPU, no bfloat16, no autocast."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
