"""From the settings of a run to the objects that they describe, as the command line builds them."""

import logging
from functools import cache
from typing import Any, NamedTuple

from jsonargparse import ArgumentError, Namespace

import letters_torch._torchvision_guard  # noqa: F401  isort: skip
from pytorch_lightning.cli import LightningArgumentParser
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError, first_cause
from letters_torch.lightning.arguments import add_settings
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from letters_torch.paths import expanded

LettersKey = tuple[Any, ...]


class Built(NamedTuple):
    """The objects of a run."""

    trainer: StepTrainer
    module: LettersModule
    data: LettersDataModule


@cache
def _parser() -> LightningArgumentParser:
    """The parser of `fit`'s config."""
    for name in ("pytorch_lightning", "lightning_fabric"):  # they tell of GPUs that are not used, and of tips
        logging.getLogger(name).setLevel(logging.WARNING)
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_argument("--seed_everything", type=int, default=0)
    add_settings(parser, StepTrainer)
    return parser


def parse(config: dict[str, Any]) -> Namespace:
    """Checks the keys and the types of a config and adds the defaults.

    Raises:
        UserError: an unknown key, or a value of a wrong type.
    """
    try:
        parsed = _parser().parse_object(config)
    except (ArgumentError, TypeError, ValueError, AttributeError) as error:
        raise UserError(str(first_cause(error))) from error
    if parsed.data.path is not None:
        parsed.data.path = str(expanded(parsed.data.path, "data.path").absolute())
    return parsed


def letters_key(parsed: Namespace) -> LettersKey:
    """Equal for configs whose runs read the same letters."""
    return parsed.data.source, parsed.data.path, parsed.data.transposed


def as_yaml(parsed: Namespace) -> str:
    """The run's config.yaml, as `fit` writes it."""
    text: str = _parser().dump(parsed, skip_none=False)
    return text


def build(parsed: Namespace, logger: Logger | None = None) -> Built:
    """Builds what a parsed config describes.

    Args:
        parsed: the config.
        logger: of the run; None for none.

    Raises:
        UserError: a value that is refused, such as a negative learning rate.
    """
    try:
        made = _instantiate(parsed)
        settings = dict(vars(made.trainer))
        settings.update(logger=logger or False, default_root_dir=None, enable_progress_bar=False)
        trainer = StepTrainer(**settings)
        made.model.clock.set_limits(trainer.requested_steps, trainer.validation_interval)
    except (ValueError, TypeError, ImportError, MisconfigurationException) as error:
        raise UserError(str(first_cause(error))) from error
    return Built(trainer, made.model, made.data)


def _instantiate(parsed: Namespace) -> Namespace:
    """`instantiate_classes`, which newer versions of jsonargparse call `instantiate`."""
    parser: Any = _parser()
    made: Namespace = (getattr(parser, "instantiate", None) or parser.instantiate_classes)(parsed)
    return made
