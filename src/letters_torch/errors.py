"""The exception for users' mistakes, and validation that raises it."""

import operator
from collections.abc import Sequence


class UserError(Exception):
    """A mistake in a file, a setting or a flag.

    The message is one line for the user: what is wrong, where (the file or the flag), and what to do. The command line
    prints it without a traceback.
    """


class Diverged(UserError):
    """A run diverges: its settings are legal, but its loss or its weights leave all bounds."""


def require_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Checks a setting that has a fixed list of values.

    Args:
        name: of the setting, for the message.
        value: as given.
        choices: the values it may have.

    Raises:
        UserError: the value is none of them.
    """
    if value not in choices:
        raise UserError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def require_int(name: str, value: object, least: int) -> None:
    """Checks a setting that is a whole number.

    Args:
        name: of the setting, for the message.
        value: as given.
        least: the lowest value it may have.

    Raises:
        UserError: the value is no whole number, or below `least`.
    """
    try:
        number = operator.index(value) if not isinstance(value, bool) else None  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or number < least:
        raise UserError(f"{name} must be a whole number, {least} or more, not {value!r}")
