"""Lines for the person at the terminal, and the parser of a command's flags."""

import argparse
import difflib
from collections.abc import Iterable
from typing import NoReturn

from letters_torch.errors import UserError

PROGRAM = "python -m letters_torch"


def say(text: str) -> None:
    """Prints a line to standard output without breaking a progress bar."""
    from tqdm import tqdm

    tqdm.write(text)


def duration(seconds: float) -> str:
    """`"4.2 s"`, `"3 min 20 s"` or `"2 h 05 min"`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean X?"` with the known word that is closest to `word`; "" if none is close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


class Parser(argparse.ArgumentParser):
    """The parser of a command that is not one of Lightning's. A wrong argument raises `UserError`.

    Args:
        command: its name.
        description: what it does.
        *examples: the arguments behind the command's name.
    """

    def __init__(self, command: str, description: str, *examples: str) -> None:
        prog = f"{PROGRAM} {command}"
        super().__init__(
            prog=prog,
            description=description,
            epilog="\n".join(["examples:", *(f"  {prog} {example}".rstrip() for example in examples)]),
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def parse_args(self, args: list[str]) -> argparse.Namespace:  # type: ignore[override]
        """Parses the arguments behind the command's name."""
        found, unknown = self.parse_known_args(args)
        if unknown:
            name = unknown[0].partition("=")[0]
            hint = did_you_mean(name, self._option_string_actions)
            raise UserError(f"{self.prog}: unknown argument {unknown[0]}{hint or '; see --help'}")
        return found

    def error(self, message: str) -> NoReturn:
        """Raises UserError where argparse would print its usage and exit."""
        raise UserError(f"{self.prog}: {message}; see --help")
