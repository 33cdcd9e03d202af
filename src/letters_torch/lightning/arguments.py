"""The settings of a run as arguments of a parser: the same keys, types and defaults for a command and for a study."""

from argparse import SUPPRESS
from types import NoneType
from typing import Any

from pytorch_lightning.cli import LightningArgumentParser

from letters_torch.config_files import NO_LONGER_OFFERED, NOT_OFFERED
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer


def add_settings(parser: LightningArgumentParser, trainer: type[StepTrainer]) -> None:
    """Adds the arguments of trainer, module and data module, their seeds linked to the parser's `--seed_everything`."""
    options: dict[str, Any] = {"fail_untyped": False, "sub_configs": True}
    parser.add_class_arguments(trainer, "trainer", skip=set(NOT_OFFERED), instantiate=False, **options)
    parser.add_class_arguments(LettersModule, "model", **options)
    parser.add_class_arguments(LettersDataModule, "data", **options)
    for name in NO_LONGER_OFFERED:
        parser.add_argument(f"--trainer.{name}", type=NoneType, default=SUPPRESS, help=SUPPRESS)
    for seed in ("model.seed", "data.seed"):
        parser.link_arguments("seed_everything", seed, compute_fn=_seed)


def _seed(value: Any) -> int:
    if isinstance(value, bool) or value is None or not 0 <= value < 2**32:
        raise UserError(f"--seed_everything must be a whole number from 0 to {2**32 - 1}, not {value}")
    return int(value)
