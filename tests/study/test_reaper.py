"""Processes that have a file open in the folder end with the study, also where it is killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from letters_torch.study import reaper

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Ray ends its processes by itself there")


def sleeper(folder: str) -> subprocess.Popen[bytes]:
    with (Path(folder) / "log.txt").open("w") as log:
        return subprocess.Popen(["sleep", "600"], stdout=log)


def test_the_end_of_the_context_ends_processes_and_removes_the_folder(tmp_path: Path) -> None:
    outside = sleeper(str(tmp_path))
    try:
        with reaper.folder() as folder:
            assert folder is not None
            inside = sleeper(folder)
            held = (Path(folder) / "mine.txt").open("w")  # as Ray's log of this process
        assert inside.wait(timeout=30) == -signal.SIGKILL
        held.close()
        assert not Path(folder).exists()
        assert outside.poll() is None
    finally:
        outside.kill()
        outside.wait()


def test_a_study_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    program = (
        "import subprocess, time; from letters_torch.study import reaper\n"
        "with reaper.folder() as folder, open(folder + '/log.txt', 'w') as log:\n"
        "    print(subprocess.Popen(['sleep', '600'], stdout=log).pid, folder, flush=True)\n"
        "    time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as study:
        assert study.stdout is not None
        pid, folder = study.stdout.readline().split()
        left = psutil.Process(int(pid))
        study.kill()
    left.wait(timeout=30)
    end = time.monotonic() + 30
    while Path(folder).exists():
        assert time.monotonic() < end
        time.sleep(0.02)
