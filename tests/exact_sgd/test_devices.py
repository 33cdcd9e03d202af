"""The blocked engine on a GPU, and the operations that it would do on one where there is none."""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException

from letters_torch.exact_sgd import Blocked, Model, OneAtATime, Rates, arguments, sweep
from tests.support.device import absent_device
from tests.support.updates import apart, constant, problem, ramp, random_cuts

MODELS = [
    Model(),
    Model("relu", label_smoothing=0.1, decay_biases=False),
    Model("erf", "squared_error", train_biases=False),
    Model("logistic", train_second_layer=False),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("panel", [7, 30, 100])
@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_panel_moves_one_matrix_and_waits_for_nothing(
    device: str, panel: int, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that mixes devices, or whose result the host waits for, raises here."""
    monkeypatch.setattr(arguments, "_require_labels", lambda *_: None)  # waits for the device, once a block
    with absent_device() as moves:
        V, W = torch.zeros(24, 49, device=device), torch.zeros(7, 25, device=device)
        x, weight = torch.zeros(30, 48, device=device), torch.ones(30, device=device)
        labels = model.loss == "cross_entropy"
        y = torch.zeros(30, dtype=torch.int64, device=device) if labels else torch.zeros(30, 7, device=device)
        outputs = torch.zeros(30, 7, device=device)
        rates = Rates(np.full(30, 0.1), np.full(30, 0.1))
        losses = Blocked(panel, model=model)(V, W, x, y, rates, sample_weight=weight, outputs=outputs)
        assert losses.device.type == device
        assert moves.count == -(-30 // panel)
        assert moves.dtypes == {torch.float32}  # MPS has no float64


def test_the_absent_device_sees_a_wait_and_a_mixture() -> None:
    with absent_device() as moves:
        on_device, on_host = torch.zeros(3, device="cuda"), torch.zeros(3)
        with pytest.raises(DataDependentOutputException, match="_local_scalar_dense"):
            on_device[0].item()
        with pytest.raises(RuntimeError, match="device"):
            on_device + on_host
        with pytest.raises(DataDependentOutputException):
            bool((on_device > 0).any())
        on_device[:2] = on_host[:2]
        on_device.copy_(on_host)
        assert moves.count == 2


def test_on_another_device_than_the_cpu_the_plain_sweep_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def watched(panel: sweep.Panel, model: Model) -> float:
        taken.append(panel.A.device.type)
        return 1.0

    monkeypatch.setattr(sweep, "plain", watched)
    monkeypatch.setattr(arguments, "_require_labels", lambda *_: None)
    with absent_device():
        V, W = torch.zeros(24, 49, device="cuda"), torch.zeros(7, 25, device="cuda")
        y = torch.zeros(30, dtype=torch.int64, device="cuda")
        Blocked(20)(V, W, torch.zeros(30, 48, device="cuda"), y, Rates(0.1))
    assert taken == ["cuda", "cuda"]


@pytest.mark.gpu
@pytest.mark.parametrize("model", [Model(), *(Model(name) for name in ("relu", "erf")), Model(decay_biases=False)])
@pytest.mark.parametrize("panel", [1, 7, 100])
def test_on_a_gpu(panel: int, model: Model) -> None:
    task = problem(ramp(500))
    reference = task.train(OneAtATime(model))
    on_gpu = task.to("cuda")
    assert apart(on_gpu.train(OneAtATime(model)), reference) < 1e-10
    assert apart(on_gpu.train(Blocked(panel, model=model)), reference) < 1e-10
    cuts = random_cuts(500, seed=panel)
    assert apart(on_gpu.train(Blocked(panel, model=model), cuts, first_step=33), reference) < 1e-10


@pytest.mark.gpu
def test_on_a_gpu_in_float32_products_are_not_tf32() -> None:
    task = problem(constant(400, 1e-3, 2e-3), inputs=784, hidden=100, classes=26, dtype=torch.float32)
    reference = task.to(torch.float64).train(Blocked())
    torch.set_float32_matmul_precision("medium")
    try:
        assert apart(task.to("cuda").train(Blocked(100)), reference) < 1e-5
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="needs Apple's MPS device")
def test_on_mps() -> None:
    task = problem(constant(400, 1e-3, 2e-3), inputs=784, hidden=100, classes=26, dtype=torch.float32)
    reference = task.to(torch.float64).train(Blocked())
    assert apart(task.to("mps").train(Blocked(100)), reference) < 1e-5
