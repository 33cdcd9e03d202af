"""The letters that several modules of tests read."""

import pytest

from letters_torch.letters import LetterSets
from tests.support import builtin


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> LetterSets:
    return builtin.read(tmp_path_factory.mktemp("fresh"))
