"""Trials on Ray: the bits of runs by hand, on one machine and on two nodes of which one is killed; stopped; resumed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from letters_torch.study import command, trial
from letters_torch.study.study_file import Study
from tests.study.small import assert_same_weights, run, study

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*configure_optimizers.*:UserWarning",
    r"ignore:\s*(By default only one Jsonargparse|.+ was deprecated in v4):DeprecationWarning",
    "ignore::DeprecationWarning:ray.*",
    "ignore::FutureWarning:ray.*",
    "ignore::ResourceWarning",
)
LONG: dict[str, Any] = {
    "set": {
        "model.schedule": [{"steps": 60_000, "lr": 0.001, "weight_decay": 0.01}],
        "trainer.val_check_interval": 2000,
    },
    "vary": None,
    "cases": {"wide": {"model.hidden": 9}, "slow": {"model.schedule.0.lr": 5e-4}},
    "seeds": 4,
}


def finished(folder: Path) -> int:
    return len(list((folder / "runs").glob("*/result.json")))


def assert_same_runs(found: Study, one: Path, other: Path) -> None:
    for each in found.trials(found.settings, found.seeds):
        results = [trial.result_of(folder, each) for folder in (one, other)]
        assert results[0] is not None
        assert results[1] is not None
        assert results[0].status == trial.FINISHED
        assert results[0].curves == results[1].curves
        assert_same_weights(*(trial.folder_of(folder, each) for folder in (one, other)))


def test_trials_on_ray_have_the_bits_of_those_run_by_hand(tmp_path: Path) -> None:
    found = study(tmp_path, vary={"model.hidden": [4, 6]}, cases=None)
    ended = command.conduct(found, tmp_path / "ray")
    assert [len(ended.values(setting)) for setting in found.settings] == [2, 2]
    for each in found.trials(found.settings, found.seeds):
        run(tmp_path / "hand", each)
    assert_same_runs(found, tmp_path / "ray", tmp_path / "hand")
    assert not (tmp_path / "ray/.tune").exists()


@pytest.mark.slow
def test_a_node_that_is_killed_takes_no_trial_with_it(tmp_path: Path) -> None:
    """12 trials on two nodes; one of them dies in the middle."""
    import ray
    from ray.cluster_utils import Cluster

    from letters_torch.study import cluster

    cluster.import_ray()
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    other = nodes.add_node(num_cpus=1)
    found, killed_at = study(tmp_path, **LONG), []

    def kill() -> None:
        while finished(tmp_path / "cluster") < 3:
            time.sleep(0.05)
        nodes.remove_node(other, allow_graceful=False)
        killed_at.append(finished(tmp_path / "cluster"))

    killer = threading.Thread(target=kill)
    try:
        killer.start()
        command.conduct(found, tmp_path / "cluster", address=nodes.address)
        killer.join()
    finally:
        ray.shutdown()
        nodes.shutdown()
    assert killed_at[0] < 12
    for each in found.trials(found.settings, found.seeds):
        run(tmp_path / "straight", each)
    assert_same_runs(found, tmp_path / "cluster", tmp_path / "straight")


@pytest.mark.slow
def test_a_study_that_is_stopped_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """Ctrl-C, then SIGKILL, then to the end."""
    found = study(tmp_path, **LONG)
    command_line = [sys.executable, "-m", "letters_torch", "study", str(found.file), "--folder"]
    for which in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(
            [*command_line, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        done = finished(tmp_path / "out")
        while finished(tmp_path / "out") < done + 2 and process.poll() is None:
            time.sleep(0.05)
        os.kill(process.pid, which)
        said = process.communicate(timeout=60)[0]
        assert process.returncode == (130 if which == signal.SIGINT else -9)
        if which == signal.SIGINT:
            assert f"to resume from their last checkpoints: python -m letters_torch study {found.file}" in said
    for out in ("out", "straight"):
        subprocess.run([*command_line, str(tmp_path / out)], check=True, stdout=subprocess.DEVNULL)
    assert (tmp_path / "out/results.csv").read_bytes() == (tmp_path / "straight/results.csv").read_bytes()
    assert_same_runs(found, tmp_path / "out", tmp_path / "straight")
