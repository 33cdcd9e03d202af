"""Converts the numbers of a file to the arrays of Letters and validates them: the last step of every reader.

`where` names the array in errors, such as "letters_data.mat: train_x".
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from letters_torch.errors import UserError
from letters_torch.letters import CLASSES, SIDE, UInt8

_FLOOR = 64 * 2**20
_RATIO = 100


def as_images(array: Any, where: str, transposed: bool = False) -> UInt8:
    """Rows of 784 pixels, whole numbers 0..255 of any numeric dtype, as upright images, contiguous (N, 28, 28) uint8.

    If they are `transposed`, the rows hold the pixels column by column, as EMNIST stores them.

    Raises:
        UserError: another shape, no rows, or a value that is not a pixel.
    """
    rows = _numbers(array, where)
    if rows.ndim != 2 or rows.shape[1] != SIDE * SIDE or not len(rows):
        raise UserError(f"{where} has shape {rows.shape}; it must be N x 784, one 28 x 28 image in each row")
    images = whole(rows, where, np.uint8, "pixels must be whole numbers 0..255").reshape(-1, SIDE, SIDE)
    return np.array(images.transpose(0, 2, 1) if transposed else images, order="C")


def as_labels(array: Any, count: int, where: str) -> UInt8:
    """One label 1..26 for each of `count` images, from (N,), (N, 1) or (1, N) of any numeric dtype; (N,) uint8.

    Raises:
        UserError: another number of labels, or a label that is not a whole number from 1 to 26.
    """
    must = "labels must be whole numbers 1..26 (A..Z)"
    labels = whole(_column(array, count, where), where, np.uint8, must)
    wrong = labels[(labels < 1) | (labels > CLASSES)]
    if len(wrong):
        raise UserError(f"{where}: {must}, found {wrong[0]}")
    return labels.copy()  # it may be a view that keeps the content of the whole file in memory


def as_writers(array: Any, count: int, where: str) -> npt.NDArray[np.int64]:
    """The writer's number for each of `count` images, from arrays and with errors as `as_labels`; (N,) int64."""
    return whole(_column(array, count, where), where, np.int64, "writers must be whole numbers").copy()


def whole(array: npt.NDArray[Any], where: str, dtype: Any, must: str) -> npt.NDArray[Any]:
    """The same numbers in another integer dtype; UserError, saying what they `must` be, if one does not fit."""
    if array.dtype == dtype:
        return array
    # A fraction, a NaN or a number out of range does not survive the cast and compares unequal afterwards.
    with np.errstate(invalid="ignore"):
        cast = array.astype(dtype)
    same = cast == array
    if not same.all():
        raise UserError(f"{where}: {must}, found {array[~same][0]}")
    return cast


def inflates_to(declared: int, stored: int) -> bool:
    """Whether `stored` bytes of a compressed stream may well hold as many as it declares, before they are allocated.

    Images of letters compress by a factor of two to five, almost blank ones by fifty.
    """
    return declared <= max(_FLOOR, _RATIO * stored)


def _column(array: Any, count: int, where: str) -> npt.NDArray[Any]:
    numbers = _numbers(array, where)
    if numbers.size != count or max(numbers.shape, default=0) != count:
        raise UserError(f"{where} has shape {numbers.shape}; it must be {count} x 1, as there are {count} images")
    return numbers.reshape(-1)


def _numbers(array: Any, where: str) -> npt.NDArray[Any]:
    if isinstance(array, np.ndarray) and array.dtype.kind in "biuf":
        return array
    raise UserError(f"{where} must hold plain numbers, found {array if isinstance(array, str) else 'a struct'}")
