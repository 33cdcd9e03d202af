"""A signal ends a fit after its block."""

import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytorch_lightning.callbacks import Callback

from letters_torch import checkpoint
from letters_torch.lightning.module import LettersModule
from tests.support.running import KEEP, data_module, fit, module, same_weights, trainer


class Stopper(Callback):
    """Sends a signal after a step, and has a state as NumPy makes it."""

    def __init__(self, step: int, which: int | None) -> None:
        self.step, self.which = step, which

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self.which is not None and trainer.global_step == self.step:
            signal.raise_signal(self.which)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": np.float64(0.5), "steps": np.arange(3)}


@pytest.mark.parametrize(
    ("which", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)], ids=["SIGINT", "SIGTERM"]
)
@pytest.mark.parametrize("keep", [True, False])
def test_a_signal_ends_a_fit_in_a_script(
    tmp_path: Path, which: signal.Signals, raised: type[BaseException], keep: bool
) -> None:
    before = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(raised) as end:
            fit(tmp_path, callbacks=[Stopper(50, which)], **{**KEEP, "enable_checkpointing": keep})
        if raised is SystemExit:
            assert end.value.code == 128 + signal.SIGTERM  # type: ignore[attr-defined]
        assert all(signal.getsignal(each) is signal.default_int_handler for each in before)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if keep:
        assert (
            checkpoint.load(tmp_path / "lightning_logs/version_0/checkpoints/last.ckpt")["letters_torch"]["step"] == 100
        )
        resumed = module()
        trainer(tmp_path, callbacks=[Stopper(0, None)]).fit(
            resumed, datamodule=data_module(tmp_path / "letters_data.mat"), ckpt_path="last"
        )
        assert same_weights(resumed, fit(tmp_path).model)


def test_a_signal_twice_ends_a_fit_at_once(tmp_path: Path) -> None:
    class Twice(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path, callbacks=[Twice()])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_handlers_are_given_back_after_an_error(tmp_path: Path) -> None:
    class Fails(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            raise ZeroDivisionError

    before = [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ZeroDivisionError):
        fit(tmp_path, callbacks=[Fails()])
    assert [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_fit_outside_the_main_thread(tmp_path: Path) -> None:
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(fit(tmp_path, **KEEP).model)
        except BaseException as error:
            results.append(error)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert isinstance(results[0], LettersModule), results[0]
    assert signal.getsignal(signal.SIGINT) == before
    assert same_weights(results[0], fit(tmp_path).model)
