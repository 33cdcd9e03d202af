"""Lines, durations and suggestions for the person at the terminal; the parser of a command."""

import pytest

from letters_torch.console import Parser, did_you_mean, duration
from letters_torch.errors import UserError


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (4.24, "4.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.4, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_closest_word_is_suggested() -> None:
    assert did_you_mean("pridict", ["predict", "report"]) == "; did you mean predict?"
    assert did_you_mean("zzz", ["predict", "report"]) == ""


def parser() -> Parser:
    made = Parser("mine", "Does mine.")
    made.add_argument("--number", type=int)
    made.add_argument("--needed", required=True)
    return made


def test_right_arguments_are_parsed() -> None:
    given = parser().parse_args(["--needed", "a", "--number=3"])
    assert (given.needed, given.number) == ("a", 3)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--needed", "a", "--numbr", "3"], "unknown argument --numbr; did you mean --number?"),
        (["--needed", "a", "--zzz=3"], "unknown argument --zzz=3; see --help"),
        (["--needed", "a", "--num", "3"], "unknown argument --num; did you mean --number?"),  # no abbreviations
        (["--needed", "a", "--number", "x"], "argument --number: invalid int value: 'x'; see --help"),
        ([], "the following arguments are required: --needed; see --help"),
    ],
)
def test_wrong_arguments_are_one_line(args: list[str], said: str) -> None:
    with pytest.raises(UserError) as error:
        parser().parse_args(args)
    assert str(error.value) == f"python -m letters_torch mine: {said}"
