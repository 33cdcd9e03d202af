"""Ends a run after a signal."""

import signal
import threading
from types import FrameType
from typing import Any

from pytorch_lightning.callbacks import Callback

from letters_torch.console import say

# Ctrl-C; a polite kill; Ctrl-Break on Windows.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))


class StopOnSignal(Callback):
    """Ends a fit after the current block when a signal arrives. A second signal has its effect from before the fit.

    Signals reach the main thread only: a fit in another thread leaves them alone.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None  # the one that ended the last fit
        self._handlers: dict[signal.Signals, Any] = {}  # those before the fit

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Takes the signals. One that the caller ignores (nohup, a shell's background job) stays ignored."""
        self.received = None
        if threading.current_thread() is threading.main_thread():
            taken = [which for which in SIGNALS if signal.getsignal(which) not in (signal.SIG_IGN, None)]
            self._handlers = {which: signal.signal(which, self._on_signal) for which in taken}

    def _on_signal(self, which: int, frame: FrameType | None) -> None:
        if self.received is not None:
            self._give_back()
            signal.raise_signal(which)
        self.received = signal.Signals(which)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Takes them again: Lightning has installed its own handler, which would discard a block."""
        for which in self._handlers:
            signal.signal(which, self._on_signal)
        trainer._signal_connector.received_sigterm = False
        self._heed(trainer)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._heed(trainer)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.state.fn == "fit":
            self._heed(trainer)

    def _heed(self, trainer: Any) -> None:
        if self.received is not None:
            trainer.should_stop = True

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Prints the step and how to resume the run. The last checkpoint is written by then."""
        if self.received is None:
            return
        last = trainer.run_checkpoints.last if trainer.run_checkpoints else None
        say(f"{self.received.name}: stopped after step {trainer.global_step:,}" + (f"; saved {last}" if last else ""))
        if last:
            say(f"to resume: python -m letters_torch fit --ckpt_path {last}")

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        self._give_back()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        # Lightning leaves out `teardown` here, and is about to restore the handlers that it found: ours.
        trainer._signal_connector._original_handlers.update(self._handlers)
        self._give_back()

    def _give_back(self) -> None:
        handlers, self._handlers = self._handlers, {}
        for which, handler in handlers.items():
            signal.signal(which, handler)
