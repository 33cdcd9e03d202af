"""Builds every setting of a study and reads its letters, so that nothing is refused after the first run."""

from pathlib import Path

from letters_torch.data.shared import SharedLetters
from letters_torch.data.sources import announce
from letters_torch.errors import UserError
from letters_torch.letters import LetterSets
from letters_torch.study import building
from letters_torch.study.outcome import result_of
from letters_torch.study.study_file import Study, Trial


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
    digests: dict[tuple[object, ...], str] = {}  # of the labelled letters, by what they depend on
    for setting in study.settings:
        try:
            parsed = building.parse(Trial(setting, study.seeds[0]).config)
            data, key = building.build(parsed).data, building.letters_key(parsed)
            if key not in letters:
                letters[key] = data.read_letters()
                announce(letters[key])
            split = (key, data.validation, data.validation_writers)
            if split not in digests:
                data.shared, data.moments = SharedLetters(letters[key]), None  # moments take seconds, change no split
                data.setup("fit")
                digests[split] = data.digest
        except UserError as error:
            raise UserError(f"{study.file}: {setting.label}: {error}") from error
    for one in study.trials(study.settings, study.seeds):
        earlier = result_of(folder, one)
        if earlier is not None and earlier.letters and earlier.letters not in digests.values():
            raise UserError(f"{folder}: its runs were trained on other letters; name another folder with --folder")
    return letters
