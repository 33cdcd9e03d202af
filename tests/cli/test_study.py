"""The arguments of `study`."""

import pytest

from tests.support.running import refused


def test_there_is_at_least_one_thread(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "study", "width", "--threads", "0") == "error: --threads must be 1 or more, not 0\n"
