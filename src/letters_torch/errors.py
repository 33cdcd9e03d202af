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


def reason(error: BaseException) -> str:
    """What an error says, as a part of a message: one line of at most 120 characters."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split())[:120] or type(error).__name__


def first_cause(error: BaseException) -> BaseException:
    """The error at the start of the chain: parsers wrap it in their own words."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def require_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raises UserError if the value of the setting `name` is none of its choices."""
    if value not in choices:
        raise UserError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def require_int(name: str, value: object, least: int) -> None:
    """Raises UserError if the value of the setting `name` is no whole number, or below `least`."""
    try:
        number = operator.index(value) if not isinstance(value, bool) else None  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or number < least:
        raise UserError(f"{name} must be a whole number, {least} or more, not {value!r}")
