"""Kills runs, as no handler can see: by SIGKILL, at random moments and at the worst ones.

A helper process imports everything once and forks a child for each fit, so that a life costs a fraction of a second
instead of the seconds that the imports take. Run as `python -m tests.reliability.killing`, it reads one JSON list of
jobs a line and answers with one JSON result a line.
"""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.reliability.figures import FIGURES

# Where a child may be told to kill itself: (module or class, function, what is done of it before).
MOMENTS = {
    "before a checkpoint is written": ("checkpoint", "write", "nothing"),
    "half a checkpoint written": ("checkpoint", "write", "half"),
    "checkpoint written, not renamed": ("checkpoint.os", "fsync", "all"),
    "last.ckpt written, best-*.ckpt not": ("watching.checkpoints", "_copy", "nothing"),
    "check logged, not saved": ("watching.run_folder.RunLogger", "save", "nothing"),
}


class Killer:
    """The helper process."""

    def __init__(self) -> None:
        # One thread: what is compared to the bit must not depend on how many cores are free.
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.reliability.killing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> "Killer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)

    def run(self, *args: object, **how: Any) -> dict[str, Any]:
        """One command in a child of its own.

        Args:
            *args: of the command line.
            **how: `after`, seconds until it is killed; or `moment` and `count`, at which of these; `limit`, the bytes
                that a file may have.

        Returns:
            `code`, as `subprocess` has it; `output` of both streams; `seconds`.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"args": [str(arg) for arg in args], **how}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@dataclass
class Tally:
    """What became of a run that was killed again and again."""

    kills: int = 0
    restarts: int = 0  # killed before there was a checkpoint
    by_phase: dict[str, int] = field(default_factory=dict)


def survive(killer: Killer, config: Path, kills: int, seed: int, longest: float) -> Tally:
    """Kills a run at random moments, resumes it each time, and lets it end after `kills` of them.

    Raises:
        AssertionError: a life ended by anything but its kill, or there is no checkpoint that can be loaded where there
            was one before.
    """
    from letters_torch import checkpoint

    draw, tally, folder = random.Random(seed), Tally(), config.parent
    had_checkpoint = False
    while True:
        last = folder / "lightning_logs/version_0/checkpoints/last.ckpt"
        if last.exists():
            had_checkpoint = True
            checkpoint.load(last)
        assert last.exists() == had_checkpoint, "the checkpoint is gone"
        resume = ("--ckpt_path", "last") if had_checkpoint else ()
        if not had_checkpoint:
            tally.restarts += tally.kills > 0
            shutil.rmtree(folder / "lightning_logs", ignore_errors=True)
        how: dict[str, Any] = {}
        if tally.kills < kills:
            how = {"after": draw.uniform(0, longest)}
            if draw.random() < 0.4:
                how = {"moment": draw.choice(list(MOMENTS)), "count": draw.randrange(1, 6)}
        answer = killer.run("fit", "--config", config, *resume, **how)
        assert answer["code"] in (0, -signal.SIGKILL), answer["output"]
        if answer["code"] == 0:
            assert tally.kills == kills, f"over after {tally.kills} kills; make the run longer"
            return tally
        tally.kills += 1
        FIGURES["kills survived by runs killed again and again"] += 1
        phase = how.get("moment", "at random")
        tally.by_phase[phase] = tally.by_phase.get(phase, 0) + 1


def _serve() -> None:
    import letters_torch.cli
    import letters_torch.watching.checkpoints  # noqa: F401

    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    for line in sys.stdin:
        print(json.dumps(_one(json.loads(line))), flush=True)


def _one(job: dict[str, Any]) -> dict[str, Any]:
    begin, (reading, writing) = time.monotonic(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        _child(job)
    os.close(writing)
    timer = threading.Timer(job.get("after", 1e6), os.kill, (child, signal.SIGKILL))
    timer.start()
    with os.fdopen(reading) as output:
        text = output.read()
    timer.cancel()
    timer.join()
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "output": text, "seconds": time.monotonic() - begin}


def _child(job: dict[str, Any]) -> None:
    from letters_torch.cli import main

    code = 1
    try:
        if "limit" in job:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], job["limit"]))
        if "moment" in job:
            _arm(*MOMENTS[job["moment"]], job["count"])
        main(job["args"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _arm(where: str, name: str, done: str, count: int) -> None:
    """Replaces a function by one that kills the process at its `count`th call."""
    import letters_torch

    owner: Any = letters_torch
    for part in where.split("."):
        owner = getattr(owner, part)
    true, calls = getattr(owner, name), [0]

    def deadly(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] < count:
            return true(*args, **kwargs)
        if done == "half":
            path, content = args
            path.with_name(f"{path.name}.{os.getpid()}.part").write_bytes(content[: len(content) // 2])
        if done == "all":
            true(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(owner, name, deadly)


if __name__ == "__main__":
    _serve()
