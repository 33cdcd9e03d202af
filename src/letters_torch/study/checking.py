"""Builds every setting of a study and reads its letters, so that nothing is refused after the first run."""

from pathlib import Path

from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.data.shared import SharedLetters
from letters_torch.errors import UserError
from letters_torch.letters import LetterSets
from letters_torch.study import building
from letters_torch.study.outcome import result_of
from letters_torch.study.study_file import Setting, Study, Trial


def letters_of(study: Study, folder: Path) -> dict[building.LettersKey, LetterSets]:
    """Checks the settings and reads the letters.

    Args:
        study: the study.
        folder: where earlier runs of it are.

    Returns:
        The letters by `building.letters_key`.

    Raises:
        UserError: a setting is refused, letters cannot be read, or earlier runs were trained on other letters.
    """
    letters: dict[building.LettersKey, LetterSets] = {}
    digests, splits = set(), set()
    for setting in study.settings:
        key, data = _built(study, setting)
        if key not in letters:
            letters[key] = data.read_letters()
            say(f"letters: {letters[key].origin}")
        split = (key, data.validation, data.validation_writers)
        if split not in splits:
            splits.add(split)
            digests.add(_digest_after_split(study, setting, data, letters[key]))
    for one in study.trials(study.settings, study.seeds):
        earlier = result_of(folder, one)
        if earlier is not None and earlier.letters and earlier.letters not in digests:
            raise UserError(f"{folder}: its runs were trained on other letters; name another folder with --folder")
    return letters


def _built(study: Study, setting: Setting) -> tuple[building.LettersKey, LettersDataModule]:
    try:
        parsed = building.parse(Trial(setting, study.seeds[0]).config)
        return building.letters_key(parsed), building.build(parsed).data
    except UserError as error:
        raise UserError(f"{study.file}: {setting.label}: {error}") from error


def _digest_after_split(study: Study, setting: Setting, data: LettersDataModule, sets: LetterSets) -> str:
    data.shared, data.moments = SharedLetters(sets), None  # moments take seconds and do not change the split
    try:
        data.setup("fit")
    except UserError as error:
        raise UserError(f"{study.file}: {setting.label}: {error}") from error
    return data.digest
