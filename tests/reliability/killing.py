"""Kills runs, as no handler can see: by SIGKILL, at random moments and at the worst ones.

A helper process imports everything once and forks a child for each fit, so that a life costs a fraction of a second
instead of the seconds that the imports take. Run as `python -m tests.reliability.killing`, it reads a JSON list of
jobs a line, does them side by side, and answers with a JSON list of what came of them.
"""

import ctypes
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.reliability.figures import FIGURES

# Where a child may be told to kill itself: (module or class, function, what is done of it before).
MOMENTS = {
    "before a checkpoint is written": ("checkpoint", "write", "nothing"),
    "half a checkpoint written": ("checkpoint", "write", "half"),
    "checkpoint written, not renamed": ("files.os", "fsync", "all"),
    "last.ckpt written, best-*.ckpt not": ("resume", "copy", "nothing"),
    "validation logged, not saved": ("lightning.logger.RunLogger", "save", "nothing"),
}


NOT_HERE = 77  # the code of a child that was to have a small file system and cannot


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
            **how: when it gets a `signal`, SIGKILL by default: `after` so many seconds, or `once` there is this file.
                Or at which `moment` it kills itself, and at the how manyth of these, `count`. Or what it has to do
                with: `limit`, the bytes that a file may have; `room`, those of a file system that it writes to.

        Returns:
            `code`, as `subprocess` has it; `output` of both streams.
        """
        return self.together([args], **how)[0]

    def together(self, commands: Sequence[Sequence[object]], **how: Any) -> list[dict[str, Any]]:
        """As `run`, for commands that start at once."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        jobs = [{"args": [str(arg) for arg in args], **how} for args in commands]
        self.process.stdin.write(json.dumps(jobs, default=str) + "\n")
        self.process.stdin.flush()
        answers: list[dict[str, Any]] = json.loads(self.process.stdout.readline())
        return answers


@dataclass
class Tally:
    """What became of a run that was killed again and again."""

    kills: int = 0
    restarts: int = 0  # killed before there was a checkpoint


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
            if draw.random() < 0.4:  # or at `longest`, if this moment does not come
                how = {"moment": draw.choice(list(MOMENTS)), "count": draw.randrange(1, 6), "after": longest}
        answer = killer.run("fit", "--config", config, *resume, **how)
        assert answer["code"] in (0, -signal.SIGKILL), answer["output"]
        if answer["code"] == 0:
            assert tally.kills == kills, f"over after {tally.kills} kills; make the run longer"
            return tally
        tally.kills += 1
        FIGURES["kills survived by runs killed again and again"] += 1


def _serve() -> None:
    import letters_torch.cli.lightning_cli
    import letters_torch.lightning.callbacks.checkpoints  # noqa: F401

    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    for line in sys.stdin:
        children = [_forked(job) for job in json.loads(line)]
        for child in children:
            child.watcher.start()  # only now: a process with threads cannot be forked safely
        print(json.dumps([child.end() for child in children]), flush=True)
    os._exit(0)  # at once: the interpreter would take a second to clear up


class _Child:
    """A process that does a job, and the thread that sends it a signal in time."""

    def __init__(self, pid: int, output: int, job: dict[str, Any]) -> None:
        self.pid, self.output, self.job = pid, output, job
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self.watch)

    def watch(self) -> None:
        if "once" in self.job:
            while not Path(self.job["once"]).exists() and not self.over.wait(0.005):
                pass
        if not self.over.wait(self.job.get("after", 0 if "once" in self.job else None)):
            os.kill(self.pid, self.job.get("signal", signal.SIGKILL))

    def end(self) -> dict[str, Any]:
        with os.fdopen(self.output) as output:
            text = output.read()
        self.over.set()
        self.watcher.join()  # before its process is gone, whose number may be another's then
        _, status = os.waitpid(self.pid, 0)
        return {"code": os.waitstatus_to_exitcode(status), "output": text}


def _forked(job: dict[str, Any]) -> _Child:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        _do(job)
    os.close(writing)
    return _Child(pid, reading, job)


def _do(job: dict[str, Any]) -> None:
    from letters_torch.cli import main

    code = 1
    try:
        if "limit" in job:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], job["limit"]))
        if "room" in job:
            folder = Path(job["args"][job["args"].index("--trainer.default_root_dir") + 1])
            try:
                _mount_memory(folder, job["room"])
            except (OSError, AttributeError) as error:
                print(f"no file system of its own for a user here: {error}", flush=True)
                os._exit(NOT_HERE)
        if "moment" in job:
            _arm(*MOMENTS[job["moment"]], job["count"])
        main(job["args"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    if "room" in job:
        shutil.copytree(folder, f"{folder}-kept")  # which is gone with this process
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _mount_memory(folder: Path, size: int) -> None:
    """Puts an empty file system of so many bytes at the folder, for this process alone: where the system lets a user.

    In a user namespace of its own a process may mount; others see nothing of it (user_namespaces(7)).

    Raises:
        OSError: the system does not.
        AttributeError: it has no such thing.
    """
    libc, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
    _raise(libc.unshare(0x10000000 | 0x00020000))  # CLONE_NEWUSER, CLONE_NEWNS
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(text)
    folder.mkdir()
    _raise(libc.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, f"size={size}".encode()))


def _raise(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


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
