"""The arguments of `draw`, `export` and `study`, and their help."""

import shlex

import pytest

from letters_torch.cli import commands, main
from letters_torch.console import Parser
from tests.support.running import refused


def test_there_is_at_least_one_thread(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "study", "width", "--threads", "0") == "error: --threads must be 1 or more, not 0\n"


def test_a_study_that_is_not_utf_8(capsys: pytest.CaptureFixture[str]) -> None:
    """Its page could not be written in the end."""
    error = refused(capsys, "study", "mine.yaml", "--folder=\udcff")
    assert error == "error: --folder=\\udcff: not UTF-8; rename the file, or name the folder that it is in\n"


@pytest.mark.parametrize(
    ("args", "where"),
    [
        ("draw --output", "--output"),
        ("export --output", "--output"),
        ("study", "study"),
        ("study width --folder", "--folder"),
    ],
)
def test_a_home_that_there_is_not(args: str, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, *args.split(), "~nouser/x")
    assert error == f"error: {where} ~nouser/x: there is no user of that name; write the folder out\n"


@pytest.mark.parametrize("name", commands.OTHERS)
def test_the_help_has_examples_that_are_accepted(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Parsed(Exception):
        """Nothing is done with the arguments."""

    def parse(parser: Parser, args: list[str]) -> None:
        _, unknown = parser.parse_known_args(args)
        raise Parsed(unknown)

    with pytest.raises(SystemExit):
        main([name, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 34
    examples = [line for line in lines[lines.index("examples:") + 1 :] if line]
    assert len(examples) >= 2
    monkeypatch.setattr(Parser, "parse_args", parse)
    for example in examples:
        program, *args = example.split(f"python -m letters_torch {name}")
        assert not program.strip()
        with pytest.raises(Parsed) as parsed:
            main([name, *shlex.split(args[0])])
        assert parsed.value.args == ([],)
