"""Early stopping by one flag."""

from pathlib import Path

import pytest

from letters_torch.cli.shorthand import expand
from letters_torch.errors import UserError
from tests.support.commands import LINE, said

LIGHTNINGS = [
    "--trainer.callbacks+=EarlyStopping",
    "--trainer.callbacks.monitor=val/acc",
    "--trainer.callbacks.mode=max",
    "--trainer.callbacks.patience=3",
]


@pytest.mark.parametrize("given", [["--early_stopping", "3"], ["--early_stopping=3"]])
def test_it_stands_for_lightnings_callback(given: list[str]) -> None:
    assert expand(["fit", "--a", *given, "--b"]) == ["fit", "--a", *LIGHTNINGS, "--b"]


@pytest.mark.parametrize("given", [["0"], ["-1"], ["1.5"], ["many"], []])
def test_it_needs_a_number(given: list[str]) -> None:
    with pytest.raises(UserError, match=r"--early_stopping .*number of validations"):
        expand(["fit", "--early_stopping", *given])


def test_only_a_fit_can_stop_early() -> None:
    with pytest.raises(UserError, match="--early_stopping is for fit only"):
        expand(["validate", "--early_stopping", "3"])


@pytest.mark.usefixtures("folder")
def test_a_run_without_progress_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """At a learning rate of 0 nothing gets better; the saved config repeats the run."""
    still = ["--model.schedule", "[{steps: 300, lr: 0.0}]"]
    first = said(capsys, "fit", "--config", "small.yaml", *still, "--early_stopping", "2")
    config = Path("lightning_logs/version_0/config.yaml")
    second = said(capsys, "fit", "--config", str(config))
    for out in (first, second):
        steps = [line.split(":")[0] for line in out.splitlines() if LINE.fullmatch(line)]
        assert steps == ["step 0", "step 50", "step 100"]
