"""A small builder of ONNX graphs: values that take Python's operators and leave nodes."""

from typing import Any, Union

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

OPSET = 17  # GridSample exists since 16
IR_VERSION = 8  # the version of that time, so that older runtimes load the file

Operand = Union["Value", float, npt.NDArray[Any]]


class Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def input(self, name: str, dtype: npt.DTypeLike) -> "Value":
        """An input of the graph."""
        return Value(self, name, np.dtype(dtype))

    def constant(self, array: npt.ArrayLike, dtype: npt.DTypeLike) -> "Value":
        """A tensor that is stored in the file."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return Value(self, name, np.dtype(dtype))

    def node(
        self, operator: str, *inputs: Operand, like: "Value", name: str | None = None, **attributes: Any
    ) -> "Value":
        """An operator; its result, and constants made from numbers and arrays, have the dtype of `like`."""
        values = [each if isinstance(each, Value) else self.constant(each, like.dtype) for each in inputs]
        output = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [value.name for value in values], [output], **attributes))
        return Value(self, output, like.dtype)


class Value:
    """A tensor of the graph that is known when the graph runs."""

    def __init__(self, graph: Graph, name: str, dtype: np.dtype[Any]) -> None:
        self.graph, self.name, self.dtype = graph, name, dtype

    def op(self, operator: str, *others: Operand, name: str | None = None, **attributes: Any) -> "Value":
        """An operator whose first input is this value."""
        return self.graph.node(operator, self, *others, like=self, name=name, **attributes)

    def cast(self, dtype: npt.DTypeLike) -> "Value":
        """The same numbers in another dtype."""
        element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        result = self.op("Cast", to=element)
        return Value(self.graph, result.name, np.dtype(dtype))

    def reshape(self, *shape: int) -> "Value":
        """The same numbers in another shape; 0 keeps a dimension, -1 is worked out."""
        return self.op("Reshape", self.graph.constant(shape, np.int64))

    def column(self, index: int) -> "Value":
        """Column `index` of a matrix, (N, 1)."""
        starts, ends, axes = (self.graph.constant([number], np.int64) for number in (index, index + 1, 1))
        return self.op("Slice", starts, ends, axes)

    def at_least(self, least: float) -> "Value":
        """The larger of each number and `least`."""
        return self.op("Max", least)

    def clip(self, low: float, high: float) -> "Value":
        """Each number, moved into low..high."""
        return self.op("Clip", low, high)

    def sqrt(self) -> "Value":
        """Square roots."""
        return self.op("Sqrt")

    def __add__(self, other: Operand) -> "Value":
        return self.op("Add", other)

    def __sub__(self, other: Operand) -> "Value":
        return self.op("Sub", other)

    def __mul__(self, other: Operand) -> "Value":
        return self.op("Mul", other)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> "Value":
        return self.op("Div", other)

    def __matmul__(self, other: Operand) -> "Value":
        return self.op("MatMul", other)

    def __pow__(self, exponent: float) -> "Value":
        return self.op("Pow", exponent)
