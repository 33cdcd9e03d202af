"""A device that is not there: the operations of an engine on it, without their results.

Under FakeTensorMode torch runs every operation on shapes, dtypes and devices alone. An operation on tensors of two
devices raises there, and so does one whose result the host waits for, such as `item()`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode


class _WithoutDriver(TorchFunctionMode):
    """Does by other operators what asks for the device's driver, which a CPU build of torch lacks."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.__getitem__:
            return _part(*args)
        if func is Tensor.__setitem__:
            tensor, index, value = args
            part = _part(tensor, index)
            return (torch.ops.aten.copy_ if isinstance(value, Tensor) else torch.ops.aten.fill_)(part, value)
        if func is Tensor.copy_:
            return torch.ops.aten.copy_(*args)
        out = (kwargs := dict(kwargs or {})).pop("out", None)
        result = func(*args, **kwargs)
        if out is None:
            return result
        assert (out.device, out.dtype, out.shape) == (result.device, result.dtype, result.shape)
        return torch.ops.aten.copy_(out, result)


def _part(tensor: Tensor, index: Any) -> Tensor:
    axis = 0
    for each in index if isinstance(index, tuple) else (index,):
        if each is None:
            tensor = tensor.unsqueeze(axis)
        elif isinstance(each, int):
            tensor = tensor.select(axis, each)
            continue
        else:
            assert each.step is None
            tensor = torch.ops.aten.slice(tensor, axis, each.start, each.stop)
        axis += 1
    return tensor


class Moves(TorchFunctionMode):
    """Counts what moves between the host and a device.

    Attributes:
        count: the moves so far.
        dtypes: what has arrived on a device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.dtypes: set[torch.dtype] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in (Tensor.to, Tensor.cpu, Tensor.cuda, Tensor.copy_, Tensor.__setitem__):
            tensors = [each for each in (*args, result) if isinstance(each, Tensor)]
            if len({each.device for each in tensors}) > 1:
                self.count += 1
                self.dtypes.add(tensors[-1].dtype)
        return result


@contextmanager
def absent_device() -> Iterator[Moves]:
    """Inside, tensors can be made on any device, "cuda" and "mps" for instance."""
    with FakeTensorMode(allow_non_fake_inputs=True), _WithoutDriver(), Moves() as moves:
        yield moves
