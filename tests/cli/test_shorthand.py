"""Early stopping by one flag."""

import shlex
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
    with pytest.raises(
        UserError,
        match="give the number of validations without a better accuracy after which the run ends, 1 or more",
    ):
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


@pytest.mark.parametrize(
    ("end", "steps"), [("--early_stopping 2", [150, 200]), ("--trainer.max_steps 170", [200, 250, 300])]
)
@pytest.mark.usefixtures("folder")
def test_the_resume_that_a_fit_offers_continues_it(
    capsys: pytest.CaptureFixture[str], end: str, steps: list[int]
) -> None:
    """The second EarlyStopping replaces the one of the run's config."""
    still = ["--model.schedule", "[{steps: 300, lr: 0.0}]"]
    first = said(capsys, "fit", "--config", "small.yaml", *still, *end.split())
    [line] = [line for line in first.splitlines() if line.startswith("to resume: python -m letters_torch ")]
    second = said(capsys, *shlex.split(line)[5:])
    assert [int(line.split()[1].rstrip(":")) for line in second.splitlines() if LINE.fullmatch(line)] == steps


@pytest.mark.usefixtures("folder")
def test_a_run_that_stopped_early_says_how_to_resume_it(capsys: pytest.CaptureFixture[str]) -> None:
    still = ["--model.schedule", "[{steps: 300, lr: 0.0}]"]
    said(capsys, "fit", "--config", "small.yaml", *still, "--early_stopping", "1")
    again = said(capsys, "fit", "--ckpt_path", "last")
    assert "early stopping ended this run at step 50; to resume it, raise the patience\n" in again
