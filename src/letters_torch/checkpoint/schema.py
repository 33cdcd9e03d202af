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
from typing import Any

import torch
from torch import Tensor

from letters_torch.archive import ArchiveError
from letters_torch.finite import all_finite
from letters_torch.letters import CLASSES, PIXELS, SIDE

LARGEST_COUNT = 1 << 53  # the largest count that a float64 holds exactly
LARGEST_PIXEL = 255.0
LARGEST_INV_STD = 1e6  # the deviation of whole grey levels is 1 / sqrt(rows) or more, or 0
BEST_NAME = re.compile(r"best-step=\d+-val_acc=\d\.\d{4}\.ckpt")
_DATA = {
    **dict.fromkeys(("origin", "letters", "validation_writers", "split", "scaling"), str),
    **dict.fromkeys(("seed", "validation"), int),
}
_DICTS = ("hyper_parameters", "datamodule_hyper_parameters", "callbacks", "averaging_state")


class SchemaError(ArchiveError):
    """The content is not that of a checkpoint of this project. The message is a part of a sentence."""


def require(content: Any) -> None:
    """Checks the content of a checkpoint. A later check may rely on the earlier ones.

    Raises:
        SchemaError: at the first fault.
    """
    ours = isinstance(content, dict) and "letters_torch" in content and "state_dict" in content
    _expect(ours, "a checkpoint, but not one of letters_torch")
    state, data = content["letters_torch"], content.get("LettersDataModule")
    complete = isinstance(state, dict) and isinstance(data, dict)
    _expect(complete, "the step or the statistics of the pixels are missing")
    for name in _DICTS:
        _expect(isinstance(content.get(name, {}), dict), f"invalid {name}")
    _require_weights(content["state_dict"])
    others = [content["current_model_state"]] if "current_model_state" in content else []
    if state.keys() & {"V", "W"}:
        others.append({name: state.get(name) for name in "VW"})
    for weights in others:
        _require_weights(weights)
        same = weights["V"].shape == content["state_dict"]["V"].shape
        _expect(same, "two sets of weights differ in shape")
    _expect(_is_count(content.get("global_step")), "invalid step")
    _require_state(state)
    _require_data(data)
    _require_best(content.get("callbacks", {}).get("RunCheckpoints", {"best": [-1.0, ""]}))


def _expect(condition: bool, fault: str) -> None:
    if not condition:
        raise SchemaError(fault)


def _require_weights(weights: Any) -> None:
    two = isinstance(weights, dict) and weights.keys() == {"V", "W"} and all(map(_is_matrix, weights.values()))
    _expect(two, "the weights are not the two matrices V and W")
    V, W = weights["V"], weights["W"]
    _expect(
        len(V) > 0 and V.shape[1] == PIXELS + 1 and W.shape == (CLASSES, len(V) + 1),
        f"weights of shapes {tuple(V.shape)} and {tuple(W.shape)} do not make a network of {PIXELS} pixels",
    )
    _expect(all_finite(V) and all_finite(W), "weights are not finite numbers")


def _require_state(state: dict[Any, Any]) -> None:
    validated_at = state.get("validated_at")
    never = type(validated_at) is int and validated_at == -1
    _expect(_is_count(state.get("step")) and (never or _is_count(validated_at)), "invalid step")
    _expect(_is_count(state.get("loss_count")) and _is_number(state.get("loss_sum")), "invalid sum of losses")


def _require_data(data: dict[Any, Any]) -> None:
    by: Any = data.get("standardizer")
    _expect(
        all(type(data.get(name)) is kind for name, kind in _DATA.items())
        and isinstance(by, dict)
        and by.keys() == {"mean", "inv_std", "fill", "moments", "directions"}
        and type(by["directions"]) is bool,
        "the statistics of the pixels or the split of the rows are missing",
    )
    tables = _is_table(by["mean"], LARGEST_PIXEL) and _is_table(by["inv_std"], LARGEST_INV_STD)
    _expect(
        tables and _is_number(by["fill"]),
        f"the statistics of the pixels are not two tables of {SIDE} x {SIDE} numbers in their range",
    )
    moments = {"spread": 0, "slant": 0, "aspect": 0} if by["moments"] is None else by["moments"]
    named = isinstance(moments, dict) and moments.keys() == {"spread", "slant", "aspect"}
    _expect(named and all(map(_is_number, moments.values())), "invalid moments")


def _require_best(state: Any) -> None:
    match state:
        case {"best": [score, str(name)]} if _is_number(score) and (not name or BEST_NAME.fullmatch(name)):
            return
    raise SchemaError("invalid best-checkpoint record")


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
