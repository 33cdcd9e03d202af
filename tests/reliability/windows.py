"""Runs the command line as Windows would have it: python -m tests.reliability.windows FOLDER.

What Windows lacks is taken away before the package is imported: fork and its hooks, POSIX's modules, most signals. And
what Windows forbids fails: to rename or delete a file that is open.
"""

import builtins
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from letters_torch import _torchvision_guard

# Other packages have their own ways on Windows; they are imported before the names go.
OTHERS = ("filelock", "matplotlib.pyplot", "numba", "scipy.io", "torch.utils.tensorboard", "pytorch_lightning")
POSIX = {"fcntl", "grp", "posix", "pwd", "resource", "syslog", "termios", "tty", "pty", "_posixsubprocess"}
MISSING = ("fork", "forkpty", "register_at_fork", "getuid", "geteuid", "getgid", "uname", "sysconf", "mkfifo", "killpg")


def is_open(path: Any) -> bool:
    """Whether this process has the file open."""
    target = os.path.realpath(path)
    return any(os.path.realpath(link) == target for link in Path("/proc/self/fd").iterdir())


def forbid(name: str) -> None:
    """Lets a function of `os` fail where a path that it is given is open."""
    true = getattr(os, name)

    def guarded(*paths: Any, **kwargs: Any) -> Any:
        for path in paths:
            if isinstance(path, (str, os.PathLike)) and Path(path).is_file() and is_open(path):
                raise PermissionError(13, "The process cannot access the file because it is being used", str(path))
        return true(*paths, **kwargs)

    setattr(os, name, guarded)


def as_on_windows() -> None:
    """Takes away what Windows lacks."""
    _torchvision_guard.install()
    for name in OTHERS:
        import_module(name)
    from pytorch_lightning.trainer.connectors import signal_connector

    signal_connector._IS_WINDOWS = True
    for name in MISSING:
        if hasattr(os, name):
            delattr(os, name)
    there = {
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGABRT,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGUSR2,
    }
    signal.valid_signals = lambda: set(there)
    for name in ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGQUIT", "SIGSTOP"):
        delattr(signal, name)
    signal.SIGBREAK = signal.SIGUSR2  # type: ignore[attr-defined]
    true = builtins.__import__

    def guarded(name: str, globals: Any = None, *rest: Any, **more: Any) -> Any:
        if name in POSIX and str((globals or {}).get("__name__", "")).startswith("letters_torch"):
            raise ImportError(f"no module {name} on Windows")
        return true(name, globals, *rest, **more)

    builtins.__import__ = guarded
    for name in ("replace", "rename", "unlink", "remove"):
        forbid(name)


def main(folder: Path) -> None:
    from tests.reliability import runs

    config = runs.make(folder)
    root = ("--trainer.default_root_dir", folder)
    assert runs.fit(config, "--trainer.max_steps", 130) == 0
    assert runs.fit(config, "--ckpt_path", "last", *root) == 0
    first = next(folder.glob("lightning_logs/version_0/checkpoints/stage1-*.ckpt"))
    assert runs.fit(config, "--ckpt_path", first) == 0  # sets the later checkpoints aside
    assert runs.command("validate", *root) == 0
    assert runs.command("predict", *root, "--output", folder / "result.csv") == 0
    assert runs.command("report", *root, "--output", folder / "report.html") == 0

    from letters_torch.lightning.callbacks.stop import SIGNALS

    assert signal.SIGBREAK in SIGNALS  # type: ignore[attr-defined]
    print("done")


if __name__ == "__main__":
    as_on_windows()
    main(Path(sys.argv[1]))
