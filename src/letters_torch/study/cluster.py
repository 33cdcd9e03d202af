"""Ray: trials on the cores of this machine or of a cluster, in processes that are used again."""

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from letters_torch.errors import UserError
from letters_torch.letters import LetterSets
from letters_torch.study.building import LettersKey
from letters_torch.study.study_file import Study, Trial

# Read by Ray when it is imported.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # every trial writes its own curves
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is the command's
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "60",  # of Tune's own state, which is not needed: the trials' folders tell everything
}
RETRIES = 10  # attempts that a trial may lose to processes and nodes that die


def import_ray() -> Any:
    """Ray, with Ray Tune and Optuna, set up to be quiet.

    Raises:
        UserError: they are not installed.
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
    """Runs trials by Ray Tune. Ray is started, or connected to, when the first trials are run.

    Args:
        study: the study.
        folder: of the study; every node must see it under the same path.
        letters: by `building.letters_key`. They are put into Ray's object store, which copies them to each node once.
        threads: of each trial.
        address: of a cluster, "auto" for the one that `ray start` made; None for this machine alone.
        done: called with each trial that is over.
    """

    def __init__(
        self,
        study: Study,
        folder: Path,
        letters: Mapping[LettersKey, LetterSets],
        threads: int,
        address: str | None,
        done: Callable[[Trial], None],
    ) -> None:
        self.study, self.folder, self.threads, self.done = study, folder, threads, done
        self._letters, self._address = letters, address
        self._ours: Any = None  # Ray, if it was started here

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours is not None:
            self._ours.shutdown()

    def run(self, trials: Sequence[Trial]) -> None:
        """Runs these trials."""
        import_ray()
        from ray import tune

        self._fit({"trial": tune.grid_search(list(trials))}, tune.TuneConfig(reuse_actors=True))

    def search(self, searcher: Any, count: int) -> None:
        """Runs the trials that a searcher of Ray Tune suggests."""
        from ray import tune

        self._fit({}, tune.TuneConfig(reuse_actors=True, search_alg=searcher, num_samples=count))

    def _connect(self) -> None:
        """Starts Ray or connects to it, unless the caller has.

        Raises:
            UserError: Ray is not installed, or there is no cluster.
        """
        ray = import_ray()
        logging.getLogger("ray").setLevel(logging.ERROR)
        if ray.is_initialized():
            return
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        size = sum(part.images.nbytes for sets in self._letters.values() for part in (sets.train, sets.test))
        try:
            if self._address is None:
                ray.init(include_dashboard=False, object_store_memory=max(256 * 2**20, 3 * size), **quiet)
            else:
                ray.init(address=self._address, **quiet)
        except (ConnectionError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"--address {self._address}: no Ray cluster there ({reason}); start one with `ray start --head`"
            ) from error
        self._ours = ray

    def _fit(self, space: dict[str, Any], config: Any) -> None:
        self._connect()
        from ray import tune

        from letters_torch.study.actor import TrialActor

        state = self.folder / ".tune"
        shared = {"study": self.study, "folder": self.folder, "letters": self._letters, "threads": self.threads}
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
