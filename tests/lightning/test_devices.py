"""Which device a trainer takes, and what of ours must run on devices without float64."""

from typing import Any

import pytest
import torch
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator
from torch.utils._python_dispatch import TorchDispatchMode

from letters_torch.data.datamodule import Batch
from letters_torch.lightning import module as modules
from letters_torch.lightning import trainer as trainers
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from tests.support.running import HIDDEN, STAGES


def available(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(CUDAAccelerator, "is_available", staticmethod(lambda: cuda))
    monkeypatch.setattr(MPSAccelerator, "is_available", staticmethod(lambda: mps))


@pytest.mark.parametrize(
    ("cuda", "mps", "said"), [(False, False, ""), (True, False, "accelerator gpu"), (False, True, "accelerator mps")]
)
def test_auto_is_the_cpu_and_says_so_if_there_is_another_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cuda: bool, mps: bool, said: str
) -> None:
    available(monkeypatch, cuda, mps)
    for given in ({}, {"accelerator": "auto"}):
        made = StepTrainer(logger=False, **given)  # type: ignore[arg-type]
        assert made.strategy.root_device == torch.device("cpu")
        out = capsys.readouterr().out
        assert out.count("\n") == bool(said)
        assert said in out


def test_another_device_on_request_is_slower(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    available(monkeypatch, True, False)
    assert trainers._accelerator("gpu") == "gpu"
    assert "slower" in capsys.readouterr().out
    assert trainers._accelerator("cpu") == "cpu"
    assert capsys.readouterr().out == ""


class NoFloat64(TorchDispatchMode):
    """Fails at the first operation with a float64 result, as MPS does."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            assert not (isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float64), func
        return result


def test_evaluation_uses_no_float64_on_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the CPU stands for MPS: every operation runs, and none may be in float64."""
    assert modules.widest(torch.device("mps")) == torch.float32
    module, batch = LettersModule(list(STAGES), hidden=HIDDEN), Batch(torch.ones(8, 784), torch.arange(8))
    with NoFloat64(), pytest.raises(AssertionError):
        module._evaluate(batch)
    monkeypatch.setattr(modules, "widest", lambda _: torch.float32)
    with NoFloat64(), torch.no_grad():
        loss, accuracy, b = module._evaluate(batch)
        probabilities = module.predict_step(batch)
    assert loss.dtype == accuracy.dtype == b.dtype == probabilities.dtype == torch.float32


def test_accuracy_is_in_float64_on_the_cpu() -> None:
    module = LettersModule(list(STAGES), hidden=HIDDEN)
    with torch.no_grad():
        assert module._evaluate(Batch(torch.zeros(3, 784), torch.zeros(3, dtype=torch.int64)))[1].dtype == torch.float64
