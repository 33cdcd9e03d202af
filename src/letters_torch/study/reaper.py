"""Ends the processes of a study's Ray, however the study itself ends.

Where a study is killed, some of Ray's processes outlive it: two agents try for 60 s to report to a server that is
killed, too, and a worker that is just starting waits some 30 s for the others. So a small process waits for the end of
the study and kills the rest. It is this file, run as a script that needs the standard library alone.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PAUSE = 0.05  # seconds between two looks
PATIENCE = 60.0  # seconds for processes that cannot be killed at once, since they wait for a disk


@contextmanager
def folder() -> Iterator[str | None]:
    """Makes the folder that Ray keeps its logs and sockets in.

    At the end of the context, or of this process, the processes that have a file open there are killed and the folder
    is removed. None where there is no /proc to find them in; Ray then uses its usual folder.
    """
    if sys.platform != "linux":
        yield None
        return
    path = os.path.realpath(tempfile.mkdtemp(prefix="ray-", dir=os.environ.get("RAY_TMPDIR")))
    command = [sys.executable, "-I", "-S", __file__, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0):  # out of reach of Ctrl-C
        yield path


def users(path: str) -> list[int]:
    """The processes of this session that have a file open in a folder, without the parent.

    Ray's have no other mark in common: it changes their command lines, and with them their environments.
    """
    found = []
    for process in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()):
        with suppress(OSError):  # of another user, or over
            if process != os.getppid() and os.getsid(process) == os.getsid(0) and _has_open(process, Path(path)):
                found.append(process)
    return found


def _has_open(process: int, folder: Path) -> bool:
    return any(folder in file.resolve().parents for file in Path(f"/proc/{process}/fd").iterdir())


def _reap(path: str) -> None:
    sys.stdin.read()  # returns when the other end is closed: by the study, or by the kernel
    end = time.monotonic() + PATIENCE
    while (left := users(path)) and time.monotonic() < end:
        for process in left:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(PAUSE)
    shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    _reap(sys.argv[1])
