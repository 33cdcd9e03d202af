"""Runs trials on Ray: on the cores of this machine or of a cluster, in processes that run one trial after another."""

import logging
import math
import os
import re
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from letters_torch.errors import UserError, reason
from letters_torch.study import reaper
from letters_torch.study.study_file import Study, Trial

if TYPE_CHECKING:
    from letters_torch.letters import LetterSets
    from letters_torch.study.building import LettersKey
    from letters_torch.study.search import SeededSearch

# Read by Ray when it is imported.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # SIGTERM is handled by the command, too
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # every trial writes its own curves
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is handled by the command
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "60",  # of Tune's own state, which is not used: the run folders hold everything
    "RAY_preload_python_modules": "letters_torch.study.preload",
    # Ray would start a process for each core early, but Tune's placement groups cannot use those.
    "RAY_prestart_worker_first_driver": "0",
}
RETRIES = 10  # attempts that a trial may lose to processes and nodes that die
OBJECT_STORE = 2**30  # bytes of shared memory, taken only where it is used; the letters have about 10**8
NODE_TIMEOUT = 60.0  # seconds for the answer of a node
HEAD_TIMEOUT = 10.0  # and of the cluster's head


def import_ray() -> Any:
    """Imports Ray, Ray Tune and Optuna, configured to be quiet.

    Raises:
        UserError: one of them is not installed.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import optuna
        import ray
        import ray.tune
    except ImportError as error:
        raise UserError(f"a study needs {error.name}; pip install 'letters-torch[study]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return ray


class Runner:
    """Runs trials with Ray Tune. A context manager that shuts Ray down if it has started it.

    Args:
        study: the study.
        folder: of the study; every node must see it under the same path.
        threads: number of threads of each trial.
        address: of a cluster, "auto" for the one that `ray start` made; None for this machine alone.
        done: called with each trial that is over.

    Attributes:
        letters: by `building.letters_key`; set before the first run. Ray's object store holds one copy on each node.
    """

    def __init__(
        self, study: Study, folder: Path, threads: int, address: str | None, done: Callable[[Trial], None]
    ) -> None:
        self.study, self.folder, self.threads, self.done = study, folder, threads, done
        self.letters: Mapping[LettersKey, LetterSets] = {}
        self._address = address
        self._ray: Any = None  # once it is started
        self._undo = ExitStack()

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def start(self) -> None:
        """Starts Ray or connects to it; does nothing where it is started already.

        Raises:
            UserError: Ray is not installed or cannot be started, there is no cluster, or a node does not see the
                folder.
        """
        if self._ray is not None:
            return
        ray = import_ray()
        if not ray.is_initialized():
            self._connect(ray)
        if self._address is not None:
            _require_shared(ray, self.folder)
        cores = max(int(node["Resources"].get("CPU", 0)) for node in ray.nodes())
        if self.threads > cores:
            raise UserError(f"--threads {self.threads}: a trial cannot have more threads than cores, here {cores}")
        self._ray = ray

    def _connect(self, ray: Any) -> None:
        logging.getLogger("ray").setLevel(logging.ERROR)
        handler = signal.getsignal(signal.SIGTERM)
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            if self._address is None:
                folder = self._undo.enter_context(reaper.folder())
                # "local": not a cluster that happens to run on this machine
                ray.init(
                    address="local",
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE,
                    _temp_dir=folder,
                    **quiet,
                )
                _stop_helpers()
            else:
                _require_answer(self._address)
                ray.init(address=self._address, **quiet)
        except (OSError, ValueError) as error:
            said = str(error).partition("\n")[0]
            if self._address is None:
                raise UserError(f"Ray cannot be started ({said}); RAY_TMPDIR can name another folder for it") from error
            raise UserError(
                f"--address {self._address}: no Ray cluster there ({said}); start one with `ray start --head`"
            ) from error
        self._undo.callback(ray.shutdown)
        signal.signal(signal.SIGTERM, handler)  # Ray's own exits without a word

    def run(self, trials: Sequence[Trial]) -> None:
        """Runs these trials."""
        self.start()
        from ray import tune

        self._fit({"trial": tune.grid_search(list(trials))}, tune.TuneConfig(reuse_actors=True))

    def search(self, searcher: "SeededSearch", count: int) -> None:
        """Runs the trials that a search suggests."""
        self.start()
        from ray import tune

        at_a_time = int(self._ray.cluster_resources()["CPU"]) // self.threads
        searcher.lag = math.ceil(at_a_time / len(self.study.seeds))
        self._fit({}, tune.TuneConfig(reuse_actors=True, search_alg=searcher, num_samples=count))

    def _fit(self, space: dict[str, Any], config: Any) -> None:
        from ray import tune

        from letters_torch.study.actor import TrialActor

        state = self.folder / ".tune"
        shared = {"study": self.study, "folder": self.folder, "letters": self.letters, "threads": self.threads}
        actor = tune.with_parameters(TrialActor, **shared)
        run = tune.RunConfig(
            name=f"{time.time():.3f}",
            storage_path=str(state),
            verbose=0,
            callbacks=[_Done(self.done)],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=RETRIES),
        )
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        try:
            tune.Tuner(
                tune.with_resources(actor, {"cpu": self.threads}), param_space=space, tune_config=config, run_config=run
            ).fit()
        finally:
            shutil.rmtree(state, ignore_errors=True)


def _Done(done: Callable[[Trial], None]) -> Any:
    """Tune's callback that passes on each trial that is over."""
    from ray import tune

    class Done(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            done(trial.config["trial"])

        on_trial_error = on_trial_complete

    return Done()


def _stop_helpers() -> None:
    """Stops processes of Ray that do nothing for a study: they take time to start, and a second to stop at the end."""
    from ray._private import worker

    for name in ("kill_monitor", "kill_dashboard", "kill_log_monitor"):
        kill = getattr(worker._global_node, name, None)  # no public name
        if kill is not None:
            kill(check_alive=False)


def _require_answer(address: str) -> None:
    """Raises OSError if nothing listens at HOST:PORT, for which Ray would wait a quarter of an hour."""
    found = re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address)
    if found:
        socket.create_connection((found[1], int(found[2])), timeout=HEAD_TIMEOUT).close()


def _require_shared(ray: Any, folder: Path) -> None:
    """Asks every node of the cluster for a file in the folder.

    Raises:
        UserError: a node does not have it, or does not answer.
    """
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    exists = ray.remote(num_cpus=0)(os.path.exists)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    probe = folder / f".shared-{secrets.token_hex(8)}"
    probe.touch()
    try:
        for node in nodes:
            here = exists.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
            if not ray.get(here.remote(str(probe)), timeout=NODE_TIMEOUT):
                raise UserError(
                    f"--folder {folder}: node {node['NodeManagerAddress']} does not see it; name a folder that all"
                    " nodes of the cluster share under the same path"
                )
    except RayError as error:
        raise UserError(
            f"--address: node {node['NodeManagerAddress']} does not answer ({reason(error)}); repair or remove it"
        ) from error
    finally:
        probe.unlink(missing_ok=True)
