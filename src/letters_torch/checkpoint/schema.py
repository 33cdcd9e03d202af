"""What a checkpoint of this project holds: the one description of it.

state_dict              V (hidden, 785) and W (26, hidden + 1): the weights to predict with
global_step             steps that these weights have seen
letters_torch           where a fit resumes:
    step                steps done
    validated_at        the step of the last validation, -1 for none
    loss_sum, loss_count    of the steps since the last regular validation
    V, W                only if this point is the start of the panel that contains the last step
LettersDataModule       what the network was trained on:
    origin, letters     in words, and as a digest
    seed, validation, validation_writers    of the split
    split               a digest of the training rows' indices, in order
    scaling
    standardizer        mean and inv_std (28, 28), fill, moments (a dict or None), directions (a bool)
callbacks               the states of the callbacks; RunCheckpoints has best: [accuracy, file name]
hyper_parameters, datamodule_hyper_parameters    the arguments of the module and the data module
current_model_state, averaging_state             of Lightning's WeightAveraging: state_dict is the average then
"""

import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from letters_torch.archive import ArchiveError
from letters_torch.letters import CLASSES, PIXELS, SIDE

LARGEST_COUNT = 1 << 53  # the largest count that a float64 holds exactly
LARGEST_PIXEL = 255.0
LARGEST_INV_STD = 1e6  # the deviation of whole grey levels is 1 / sqrt(rows) or more, or 0
BEST_NAME = re.compile(r"best-step=\d+-val_acc=\d\.\d{4}\.ckpt")
_DICTS = ("hyper_parameters", "datamodule_hyper_parameters", "callbacks", "averaging_state")


class SchemaError(ArchiveError):
    """The content is not that of a checkpoint of this project. The message is a part of a sentence."""


def require(content: Any) -> None:
    """Checks the content of a checkpoint.

    Raises:
        SchemaError: at the first fault.
    """
    if not isinstance(content, dict) or "letters_torch" not in content or "state_dict" not in content:
        raise SchemaError("a checkpoint, but not one of letters_torch")
    fault = next(_faults(content), None)
    if fault is not None:
        raise SchemaError(fault)


def _faults(content: dict[Any, Any]) -> Iterator[str]:
    """The faults of a checkpoint, the first one first. A later check may rely on the earlier ones."""
    state, data = content["letters_torch"], content.get("LettersDataModule")
    if not isinstance(state, dict) or not isinstance(data, dict):
        yield "the step or the statistics of the pixels are missing"
        return
    for name in _DICTS:
        if not isinstance(content.get(name, {}), dict):
            yield f"invalid {name}"
    yield from _weight_faults(content["state_dict"])
    shape = content["state_dict"]["V"].shape
    others = [content["current_model_state"]] if "current_model_state" in content else []
    if state.keys() & {"V", "W"}:
        others.append({name: state.get(name) for name in "VW"})
    for weights in others:
        yield from _weight_faults(weights)
        if weights["V"].shape != shape:
            yield "two sets of weights differ in shape"
    if not _is_count(content.get("global_step")):
        yield "invalid step"
    yield from _state_faults(state)
    yield from _data_faults(data)
    yield from _best_faults(content.get("callbacks", {}).get("RunCheckpoints", {"best": [-1.0, ""]}))


def _weight_faults(weights: Any) -> Iterator[str]:
    V, W = (weights.get(name) if isinstance(weights, dict) else None for name in "VW")
    if not isinstance(weights, dict) or len(weights) != 2 or not all(_is_matrix(tensor) for tensor in (V, W)):
        yield "the weights are not the two matrices V and W"
    assert isinstance(V, Tensor)
    assert isinstance(W, Tensor)
    if not len(V) or V.shape[1] != PIXELS + 1 or W.shape != (CLASSES, len(V) + 1):
        yield f"weights of shapes {tuple(V.shape)} and {tuple(W.shape)} do not make a network of {PIXELS} pixels"
    if not (V.isfinite().all() and W.isfinite().all()):
        yield "weights are not finite numbers"


def _state_faults(state: dict[Any, Any]) -> Iterator[str]:
    validated_at = state.get("validated_at")
    never = type(validated_at) is int and validated_at == -1
    if not _is_count(state.get("step")) or not (_is_count(validated_at) or never):
        yield "invalid step"
    if not _is_count(state.get("loss_count")) or not _is_number(state.get("loss_sum")):
        yield "invalid sum of losses"


def _data_faults(data: dict[Any, Any]) -> Iterator[str]:
    match data:
        case {
            "origin": str(),
            "letters": str(),
            "seed": int(),
            "validation": int(),
            "validation_writers": str(),
            "split": str(),
            "scaling": str(),
            "standardizer": {
                "mean": mean,
                "inv_std": inv_std,
                "fill": fill,
                "moments": moments,
                "directions": bool(),
                **rest,
            },
        } if not rest:
            tables = ((mean, LARGEST_PIXEL), (inv_std, LARGEST_INV_STD))
            if not all(_is_table(table, largest) for table, largest in tables) or not _is_number(fill):
                yield f"the statistics of the pixels are not two tables of {SIDE} x {SIDE} numbers in their range"
            if moments is not None and not (
                isinstance(moments, dict)
                and moments.keys() == {"spread", "slant", "aspect"}
                and all(_is_number(value) for value in moments.values())
            ):
                yield "invalid moments"
        case _:
            yield "the statistics of the pixels or the split of the rows are missing"


def _best_faults(state: Any) -> Iterator[str]:
    match state:
        case {"best": [score, str(name)]} if _is_number(score) and (not name or BEST_NAME.fullmatch(name)):
            pass
        case _:
            yield "invalid best-checkpoint record"


def _is_table(value: Any, largest: float) -> bool:
    return _is_matrix(value) and value.shape == (SIDE, SIDE) and bool(((value >= 0) & (value <= largest)).all())


def _is_matrix(value: Any) -> bool:
    """Whether it is a matrix of floats whose memory is as large as it claims."""
    return (
        isinstance(value, Tensor)
        and value.dtype in (torch.float32, torch.float64)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dim() == 2
        and value.is_contiguous()
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_COUNT


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= LARGEST_COUNT  # which is false for a NaN
