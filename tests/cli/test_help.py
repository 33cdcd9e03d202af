"""Help: short, complete, and of nothing that does not work."""

import inspect
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytorch_lightning import Trainer
from pytorch_lightning.cli import LightningArgumentParser

from letters_torch.cli import help, main, shorthand, signatures
from letters_torch.cli.command_trainer import CommandTrainer
from letters_torch.cli.commands import LIGHTNING
from letters_torch.cli.lightning_cli import LettersCLI
from letters_torch.config_files import NO_LONGER_OFFERED
from letters_torch.errors import UserError
from letters_torch.lightning.trainer import StepTrainer
from tests.support.commands import LAST, printed


@pytest.mark.parametrize("command", LIGHTNING)
def test_a_commands_help_fits_on_a_screen(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 34
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith(help.HELP[command].what[:40])
    assert lines[-1] == f"All flags: python -m letters_torch {command} --help-all"


@pytest.mark.parametrize("command", LIGHTNING)
def test_every_flag_in_the_help_exists(command: str) -> None:
    known = {*signatures.flags(command), *shorthand.FLAGS}
    assert {flag.split()[0] for flag in help.HELP[command].flags} <= known


@pytest.mark.parametrize("command", LIGHTNING)
@pytest.mark.usefixtures("trained")
def test_every_example_in_the_help_is_accepted(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("photo.jpg", "scans"):
        Path(name).touch()
    shutil.copy("letters_data.mat", "emnist-letters.mat")
    for name in ("first.ckpt", "second.ckpt"):
        shutil.copy(LAST, name)
    for example in help.HELP[command].examples:
        assert yaml.safe_load(printed(capsys, command, *example.split()))["model"]["hidden"]


@pytest.mark.parametrize("command", LIGHTNING)
def test_the_whole_help_is_lightnings(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help-all"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(flag in shown for flag in ("--model.hidden", "--data.augment", "--trainer.callbacks"))
    assert shown.startswith(f"usage: python -m letters_torch [options] {command} ")
    for refused in ("16-mixed", "bf16", "MixedPrecision", "hpc", "SLURM", "max_epochs", "num_nodes"):
        assert refused not in shown


def parser_of(command: str) -> LightningArgumentParser:
    """The parser of a subcommand; nothing is parsed."""
    cli = object.__new__(LettersCLI)
    cli._named, cli.seed_everything_default, cli.auto_configure_optimizers = command, 0, False
    cli.parser_class, cli._subcommand_method_arguments = LightningArgumentParser, {}
    return cli._prepare_subcommand_parser(CommandTrainer, command)


@pytest.mark.parametrize("command", LIGHTNING)
def test_the_flags_read_from_source_are_those_of_the_parser(command: str) -> None:
    """What is refused before the imports is what would be refused after them."""
    parser = parser_of(command)
    theirs = {flag for action in parser._actions for flag in action.option_strings if flag.startswith("-")}
    ours = signatures.flags(command) - {"--help-all"}
    nested = {flag for flag in theirs if flag.endswith("+") or flag.count(".") > 1 or ".help" in flag}
    assert ours - theirs == set()
    only_in_configs = {"--data.seed", "--model.seed", *(f"--trainer.{name}" for name in NO_LONGER_OFFERED)}
    assert theirs - ours - nested - only_in_configs == set()


REFUSED: dict[str, Any] = {"limit_train_batches": 2, "max_epochs": 2, "min_steps": 2, "overfit_batches": 2}


def test_what_is_not_offered_is_what_the_trainer_refuses() -> None:
    assert set(signatures.NOT_OFFERED) < set(inspect.signature(Trainer.__init__).parameters)
    for name, value in REFUSED.items():
        assert name in signatures.NOT_OFFERED
        with pytest.raises(UserError, match=rf"--trainer\.{name}"):
            StepTrainer(**{name: value})
