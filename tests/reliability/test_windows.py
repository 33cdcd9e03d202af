"""The program without what Windows lacks."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="cannot tell here which files are open")
def test_every_command_runs_without_what_windows_lacks(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.reliability.windows", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("done\n")
    assert (tmp_path / "lightning_logs/version_0/set_aside/last.ckpt").exists()
