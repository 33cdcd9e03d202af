"""Trials on Ray: the bits of runs by hand, on one machine and on two nodes, killed, interrupted and resumed."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from letters_torch.errors import UserError
from letters_torch.study import cluster, command, outcome, results
from letters_torch.study.results import Results
from letters_torch.study.study_file import Study
from tests.study.small import assert_same_weights, run, study

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*configure_optimizers.*:UserWarning",
    r"ignore:\s*(By default only one Jsonargparse|.+ was deprecated in v4):DeprecationWarning",
    "ignore::DeprecationWarning:ray.*",
    "ignore::FutureWarning:ray.*",
    "ignore::ResourceWarning",
)
TWELVE_TRIALS: dict[str, Any] = {
    "set": {
        "model.schedule": [{"steps": 30_000, "lr": 0.001, "weight_decay": 0.01}],
        "trainer.val_check_interval": 1000,
    },
    "vary": None,
    "cases": {"wide": {"model.hidden": 9}, "slow": {"model.schedule.0.lr": 5e-4}},
    "seeds": 4,
}


@dataclass
class Straight:
    """A study of twelve trials, and the folder of their runs in this process, one after another."""

    study: Study
    folder: Path

    @property
    def csv(self) -> bytes:
        return results.table(Results.read(self.study, self.folder, self.study.settings)).encode()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Straight:
    folder = tmp_path_factory.mktemp("straight")
    found = study(folder, **TWELVE_TRIALS)
    for each in found.trials(found.settings, found.seeds):
        run(folder / "out", each)
    return Straight(found, folder / "out")


def finished(folder: Path) -> dict[Path, int]:
    """The results in a study's folder, and when they were written."""
    return {file: file.stat().st_mtime_ns for file in folder.glob(f"{outcome.RUNS}/*/{outcome.RESULT}")}


def in_the_middle(folder: Path) -> bool:
    """Whether a trial has a checkpoint and no result."""
    kept = folder.glob(f"{outcome.RUNS}/*/checkpoints/last.ckpt")
    return any(not (file.parents[1] / outcome.RESULT).exists() for file in kept)


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def assert_same_runs(found: Study, one: Path, other: Path) -> None:
    for each in found.trials(found.settings, found.seeds):
        ended = [outcome.result_of(folder, each) for folder in (one, other)]
        assert ended[0] is not None
        assert ended[1] is not None
        assert ended[0].status == outcome.FINISHED
        assert ended[0].curves == ended[1].curves
        assert_same_weights(*(outcome.folder_of(folder, each) for folder in (one, other)))


def test_trials_on_ray_have_the_bits_of_those_run_by_hand(tmp_path: Path) -> None:
    found = study(tmp_path, vary={"model.hidden": [4, 6]}, cases=None)
    ended = command.conduct(found, tmp_path / "ray")
    assert [len(ended.values(setting)) for setting in found.settings] == [2, 2]
    for each in found.trials(found.settings, found.seeds):
        run(tmp_path / "hand", each)
    assert_same_runs(found, tmp_path / "ray", tmp_path / "hand")
    assert not (tmp_path / "ray/.tune").exists()


@pytest.mark.slow
def test_a_node_that_is_killed_takes_no_trial_with_it(tmp_path: Path, straight: Straight) -> None:
    """12 trials on two nodes; one of them dies in the middle."""
    ray = cluster.import_ray()
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    other = nodes.add_node(num_cpus=1)
    folder, killed_at = tmp_path / "cluster", []

    def kill() -> None:
        wait_for(lambda: len(finished(folder)) >= 3 and in_the_middle(folder))
        nodes.remove_node(other, allow_graceful=False)
        killed_at.append(len(finished(folder)))

    killer = threading.Thread(target=kill, daemon=True)
    try:
        killer.start()
        command.conduct(straight.study, folder, address=nodes.address)
        killer.join()
    finally:
        ray.shutdown()
        nodes.shutdown()
    assert killed_at[0] < 12
    assert_same_runs(straight.study, folder, straight.folder)
    assert (folder / "results.csv").read_bytes() == straight.csv


class Started:
    """The command as a program."""

    def __init__(self, file: Path, folder: Path) -> None:
        self._said, self._known = folder.parent / "said.txt", set[psutil.Process]()
        with self._said.open("w") as output:
            command = [sys.executable, "-m", "letters_torch", "study", str(file), "--folder", str(folder)]
            self.process = subprocess.Popen(command, stdout=output)

    @property
    def said(self) -> str:
        return self._said.read_text()

    def look(self) -> None:
        """Notes its processes, which lose their parent when it is killed."""
        self._known.update(psutil.Process(self.process.pid).children(recursive=True))

    @property
    def left(self) -> list[psutil.Process]:
        """Those of the noted processes that still run."""
        return [each for each in self._known if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    def end(self) -> None:
        self.process.kill()
        for each in self.left:
            each.kill()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Ray ends its processes by itself")
def test_a_study_that_is_stopped_goes_on_to_the_same_bytes(tmp_path: Path, straight: Straight) -> None:
    """Ctrl-C, then SIGKILL, then to the end. No process is left, and no trial that is over runs again."""
    folder, over = tmp_path / "out", dict[Path, int]()
    for which, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9), (None, 0)):
        started, known = Started(straight.study.file, folder), len(over)
        try:
            wait_for(lambda known=known: len(finished(folder)) >= known + 2 and in_the_middle(folder))  # type: ignore[misc]
            started.look()
            if which is not None:
                started.process.send_signal(which)
            assert started.process.wait(timeout=300) == code
            wait_for(lambda started=started: not started.left, 20)  # type: ignore[misc]
        finally:
            started.end()
        now = finished(folder)
        assert over.items() <= now.items()
        over = now
        if which == signal.SIGINT:
            assert f"SIGINT: stopped; runs are kept in {folder}" in started.said
            assert "to resume them from their last checkpoints: " in started.said
            assert f"python -m letters_torch study {straight.study.file} --folder {folder}" in started.said
    assert len(over) == 12
    assert_same_runs(straight.study, folder, straight.folder)
    assert (folder / "results.csv").read_bytes() == straight.csv


class Cluster:
    """Ray with one living node, which answers so when it is asked for a file, or not at all."""

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": False}, {"Alive": True, "NodeID": "ab" * 28, "NodeManagerAddress": "10.0.0.2"}]

    def remote(self, *_: Any, **__: Any) -> Any:
        return lambda _: self

    def options(self, **_: Any) -> "Cluster":
        return self

    def get(self, answer: Any, timeout: float) -> bool:
        if self.answer is None:
            from ray.exceptions import GetTimeoutError

            raise GetTimeoutError("Get timed out.")
        return self.answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (False, "does not see it; name a folder that all nodes of the cluster share under the same path"),
        (None, "does not answer (Get timed out.); repair or remove it"),
    ],
)
def test_a_cluster_whose_nodes_do_not_share_the_folder_is_refused(
    tmp_path: Path, answer: bool | None, said: str
) -> None:
    cluster._require_shared(Cluster(True), tmp_path)
    with pytest.raises(UserError, match=re.escape(f"node 10.0.0.2 {said}")):
        cluster._require_shared(Cluster(answer), tmp_path)
    assert not list(tmp_path.iterdir())


def test_more_threads_than_a_node_has_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Started:
        """Ray on nodes of two and four cores."""

        def is_initialized(self) -> bool:
            return True

        def nodes(self) -> list[dict[str, Any]]:
            return [{"Resources": {"CPU": 2.0}}, {"Resources": {"CPU": 4.0}}]

    monkeypatch.setattr(cluster, "import_ray", Started)
    for threads in (4, 5):
        runner = cluster.Runner(None, tmp_path, threads, None, print)  # type: ignore[arg-type]
        if threads == 4:
            runner.start()
            continue
        with pytest.raises(UserError) as error:
            runner.start()
        assert str(error.value) == "--threads 5: a trial cannot have more threads than cores, here 4"
