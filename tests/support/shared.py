"""Real letters beside the repository, for tests that skip where they are absent."""

from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[2]
# Beside the repository, or beside the folder that holds its worktrees.
SHARED = next((p / "shared" for p in _REPOSITORY.parents[:2] if (p / "shared/data").is_dir()), Path("../shared"))
LETTERS = SHARED / "data/letters_data.mat"

needs_letters = pytest.mark.skipif(not LETTERS.is_file(), reason="../shared/data/letters_data.mat is not here")
