"""The updates of blocked.py by a team of threads, each inside one compiled call for many panels.

A thread owns slices of the hidden units: their rows of V, their columns of W, their part of every product and of the
sweep. The threads meet once a sample, to add up what the slices contribute to the logits. README.md says why.
"""

import os
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from letters_torch.exact_sgd.arguments import require_match, validated
from letters_torch.exact_sgd.blocked import PANEL, Blocked, panels
from letters_torch.exact_sgd.model import DEFAULT, Model
from letters_torch.exact_sgd.network import logits
from letters_torch.exact_sgd.schedule import Rates
from letters_torch.exact_sgd.threads import num_threads, run_parallel

try:
    from letters_torch.exact_sgd import _team, blas

    COMPILED = True
except ImportError:  # no Numba for this Python or this machine
    COMPILED = False

CORES = os.cpu_count() or 1
VECTOR = 16  # slices begin at multiples of so many hidden units: whole vectors, whole cache lines
AT_ONCE = 50  # panels in one compiled call; Ctrl-C is answered between two
PATIENCE = 0.01  # seconds that a thread waits for others in one panel, which takes 0.001
MOST_ALONE = 6  # the most calls that one thread does before all try again: 2 to this power
ROWS = 400  # samples that a thread evaluates at a time


class Team:
    """Exact single-sample SGD by a team of threads. An `Engine`.

    The number of threads changes no bit of the result. On other devices than the CPU, and without Numba, `Blocked` does
    the updates.

    Args:
        panel: samples a panel, as for `Blocked`.
        model: what is trained; by default tanh units and softmax cross-entropy.
        num_threads: threads of the team, 1 or more; by default as many as torch would use for one operation. A slice of
            the hidden units has one thread, so there are never more threads than `slices`.

    Raises:
        ValueError: the panel or the number of threads is less than 1.
    """

    def __init__(self, panel: int = PANEL, model: Model = DEFAULT, num_threads: int | None = None) -> None:
        if num_threads is not None and num_threads < 1:
            raise ValueError(f"num_threads must be 1 or more, not {num_threads}")
        self.blocked = Blocked(panel, model=model)
        self.panel, self.model, self.num_threads = panel, model, num_threads
        self._kept: Any = None  # for what weights, and the arrays of a Workspace
        self._broken_off = 0  # times in a row
        self._alone = 0  # calls that one thread is to do

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
        if not COMPILED or (isinstance(V, Tensor) and V.device.type != "cpu"):
            return self.blocked(V, W, x, y, rates, first_step, sample_weight=sample_weight, outputs=outputs)
        rates = validated(V, W, x, y, rates, first_step, self.model, sample_weight, outputs)
        losses, unused = x.new_empty(len(x)), x.new_empty(0, 1)
        written = [t.detach() for t in (V, W, unused if outputs is None else outputs, losses)]
        read = [t.detach() for t in (x, y, unused[:, 0] if sample_weight is None else sample_weight)]
        # Contiguous and writable: Numba compiles anew, which takes seconds, for other kinds of arrays.
        used = [tensor.contiguous() for tensor in (*written, *read)]
        self._update([tensor.numpy() for tensor in used], [np.array(rate) for rate in rates], first_step)
        for tensor, result in zip(written, used, strict=False):
            if result is not tensor:
                tensor.copy_(result)
        return losses

    def __str__(self) -> str:
        """How the updates are done, in one line."""
        if not COMPILED:
            return f"panels of {self.panel} in plain torch (Numba cannot be imported)"
        most = self.num_threads or num_threads()  # a narrow network has fewer slices
        threads = f"up to {most} threads" if most > 1 else "1 thread"
        return f"panels of {self.panel}, {threads}, products by {blas.fastest().name}"

    def _update(self, arrays: list[Any], rates: list[Any], first_step: int) -> None:
        model, member = self.model, _team.make_member(self.model.activation, self.model.loss)
        train = float(model.train_second_layer), float(model.train_biases), float(model.decay_biases)
        cuts = [0, *(end for _, end in panels(first_step, len(rates[0]), self.panel))]
        first = 0
        while first < len(cuts) - 1:
            some = np.array(cuts[first : first + AT_ONCE + 1], np.int64)
            first += self._start(member, _team.Run._make((*arrays, *rates, some, float(model.label_smoothing), train)))

    def _start(self, member: Any, run: Any) -> int:
        """Starts the team, or one thread of it; returns the number of panels done.

        A team whose threads wait for each other too long, because other programs want the cores, breaks off. One
        thread then goes on alone: it needs nobody, and leaves the same bits. The next calls are its as well, twice as
        many after every time in a row.
        """
        threads = 1 if self._alone else min(self.num_threads or num_threads(), len(slices(len(run.V))) - 1)
        work, done = self._workspace(run, threads), [0] * threads

        def job(thread: int) -> None:
            done[thread] = member(thread, threads, run, work)

        run_parallel([partial(job, t) for t in range(threads)], threads, stop=lambda: work.progress.fill(_team.STOPPED))
        if min(done) < len(run.panels) - 1:
            self._broken_off += 1
            self._alone = 2 ** min(self._broken_off, MOST_ALONE)
        elif self._alone:
            self._alone -= 1
        elif threads > 1:
            self._broken_off = 0
        return min(done)

    def _workspace(self, run: Any, threads: int) -> Any:
        """Memory for these weights, kept from call to call, and what the threads need to meet."""
        (hidden, columns), classes, dtype = run.V.shape, len(run.W), torch.from_numpy(run.V).dtype
        cuts, key = slices(hidden), (hidden, columns, classes, dtype)
        if self._kept is None or self._kept[0] != key:
            count, width = len(cuts) - 1, _padded(int(np.diff(cuts).max()))
            panels_of, vectors = (count, self.panel, width), (count, width)
            shapes = (
                *(panels_of, panels_of, (self.panel, self.panel), vectors, vectors, vectors),
                *((count, classes, width), (count, width, columns - 1), (2, count, _padded(classes))),
            )
            # By torch, which aligns memory to cache lines.
            self._kept = key, [torch.zeros(shape, dtype=dtype).numpy() for shape in shapes]
        progress, time = np.zeros(threads * _team.LINE, np.int64), np.zeros((threads, 4), np.int64)
        gemm, system = blas.fastest().gemm(dtype), blas.system(PATIENCE)  # addresses of this process: not kept
        return _team.Workspace._make((cuts, *self._kept[1], progress, gemm, system, time))


@cache
def slices(hidden: int, cores: int = CORES) -> npt.NDArray[np.int64]:
    """Where the slices of so many hidden units begin, and the end of the last.

    An even number of slices of about equal width; one where there are too few units for two. It depends on the cores of
    the machine, not on the threads that are used: where there are only 2 cores, wide slices are 8 % faster.
    """
    widest = 128 if cores > 2 else 256
    count = 2 * -(-hidden // (2 * widest))
    cuts = VECTOR * np.round(np.arange(count) * hidden / count / VECTOR).astype(np.int64)
    return np.unique([*cuts[cuts < hidden], hidden])


def _padded(count: int) -> int:
    return -(-count // VECTOR) * VECTOR


class Levels(NamedTuple):
    """Samples as whole numbers. Their inputs are (numbers - shift) * scale."""

    numbers: Tensor  # (N, inputs), bfloat16: from 0 to 256, which it holds exactly
    shift: Tensor  # (inputs,), float64
    scale: Tensor  # (inputs,), float64


def uses_levels(dtype: torch.dtype) -> bool:
    """Whether `parallel_logits` is faster, for inputs of a dtype, if it is given their levels too."""
    return COMPILED and dtype == torch.float32 and blas.fastest().bgemm != 0


def parallel_logits(
    V: Tensor, W: Tensor, x: Tensor, activation: str = "tanh", *, levels: Levels | None = None
) -> Tensor:
    """As `network.logits`, without gradients, by all threads on the CPU. Their number changes no bit.

    Args:
        V: (hidden, inputs + 1), the last column the biases.
        W: (classes, hidden + 1), the last column the biases.
        x: (N, inputs).
        activation: one of ACTIVATIONS.
        levels: what x was made of, if that is known: used where `uses_levels`, for logits that are as exact.

    Returns:
        (N, classes).

    Raises:
        TypeError: the tensors are not float32 or float64, or differ in dtype; or the levels are not bfloat16.
        ValueError: shapes or devices do not match.
    """
    V, W, x = V.detach(), W.detach(), x.detach()
    if x.device.type != "cpu":
        return logits(V, W, x, activation)
    require_match({"V": V, "W": W, "x": x})
    if levels is not None:
        _require_levels(levels, x)
    b, given = x.new_empty(len(x), len(W)), x
    if COMPILED:
        evaluate, library = _team.make_evaluate(activation), blas.fastest()
        first = second = library.gemm(x.dtype)
        matrices, biases = V.contiguous()[None], V[:, -1]
        if levels is not None and uses_levels(x.dtype):
            first, given = library.bgemm, levels.numbers.view(torch.uint16)
            matrices, biases = _on_levels(V, levels)
        weights = matrices.numpy(), biases.contiguous().numpy(), W.contiguous().numpy()

        def forward(part: Tensor, result: Tensor) -> None:
            evaluate(*weights, part.contiguous().numpy(), result.numpy(), first, second)

    else:

        def forward(part: Tensor, result: Tensor) -> None:
            result.copy_(logits(V, W, part, activation))

    run_parallel([partial(forward, *parts) for parts in zip(given.split(ROWS), b.split(ROWS), strict=True)])
    return b


def _require_levels(levels: Levels, x: Tensor) -> None:
    if levels.numbers.dtype != torch.bfloat16:
        raise TypeError(f"levels.numbers must be bfloat16, not {levels.numbers.dtype}")
    for name, shape in (("numbers", x.shape), ("shift", x.shape[1:]), ("scale", x.shape[1:])):
        if (found := getattr(levels, name).shape) != shape:
            raise ValueError(f"levels.{name} must have shape {tuple(shape)}, as x has it, not {tuple(found)}")


def _on_levels(V: Tensor, levels: Levels) -> tuple[Tensor, Tensor]:
    """The first layer for the numbers of levels: a sum of three bfloat16 matrices, as bits, and biases.

    A float32 has 24 binary digits and a bfloat16 8, so the sum is exact (Henry, Tang and Heinecke, 2019, "Leveraging
    the bfloat16 artificial intelligence datatype for higher-precision computations"). The products of two bfloat16
    numbers are exact in float32, and are summed in float32 as ever.

    Returns:
        (3, hidden, inputs) uint16, and (hidden,) float32.
    """
    rest = V[:, :-1] * levels.scale.to(V.dtype)
    biases = (V[:, -1] - rest.double() @ levels.shift).to(V.dtype)
    matrices = rest.new_empty(3, *rest.shape, dtype=torch.bfloat16)
    for matrix in matrices:
        matrix.copy_(rest)
        rest -= matrix
    return matrices.view(torch.uint16), biases
