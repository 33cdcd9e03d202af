"""The LightningDataModule: blocks of samples for training, whole sets for evaluation."""

import zlib
from collections import UserList
from collections.abc import Sequence
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import letters_torch._torchvision_guard  # noqa: F401  isort: skip
import pytorch_lightning as pl

from letters_torch import checkpoint as checkpoints
from letters_torch import resume
from letters_torch.data import augment as augmentations
from letters_torch.data import standardize, stream
from letters_torch.data.augment import Augmentation, faded
from letters_torch.data.moments import Moments, normalised
from letters_torch.data.prefetch import Block, Blocks
from letters_torch.data.readers import pictures
from letters_torch.data.shared import SharedLetters
from letters_torch.data.sources import Source, open_letters
from letters_torch.data.standardize import Scaling, Standardizer
from letters_torch.data.stream import Sampling
from letters_torch.errors import UserError, require_choice, require_int
from letters_torch.exact_sgd import Levels, uses_levels
from letters_torch.letters import UNKNOWN, Letters, LetterSets, UInt8

ValidationWriters = Literal["any", "unseen"]

# Images that are evaluated at once: enough for fast products, few enough to save memory.
CHUNK = 8192


class Batch(NamedTuple):
    """Samples to evaluate."""

    x: Tensor  # (N, 784), standardised
    y: Tensor | None  # (N,), int64, 0..25; None if there are no labels
    levels: Levels | None = None  # what x was made of, where that speeds up the evaluation


class Batches(UserList[Batch]):
    """A list that Lightning treats as one loader; it treats a plain list as several."""


class LettersDataModule(pl.LightningDataModule):
    """Letters from a file, from a folder, or built in.

    Args:
        source: where the letters are from. "auto" decides by the content of `path`; without a path and without a file
            in the default places it takes the built-in letters.
        path: the competition's letters_data.mat, EMNIST's emnist-letters.mat, or the folder that holds EMNIST/.
        transposed: letters_data.mat stores its images column by column.
        download: fetch EMNIST into `path` if it is missing.
        sampling: how the training row of a step is drawn: "replacement" draws with replacement, as the notebook does;
            "rounds" draws without replacement, in a new random order for each pass over the training rows.
        moments: moment normalisation (position, size, slant) of every letter, in training, validation and prediction;
            None for none.
        directions: the network sees direction features (directions.py) of every letter, as many as it has pixels. They
            come after moments and augmentation, and are standardised instead of the pixels.
        augment: random changes of the training images; None for none.
        fade: two steps, between which the changes shrink linearly to the middle of each range (no rotation, no shift,
            ...), so that a run ends on unchanged letters; None to keep them.
        scaling: "pixel" standardises every pixel by its mean and deviation over the training rows; "pixel_each_set" by
            the statistics of each set's own rows, the validation rows included, as the notebook does; "global" has one
            mean and one deviation for all pixels.
        validation: the number of labelled rows held out for validation.
        validation_writers: "any" draws the validation rows at random; "unseen" holds out writers, with all their rows,
            until there are at least `validation` rows, so that no validation writer wrote a training row. "unseen"
            needs to know the writers; rows whose writer is not known are training rows.
        probe: the number of training rows, or "all", that the training accuracy is measured on; always the same rows.
        block: the number of samples per training step of Lightning. It changes nothing but the speed if it is a
            multiple of the engine's panel, and otherwise the rounding too.
        workers: the number of blocks that threads prepare in advance. 0 for none: all threads make a block together and
            then train on it, best where training uses all cores. It changes nothing but the speed.
        seed: of the split and of the draws of every step.

    Attributes:
        shared: letters that are read already, for `setup` to use; None to read them.

    Raises:
        UserError: an argument has no valid value; the message names it.
    """

    def __init__(
        self,
        source: Source = "auto",
        path: Path | None = None,
        transposed: bool = False,
        download: bool = False,
        sampling: Sampling = "replacement",
        moments: Moments | None = None,
        directions: bool = False,
        augment: Augmentation | None = None,
        fade: tuple[int, int] | None = None,
        scaling: Scaling = "pixel",
        validation: int = 4800,
        validation_writers: ValidationWriters = "any",
        probe: int | Literal["all"] = 4800,
        block: int = 2000,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, choices in (
            ("source", source, Source),
            ("sampling", sampling, Sampling),
            ("scaling", scaling, Scaling),
            ("validation_writers", validation_writers, ValidationWriters),
        ):
            require_choice(f"--data.{name}", value, get_args(choices))
        for name, number, least in (("validation", validation, 1), ("block", block, 1), ("workers", workers, 0)):
            require_int(f"--data.{name}", number, least)
        require_int("--seed_everything", seed, 0)
        if probe != "all":
            require_int("--data.probe (or all)", probe, 1)
        for name, part, kind in (("moments", moments, Moments), ("augment", augment, Augmentation)):
            if not isinstance(part, kind | None):
                raise UserError(f"--data.{name} must be of {kind.__module__}.{kind.__name__} or null, not {part!r}")
        if fade is not None:
            _require_fade(fade, augment)
        self.source, self.path, self.transposed, self.download = source, path, transposed, download
        self.sampling: Sampling = sampling
        self.moments, self.directions, self.augment, self.scaling = moments, directions, augment, scaling
        self.fade = None if fade is None else (fade[0], fade[1])
        self.block, self.workers, self.seed = block, workers, seed
        self.validation, self.validation_writers, self.probe = validation, validation_writers, probe
        self.pictures: Sequence[Path] | None = None  # to predict instead of the test set
        self.pictures_read: pictures.Pictures | None = None  # with those that cannot be read
        self.shared: SharedLetters | None = None
        self.sets: LetterSets | None = None
        self.standardizer: Standardizer | None = None
        self._known: Standardizer | None = None  # that of a checkpoint
        self.save_hyperparameters({"data": self._settings()})

    def setup(self, stage: str) -> None:
        """Reads the letters (once), splits the labelled rows and computes the statistics.

        Raises:
            UserError: as the readers; there are too few rows to split; or their writers are not known.
        """
        if self.pictures is not None and stage == "predict":
            self.pictures_read = pictures.read(self.pictures)
            self.test, self.picture_files = self.pictures_read.letters, self.pictures_read.files
            return
        if self.sets is not None:
            return
        self.sets = self.shared.sets if self.shared is not None else self.read_letters()
        labelled = self.sets.train
        rows, held = self._split(labelled)
        self.train, self.val, self.test = labelled[rows], labelled[held], self.sets.test
        self.digest, self.split = _digest(labelled), f"{zlib.crc32(rows.astype('<i8').data):08x}"
        self.save_hyperparameters({"letters": self.sets.origin, "letters_digest": self.digest})
        images = fitted_on = self.train.images if self.moments is None else self._normalised(rows)
        if self.scaling == "pixel_each_set":
            fitted_on = self._normalised(slice(None))
        self.standardizer = standardize.fit(fitted_on, self.scaling, self.moments, self.directions)
        self._placed = torch.from_numpy(images)
        self._classes = _classes(self.train)

    def read_letters(self) -> LetterSets:
        """Reads the letters that the settings name; raises UserError as the readers do."""
        return open_letters(self.source, self.path, self.transposed, self.download)

    def _normalised(self, rows: stream.Rows | slice) -> UInt8:
        """The images of these labelled rows, (N, 28, 28), after moment normalisation."""
        assert self.sets is not None
        if self.shared is not None:
            return self.shared.normalised(self.moments)[rows]
        return normalised(self.sets.train.images[rows], self.moments)

    def _split(self, labelled: Letters) -> tuple[stream.Rows, stream.Rows]:
        """The training and the validation rows, drawn by the seed."""
        order = stream.shuffled(self.seed, len(labelled))
        known = np.ones(len(order), bool)
        held = np.arange(len(order)) < self.validation
        if self.validation_writers == "unseen":
            if labelled.writers is None:
                raise UserError(
                    f"--data.validation_writers unseen: the writers of {self._origin} are not known; use any"
                )
            writers = labelled.writers[order]
            known, held = writers != UNKNOWN, _of_random_writers(writers, self.validation, self.seed)
        if held[known].all():
            raise UserError(
                f"--data.validation {self.validation} leaves nothing to train on: there are {known.sum()} labelled rows"
                + (" of known writers" if self.validation_writers == "unseen" else "")
            )
        return order[~held], order[held]

    def train_dataloader(self) -> Blocks:
        """Blocks from the clock's step on, cut where something is due between two steps."""
        trainer: Any = self.trainer  # a StepTrainer
        clock = trainer.clock
        return Blocks(self.make_block, self.block, lambda: clock.step, clock.next_pause, self.workers)

    def make_block(self, first_step: int, count: int) -> Block:
        """The samples of the steps first_step .. first_step + count - 1, a function of nothing but the seed."""
        assert self.standardizer is not None
        draws = stream.draws(self.seed, first_step, count)
        rows = torch.from_numpy(self.rows(first_step, draws))
        by = self.standardizer
        letters = by.rows(self._placed, rows, self._dtype)
        if self.augment is None:
            x = letters.standardised()
        else:
            changes = draws[:, 1:] if self.fade is None else faded(draws[:, 1:], first_step, self.fade)
            x = self.augment.augment_rows(letters, changes, by.fill)
        return Block(by.augmented(x).flatten(1), self._classes[rows], first_step)

    def rows(self, first_step: int, draws: stream.Draws) -> stream.Rows:
        """The training rows of the steps from `first_step` on, (count,); `draws` are the draws of these steps."""
        if self.sampling == "rounds":
            return stream.rows_in_rounds(self.seed, first_step, len(draws), len(self.train))
        return stream.rows(draws, len(self.train))

    @property
    def _dtype(self) -> torch.dtype:
        """The trainer's precision: in a float64 run the pixels are not rounded to float32."""
        return torch.float64 if self.trainer is not None and self.trainer.precision == "64-true" else torch.float32

    def val_dataloader(self) -> list[Batches]:
        """The validation rows and, in a fit, the probe of the training rows."""
        loaders = [self._batches(self.val, self._val_standardizer())]
        if self._fitting:
            probe = self.train if self.probe == "all" else self.train[: self.probe]
            loaders.append(self._batches(probe, self.standardizer))
        return loaders

    @property
    def _fitting(self) -> bool:
        return self.trainer is not None and self.trainer.state.fn == "fit"

    def _val_standardizer(self) -> Standardizer | None:
        known = self._known if not self._fitting and self.scaling != "pixel_each_set" else None
        return known or self.standardizer

    def test_dataloader(self) -> Batches:
        """The test rows; UserError if they have no labels."""
        if self.test.labels is None:
            raise UserError(
                f"{self._origin} has no labels for its test rows, so nothing can be tested; use"
                " `validate` for the accuracy, or `predict` to write what is read"
            )
        return self._batches(self.test, self._test_standardizer())

    def predict_dataloader(self) -> Batches:
        """The test rows in order, or the pictures."""
        return self._batches(self.test, self._test_standardizer())

    def _test_standardizer(self) -> Standardizer | None:
        if self.scaling == "pixel_each_set" and self.pictures is None:
            by = self._known or self.standardizer
            assert by is not None
            return standardize.fit(normalised(self.test.images, by.moments), self.scaling, by.moments, by.directions)
        return self._known or self.standardizer

    def _batches(self, letters: Letters, standardizer: Standardizer | None) -> Batches:
        """A few large tensors, standardised once: collating row by row would take longer than the training."""
        assert standardizer is not None
        seen = standardizer.seen(torch.from_numpy(letters.images))
        y = _classes(letters) if letters.labels is not None else None

        def batch(piece: slice) -> Batch:
            x = standardizer.standardised(seen[piece], self._dtype).flatten(1)
            levels = standardizer.levels(seen[piece]) if uses_levels(self._dtype) else None
            return Batch(x, None if y is None else y[piece], levels)

        return Batches([batch(slice(begin, begin + CHUNK)) for begin in range(0, len(seen), CHUNK)])

    @property
    def _origin(self) -> str:
        return self.sets.origin if self.sets else "the set"

    def _settings(self) -> dict[str, Any]:
        """The arguments of this module as plain values, for a checkpoint."""
        settings = {name: getattr(self, name) for name in signature(LettersDataModule).parameters}
        settings["path"] = None if self.path is None else str(self.path)
        settings["moments"] = None if self.moments is None else asdict(self.moments)
        if self.augment is not None:
            args, kwargs = getattr(self.augment, "given", ((), {}))
            settings["augment"] = {"class": type(self.augment).__qualname__, "args": args, "kwargs": kwargs}
        return settings

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls, checkpoint_path: str | Path, **settings: Any
    ) -> "LettersDataModule":
        """Builds the data module of a checkpoint: its settings, and the statistics of the pixels.

        Args:
            checkpoint_path: a file.
            **settings: arguments that replace the checkpoint's.

        Raises:
            UserError: no such file; a damaged one; or settings that cannot be used.
        """
        content = checkpoints.load(Path(checkpoint_path))
        saved = {**content.get("datamodule_hyper_parameters", {}).get("data", {}), **settings}
        try:
            data = cls(**{**saved, **_restored(saved)})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{checkpoint_path}: the settings of the data module cannot be used ({error})") from error
        data.load_state_dict(content["LettersDataModule"])
        return data

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint: the statistics of the pixels, and which letters were split how."""
        if self.standardizer is None:
            return {}
        split = {"seed": self.seed, "validation": self.validation, "validation_writers": self.validation_writers}
        letters = {"origin": self._origin, "letters": self.digest, "split": self.split}
        return {"standardizer": self.standardizer.state_dict(), **letters, **split, "scaling": self.scaling}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes the statistics of a checkpoint; UserError if training rows of its run would be validation rows."""
        if "standardizer" not in state_dict:
            return
        self._known = Standardizer.from_state(state_dict["standardizer"])
        if self.trainer is not None and self.trainer.state.fn == "validate":
            resume.require_same_split(state_dict, self.state_dict())

    def __getstate__(self) -> dict[str, Any]:
        """Without the trainer, which cannot be pickled."""
        return {**self.__dict__, "trainer": None}


def _require_fade(fade: Sequence[int], augment: Augmentation | None) -> None:
    """Refuses a fade that is not two steps in order, or that the augmentation cannot follow."""
    if len(fade) != 2 or not all(type(step) is int for step in fade) or not 0 <= fade[0] < fade[1]:
        raise UserError(f"--data.fade must be two steps, the first 0 or more and below the second, not {fade}")
    if augment is None or not augment.can_fade:
        raise UserError("--data.fade needs a --data.augment that can fade: RandomAffine or RandomWarp")


def _restored(saved: dict[str, Any]) -> dict[str, Any]:
    """Path, moments and augmentation from their plain values in a checkpoint."""
    path, moments, augment = (saved.get(name) for name in ("path", "moments", "augment"))
    if isinstance(augment, dict):
        kind = getattr(augmentations, str(augment["class"]), None)
        if not (isinstance(kind, type) and issubclass(kind, Augmentation)):
            raise UserError(f"augment {augment['class']} is not of letters_torch: give it as an argument")
        augment = kind(*augment["args"], **augment["kwargs"])
    return {
        "path": Path(path) if path is not None else None,
        "moments": Moments(**moments) if isinstance(moments, dict) else moments,
        "augment": augment,
    }


def _of_random_writers(writers: npt.NDArray[np.int64], rows: int, seed: int) -> npt.NDArray[np.bool_]:
    """Selects all rows of writers in random order, as many writers as it takes for `rows` rows; (N,).

    A writer of many rows is as likely as any other. Unknown writers are never selected.
    """
    names, which = np.unique(writers, return_inverse=True)
    place = np.where(writers == UNKNOWN, len(names), stream.shuffled(seed, len(names))[which])
    last = np.sort(place)[min(rows, len(writers)) - 1]
    return (place <= last) & (writers != UNKNOWN)


def _digest(letters: Letters) -> str:
    """A fingerprint of a set of labelled letters."""
    assert letters.labels is not None
    return f"{zlib.crc32(letters.labels.data, zlib.crc32(letters.images.data)):08x}"


def _classes(letters: Letters) -> Tensor:
    """Labels 1..26 as classes 0..25, (N,) int64."""
    assert letters.labels is not None
    return torch.from_numpy(letters.labels.astype(np.int64) - 1)
